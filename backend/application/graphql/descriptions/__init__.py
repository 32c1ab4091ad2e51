"""What every element of the schema is, in both languages, by its coordinate.

English stands in the code where it says more than a plain attribute can: docstrings of types and
resolvers, `description=`. All other English and all Chinese stands in the JSON files beside this
one, a file a topic, a line an element:

    "Alarm": {"zh-CN": "..."}                          a type that its docstring describes
    "Alarm.raisedAt": {"en": "...", "zh-CN": "..."}    a field, an input's field, an enum's value
    "Query.project(id:)": {"en": "...", "zh-CN": "..."}   an argument

`common.json` says once what `*.createdAt` or `*(project:)` is wherever nothing else is said
(backend/application/entries.py).
"""

from collections.abc import Iterator
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

from backend.application.entries import ENGLISH, Entries, Entry, entry_of, read_entries, told

Element = GraphQLNamedType | GraphQLField | GraphQLInputField | GraphQLArgument | GraphQLEnumValue
FOLDER: Final = Path(__file__).parent
_reader: ContextVar[str] = ContextVar("schema_reader", default=ENGLISH)


@cache
def catalogue() -> Entries:
    """All entries by coordinate, read when the first text is asked for."""
    return read_entries(FOLDER)


def common_key(coordinate: str) -> str:
    """Answer where `common.json` may describe it: `*.name` or `*(name:)`; a type has no such."""
    _, argument, name = coordinate.partition("(")
    if argument:
        return f"*({name}"
    kind, member, name = coordinate.partition(".")
    return f"*.{name}" if member else kind


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
        return told(self.entry(), language)

    def entry(self) -> Entry:
        """Answer what is said of the element, by language."""
        return entry_of(catalogue(), self.coordinate, common_key(self.coordinate), self.coded)


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
        element.description = Described(coordinate, element.description).told(language) or None
