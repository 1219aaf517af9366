"""Text of an expression → a whitelisted `ast` tree with places.

The text is parsed inside added parentheses, so that it may span lines; `ast` columns are UTF-8
bytes and are turned back into code points of the YAML file.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from engine import codes
from engine.diagnostics import Collector
from engine.source import Span, Text

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Parsed", "parse_expression"]

MAX_LENGTH = 4_000
MAX_DEPTH = 40

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.IfExp,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Tuple,
)
_NAMES: dict[type[ast.AST], str] = {
    ast.Attribute: "`.`",
    ast.Subscript: "`[…]`",
    ast.Lambda: "`lambda`",
    ast.List: "a list `[…]`",
    ast.Dict: "`{…}`",
    ast.Set: "`{…}`",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Pow: "`**`",
    ast.Mod: "`%`",
    ast.FloorDiv: "`//`",
    ast.NamedExpr: "`:=`",
    ast.Is: "`is`",
    ast.IsNot: "`is not`",
    ast.Starred: "`*`",
    ast.JoinedStr: "an f-string",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.UAdd: "`+` before a value",
    ast.Invert: "`~`",
}
_HELP: dict[type[ast.AST], str] = {
    ast.List: "write a tuple: `in (a, b)`",
    ast.Is: "write `==`, or `known(x)` in `when`",
    ast.IsNot: "write `!=`",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed expression and the text it came from."""

    tree: ast.expr
    text: Text

    def span(self, node: ast.expr | ast.keyword) -> Span:
        """Where a node stands in the YAML file."""
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1)
        return self.text.part(start, end)

    def source_of(self, node: ast.expr) -> str:
        """The words of a node as the author wrote them."""
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset + 1)
        return self.text.value[start:end]

    def _offset(self, line: int, byte_column: int) -> int:
        return _offset(self.text.value, line, byte_column)


def _offset(value: str, line: int, byte_column: int) -> int:
    """Code points from the start of `value`; the added parenthesis is one byte of line 1."""
    lines = value.split("\n")
    before = sum(len(text) + 1 for text in lines[: line - 1])
    if line == 1:
        byte_column = max(byte_column - 1, 0)
    if line > len(lines):
        return len(value)
    return before + len(lines[line - 1].encode()[:byte_column].decode(errors="ignore"))


def parse_expression(text: Text, collector: Collector) -> Parsed | None:
    """The expression's tree, or None with the mistake in the collector."""
    if len(text.value) > MAX_LENGTH:
        collector.add(codes.limit_exceeded("the expression", f"{MAX_LENGTH:,} code points", text.span))
        return None
    body = text.value.replace("\r", " ").replace("\f", " ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(f"({body}\n)", mode="eval")
    except SyntaxError as error:
        at = _offset(body, error.lineno or 1, 0)
        # SyntaxError counts code points, not bytes, and from 1.
        at += max((error.offset or 1) - 1 - (1 if (error.lineno or 1) == 1 else 0), 0)
        problem = (error.msg or "syntax error").split(". Perhaps")[0]
        collector.add(codes.expression_syntax(problem, text.part(at, at + 1)))
        return None
    except (ValueError, MemoryError, RecursionError):
        collector.add(codes.expression_syntax("it cannot be read", text.content))
        return None
    parsed = Parsed(tree.body, text)
    return parsed if _whitelisted(parsed, collector) else None


def _whitelisted(parsed: Parsed, collector: Collector) -> bool:
    sound = True
    stack: list[tuple[ast.AST, ast.expr, int]] = [(parsed.tree, parsed.tree, 1)]
    while stack:
        node, place, depth = stack.pop()
        if isinstance(node, ast.expr):
            place = node
        if depth > MAX_DEPTH:
            collector.add(codes.limit_exceeded("nesting", f"{MAX_DEPTH} levels", parsed.span(place)))
            return False
        if not isinstance(node, _ALLOWED):
            what = _NAMES.get(type(node), f"`{type(node).__name__}`")
            collector.add(codes.construct_not_allowed(what, parsed.span(place), _HELP.get(type(node))))
            sound = False
            continue
        stack.extend((child, place, depth + 1) for child in ast.iter_child_nodes(node))
    return sound
