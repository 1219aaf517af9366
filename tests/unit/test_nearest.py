"""Did-you-mean: what `difflib` would find, found soon enough for a million wrong names."""

import difflib
import random
import time

import pytest

from engine.nearest import did_you_mean

RNG = random.Random(20261122)
PARTS = ("class", "size", "primary", "junior", "teacher", "share", "pupils", "area", "rate", "kindergarten", "max")
CHOICES = sorted({"_".join(RNG.sample(PARTS, RNG.randint(1, 4))) for _ in range(900)})


def slip(word: str) -> str:
    """A word with one to three slips of the pen."""
    letters = list(word)
    for _ in range(RNG.randint(1, 3)):
        at = RNG.randrange(len(letters))
        match RNG.randrange(3):
            case 0:
                letters[at] = RNG.choice("aeiou_")
            case 1:
                letters.insert(at, RNG.choice("xyz_"))
            case _ if len(letters) > 1:
                del letters[at]
            case _:
                letters[at] = "z"
    return "".join(letters)


def test_slips_of_the_pen_find_what_difflib_finds() -> None:
    for word in (slip(RNG.choice(CHOICES)) for _ in range(60)):
        [nearest] = difflib.get_close_matches(word, CHOICES, n=1, cutoff=0.6) or [None]
        assert did_you_mean(word, CHOICES) == (nearest and f"did you mean `{nearest}`?")


@pytest.mark.parametrize(
    ("word", "choices", "found"),
    [
        ("abcde", ["abcdx", "vwxyz"], "abcdx"),
        ("学校", ["学校班额", "县"], "学校班额"),
        ("", ["a"], None),
        ("a", [], None),
        ("", [""], None),
        ("q" * 100, ["abc"], None),
        ("size" * 100_000, ["size"], None),
    ],
)
def test_words(word: str, choices: list[str], found: str | None) -> None:
    assert did_you_mean(word, choices) == (None if found is None else f"did you mean `{found}`?")


def test_thousands_of_wrong_names_take_seconds() -> None:
    words = [slip(RNG.choice(CHOICES)) + str(i) for i in range(1_000)]
    start = time.process_time()
    for word in words:
        did_you_mean(word, CHOICES)
    # `difflib` takes more than a minute.
    assert time.process_time() - start < 20
