"""`xueheng rulesets publish` and `retire`, and what `list`, `show` and `lint` say then, on a real database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from api.store.embedded import EmbeddedPostgres
from api.store.launcher.processes import postgres_processes

Call = Callable[..., Result]


@pytest.fixture
def running(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The database of a running server: commands use it instead of starting their own."""
    with EmbeddedPostgres(data_dir) as server:
        yield server


def change(rulesets: Path) -> None:
    rules = rulesets / "small/1/rules/planning.yaml"
    text = rules.read_text("utf-8")
    assert "max_class_size_primary <= 45" in text
    rules.write_text(text.replace("max_class_size_primary <= 45", "max_class_size_primary <= 44"), "utf-8")


def row(result: Result) -> str:
    assert result.exit_code == 0
    [line] = [line for line in result.stdout.splitlines() if line.startswith("small@1")]
    return line


def test_without_a_database_nothing_is_started(xueheng: Call, rulesets: Path, data_dir: Path) -> None:
    assert "unpublished" in row(xueheng("rulesets", "list", "--rulesets", rulesets))
    assert "published: no" in xueheng("rulesets", "show", "small", "--rulesets", rulesets).stdout
    assert not data_dir.exists()


def test_a_database_is_started_for_the_moment(xueheng: Call, rulesets: Path, data_dir: Path) -> None:
    result = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("small@1 published: sha256:")
    assert not postgres_processes(data_dir / "postgres")
    assert " published 20" in row(xueheng("rulesets", "list", "--rulesets", rulesets))
    assert not postgres_processes(data_dir / "postgres")


@pytest.mark.usefixtures("running")
def test_the_life_of_a_version(xueheng: Call, rulesets: Path) -> None:
    assert "unpublished" in row(xueheng("rulesets", "list", "--rulesets", rulesets))
    early = xueheng("rulesets", "retire", "small@1")
    assert (early.exit_code, "tables of published rulesets" in early.stderr or "is not published" in early.stderr) == (
        1,
        True,
    )
    assert xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets).exit_code == 0
    again = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets)
    assert (again.exit_code, "already" in again.stdout) == (0, True)

    retired = xueheng("rulesets", "retire", "small@1", "--on", "2026-12-01", "--sunset", "2029-12-31")
    assert retired.stdout == "small@1 is retired from 2026-12-01 on, readable until 2029-12-31 at least\n"
    assert " retired 2026-12-01 " in row(xueheng("rulesets", "list", "--rulesets", rulesets))
    shown = xueheng("rulesets", "show", "small@1", "--rulesets", rulesets).stdout
    assert "  retired: from 2026-12-01 on\n  sunset: 2029-12-31\n" in shown
    later = xueheng("rulesets", "retire", "small@1", "--on", "2027-01-01")
    assert "from 2026-12-01 on as before: a retirement is final" in later.stdout
    sooner = xueheng("rulesets", "retire", "small@1", "--sunset", "2028-01-01")
    assert (sooner.exit_code, "can only be put off" in sooner.stderr) == (1, True)

    change(rulesets)
    moved = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets)
    assert moved.exit_code == 1
    difference = (
        "rule `small/class-size` changed require: `max_class_size_primary <= 45` → `max_class_size_primary <= 44`"
    )
    assert difference in moved.stderr
    assert " refused " in row(xueheng("rulesets", "list", "--rulesets", rulesets))
    assert difference in xueheng("rulesets", "show", "small@1", "--rulesets", rulesets).stdout


@pytest.mark.usefixtures("running")
def test_lint_explains_what_moved_away_from_its_record(xueheng: Call, rulesets: Path) -> None:
    published = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets).stdout
    digest = published.split(": ")[1].strip()
    (rulesets / "published.csv").write_text(f"id,version,digest,published_on\nsmall,1,{digest},2026-11-22\n", "utf-8")
    assert xueheng("lint", "--rulesets", rulesets).exit_code == 0
    assert (
        "recorded: 2026-11-22, in published.csv" in xueheng("rulesets", "show", "small", "--rulesets", rulesets).stdout
    )
    change(rulesets)
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 1
    assert "E601 published.csv:2:1: `small@1` was published as" in result.stdout
    assert "`max_class_size_primary <= 45` → `max_class_size_primary <= 44`" in result.stdout


@pytest.mark.parametrize("name", ["small", "small@2", "smal@1"])
def test_only_a_version_that_exists_is_published(xueheng: Call, rulesets: Path, data_dir: Path, name: str) -> None:
    result = xueheng("rulesets", "publish", name, "--rulesets", rulesets)
    assert (result.exit_code, f"no version is called {name}; there are small@1" in result.stderr) == (2, True)
    assert not data_dir.exists()


def test_a_retirement_names_a_version(xueheng: Call) -> None:
    assert xueheng("rulesets", "retire", "small").exit_code == 2


def test_an_address_of_another_kind_is_refused(xueheng: Call, rulesets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUEHENG_DATABASE_URL", "nobody:hidden@localhost:5432/none")
    result = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets)
    assert (result.exit_code, "XUEHENG_DATABASE_URL: expected an address like" in result.stderr) == (1, True)
    assert "hidden" not in result.output


def test_a_database_that_is_down(xueheng: Call, rulesets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUEHENG_DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/none")
    listed = xueheng("rulesets", "list", "--rulesets", rulesets)
    assert "unpublished" in row(listed)
    assert "the database cannot be asked" in listed.stderr
    published = xueheng("rulesets", "publish", "small@1", "--rulesets", rulesets)
    assert (published.exit_code, "cannot connect to PostgreSQL" in published.stderr) == (1, True)
    assert "hidden" not in listed.output + published.output
