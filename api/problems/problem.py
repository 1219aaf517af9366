"""A refusal as an exception, and its body on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from api.problems.catalogue import CATALOGUE, ProblemType

__all__ = ["Problem", "ProblemError", "language_of", "pointer", "problem_body"]


def pointer(keys: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) that follows the keys."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


@dataclass(frozen=True, slots=True)
class ProblemError:
    """One of several mistakes of a request. `pointer` leads to it in the body."""

    slug: str
    detail: str
    pointer: str | None = None
    help: str | None = None
    line: int | None = None


class Problem(Exception):
    """The caller's mistake, or a state of the server that the caller must know.

    `errors` holds all mistakes where there are several; the first of them is the problem itself.
    `extra` are further members of the reply, and `headers` go with it.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        pointer: str | None = None,
        help: str | None = None,
        line: int | None = None,
        errors: tuple[ProblemError, ...] = (),
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{slug}: {detail}")
        self.type: ProblemType = CATALOGUE[slug]
        self.detail = detail
        self.pointer = pointer
        self.help = help
        self.line = line
        self.errors = errors
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def within(self, prefix: str, line: int | None = None) -> Problem:
        """The same problem with pointers as seen from further out, and the line of an NDJSON body."""
        self.pointer = None if self.pointer is None else prefix + self.pointer
        self.line = line
        self.errors = tuple(
            replace(error, pointer=None if error.pointer is None else prefix + error.pointer, line=line)
            for error in self.errors
        )
        return self

    @classmethod
    def of(cls, errors: tuple[ProblemError, ...]) -> Problem:
        """The problem that stands for one or several mistakes of the same request."""
        first = errors[0]
        return cls(
            first.slug,
            first.detail,
            pointer=first.pointer,
            help=first.help,
            line=first.line,
            errors=errors if len(errors) > 1 else (),
        )


def problem_body(problem: Problem, language: str, *, status: bool = True) -> dict[str, object]:
    """The members of the reply. `status=False`: the error of one record, which has no status of its own."""
    body: dict[str, object] = {"type": problem.type.path, "title": problem.type.title[language]}
    if status:
        body["status"] = problem.type.status
    body["detail"] = problem.detail
    for name, value in (("help", problem.help), ("pointer", problem.pointer), ("line", problem.line)):
        if value is not None:
            body[name] = value
    if problem.errors:
        body["errors"] = [_error_body(error) for error in problem.errors]
    return {**body, **problem.extra}


def _error_body(error: ProblemError) -> dict[str, object]:
    body: dict[str, object] = {"type": CATALOGUE[error.slug].path, "detail": error.detail}
    for name, value in (("help", error.help), ("pointer", error.pointer), ("line", error.line)):
        if value is not None:
            body[name] = value
    return body


def language_of(accept: str | None) -> str:
    """`zh` or `en` by `Accept-Language`; English where neither is preferred."""
    best, found = 0.0, "en"
    for part in (accept or "").split(","):
        tag, _, weight = part.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if language in ("zh", "en") and quality > best:
            best, found = quality, language
    return found
