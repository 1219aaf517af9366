"""Add up JUnit reports; fail when a report is missing or empty, or a test failed, was skipped or expected to fail."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(names: list[str]) -> int:
    passed = failed = skipped = 0
    bad = []
    for name in names:
        cases = list(ElementTree.parse(name).iter("testcase")) if Path(name).is_file() else []
        if not cases:
            bad.append(f"{name}: no tests ran")
        for case in cases:
            # An expected failure is written as a skipped test.
            skip = case.find("skipped")
            broken = case.find("failure") is not None or case.find("error") is not None
            skipped += skip is not None
            failed += broken
            passed += skip is None and not broken
            if skip is not None:
                bad.append(f"{case.get('classname')}.{case.get('name')}: not run: {skip.get('message')}")
    print(*bad, sep="\n")
    print(f"tests: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if bad or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
