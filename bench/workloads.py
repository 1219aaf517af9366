"""What is measured: real rulesets at their true width, on seeded synthetic subjects of several places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache

from bench import synthetic
from engine.backends.base import Context, ParameterValue
from engine.check.ir import Program
from engine.values import Number

__all__ = ["COUNTIES", "NATIONAL", "SCHOOLS", "WORKLOADS", "Workload", "load"]


@dataclass(frozen=True)
class Workload:
    """A program, its day, the places that its records lie in, and the parameters in force."""

    name: str
    program: Program
    divisions: tuple[str, ...]
    contexts: tuple[Context, ...]

    @property
    def on(self) -> date:
        """The day of all contexts."""
        return self.contexts[0].on


SCHOOLS = "erdos@2021.1 school"
NATIONAL = "national@2017.1 school"
COUNTIES = "erdos@2021.1 county"
WORKLOADS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    SCHOOLS: ("erdos@2021.1", "school", ("150603", "150621", "150622")),
    NATIONAL: ("national@2017.1", "school", ("150603", "610722", "140107")),
    COUNTIES: ("erdos@2021.1", "county", ("150602", "150603", "150621", "150622", "150623", "150624")),
    "xinghualing@2022.1 county": ("xinghualing@2022.1", "county", ("140107",)),
}
"""By name: ruleset, subject, divisions."""


@cache
def load(name: str) -> Workload:
    """A workload. All parameters that its rules need are set, so that every rule has something to do."""
    ruleset, subject, divisions = WORKLOADS[name]
    library = synthetic.library()
    program = library.program(ruleset, subject)
    parameters = _parameters(program)
    contexts = tuple(Context(synthetic.ON, library.path(code), parameters) for code in divisions)
    return Workload(name, program, divisions, contexts)


def _parameters(program: Program) -> dict[str, ParameterValue]:
    values: dict[str, ParameterValue] = {}
    needed = {name for rule in program.rules for name in rule.parameters}
    for parameter in program.parameters.values():
        if parameter.id not in needed:
            continue
        if parameter.type_name == "percent":
            values[parameter.id] = Fraction(50)
        else:
            values[parameter.id] = Fraction(1000) if isinstance(parameter.type, Number) else True
    return values
