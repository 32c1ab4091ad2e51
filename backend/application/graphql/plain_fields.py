"""Objects of which only attributes are asked: answered without the machinery that resolvers need.

A live frame of forty points is a hundred and sixty fields, and all of them are attributes that hold
scalars. Where every field asked of an object is such a one it is answered here. Anything else (a
resolver, an object, a null that must not be, a value that is none of its type) goes the way of
graphql-core, which also words the errors.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    Undefined,
)
from graphql.execution.collect_fields import DeferUsage, GroupedFieldSet
from graphql.execution.incremental.incremental_executor import DeliveryGroup
from graphql.pyutils import AwaitableOrValue, Path, RefMap
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

Deferred = RefMap[DeferUsage, DeliveryGroup] | None
_KEY: Final = "kilowise-plain-fields"


class Plain(NamedTuple):
    """How a field is answered: its attribute, what makes JSON of it, and whether null is wrong."""

    attribute: str
    coerce: Callable[[object], object]
    required: bool


def plain_fields(kind: GraphQLObjectType) -> Mapping[str, Plain]:
    """Answer the fields of a type that only show an attribute, by name; made once a type."""
    found: Mapping[str, Plain] | None = kind.extensions.get(_KEY)
    if found is None:
        fields = ((name, _plain(field)) for name, field in kind.fields.items())
        found = {name: plain for name, plain in fields if plain is not None}
        kind.extensions[_KEY] = found
    return found


def _plain(field: GraphQLField) -> Plain | None:
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField) or not definition.is_basic_field or field.args:
        return None
    required = isinstance(field.type, GraphQLNonNull)
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if not isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return None
    return Plain(definition.python_name, kind.coerce_output_value, required)


def answer(
    kind: GraphQLObjectType, source: object, asked: GroupedFieldSet
) -> dict[str, object] | None:
    """Answer an object of which only plain fields are asked; None where graphql-core must."""
    plain = plain_fields(kind)
    results: dict[str, object] = {}
    for shown_as, details in asked.items():
        field = plain.get(details[0].node.name.value)
        if field is None:
            return None
        value = getattr(source, field.attribute, None)
        if value is not None:
            try:
                value = field.coerce(value)
            except (GraphQLError, AttributeError, TypeError, ValueError):
                return None
        if value is Undefined or (value is None and field.required):
            return None
        results[shown_as] = value
    return results


class PlainFirst(StrawberryGraphQLCoreExecutionContext):
    """Executes objects of plain fields at once, everything else as graphql-core does."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Deferred,
    ) -> AwaitableOrValue[dict[str, object]]:
        """Answer the fields of one object."""
        plain = answer(parent_type, source_value, grouped_field_set)
        if plain is not None:
            return plain
        found: AwaitableOrValue[dict[str, object]] = super().execute_fields(
            parent_type, source_value, path, grouped_field_set, position_context
        )
        return found
