"""Plain fields answer as graphql-core does: values, nulls, names, and every error."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

import orjson
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLObjectType, GraphQLResolveInfo, execute, parse
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from backend.application.graphql.plain_fields import PlainFirst, plain_fields
from backend.application.graphql.scalars import SCALARS, BigInt
from backend.application.graphql.schema import core_schema


@strawberry.enum
class Colour(Enum):
    """An enumeration."""

    RED = "RED"


@strawberry.type
class Inner:
    """An object below."""

    at: datetime


@strawberry.type
class Thing:
    """Attributes of every kind, and a resolver."""

    text: str
    number: int
    real: float | None
    money: Decimal
    big: BigInt
    colour: Colour
    words: list[str]
    inner: Inner | None

    @strawberry.field
    def worked_out(self) -> str:
        """By a resolver."""
        return self.text * 2


@strawberry.type
class Query:
    """The root."""

    things: list[Thing | None]


@dataclass
class Root:
    """What the query tells."""

    things: Sequence[object]


SCHEMA = core_schema(strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS)))
AT = datetime(2026, 3, 15, tzinfo=UTC)


def thing(**changed: object) -> Thing:
    """A thing with some attributes of its own, whatever their types say."""
    usual: dict[str, object] = {
        "text": "a", "number": 1, "real": None, "money": Decimal("1.50"), "big": BigInt(2**60),
        "colour": Colour.RED, "words": ["x"], "inner": Inner(at=AT),
    }  # fmt: skip
    return Thing(**{**usual, **changed})  # type: ignore[arg-type]


THINGS = [
    thing(),
    thing(real=0.1, number=-3),
    thing(text=None),
    thing(number="seven"),
    thing(number=2**40),
    thing(real=float("nan")),
    thing(colour="RED"),
    thing(money="none"),
    thing(inner=None),
    None,
]
SELECTIONS = [
    "text number real money big colour",
    "other: text text",
    "text @skip(if: true) number @include(if: true)",
    "__typename text",
    "text workedOut",
    "words inner { at }",
    "inner { at __typename }",
    "number",
    "...f } } fragment f on Thing { real ... { money",
]


def run(text: str, context: type[StrawberryGraphQLCoreExecutionContext]) -> bytes:
    """What an execution answers, errors and their places with it."""
    result = execute(SCHEMA, parse(text), Root(THINGS), executor_class=context)
    assert isinstance(result, ExecutionResult)
    told = [one.formatted for one in result.errors or ()]
    return orjson.dumps({"data": result.data, "errors": told})


@pytest.mark.parametrize("selection", SELECTIONS)
def test_every_answer_is_that_of_graphql_core(selection: str) -> None:
    text = f"{{ things {{ {selection} }} }}"
    assert run(text, PlainFirst) == run(text, StrawberryGraphQLCoreExecutionContext)


def test_plain_objects_are_answered_without_resolving(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []
    kind = SCHEMA.type_map["Inner"]
    assert isinstance(kind, GraphQLObjectType)
    real = kind.fields["at"].resolve
    assert real is not None

    def counted(source: object, info: GraphQLResolveInfo[None]) -> object:
        resolved.append(info.field_name)
        return real(source, info)

    monkeypatch.setattr(kind.fields["at"], "resolve", counted)
    run("{ things { inner { at } } }", PlainFirst)
    assert resolved == []
    run("{ things { inner { at __typename } } }", PlainFirst)
    assert resolved == ["at"] * 8


def test_a_type_that_works_something_out_has_its_plain_fields_all_the_same() -> None:
    kind = SCHEMA.type_map["Thing"]
    assert isinstance(kind, GraphQLObjectType)
    found = plain_fields(kind)
    assert set(found) == {"text", "number", "real", "money", "big", "colour"}
    assert {name for name, one in found.items() if not one.required} == {"real"}
