"""Whoever may edit a ruleset must not thereby run code: `rulesets/` holds data only."""

import stat
from pathlib import Path

DATA = {".yaml", ".csv", ".md"}


def test_rulesets_hold_data_only(root: Path) -> None:
    files = [path for path in (root / "rulesets").rglob("*") if path.is_file()]
    assert files
    assert not [str(path.relative_to(root)) for path in files if path.suffix not in DATA]
    assert not [
        str(path.relative_to(root)) for path in files if path.is_symlink() or path.stat().st_mode & stat.S_IXUSR
    ]
