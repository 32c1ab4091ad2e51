"""Random operations of the schema, the same ones for the same seed: valid in form, wild in values.

Schemathesis makes its GraphQL operations with hypothesis-graphql, which does not work with
graphql-core 3.3; this walks the schema in its stead. Arguments are of the type that is asked for,
most of them possible, some at the bounds of what the type can hold.
"""

import random
from collections.abc import Sequence

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

DEEPEST = 5
WORDS = ("", "a", "électricité", "电", "x" * 300, "\\u0000", "'; DROP TABLE meter; --", "%s", "{}")
NUMBERS = ("0", "1", "-1", "50", "2147483647", "-2147483648")
INSTANTS = (
    "2026-03-14T16:00:00Z",
    "2026-03-15T16:00:00Z",
    "2026-01-01T00:00:00+08:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)
SCALARS = {
    "Int": NUMBERS,
    "Float": ("0", "-1.5", "1e308", "0.1"),
    "Boolean": ("true", "false"),
    "String": WORDS,
    "DateTime": INSTANTS,
    "Date": ("2026-03-15", "0001-01-01", "9999-12-31"),
    "Decimal": ("0", "-1", "12.5", "1E+40", "0.000000001", "NaN", "Infinity"),
    "BigInt": ("0", "-1", "9223372036854775807", "99999999999999999999999"),
    "JSON": ("{}", "[]", "null", '{a: 1, b: ["x"]}', '"x"'),
}
BARE = {"Int", "Float", "Boolean", "JSON"}
"""Scalars that are written without quotes."""
KNOWN_WORDS = ("electricity", "natural_gas", "acme", "organisation", "administrator", "test/valve")


class RandomOperations:
    """Makes operations; `ids` are identities of things that exist."""

    def __init__(self, schema: GraphQLSchema, seed: int, ids: Sequence[str]) -> None:
        """Take the schema, where chance begins, and what identities are taken from."""
        self._schema = schema
        self._random = random.Random(seed)
        self._ids = [*ids, "", "mtr_0", "\\u0000", "nothing", "acme"]

    def operation(self, root: str, field: str) -> str:
        """Answer an operation of one field of `query`, `mutation` or of the project."""
        if root == "Project":
            inner = self._field(field, self._object("Project").fields[field], 1)
            return f'query {{ project(id: "acme") {{ {inner} }} }}'
        found = self._object(root).fields[field]
        return f"{root.lower()} {{ {self._field(field, found, 0)} }}"

    def _object(self, name: str) -> GraphQLObjectType:
        found = self._schema.type_map[name]
        assert isinstance(found, GraphQLObjectType)
        return found

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        wanted = {
            one: argument
            for one, argument in field.args.items()
            if is_required_argument(argument) or self._random.random() < 0.7
        }
        arguments = self._arguments(wanted)
        kind = get_named_type(field.type)
        inner = self._selection(kind, depth) if isinstance(kind, GraphQLObjectType) else ""
        return name + (f"({arguments})" if arguments else "") + inner

    def _selection(self, kind: GraphQLObjectType, depth: int) -> str:
        if depth >= DEEPEST:
            return " { __typename }"
        names = sorted(kind.fields)
        chosen = self._random.sample(names, min(len(names), self._random.randint(1, 6)))
        parts = [self._field(name, kind.fields[name], depth + 1) for name in chosen]
        return " { __typename " + " ".join(parts) + " }"

    def _arguments(self, wanted: dict[str, GraphQLArgument]) -> str:
        found = {
            name: '"acme"' if name == "project" else self._value(one.type)
            for name, one in wanted.items()
        }
        return ", ".join(f"{name}: {text}" for name, text in found.items())

    def _value(self, kind: object) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type)
        if isinstance(kind, GraphQLList):
            count = self._random.choice((0, 1, 1, 2, 3))
            return "[" + ", ".join(self._value(kind.of_type) for _ in range(count)) + "]"
        if isinstance(kind, GraphQLEnumType):
            name: str = self._random.choice(sorted(kind.values))
            return name
        if isinstance(kind, GraphQLInputObjectType):
            return self._input(kind.fields)
        return self._scalar(str(kind))

    def _input(self, fields: dict[str, GraphQLInputField]) -> str:
        found = {
            name: '"acme"' if name == "project" else self._value(one.type)
            for name, one in fields.items()
            if is_required_input_field(one) or self._random.random() < 0.6
        }
        return "{" + ", ".join(f"{name}: {text}" for name, text in found.items()) + "}"

    def _scalar(self, name: str) -> str:
        if name == "ID":
            return f'"{self._random.choice(self._ids)}"'
        if name == "String" and self._random.random() < 0.5:
            return f'"{self._random.choice(KNOWN_WORDS)}"'
        text = self._random.choice(SCALARS[name])
        return text if name in BARE else f'"{text}"'
