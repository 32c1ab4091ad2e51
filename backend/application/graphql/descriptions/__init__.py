"""What every element of the schema is, in both languages, by its coordinate.

English stands in the code where it says more than a plain attribute can: docstrings of types and
resolvers, `description=`. All other English and all Chinese stands in the JSON files beside this
one, a file a topic, a line an element:

    "Alarm": {"zh-CN": "..."}                          a type that its docstring describes
    "Alarm.raisedAt": {"en": "...", "zh-CN": "..."}    a field, an input's field, an enum's value
    "Query.project(id:)": {"en": "...", "zh-CN": "..."}   an argument

`common.json` says once what `*.createdAt` or `*(project:)` is wherever nothing else is said.
"""

import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
    is_specified_scalar_type,
)
from graphql.pyutils import register_description

from backend.core.texts import LOCALES

Element = GraphQLNamedType | GraphQLField | GraphQLInputField | GraphQLArgument | GraphQLEnumValue
Entry = Mapping[str, str]
FOLDER: Final = Path(__file__).parent
ENGLISH: Final = LOCALES[0]
_reader: ContextVar[str] = ContextVar("schema_reader", default=ENGLISH)


@cache
def catalogue() -> Mapping[str, Entry]:
    """All entries by coordinate, read when the first text is asked for.

    A coordinate that two files have, or one file twice, is a ValueError.
    """
    found: dict[str, Entry] = {}
    for file in sorted(FOLDER.glob("*.json")):
        pairs: list[tuple[str, Entry]] = json.loads(
            file.read_bytes(), object_pairs_hook=_entry_or_pairs
        )
        for coordinate, entry in pairs:
            if coordinate in found:
                raise ValueError(f"{file.name}: {coordinate} is described twice")
            found[coordinate] = entry
    return found


def _entry_or_pairs(pairs: list[tuple[str, object]]) -> object:
    """Keep a file as its pairs, so that a coordinate that stands in it twice is seen."""
    return dict(pairs) if all(isinstance(value, str) for _, value in pairs) else pairs


def common_key(coordinate: str) -> str:
    """Answer where `common.json` may describe it: `*.name` or `*(name:)`; a type has no such."""
    _, argument, name = coordinate.partition("(")
    if argument:
        return f"*({name}"
    kind, member, name = coordinate.partition(".")
    return f"*.{name}" if member else kind


def entry_of(coordinate: str, coded: str | None) -> Entry:
    """Answer what is said of an element; `coded` is its English in the code, if any.

    A common text stands for English in the code only where it says the very same.
    """
    own = catalogue().get(coordinate)
    common = catalogue().get(common_key(coordinate), {})
    if coded is None:
        return own or common
    if own is None and common.get(ENGLISH) == coded:
        return common
    return {ENGLISH: coded, **(own or {})}


class Described:
    """The description of one element, in the language of whoever reads the schema."""

    __slots__ = ("coded", "coordinate")

    def __init__(self, coordinate: str, coded: str | None) -> None:
        """Take the element's coordinate and its English in the code, if any."""
        self.coordinate = coordinate
        self.coded = coded

    def __str__(self) -> str:
        """Answer the text for the reader of this request."""
        return self.told(_reader.get())

    def told(self, language: str) -> str:
        """Answer the text in a language, in English where it has none."""
        entry = entry_of(self.coordinate, self.coded)
        return entry.get(language) or entry.get(ENGLISH, "")


register_description(Described)


def read_in(language: str) -> None:
    """Tell descriptions in this language for the rest of the request."""
    _reader.set(language)


def elements(schema: GraphQLSchema) -> Iterator[tuple[str, Element]]:
    """Walk everything that is ours, with its coordinate; GraphQL's own types are left out."""
    for name, kind in schema.type_map.items():
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind):
            yield name, kind
            yield from _members(name, kind)


def _members(name: str, kind: GraphQLNamedType) -> Iterator[tuple[str, Element]]:
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{name}.{value}", one) for value, one in kind.values.items())
    elif isinstance(kind, GraphQLInputObjectType):
        yield from ((f"{name}.{field}", one) for field, one in kind.fields.items())
    elif isinstance(kind, GraphQLObjectType):
        for field, one in kind.fields.items():
            yield f"{name}.{field}", one
            yield from ((f"{name}.{field}({key}:)", arg) for key, arg in one.args.items())


def describe(schema: GraphQLSchema) -> None:
    """Have introspection tell every element in the reader's language."""
    for coordinate, element in elements(schema):
        # graphql-core takes registered classes too, its types name str alone.
        element.description = Described(coordinate, element.description)  # type: ignore[assignment]


def write_out(schema: GraphQLSchema, language: str) -> None:
    """Have every element described by a plain text in one language, for a file of the schema."""
    for coordinate, element in elements(schema):
        told = Described(coordinate, element.description).told(language)
        element.description = told or None
