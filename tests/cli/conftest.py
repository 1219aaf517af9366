"""The command line as a test calls it, and a small folder of rulesets for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from api.cli import main
from tests.small import lay_out, small_files

RULESET = """
facts:
- {fact: primary_classes, type: integer, unit: classes, aliases: [小学班数]}
- {fact: max_class_size_primary, type: integer, bounds: [0, 200], aliases: [小学最大班额, 最大班额(小学)]}
- {fact: rate, type: percent, period: year, aliases: [年度交流比例]}
- {fact: area_m2, type: number, step: 0.01, aliases: [建筑面积]}
- {fact: opened, type: date, aliases: [建校日期]}
- fact: kind
  type: category
  options: [{id: nine_year, zh: 九年一贯制, en: Nine-year}, {id: primary, zh: 小学, en: Primary}]
- {fact: key_class_kept, type: boolean, evidence: attested, aliases: [设有重点班]}
- fact: rooms
  type: checklist
  evidence: attested
  items: [{id: music, zh: 音乐, en: Music}, {id: art, zh: 美术, en: Art}]
  aliases: [专用教室]
- {fact: plan_made, type: boolean, subject: [county], evidence: attested, aliases: [已制定规划]}
rules:
- {id: class-size, when: primary_classes > 0, require: max_class_size_primary <= 45}
- {id: rotation, require: rate >= 10}
- {id: area, require: area_m2 >= 3.825}
- {id: no-key-class, require: not key_class_kept}
- {id: rooms, require: count_of(rooms) >= 2}
- {id: open, require: opened <= date("2020-12-31")}
- {id: kind, require: kind == "nine_year"}
- {id: plan, subject: county, require: plan_made}
cases:
- {case: at-the-limit, facts: {primary_classes: 1, max_class_size_primary: 45}, expect: {class-size: compliant}}
"""


@pytest.fixture
def rulesets(tmp_path: Path) -> Path:
    """A folder with the one ruleset above."""
    return lay_out(small_files(RULESET), tmp_path / "rulesets")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, so that no command looks into that of a checkout. There is none yet."""
    folder = tmp_path / "data"
    monkeypatch.setenv("XUEHENG_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def xueheng(data_dir: Path) -> Iterator[Callable[..., Result]]:
    """Calls a command as from a shell; an exception that escapes it fails the test."""

    def call(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return result

    yield call
    # A command sets up the logs of its process, which here is that of all tests.
    structlog.reset_defaults()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 400 records, so that a small file has several."""
    monkeypatch.setattr("api.tabular.grid.BLOCK_RECORDS", 400)
