"""Lint of SQL that is put together: whatever a function puts into a statement is of our making.

That is constants (UPPER_CASE), what its parameters can only have from us (`LiteralString`, numbers,
flags, our enumerations), and what it made of such. What comes from outside travels as a parameter
of the statement. What is put together when a module is loaded knows of nothing from outside. (S608
of ruff asks only whether SQL is put together at all.)
"""

import ast
from collections.abc import Collection, Iterator

from tests.architecture.reading import STATEMENT, Module, constants, spelled

Function = ast.FunctionDef | ast.AsyncFunctionDef
CLOSED = frozenset({"LiteralString", "bool", "int"})
ENUMS = frozenset({"Enum", "IntEnum", "StrEnum"})
DEFINITIONS = "backend/core/"
"""DDL has no parameters; it quotes names (roles, partitions)."""


def enumerations(modules: Collection[Module]) -> frozenset[str]:
    """The enumerations that some modules make."""
    return frozenset(
        node.name
        for module in modules
        if "Enum" in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and ENUMS & {ast.unparse(base) for base in node.bases}
    )


def composed(module: Module, enums: Collection[str]) -> Iterator[str]:
    """Names in a module's statements that nobody can see to be of our making."""
    if module.path.startswith(DEFINITIONS) or not STATEMENT.search(module.text):
        return
    tree = module.tree
    named = constants(tree)
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        ours = written(function, {*CLOSED, *enums})
        for node in ast.walk(function):
            if isinstance(node, ast.expr) and STATEMENT.search(frame(node, named) or ""):
                for name in sorted(foreign(node, ours)):
                    yield (
                        f"{module.path}:{node.lineno}: {name} is put into SQL: pass it as a "
                        "parameter (%s), or say by LiteralString that only we write it"
                    )


def frame(node: ast.expr, named: dict[str, str]) -> str | None:
    """The text that something is put into; None where nothing is."""
    match node:
        case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
            return spelled(node, named)
        case ast.BinOp(op=ast.Mod(), left=left):
            return spelled(left, named)
        case ast.Call(func=ast.Attribute(value=left, attr="format")):
            return named.get(left.id) if isinstance(left, ast.Name) else spelled(left, named)
        case _:
            return None


def written(function: Function, closed: Collection[str]) -> set[str]:
    """Names within a function that hold only what is of our making."""
    arguments = function.args
    ours = set(closed) | {
        one.arg
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if one.annotation is not None and ast.unparse(one.annotation) in closed
    }
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if foreign(value, ours):
                    ours.discard(name)
                else:
                    ours.add(name)
    return ours


def foreign(node: ast.AST, ours: Collection[str]) -> set[str]:
    """Names that an expression uses and that are not of our making."""
    called = {call.func for call in ast.walk(node) if isinstance(call, ast.Call)}
    # What a comparison answers is a flag, whatever it compares.
    compared = {
        one for flag in ast.walk(node) if isinstance(flag, ast.Compare) for one in ast.walk(flag)
    }
    bound = {
        one.id
        for loop in ast.walk(node)
        if isinstance(loop, ast.comprehension)
        for one in ast.walk(loop.target)
        if isinstance(one, ast.Name)
    }
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and one not in called | compared and not one.id.isupper()
    } - {*bound, *ours}
