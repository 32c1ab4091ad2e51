"""What an operation costs, worked out from its document before it is executed.

The formula, published in docs/graphql.md: every field costs 1 each time it may be answered. Below
a list it counts as often as the list can have entries: as many as are asked for (`first`), as are
named (a list of identities as argument), else `LISTED`. A field over a span of time costs 1 more
for every `STEPS` of its periods, for each scope. A change costs `CHANGE` more. What describes the
schema costs `DESCRIBED`.

Most of it is the same whatever the variables are, so a document is priced once and only what
depends on variables is worked out for each request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    ValueNode,
    get_named_type,
    is_list_type,
    value_from_ast_untyped,
)

LISTED: Final = 20
"""Entries that a list is taken to have when the operation does not say."""
STEPS: Final = 100
"""Steps of a span of time that cost as much as a field."""
CHANGE: Final = 10
DESCRIBED: Final = 1_000
_LARGEST: Final = 100_000
"""Entries, and scopes of a span, that are believed at most: resolvers refuse more."""

PERIOD_S: Final[Mapping[str, float]] = {
    "QUARTER": 900,
    "HOUR": 3_600,
    "SHIFT": 8 * 3_600,
    "DAY": 86_400,
    "WEEK": 7 * 86_400,
    "MONTH": 30 * 86_400,
    "YEAR": 365 * 86_400,
}
"""Seconds of a period, near enough for a price."""

Variables = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Price:
    """What a part of an operation costs: a fixed sum, and parts that depend on variables."""

    fixed: int
    varying: tuple["Varying", ...] = ()

    def at(self, variables: Variables) -> int:
        """Answer the cost with these variables."""
        return self.fixed + sum(part.at(variables) for part in self.varying)


@dataclass(frozen=True, slots=True)
class Priced:
    """An operation's price, and what its variables are when the request names none."""

    price: Price
    defaults: Mapping[str, object]

    def at(self, variables: Variables | None) -> int:
        """Answer the cost with the variables of a request."""
        return self.price.at({**self.defaults, **(variables or {})})


@dataclass(frozen=True, slots=True)
class Varying:
    """A field whose size is said by variables, and what one of its entries costs."""

    arguments: Mapping[str, ValueNode]
    defaults: Mapping[str, object]
    listed: bool
    entry: Price

    def at(self, variables: Variables) -> int:
        """Answer the cost of the field with these variables."""
        said = _said(self.arguments, self.defaults, variables)
        entries = _entries(said) if self.listed else 1
        return 1 + _span(said) + entries * self.entry.at(variables)


def priced(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Priced:
    """Answer the price of a valid document's operation."""
    root = schema.get_root_type(operation.operation)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found = _Pricing(schema, fragments).selected(root, [operation.selection_set])
    fields = len(operation.selection_set.selections)
    changes = CHANGE * fields if operation.operation is OperationType.MUTATION else 0
    defaults = {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value is not None
    }
    return Priced(Price(found.fixed + changes, found.varying), defaults)


class _Pricing:
    """Walks the fields of an operation as they will be executed: each answer's name once."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self._schema = schema
        self._fragments = fragments

    def selected(
        self, kind: GraphQLNamedType | None, selections: Sequence[SelectionSetNode]
    ) -> Price:
        """Answer the price of what is selected of one object."""
        fields: dict[str, list[tuple[GraphQLField, FieldNode]]] = {}
        described = 0
        for owner, node in self._collected(kind, selections):
            name = node.name.value
            if name.startswith("__"):
                described += DESCRIBED if name == "__schema" else 1
            elif isinstance(owner, GraphQLObjectType | GraphQLInterfaceType):
                key = node.alias.value if node.alias else name
                fields.setdefault(key, []).append((owner.fields[name], node))
        return _sum(described, [self._field(found) for found in fields.values()])

    def _collected(
        self, kind: GraphQLNamedType | None, selections: Sequence[SelectionSetNode]
    ) -> list[tuple[GraphQLNamedType | None, FieldNode]]:
        found: list[tuple[GraphQLNamedType | None, FieldNode]] = []
        seen: set[str] = set()
        waiting = [(kind, selection) for selection in reversed(selections)]
        while waiting:
            owner, selection = waiting.pop()
            for node in selection.selections:
                if isinstance(node, FieldNode):
                    found.append((owner, node))
                elif isinstance(node, InlineFragmentNode):
                    waiting.append((self._condition(node, owner), node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                    seen.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    waiting.append((self._condition(fragment, owner), fragment.selection_set))
        return found

    def _condition(
        self,
        node: InlineFragmentNode | FragmentDefinitionNode,
        owner: GraphQLNamedType | None,
    ) -> GraphQLNamedType | None:
        if node.type_condition is None:
            return owner
        named = self._schema.type_map[node.type_condition.name.value]
        return named if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) else owner

    def _field(self, found: Sequence[tuple[GraphQLField, FieldNode]]) -> Price:
        field, first = found[0]
        below = [node.selection_set for _, node in found if node.selection_set is not None]
        entry = self.selected(get_named_type(field.type), below) if below else Price(0)
        varying = Varying(
            arguments={one.name.value: one.value for one in first.arguments or ()},
            defaults={
                name: argument.default_value
                for name, argument in field.args.items()
                if argument.default_value is not Undefined
            },
            listed=is_list_type(_nullable(field.type)),
            entry=entry,
        )
        if entry.varying or any(map(_varies, varying.arguments.values())):
            return Price(0, (varying,))
        return Price(varying.at({}))


def _sum(fixed: int, prices: Sequence[Price]) -> Price:
    return Price(
        fixed + sum(one.fixed for one in prices),
        tuple(part for one in prices for part in one.varying),
    )


def _nullable(kind: GraphQLOutputType) -> GraphQLOutputType:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _varies(node: ValueNode) -> bool:
    """Tell whether a value hangs on a variable."""
    waiting: list[object] = [node]
    while waiting:
        one = waiting.pop()
        kind = getattr(one, "kind", "")
        if kind == "variable":
            return True
        waiting.extend(getattr(one, "values", ()) or ())
        waiting.extend(field.value for field in getattr(one, "fields", ()) or ())
    return False


def _said(
    arguments: Mapping[str, ValueNode], defaults: Mapping[str, object], variables: Variables
) -> dict[str, object]:
    """Answer a field's arguments, those of an `input` beside the others."""
    said = dict(defaults)
    for name, node in arguments.items():
        said[name] = value_from_ast_untyped(node, dict(variables))
    inner = said.get("input")
    return {**said, **inner} if isinstance(inner, dict) else said


def _entries(said: Mapping[str, object]) -> int:
    """Answer how many entries a list may have."""
    first = said.get("first")
    if isinstance(first, int) and not isinstance(first, bool):
        return min(max(first, 0), _LARGEST)
    named = [len(value) for value in said.values() if isinstance(value, list)]
    return min(max(named), _LARGEST) if named else LISTED


def _span(said: Mapping[str, object]) -> int:
    """Answer what the steps of a span of time cost; 0 for a field that has none."""
    start, end = _instant(said.get("start")), _instant(said.get("end"))
    if start is None or end is None or end <= start:
        return 0
    steps = (end - start).total_seconds() / PERIOD_S.get(str(said.get("period")), 3_600)
    scopes = said.get("scopes")
    each = min(len(scopes), _LARGEST) if isinstance(scopes, list) else 1
    return int(steps * max(each, 1)) // STEPS


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
