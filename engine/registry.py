"""The library of rulesets: files in, checked rulesets and compiled programs out; who applies where.

The caller reads the files (`engine` does no I/O) and passes them by path relative to the folder of
rulesets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import MappingProxyType

from engine import codes
from engine.check.dictionary import Dictionary, check_dictionary
from engine.check.incorporate import Standard, Standards
from engine.check.ir import FactSpec, Program, Ruleset
from engine.check.rulesets import RulesetParts, check_ruleset
from engine.diagnostics import Collector, Diagnostic
from engine.digests import closure, digest, text_closure
from engine.divisions import Divisions, read_divisions
from engine.facts import FactReader
from engine.load.cases import load_cases
from engine.load.clauses import load_clauses
from engine.load.consequences import load_consequences
from engine.load.dictionary import load_dictionary
from engine.load.documents import CaseDoc, EntryDoc
from engine.load.rulesets import load_rules, load_ruleset
from engine.passes.pipeline import build_program
from engine.publications import PUBLISHED, Publication, check_publications, read_publications
from engine.source import Source

__all__ = ["NONE_RETIRED", "Applicable", "Library", "load_library"]

NONE_RETIRED: Mapping[str, date] = MappingProxyType({})

_RULESET_FILE = re.compile(r"(?P<id>[a-z][a-z0-9-]*)/(?P<version>[A-Za-z0-9.-]+)/(?P<rest>.+)")
_LISTS = ("rules", "cases")


@dataclass(frozen=True, slots=True)
class Applicable:
    """Which rulesets govern a division on a day.

    `chosen` is the nearest up the tree; `also` the others up the tree, nearest first; `existing` all
    rulesets up the tree whatever their day and authority, for explaining why nothing was found.
    """

    chosen: Ruleset | None
    also: tuple[Ruleset, ...]
    existing: tuple[Ruleset, ...]


class Library:
    """Everything loaded. Immutable after `load_library`; programs are compiled once, on first use."""

    def __init__(
        self,
        dictionary: Dictionary,
        divisions: Divisions,
        rulesets: Iterable[Ruleset],
        cases: Mapping[str, tuple[CaseDoc, ...]],
        publications: Mapping[str, Publication],
    ) -> None:
        self.dictionary = dictionary
        self.divisions = divisions
        self.rulesets: Mapping[str, Ruleset] = {r.name: r for r in sorted(rulesets, key=_newest_first)}
        self.cases = cases
        self.publications = publications
        self.diagnostics: tuple[Diagnostic, ...] = ()
        self.written: Mapping[str, RulesetParts] = {}
        """With cases only: each ruleset as it was written, with the places in its files."""
        self._programs: dict[tuple[str, str], Program] = {}
        self._readers: dict[str, FactReader] = {}
        self._paths: dict[str, tuple[str, ...]] = {}

    def program(self, name: str, subject: str) -> Program:
        """The compiled program of a ruleset for a subject."""
        key = (name, subject)
        if key not in self._programs:
            self._programs[key] = build_program(self.rulesets[name], self.dictionary.facts, subject)
        return self._programs[key]

    def reader(self, subject: str) -> FactReader:
        """The reader of a subject's facts."""
        if subject not in self._readers:
            self._readers[subject] = FactReader(self.dictionary.facts, subject)
        return self._readers[subject]

    def path(self, code: str) -> tuple[str, ...]:
        """A division and all above it, nearest first; empty for an unknown code."""
        if code not in self.divisions:
            return ()
        if code not in self._paths:
            self._paths[code] = self.divisions.path(code)
        return self._paths[code]

    @cached_property
    def digests(self) -> Mapping[str, tuple[str, str]]:
        """Per ruleset the digest of its meaning and that of its texts, made when somebody asks for them."""
        return _Digests(self.rulesets, self.dictionary.facts)

    def find(self, name: str, on: date | None = None, retired: Mapping[str, date] = NONE_RETIRED) -> Ruleset | None:
        """A ruleset by `id@version`; by `id` the newest version, with `on` the newest in force then, if any is."""
        if "@" in name:
            return self.rulesets.get(name)
        versions = [r for r in self.rulesets.values() if r.id == name]
        in_force = [r for r in versions if on is not None and self.in_force(r, on, retired)]
        return next(iter((*in_force, *versions)), None)

    def in_force(self, ruleset: Ruleset, on: date, retired: Mapping[str, date] = NONE_RETIRED) -> bool:
        """True when a version has started by a day and is not retired on it. `retired`: from which day, by name."""
        until = retired.get(ruleset.name)
        return (ruleset.starts is None or ruleset.starts <= on) and (until is None or on < until)

    def applicable(
        self, code: str, on: date, *, official: bool = False, retired: Mapping[str, date] = NONE_RETIRED
    ) -> Applicable:
        """The rulesets of a division on a day. `official` takes only documents in force.

        Of several versions of one ruleset the newest in force on the day counts. Repealed documents
        govern nothing unless pinned.
        """
        found: dict[str, Ruleset] = {}
        existing: list[Ruleset] = []
        for step in self.path(code):
            for ruleset in self.rulesets.values():
                if ruleset.jurisdiction != step:
                    continue
                existing.append(ruleset)
                authority = ruleset.document.authority
                if authority == "repealed" or (official and authority != "in_force"):
                    continue
                if self.in_force(ruleset, on, retired):
                    found.setdefault(ruleset.id, ruleset)
        chosen = list(found.values())
        return Applicable(chosen[0] if chosen else None, tuple(chosen[1:]), tuple(existing))


class _Digests(Mapping[str, tuple[str, str]]):
    def __init__(self, rulesets: Mapping[str, Ruleset], facts: Mapping[str, FactSpec]) -> None:
        self._rulesets = rulesets
        self._facts = facts
        self._made: dict[str, tuple[str, str]] = {}

    def __getitem__(self, name: str) -> tuple[str, str]:
        if name not in self._made:
            ruleset = self._rulesets[name]
            meaning, texts = closure(ruleset, self._facts), text_closure(ruleset, self._facts)
            self._made[name] = digest(meaning), digest(texts)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rulesets

    def __iter__(self) -> Iterator[str]:
        return iter(self._rulesets)

    def __len__(self) -> int:
        return len(self._rulesets)


def _newest_first(ruleset: Ruleset) -> tuple[str, int, list[tuple[int, int, str]]]:
    """By id; within an id the latest start first, then the highest version: `2.10`, `2.9`, `2`, `2-draft`."""
    starts = -ruleset.starts.toordinal() if ruleset.starts else 0
    parts = [
        (1, -int(part), "") if part.isdigit() else (3 if part.startswith("-") else 0, 0, part)
        for part in re.split(r"(\d+)", ruleset.version)
        if part
    ]
    return ruleset.id, starts, [*parts, (2, 0, "")]


def load_library(files: Mapping[str, str], *, cases: bool = False) -> Library:
    """Load, check and index every ruleset among the files.

    `files` maps paths like `erdos/2021.1/rules/class-size.yaml` to their texts. With `cases` the worked
    cases are loaded too. Mistakes are in `Library.diagnostics`; a ruleset with errors is still there as
    far as it could be read, so the caller decides by the diagnostics whether to serve it. Published
    versions are compared with their record once nothing else is wrong.
    Raises ValueError when `divisions.csv` is malformed.
    """
    collector = Collector()
    entries: list[EntryDoc] = []
    folders: dict[tuple[str, str], dict[str, Source]] = {}
    divisions = read_divisions(files["divisions.csv"]) if "divisions.csv" in files else Divisions(())
    for path in sorted(files):
        source = Source(path, files[path].removeprefix("\ufeff"))
        if path.endswith((".md", ".csv")):
            continue
        if re.fullmatch(r"facts/[^/]+\.yaml", path):
            entries.extend(load_dictionary(source, collector))
        elif (match := _RULESET_FILE.fullmatch(path)) is not None:
            folders.setdefault((match["id"], match["version"]), {})[match["rest"]] = source
        else:
            collector.add(codes.unexpected_file(path, "rulesets stand in `<id>/<version>/`, facts in `facts/`"))
    dictionary = check_dictionary(entries, collector)
    rulesets: list[Ruleset] = []
    case_docs: dict[str, tuple[CaseDoc, ...]] = {}
    written: dict[str, RulesetParts] = {}
    known = frozenset(divisions.by_code)
    read: list[tuple[RulesetParts, Mapping[str, Source]]] = []
    for (id_, version), folder in folders.items():
        written_as = _read_folder(id_, version, folder, collector)
        if written_as is not None:
            read.append((written_as, folder))
    adopting = frozenset(parts.name for parts, _ in read if parts.adopts)
    standards: dict[str, Standard] = {}
    # Those that incorporate nothing come first: the others take their rules from them.
    for parts, sources in sorted(read, key=lambda entry: entry[0].adopts):
        ruleset = check_ruleset(parts, dictionary, known, Standards(standards, adopting), collector)
        rulesets.append(ruleset)
        if not parts.adopts:
            standards[ruleset.name] = Standard(ruleset, tuple(doc.id.value for doc in parts.rules))
        if cases:
            written[ruleset.name] = parts
            case_docs[ruleset.name] = tuple(
                doc
                for rest, source in sources.items()
                if rest.startswith("cases/")
                for doc in load_cases(source, collector)
            )
    publications = read_publications(Source(PUBLISHED, files.get(PUBLISHED, "")), collector)
    library = Library(dictionary, divisions, rulesets, case_docs, publications)
    if not collector.failed:
        check_publications(publications, library.digests, collector)
    library.diagnostics = tuple(collector.found)
    library.written = written
    return library


def _read_folder(id_: str, version: str, sources: Mapping[str, Source], collector: Collector) -> RulesetParts | None:
    folder = f"{id_}/{version}"
    for rest in sources:
        parts = rest.split("/")
        placed = rest in ("ruleset.yaml", "clauses.yaml", "consequences.yaml") or (
            len(parts) == 2 and parts[0] in _LISTS and parts[1].endswith(".yaml")
        )
        if not placed:
            help_ = (
                "a ruleset has ruleset.yaml, clauses.yaml, consequences.yaml, rules/<topic>.yaml, cases/<topic>.yaml"
            )
            collector.add(codes.unexpected_file(f"{folder}/{rest}", help_))
    missing = [name for name in ("ruleset.yaml", "clauses.yaml") if name not in sources]
    for name in missing:
        collector.add(codes.file_missing(f"{folder}/{name}", "every ruleset has one"))
    if "ruleset.yaml" not in sources:
        return None
    head = load_ruleset(sources["ruleset.yaml"], collector)
    if head is None:
        return None
    for text, expected in ((head.id, id_), (head.version, version)):
        if text.value != expected:
            collector.add(codes.bad_scalar(f"`{expected}`, as the folder is named", text.value, text.span))
    spans = head.source == "original"
    clauses = load_clauses(sources["clauses.yaml"], collector, spans=spans) if "clauses.yaml" in sources else []
    rules = [
        rule
        for rest, source in sources.items()
        if rest.startswith("rules/")
        for rule in load_rules(source, collector, spans=spans)
    ]
    consequences = (
        load_consequences(sources["consequences.yaml"], collector, spans=spans)
        if "consequences.yaml" in sources
        else []
    )
    return RulesetParts(head, tuple(clauses), tuple(rules), tuple(consequences))
