"""Every diagnostic code with its one constructor.

E1xx files and YAML, E2xx expressions, E3xx names and rules, E4xx the ledger, E5xx cases,
E6xx published versions, W6xx what an author should look at again (`engine/lints/`).
Messages are lowercase, name things in backticks, and say what was expected.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.diagnostics import Diagnostic
from engine.nearest import did_you_mean
from engine.source import Span

__all__ = [
    "aggregate_outside_derive",
    "alias_not_allowed",
    "bad_scalar",
    "boundary_untested",
    "case_mismatch",
    "citation_out_of_clause",
    "clause_order",
    "clause_unaccounted",
    "construct_not_allowed",
    "cyclic",
    "day_untested",
    "dead_condition",
    "due_inconsistent",
    "duplicate_id",
    "duplicate_key",
    "expression_syntax",
    "figure_not_printed",
    "file_missing",
    "file_unreadable",
    "incorporated_twice",
    "incorporation_incomplete",
    "incorporation_refused",
    "inexact_bounds",
    "known_outside_when",
    "limit_exceeded",
    "missing_key",
    "not_utf8",
    "percent_or_ratio",
    "period_misuse",
    "published_moved",
    "subject_mismatch",
    "table_malformed",
    "threshold_out_of_bounds",
    "type_mismatch",
    "unexpected_file",
    "unit_clash",
    "unknown_clause",
    "unknown_consequence",
    "unknown_division",
    "unknown_fact",
    "unknown_function",
    "unknown_key",
    "unknown_option",
    "unknown_parameter",
    "unknown_rule",
    "unknown_ruleset",
    "unsuited_event",
    "untested",
    "wrong_arguments",
    "wrong_shape",
    "yaml_syntax",
]


def _error(code: str, message: str, span: Span | None, *, path: str = "", help: str | None = None) -> Diagnostic:
    return Diagnostic(code, "error", message, span, path, help)


def _warning(code: str, message: str, span: Span | None, *, help: str | None = None) -> Diagnostic:
    return Diagnostic(code, "warning", message, span, "", help)


# --- E1xx: files and YAML -------------------------------------------------------------------


def yaml_syntax(problem: str, span: Span) -> Diagnostic:
    """The file is no YAML."""
    return _error("E101", f"not readable as YAML: {problem}", span)


def duplicate_key(key: str, span: Span, first_line: int) -> Diagnostic:
    """A mapping has a key twice."""
    return _error("E102", f"key `{key}` stands twice", span, help=f"it first stands on line {first_line}; keep one")


def unknown_key(key: str, known: Iterable[str], span: Span) -> Diagnostic:
    """A key that the format does not have."""
    known = sorted(known)
    return _error(
        "E103",
        f"unknown key `{key}`",
        span,
        help=did_you_mean(key, known) or f"expected one of {', '.join(f'`{k}`' for k in known)}",
    )


def missing_key(key: str, what: str, span: Span) -> Diagnostic:
    """A required key is absent."""
    return _error("E104", f"{what} lacks `{key}`", span, help=f"add `{key}: …`")


def wrong_shape(expected: str, found: str, span: Span) -> Diagnostic:
    """A mapping where a list was expected, and the like."""
    return _error("E105", f"expected {expected}, found {found}", span)


def bad_scalar(expected: str, found: str, span: Span, help: str | None = None) -> Diagnostic:
    """A scalar that cannot be read as its type."""
    return _error("E106", f"expected {expected}, found `{found}`", span, help=help)


def file_missing(path: str, why: str) -> Diagnostic:
    """A file that a ruleset must have."""
    return _error("E107", f"file is missing: {why}", None, path=path)


def unexpected_file(path: str, help: str) -> Diagnostic:
    """A file or folder that has no place in the layout."""
    return _error("E108", "file has no place here", None, path=path, help=help)


def alias_not_allowed(what: str, span: Span) -> Diagnostic:
    """YAML anchors, aliases and tags."""
    return _error("E109", f"{what} is not allowed", span, help="write the text out")


def limit_exceeded(what: str, limit: str, span: Span | None, path: str = "") -> Diagnostic:
    """Too large, too deep, too long."""
    return _error("E110", f"{what} exceeds the limit of {limit}", span, path=path)


def not_utf8(span: Span) -> Diagnostic:
    """Bytes that are no UTF-8 text."""
    return _error("E111", "not UTF-8 text", span, help="save the file as UTF-8")


def file_unreadable(path: str, why: str) -> Diagnostic:
    """A file or folder that the system does not let us read."""
    return _error("E112", f"cannot be read: {why}", None, path=path)


def table_malformed(path: str, problem: str) -> Diagnostic:
    """A CSV table that is not as its header says."""
    return _error("E113", f"not readable as a table: {problem}", None, path=path)


# --- E2xx: expressions ----------------------------------------------------------------------


def expression_syntax(problem: str, span: Span) -> Diagnostic:
    """The expression cannot be parsed."""
    return _error("E201", f"not an expression: {problem}", span)


def construct_not_allowed(what: str, span: Span, help: str | None = None) -> Diagnostic:
    """Python that is not in the language of rules."""
    return _error("E202", f"{what} is not part of the rule language", span, help=help)


def unknown_function(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """A call of an unknown function."""
    return _error("E203", f"unknown function `{name}`", span, help=did_you_mean(name, known))


def type_mismatch(expected: str, found: str, span: Span, help: str | None = None) -> Diagnostic:
    """Operands of the wrong type."""
    return _error("E204", f"expected {expected}, found {found}", span, help=help)


def unit_clash(left: str, right: str, span: Span, help: str | None = None) -> Diagnostic:
    """Two units that cannot be added or compared."""
    return _error("E205", f"units do not agree: {left} against {right}", span, help=help)


def unknown_option(option: str, fact: str, options: Iterable[str], span: Span) -> Diagnostic:
    """A category, grade or checklist item that the fact does not have."""
    options = list(options)
    return _error(
        "E206",
        f"`{fact}` has no option `{option}`",
        span,
        help=did_you_mean(option, options) or f"expected one of {', '.join(f'`{o}`' for o in options)}",
    )


def known_outside_when(span: Span) -> Diagnostic:
    """`known(x)` in a requirement would make missing data decide a verdict."""
    return _error(
        "E207", "`known` may stand in `when` only", span, help="a requirement on a missing fact is unknown by itself"
    )


def period_misuse(problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """Time functions and periodic facts that do not fit together."""
    return _error("E208", problem, span, help=help)


def wrong_arguments(function: str, expected: str, span: Span) -> Diagnostic:
    """A call with arguments of the wrong number or form."""
    return _error("E209", f"`{function}` takes {expected}", span)


def aggregate_outside_derive(function: str, span: Span) -> Diagnostic:
    """A member aggregate in a rule."""
    return _error(
        "E210",
        f"`{function}` over members may stand in `derive` of a fact only",
        span,
        help="make a derived fact of it, so that a county may supply the value instead",
    )


# --- E3xx: names and rules ------------------------------------------------------------------


def unknown_fact(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """A name that is neither a fact nor a scope."""
    return _error("E301", f"unknown fact `{name}`", span, help=did_you_mean(name, known))


def unknown_rule(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """A reference to a rule that the ruleset does not have."""
    return _error("E302", f"unknown rule `{name}`", span, help=did_you_mean(name, known))


def unknown_clause(path: str, known: Iterable[str], span: Span) -> Diagnostic:
    """A citation of a clause that is not in the ledger."""
    return _error("E303", f"clause `{path}` is not in the ledger", span, help=did_you_mean(path, known))


def unknown_parameter(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """`param("…")` of an undeclared parameter."""
    return _error("E304", f"unknown parameter `{name}`", span, help=did_you_mean(name, known))


def unknown_division(code: str, span: Span) -> Diagnostic:
    """A code that is no division."""
    return _error("E305", f"unknown division `{code}`", span, help="codes stand in rulesets/divisions.csv")


def duplicate_id(what: str, name: str, span: Span, first: str) -> Diagnostic:
    """An id used twice."""
    return _error("E306", f"{what} `{name}` is defined twice", span, help=f"first defined at {first}")


def unknown_consequence(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """`after` names a consequence that the ruleset does not have."""
    return _error("E307", f"unknown consequence `{name}`", span, help=did_you_mean(name, known))


def cyclic(what: str, path: Iterable[str], span: Span) -> Diagnostic:
    """Definitions that need each other."""
    return _error("E308", f"{what} goes in a circle: {' → '.join(path)}", span)


def dead_condition(why: str, span: Span) -> Diagnostic:
    """A `when` that can never be true."""
    return _error("E309", f"this condition can never hold: {why}", span)


def subject_mismatch(name: str, has: Iterable[str], wants: str, span: Span) -> Diagnostic:
    """A fact of another subject."""
    return _error("E310", f"`{name}` is about {', '.join(has)}, the rule about {wants}", span)


def unsuited_event(name: str, problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """A consequence of something that cannot cause it, or for someone whom it cannot meet."""
    return _error("E311", f"`{name}` {problem}", span, help=help)


def due_inconsistent(problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """`due`, `from`, `until`, `window` that contradict each other."""
    return _error("E312", problem, span, help=help)


def inexact_bounds(problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """A fact whose bounds, step or constants cannot be kept exactly."""
    return _error("E313", problem, span, help=help)


def unknown_ruleset(name: str, known: Iterable[str], span: Span) -> Diagnostic:
    """`incorporates` of a ruleset that does not exist."""
    return _error("E314", f"unknown ruleset `{name}`", span, help=did_you_mean(name, known))


def incorporation_refused(name: str, problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """`incorporates` of a ruleset, or of a rule, that cannot be pulled in here."""
    return _error("E315", f"`{name}` cannot be incorporated: {problem}", span, help=help)


def incorporated_twice(rule: str, problem: str, span: Span, help: str) -> Diagnostic:
    """A rule that a clause lists twice, or that two clauses incorporate on different terms."""
    return _error("E316", f"rule `{rule}` is incorporated twice{problem}", span, help=help)


def incorporation_incomplete(rule: str, read: Iterable[str], span: Span) -> Diagnostic:
    """An incorporated rule that reads the verdict of one that is not."""
    listed = ", ".join(f"`{name}`" for name in read)
    return _error(
        "E317",
        f"`{rule}` reads the verdicts of rules that are not incorporated",
        span,
        help=f"incorporate {listed} too",
    )


# --- E4xx: the ledger -----------------------------------------------------------------------


def citation_out_of_clause(span_text: str, clause: str, clause_span: str, span: Span) -> Diagnostic:
    """A rule's span outside its clause."""
    return _error("E401", f"span {span_text} lies outside clause `{clause}` {clause_span}", span)


def clause_unaccounted(path: str, problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """A clause without rules and without a reason, or with both."""
    return _error("E402", f"clause `{path}` {problem}", span, help=help)


def clause_order(path: str, problem: str, span: Span) -> Diagnostic:
    """Clauses that overlap or stand out of order."""
    return _error("E403", f"clause `{path}` {problem}", span, help="the ledger follows the document")


# --- E5xx: cases ----------------------------------------------------------------------------


def case_mismatch(case: str, problem: str, span: Span, help: str | None = None) -> Diagnostic:
    """A worked case that cannot run, or whose expectation fails."""
    return _error("E501", f"case `{case}`: {problem}", span, help=help)


# --- E6xx: published versions ---------------------------------------------------------------


def published_moved(name: str, recorded: str, found: str, span: Span) -> Diagnostic:
    """A published version whose meaning is another one now."""
    return _error(
        "E601",
        f"`{name}` was published as `{recorded}` and never changes, but its files now give `{found}`",
        span,
        help="undo the change, or publish it as a new version",
    )


# --- W6xx: what an author should look at again --------------------------------------------------


def threshold_out_of_bounds(fact: str, bounds: str, problem: str, span: Span) -> Diagnostic:
    """A comparison that every value, or no value, of a fact meets."""
    return _warning(
        "W611",
        f"`{fact}` lies between {bounds}, so this comparison {problem}",
        span,
        help="check the figure, its unit, and the fact's bounds",
    )


def percent_or_ratio(fact: str, counted: str, figure: str, meant: str, span: Span) -> Diagnostic:
    """A percent compared with a fraction of one, or a ratio with a percent."""
    return _warning("W612", f"`{fact}` is {counted}, compared with {figure}", span, help=meant)


def untested(name: str, help: str, span: Span) -> Diagnostic:
    """A rule or consequence that no worked case expects anything of."""
    return _warning("W613", f"no case expects anything of `{name}`", span, help=help)


def boundary_untested(rule: str, comparison: str, span: Span) -> Diagnostic:
    """A measured rule none of whose cases stands exactly on its limit."""
    return _warning(
        "W614",
        f"no case of `{rule}` stands exactly where both sides of `{comparison}` are equal",
        span,
        help="add one with the figure as printed, and one the smallest step beyond",
    )


def day_untested(rule: str, what: str, span: Span) -> Diagnostic:
    """A deadline or start of which only one side, or none, is tested."""
    return _warning("W615", f"no case of `{rule}` shows {what}", span, help="test the last day and the day after")


def figure_not_printed(rule: str, figure: str, span: Span) -> Diagnostic:
    """A figure given as printed that the cited words of the original lack."""
    return _warning(
        "W616",
        f"the words that `{rule}` cites do not print `{figure}`",
        span,
        help="widen the span, cite the other place under `also_at`, or correct the figure",
    )
