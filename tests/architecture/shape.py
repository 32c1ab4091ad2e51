"""Lints of the code's shape: sizes, names, types, branches on an energy, bounded queues."""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import PurePath

from tests.architecture.reading import Module

LINES_MAX = {".py": 450, ".ts": 300, ".js": 300, ".svelte": 300}
TESTS_MORE = 50
"""Cases of one interface stay together a little longer."""
BANNED_NAMES = {"util", "utils", "helper", "helpers", "misc", "common", "manager", "managers"}
QUEUES = {
    "Queue": "maxsize",
    "LifoQueue": "maxsize",
    "PriorityQueue": "maxsize",
    "deque": "maxlen",
    "create_memory_object_stream": "max_buffer_size",
}
BOUND_AT = {"deque": 1}
"""Position of the bound among the arguments, 0 where not named here."""


def oversize(path: str, text: str) -> Iterator[str]:
    """A file that has outgrown one idea."""
    limit = LINES_MAX.get(PurePath(path).suffix)
    if limit is None:
        return
    limit += TESTS_MORE if path.startswith("tests/") else 0
    lines = text.count("\n")
    if lines > limit:
        yield f"{path}: {lines} lines, at most {limit}: split it by idea, not by line count"


def banned_names(path: str) -> Iterator[str]:
    """Names that say nothing about the domain."""
    for part in PurePath(path).parts:
        stem = part.partition(".")[0].lower()
        if stem in BANNED_NAMES:
            yield f"{path}: {part!r} says nothing: name it by its domain noun (domain.md)"


def any_types(module: Module) -> Iterator[str]:
    """Uses of `typing.Any`."""
    for node in ast.walk(module.tree):
        match node:
            case ast.ImportFrom(module="typing", names=names, lineno=line):
                if any(alias.name == "Any" for alias in names):
                    yield f"{module.path}:{line}: Any: use object, a Protocol or the real type"
            case ast.Attribute(value=ast.Name(id="typing"), attr="Any", lineno=line):
                yield f"{module.path}:{line}: Any: use object, a Protocol or the real type"


def branches_on_energy(module: Module, energies: Collection[str]) -> Iterator[str]:
    """Comparisons of something called energy with the key of one energy type."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        keys = {key for side in sides for key in literals(side)} & set(energies)
        if keys and any("energy" in ast.unparse(side).lower() for side in sides):
            yield (
                f"{module.path}:{node.lineno}: `{ast.unparse(node)}`: put what differs into the "
                "energy type's data row and read it from there"
            )


def literals(node: ast.expr) -> Iterator[str]:
    """String literals inside an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def queues(module: Module) -> Iterator[tuple[int, bool]]:
    """Line of every queue made in a module, and whether it has a bound."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = re.sub(r"\[.*", "", ast.unparse(node.func)).rpartition(".")[2]
        if name == "SimpleQueue":
            yield node.lineno, False
        elif name in QUEUES:
            yield node.lineno, bounded(node, name)


def bounded(call: ast.Call, name: str) -> bool:
    """Whether the call states a bound other than none and zero."""
    stated = [word.value for word in call.keywords if word.arg == QUEUES[name]]
    stated += call.args[BOUND_AT.get(name, 0) :][:1]
    return any(
        not (isinstance(value, ast.Constant) and value.value in {None, 0}) for value in stated
    )
