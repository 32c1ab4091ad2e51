"""Operations that visit every field of the schema: one a type, by a path that leads to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_argument,
)

from tests.graphql.walk.table import Table

ROOTS = {"Query", "Mutation", "Subscription"}


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way to a type."""

    parent: str
    field: str
    args: str

    @property
    def name(self) -> str:
        """As the table names it."""
        return f"{self.parent}.{self.field}"

    @property
    def text(self) -> str:
        """As it is asked."""
        return self.field + (f"({self.args})" if self.args else "")


Path = tuple[Step, ...]


class Selections:
    """The schema with what the table says of arguments."""

    def __init__(self, schema: GraphQLSchema, table: Table) -> None:
        """Look where each type is reached from."""
        self._schema = schema
        self._args = _arguments(table)
        self.paths: dict[str, list[Path]] = {"Query": [()]}
        waiting = ["Query"]
        while waiting:
            parent = waiting.pop(0)
            for name, kind, step in self._objects(parent):
                known = name in self.paths
                self.paths.setdefault(name, []).append((*self.paths[parent][0], step))
                if not known and kind is not None:
                    waiting.append(name)

    def objects(self) -> Iterator[GraphQLObjectType]:
        """Answer the object types of the schema but its roots."""
        for kind in self._schema.type_map.values():
            if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
                yield kind

    def fields(self, kind: str) -> list[str]:
        """Answer the fields of a type that can be asked with what the table says."""
        found = self._schema.type_map[kind]
        assert isinstance(found, GraphQLObjectType)
        return [name for name, one in found.fields.items() if self._askable(kind, name, one)]

    def inside(self, kind: GraphQLNamedType, *, below: int = 0) -> str:
        """Answer a selection of all fields of a type; of types that no query reaches, all below."""
        if not isinstance(kind, GraphQLObjectType):
            return ""
        parts = [self.asked(kind.name, name, below=below) for name in self.fields(kind.name)]
        return " { " + " ".join(["__typename", *parts]) + " }"

    def asked(self, kind: str, name: str, *, below: int = 0) -> str:
        """Answer one field of a type as `inside` asks it."""
        inner = self.result(kind, name)
        text = Step(kind, name, self._args.get(f"{kind}.{name}", "")).text
        if isinstance(inner, GraphQLObjectType):
            deeper = inner.name not in self.paths and below < 4
            text += self.inside(inner, below=below + 1) if deeper else " { __typename }"
        return text

    def shown(self, root: str, field: str) -> str:
        """Answer the selection that only shows whether there is something."""
        object_ = isinstance(self.result(root, field), GraphQLObjectType)
        return " { __typename }" if object_ else ""

    def visited(self, kind: GraphQLNamedType) -> set[str]:
        """Answer the fields that `inside` visits, as Type.field."""
        if not isinstance(kind, GraphQLObjectType):
            return set()
        found = set()
        for name in self.fields(kind.name):
            found.add(f"{kind.name}.{name}")
            inner = get_named_type(kind.fields[name].type)
            if inner.name not in self.paths and inner is not kind:
                found |= self.visited(inner)
        return found

    def result(self, root: str, field: str) -> GraphQLNamedType:
        """Answer what a field of a root type tells."""
        kind = self._schema.type_map[root]
        assert isinstance(kind, GraphQLObjectType)
        found: GraphQLNamedType = get_named_type(kind.fields[field].type)
        return found

    def operation(self, path: Path, kind: str) -> str:
        """Answer the query that visits a type's fields at the end of a path."""
        text = self.inside(self._schema.type_map[kind])
        for step in reversed(path):
            text = f" {{ {step.text}{text} }}"
        return text

    def _objects(self, parent: str) -> Iterator[tuple[str, GraphQLObjectType | None, Step]]:
        kind = self._schema.type_map[parent]
        assert isinstance(kind, GraphQLObjectType)
        for name in self.fields(parent):
            inner = get_named_type(kind.fields[name].type)
            if isinstance(inner, GraphQLObjectType):
                args = self._args.get(f"{parent}.{name}", "")
                yield inner.name, inner, Step(parent, name, args)

    def _askable(self, kind: str, name: str, field: GraphQLField) -> bool:
        required = any(is_required_argument(one) for one in field.args.values())
        return not required or f"{kind}.{name}" in self._args


def _arguments(table: Table) -> Mapping[str, str]:
    args = dict(table.args)
    for kind, rows in (("Query", table.query), ("Project", table.project)):
        args |= {f"{kind}.{name}": row.args for name, row in rows.items() if row.args}
    return args


def reached(data: object, path: Path) -> bool:
    """Tell whether something stands at the end of a path in an answer's data."""
    if not path:
        return data is not None
    if isinstance(data, list):
        return any(reached(one, path) for one in data)
    return isinstance(data, dict) and reached_in(data, path)


def reached_in(data: Mapping[str, object], path: Path) -> bool:
    """Tell the same of one object."""
    inner = data.get(path[0].field)
    found = [one for one in inner if one is not None] if isinstance(inner, list) else inner
    return bool(found) and reached(found, path[1:])
