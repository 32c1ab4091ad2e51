"""Arithmetic that a configuration may contain: `p_a + p_b + p_c`, `max(0, p - q) * 1.5`.

Numbers, names, + - * / % **, comparisons, and/or/not, `a if b else c` and the functions below;
nothing else can be said. A text is checked and parsed once and evaluated by simpleeval.
"""

import ast
import math
import warnings
from collections.abc import Mapping

import simpleeval

FUNCTIONS = {"abs": abs, "max": max, "min": min, "round": round, "sqrt": math.sqrt}
MAX_LENGTH = 500
_ALLOWED = (
    ast.Expr, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name,
    ast.Load, ast.Constant, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow, ast.USub,
    ast.UAdd, ast.And, ast.Or, ast.Not, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip


class ExpressionFault(Exception):
    """A text that is no expression; the message says why."""


class Expression:
    """A checked expression over names; `names` are those it uses, sorted."""

    def __init__(self, text: str) -> None:
        """Raises ExpressionFault for anything but arithmetic."""
        if len(text) > MAX_LENGTH:
            raise ExpressionFault(f"it is longer than {MAX_LENGTH} characters")
        self.text = text
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is merely odd to Python may be meant
                self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise ExpressionFault(f"it cannot be read: {error}") from error
        names = set()
        for node in ast.walk(self._tree):
            _check(node)
            if isinstance(node, ast.Name):
                names.add(node.id)
        self.names = tuple(sorted(names - set(FUNCTIONS)))
        self._evaluator = simpleeval.SimpleEval(functions=FUNCTIONS)

    def __eq__(self, other: object) -> bool:
        """The same text is the same expression."""
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        """By the text."""
        return hash(self.text)

    def __call__(self, values: Mapping[str, float]) -> float | None:
        """The value for these names; None where there is none (division by zero, overflow)."""
        self._evaluator.names = dict(values)
        try:
            found = float(self._evaluator.eval(self.text, previously_parsed=self._tree))
        except (ArithmeticError, ValueError, TypeError, simpleeval.InvalidExpression):
            return None
        return found if math.isfinite(found) else None


def _check(node: ast.AST) -> None:
    if not isinstance(node, _ALLOWED):
        raise ExpressionFault(f"{type(node).__name__} is not arithmetic")
    if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
        raise ExpressionFault(f"{node.value!r} is no number")
    if isinstance(node, ast.Call) and (
        not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords
    ):
        raise ExpressionFault(f"the functions are {', '.join(FUNCTIONS)}")
