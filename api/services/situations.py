"""From a request to what is judged by which ruleset: place, day, pin, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from api.problems import Problem, pointer
from api.services.plans import Plan
from api.services.standing import Standings
from api.wire.requests import Options, read_day
from engine.backends.base import ParameterValue
from engine.check.ir import Parameter, Ruleset, qualified
from engine.nearest import did_you_mean
from engine.registry import NONE_RETIRED, Library
from engine.values import exact, shortest
from engine.words import SUBJECTS

__all__ = ["Governing", "ParameterReader", "check_names", "check_place", "existing_rulesets", "governing"]


@dataclass(frozen=True, slots=True)
class Governing:
    """The ruleset that judges, those that also apply (by name), and those that the request includes."""

    ruleset: Ruleset
    also: tuple[str, ...]
    included: tuple[Ruleset, ...]


def check_place(library: Library, division: str, subject: str) -> None:
    """Raise Problem for a division or subject that does not exist."""
    if subject not in SUBJECTS:
        listed = ", ".join(f"`{s}`" for s in SUBJECTS)
        detail = f"expected one of {listed}, found `{subject[:60]}`"
        raise Problem("unknown-subject", detail, pointer="/subject", help=did_you_mean(subject, SUBJECTS))
    if division not in library.divisions:
        detail = f"no division has the code `{division[:60]}`"
        raise Problem("unknown-division", detail, pointer="/division", help=_division_help(library, division))


def _division_help(library: Library, division: str) -> str:
    if not (len(division) == 6 and division.isascii() and division.isdigit()):
        return "a code has six digits, like `150603`"
    above = next((code for code in (division[:4] + "00", division[:2] + "0000") if code in library.divisions), None)
    if above is None:
        return "the first two digits name a province, like `15`"
    found = library.divisions.get(above)
    return f"within {found.name if found else above} (`{above}`) see /v1/divisions/{above}"


def existing_rulesets(rulesets: tuple[Ruleset, ...]) -> list[dict[str, object]]:
    """What exists, for a reply that found nothing fitting."""
    return [
        {
            "ruleset": ruleset.name,
            "jurisdiction": ruleset.jurisdiction,
            "starts": ruleset.starts.isoformat() if ruleset.starts else None,
            "authority": ruleset.document.authority,
        }
        for ruleset in rulesets
    ]


def _find(
    library: Library, name: str, at: str, on: date | None = None, retired: Mapping[str, date] = NONE_RETIRED
) -> Ruleset:
    found = library.find(name, on, retired)
    if found is None:
        known = [*library.rulesets, *{r.id for r in library.rulesets.values()}]
        raise Problem(
            "unknown-ruleset", f"no ruleset is called `{name[:80]}`", pointer=at, help=did_you_mean(name, known)
        )
    return found


def check_names(library: Library, options: Options) -> None:
    """Raise Problem when the pin or an included ruleset does not exist."""
    if options.ruleset is not None:
        _find(library, options.ruleset, "/ruleset")
    for i, name in enumerate(options.include):
        _find(library, name, pointer(["include", i]))


def governing(library: Library, standings: Standings, division: str, on: date, options: Options) -> Governing:
    """Who governs a known division on a day. Raises Problem."""
    retired = standings.retired
    applicable = library.applicable(division, on, official=options.authority == "official", retired=retired)
    ups = [r for r in (applicable.chosen, *applicable.also) if r is not None]
    if options.ruleset is not None:
        chosen = _find(library, options.ruleset, "/ruleset", on, retired)
    elif applicable.chosen is not None:
        chosen = applicable.chosen
    else:
        official = " in force" if options.authority == "official" else ""
        raise Problem(
            "no-ruleset",
            f"no ruleset{official} applies to {division} on {on.isoformat()}",
            pointer="/division",
            extra={"existing": existing_rulesets(applicable.existing or tuple(library.rulesets.values()))},
        )
    also = tuple(r.name for r in ups if r.id != chosen.id)
    included: dict[str, Ruleset] = {}
    for i, name in enumerate(options.include):
        wanted = _find(library, name, pointer(["include", i]), on, retired)
        if wanted.name not in also:
            listed = ", ".join(f"`{a}`" for a in also) or "nothing"
            detail = f"`{name[:80]}` cannot be included for {division} on {on.isoformat()}: also applicable is {listed}"
            raise Problem("ruleset-not-applicable", detail, pointer=pointer(["include", i]))
        included[wanted.name] = wanted
    standings.require_served((chosen.name, *included))
    return Governing(chosen, also, tuple(included.values()))


class ParameterReader:
    """The parameters of a request: checked once, then given out by ruleset."""

    def __init__(self, library: Library, given: Mapping[str, Mapping[str, Any]]) -> None:
        self._given: dict[str, dict[str, ParameterValue]] = {}
        for name, values in given.items():
            ruleset = _find(library, name, pointer(["parameters", name]))
            declared = {p.id: p for p in ruleset.parameters}
            known = self._given.setdefault(ruleset.name, {})
            for id_, value in values.items():
                at = pointer(["parameters", name, id_])
                if id_ not in declared:
                    detail = f"`{ruleset.name}` declares no parameter `{id_[:60]}`"
                    raise Problem("unknown-parameter", detail, pointer=at, help=did_you_mean(id_, declared))
                if value is not None:
                    known[id_] = _parameter(declared[id_], value, at)

    def of(self, plan: Plan) -> Mapping[str, ParameterValue]:
        """The values for a plan: given, else declared defaults; those of incorporated rulesets by `qualified` id."""
        if not self._given:
            return plan.defaults
        of_standards = {
            qualified(name, id_): value
            for name in plan.ruleset.standards
            for id_, value in self._given.get(name, {}).items()
        }
        return {**plan.defaults, **self._given.get(plan.name, {}), **of_standards}

    def refuse_unused(self, used: list[str]) -> None:
        """Raise Problem when parameters were given for a ruleset that took no part."""
        for name in self._given:
            if name not in used:
                listed = ", ".join(f"`{u}`" for u in used)
                detail = f"`{name}` takes no part in this evaluation, only {listed}"
                raise Problem("unknown-parameter", detail, pointer=pointer(["parameters", name]))

    @staticmethod
    def shown(plan: Plan, values: Mapping[str, ParameterValue]) -> dict[str, dict[str, object]]:
        """The values of a plan as they stand in a reply: by ruleset, then by id."""
        found: dict[str, dict[str, object]] = {}
        for key, value in values.items():
            ruleset, _, id_ = key.rpartition("/")
            found.setdefault(ruleset or plan.name, {})[id_] = shortest(value) if isinstance(value, Fraction) else value
        return found


def _parameter(parameter: Parameter, value: object, at: str) -> ParameterValue:
    match parameter.type_name:
        case "boolean":
            if isinstance(value, bool):
                return value
            expected = "true or false"
        case "date":
            if isinstance(value, str):
                return read_day(value, at)
            expected = "a date like `2025-12-31`"
        case _:
            expected = "a whole number" if parameter.type_name == "integer" else "a number"
            if isinstance(value, int | float) and not isinstance(value, bool):
                number = exact(value)
                if parameter.type_name != "integer" or number.denominator == 1:
                    return number
    raise Problem("bad-parameter", f"expected {expected} for `{parameter.id}`", pointer=at)
