"""The repository as data for the lints: modules with their syntax trees, and strings of SQL."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("backend", "gateway")
STATEMENT = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|MERGE|COPY|WITH)\b")


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: path relative to the root, text and tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The file's syntax tree, to read only."""
        return parsed(self.text, self.path)


@dataclass(frozen=True, slots=True)
class Statement:
    """A string of SQL in a module; `{}` stands where an f-string has a value."""

    path: str
    line: int
    sql: str


@lru_cache(maxsize=2)
def parsed(text: str, path: str) -> ast.Module:
    """The tree of a text; several lints in a row ask for the same one."""
    return ast.parse(text, path)


def generated(path: Path) -> bool:
    """Whether a tool wrote the file."""
    return path.stem.endswith("_pb2") or path.name.startswith("graphql-env")


def modules(*folders: str) -> list[Module]:
    """Hand-written Python files below the folders (default: the product)."""
    return [
        Module(str(path.relative_to(ROOT)), path.read_text())
        for folder in folders or PRODUCT
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not generated(path)
    ]


def docstrings(tree: ast.Module) -> set[ast.expr]:
    """Strings that are statements of their own: documentation, never SQL."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def spelled(node: ast.expr, named: Mapping[str, str] | None = None) -> str | None:
    """The text of a string literal, joined over `+` and f-string parts; None for anything else.

    `named` has the texts of the module's own constants, which f-strings put together.
    """
    known = named or {}
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(raw)):
            return raw.decode(errors="replace")
        case ast.JoinedStr(values=values):
            return "".join(spelled(value, known) or "{}" for value in values)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return known.get(name)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            sides = spelled(left, known), spelled(right, known)
            return None if sides == (None, None) else "".join(side or "{}" for side in sides)
        case _:
            return None


def constants(tree: ast.Module) -> dict[str, str]:
    """Strings that a module names at its top, each with those before it put in."""
    named: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                text = spelled(value, named)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                text = spelled(value, named)
            case _:
                continue
        if text is not None:
            named[name] = text
    return named


def statements(module: Module) -> Iterator[Statement]:
    """SQL written in a module, each string once."""
    tree = module.tree
    documentation = docstrings(tree)
    named = constants(tree)
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or node in inside or node in documentation:
            continue
        text = spelled(node, named)
        if text is not None:
            inside.update(ast.walk(node))
            if STATEMENT.search(text):
                yield Statement(module.path, node.lineno, text)
