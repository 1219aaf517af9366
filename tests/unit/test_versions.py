"""Of several versions of one plan the one in force on the day counts."""

from datetime import date

import pytest

from engine.registry import Library, load_library
from tests.small import small_files

TEXT = "facts:\n- {fact: made, type: boolean}\nrules:\n- {id: made, require: made}\n"


@pytest.fixture(scope="module")
def library() -> Library:
    """`small@1` from 2021-05-17, `small@2` and its correction `small@2.10` from 2023-01-01."""
    files = small_files(TEXT)
    first = {path: text for path, text in files.items() if path.startswith("small/1/")}
    for version in ("2", "2.9", "2.10"):
        for path, text in first.items():
            new = text.replace("version: '1'", f"version: '{version}'").replace("2021-05-17", "2023-01-01")
            files[path.replace("small/1/", f"small/{version}/")] = new
    library = load_library(files)
    assert not library.diagnostics
    return library


@pytest.mark.parametrize(
    ("day", "retired", "chosen"),
    [
        ("2021-05-16", {}, None),
        ("2021-05-17", {}, "1"),
        ("2022-12-31", {}, "1"),
        ("2023-01-01", {}, "2.10"),
        ("2023-01-01", {"2.10": "2023-01-01"}, "2.9"),
        ("2023-01-01", {"2.10": "2023-01-02"}, "2.10"),
        ("2024-01-01", {"2.10": "2023-01-01", "2.9": "2024-01-01", "2": "2020-01-01"}, "1"),
        ("2024-01-01", dict.fromkeys(("1", "2", "2.9", "2.10"), "2024-01-01"), None),
        ("2022-01-01", {"1": "2022-01-01"}, None),
    ],
)
def test_the_version_in_force(library: Library, day: str, retired: dict[str, str], chosen: str | None) -> None:
    on = date.fromisoformat(day)
    until = {f"small@{version}": date.fromisoformat(first) for version, first in retired.items()}
    applicable = library.applicable("150603", on, retired=until)
    found = applicable.chosen
    assert (found and found.version) == chosen
    assert applicable.also == ()
    assert len(applicable.existing) == 4
    # A pin by id alone reaches the same one, and where there is none the newest.
    pinned = library.find("small", on, until)
    assert pinned is not None
    assert pinned.version == (chosen or "2.10")
    # A pin by version always reaches it.
    assert all(library.find(f"small@{v}", on, until) is not None for v in ("1", "2", "2.9", "2.10"))
