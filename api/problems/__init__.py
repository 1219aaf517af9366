"""Problem replies (RFC 9457): every refusal has a stable type, a page, and two languages."""

from api.problems.catalogue import CATALOGUE, ProblemType
from api.problems.problem import Problem, ProblemError, language_of, pointer, problem_body

__all__ = ["CATALOGUE", "Problem", "ProblemError", "ProblemType", "language_of", "pointer", "problem_body"]
