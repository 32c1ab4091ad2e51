"""YAML documents checked against a JSON schema; every fault is a sentence with file, line, place
and what to do.
"""

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import yaml

from gateway.contract.conformity import conforms

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# The parser in C is ten times faster; it is there wherever PyYAML comes as a wheel.
SafeLoader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Shape = TypeVar("Shape")
SHOWN = 60
"""Characters of a wrong value that a sentence repeats."""
MAX_DEPTH = 50
MAX_NODES = 200_000
"""A document of more values than this is taken for one whose aliases (&, *) multiply it."""
# What PyYAML raises beside YAMLError for a scalar that its tag or form does not allow (2026-13-45).
_STR = "tag:yaml.org,2002:str"
_NO_KEYS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
UNREADABLE = (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError, RecursionError)
TYPE_NAMES = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "yes or no",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a document: where it is, what is wrong, what to do."""

    file: str
    line: int | None
    path: str
    what: str
    todo: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f" at {self.path}" if self.path else ""
        return f"{place}{where}: {self.what} {self.todo}"


class DocumentFault(Exception):
    """A document cannot be used; `problems` lists everything found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file with the line of every node, so that faults can point at it."""

    file: str
    data: object
    lines: Mapping[Place, int]

    def problem(self, path: Place, what: str, todo: str) -> Problem:
        """A fault at a place of this document, on the nearest line known."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, self.lines.get(known), place(path), what, todo)


def place(path: Place) -> str:
    """`points[3].address` for ("points", 3, "address")."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(file: Path) -> Document:
    """Parse a YAML file; DocumentFault when it is missing, unreadable or not YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _fault(file, None, "the file does not exist.", "Create it or name another.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(file, None, f"the file cannot be read: {error}.", "Check it.") from error
    return parse_document(str(file), text)


def parse_document(name: str, text: str) -> Document:
    """Parse YAML text; `name` stands for the file in messages."""
    try:
        node = yaml.compose(text, Loader=SafeLoader)
        lines = _line_numbers(name, node)
        data = _values(node)
    except UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        what = f"this is not valid YAML: {getattr(error, 'problem', None) or error}."
        todo = "Check indentation, colons and quotes on this line and the one above."
        raise _fault(Path(name), line, what, todo) from error
    return Document(name, data, lines)


def check_document(document: Document, schema: Mapping[str, object]) -> list[Problem]:
    """Everything in which a document departs from its JSON schema, in the order of its lines."""
    problems = list(_not_finite(document, document.data, ()))
    if not problems and conforms(document.data, schema, schema):
        return []
    # jsonschema costs memory that a gateway without faults to explain does not spend.
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(schema).iter_errors(document.data)
    said = {problem.path for problem in problems}
    told = [_explain(document, error) for error in errors]
    problems += [problem for problem in told if problem.path not in said or not problem.path]
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.path))


def convert_document(document: Document, shape: type[Shape]) -> Shape:
    """A checked document as typed values; DocumentFault where the schema was too kind."""
    try:
        return msgspec.convert(document.data, shape)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        parts = re.findall(r"\.(\w+)|\[(\d+)\]", where)
        path = tuple(key or int(index) for key, index in parts)
        problem = document.problem(path, f"{what}.", "Write such a value.")
        raise DocumentFault([problem]) from error


def _values(node: yaml.Node | None) -> object:
    if node is None:
        return None
    loader = SafeLoader("")
    try:
        values: object = loader.construct_document(node)
    finally:
        loader.dispose()
    return values


def _fault(file: Path, line: int | None, what: str, todo: str) -> DocumentFault:
    return DocumentFault([Problem(str(file), line, "", what, todo)])


def _line_numbers(name: str, node: yaml.Node | None) -> dict[Place, int]:
    """The line of every value, of so many as a document for people has."""
    lines: dict[Place, int] = {}
    for path, line in _lines(node, ()) if node is not None else ():
        lines[path] = line
        if len(path) > MAX_DEPTH or len(lines) > MAX_NODES:
            what = "values are nested too deep or are too many."
            raise _fault(Path(name), line, what, "Write out or leave out what & and * repeat.")
    return lines


def _not_finite(document: Document, data: object, path: Place) -> Iterator[Problem]:
    if isinstance(data, float) and not math.isfinite(data):
        yield document.problem(path, f"{data} is no number to count with.", "Write a finite one.")
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _not_finite(document, value, (*path, str(key)))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _not_finite(document, value, (*path, index))


def _lines(node: yaml.Node, path: Place) -> Iterator[tuple[Place, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag in _NO_KEYS:
                # YAML 1.1 takes the keys `on`, `off`, `no` and `null` for values.
                key.tag = _STR
            yield from _lines(value, (*path, str(key.value)))
            yield (*path, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _explain(document: Document, error: "ValidationError") -> Problem:
    path = tuple(error.absolute_path)
    rule = str(error.validator)
    if rule == "additionalProperties":
        return _unknown_key(document, path, error)
    what, todo = _sentence(rule, error)
    hint = error.schema.get("description") if isinstance(error.schema, dict) else None
    return document.problem(path, what, f"{todo} ({hint})" if hint else todo)


def _unknown_key(document: Document, path: Place, error: "ValidationError") -> Problem:
    schema = error.schema
    known = sorted(schema.get("properties", {})) if isinstance(schema, dict) else []
    present = error.instance if isinstance(error.instance, dict) else {}
    unknown = sorted(str(key) for key in present if key not in known)
    near = difflib.get_close_matches(unknown[0], known, 1) if unknown else []
    todo = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
    return document.problem(
        (*path, *unknown[:1]), f"unknown key {', '.join(map(repr, unknown))}.", todo
    )


# What is wrong and what to do, by the schema's rule; {value} is what was written there.
_SENTENCES = {
    "enum": ("{value} is not allowed.", "Use one of {limits}."),
    "minimum": ("{value} is too small.", "The limit is {limits}."),
    "exclusiveMinimum": ("{value} is too small.", "The limit is {limits}."),
    "maximum": ("{value} is too large.", "The limit is {limits}."),
    "exclusiveMaximum": ("{value} is too large.", "The limit is {limits}."),
    "pattern": ("{value} does not have the form asked for.", "It must match {limits}."),
    "minLength": ("this is empty.", "Write something."),
    "maxLength": ("this is too long.", "At most {limits} characters."),
    "minItems": ("there are too few entries.", "Write at least {limits}."),
    "maxItems": ("there are too many entries.", "Write at most {limits}."),
    "minProperties": ("there are too few entries.", "Write at least {limits}."),
    "not": ("this key does not go with the protocol.", "Take it out, or correct the protocol."),
}


def _sentence(rule: str, error: "ValidationError") -> tuple[str, str]:
    value = error.instance
    limit = error.validator_value
    limits = [str(part) for part in limit] if isinstance(limit, list) else [str(limit)]
    if rule == "required":
        missing = [key for key in limits if not isinstance(value, dict) or key not in value]
        return f"{', '.join(map(repr, missing))} is missing.", "Add it."
    if rule == "type":
        wanted = " or ".join(TYPE_NAMES.get(name, name) for name in limits)
        what = (
            "nothing is written here." if value is None else f"{_shown(value)} has the wrong type."
        )
        return what, f"Write {wanted}."
    if rule in _SENTENCES:
        what, todo = _SENTENCES[rule]
        return what.format(value=_shown(value)), todo.format(limits=", ".join(limits))
    return f"{error.message}.", "See docs/extending.md."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
