"""What operations cost, by the formula of docs/graphql.md."""

from pathlib import Path

import pytest
from graphql import GraphQLObjectType, OperationDefinitionNode, build_schema, parse

from backend.application.graphql.cost import CHANGE, DESCRIBED, LISTED, STEPS, priced

SCHEMA = build_schema("""
type Query { plant(id: ID!): Plant now: String }
type Mutation { rename(id: ID!): Plant }
type Plant {
  id: ID! name: Name
  meters: [Meter!]! some(ids: [ID!]): [Meter] last(first: Int): [Meter!]
  series(start: String, end: String, period: String): String
  curves(input: Span!): [Curve!]!
}
type Meter { id: ID! plant: Plant! values: [Value!]! }
type Value { at: String value: Float }
type Curve { values: String unit: String }
type Name { en: String zh: String }
input Span { scopes: [ID!]! start: String end: String period: String }
""")
PLANT = SCHEMA.get_type("Plant")
assert isinstance(PLANT, GraphQLObjectType)
PLANT.fields["last"].args["first"].default_value = 50  # as strawberry does
DOCS = Path(__file__).parents[2] / "docs" / "graphql.md"
YEAR = {"start": "2025-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z", "period": "HOUR"}


def cost(text: str, **variables: object) -> int:
    """The cost of the first operation of a text."""
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return priced(SCHEMA, document, operation).at(variables)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("{ now }", 1),
        ("{ now again: now }", 2),
        ('{ plant(id: "a") { id name { en zh } } }', 1 + 1 + 3),
        ('{ plant(id: "a") { meters { id } } }', 1 + 1 + LISTED),
        ('{ plant(id: "a") { meters { id values { at } } } }', 2 + LISTED * (1 + 1 + LISTED)),
        ('{ plant(id: "a") { last { id } } }', 1 + 1 + 50),
        ('{ plant(id: "a") { last(first: 3) { id } } }', 1 + 1 + 3),
        ('{ plant(id: "a") { last(first: -3) { id } } }', 1 + 1),
        ('{ plant(id: "a") { some(ids: ["a", "b"]) { id } } }', 1 + 1 + 2),
        ('mutation { rename(id: "a") { id } }', 1 + 1 + CHANGE),
        ("{ __schema { types { name } } }", DESCRIBED),
        ("{ __typename now }", 2),
    ],
)
def test_each_rule_of_the_formula(text: str, due: int) -> None:
    assert cost(text) == due


def test_variables_say_how_much() -> None:
    listed = "query ($n: Int = 7, $ids: [ID!]) { plant(id: 1) { %s { id } } }"
    assert cost(listed % "last(first: $n)", n=4) == 2 + 4
    assert cost(listed % "last(first: $n)") == 2 + 7
    assert cost(listed % "last(first: $n)", n="nonsense") == 2 + LISTED
    assert cost(listed % "some(ids: $ids)", ids=["a", "b", "c"]) == 2 + 3


def test_a_span_costs_its_steps_for_each_scope() -> None:
    hours = 'plant(id: "a") { series(start: $start, end: $end, period: $period) }'
    query = f"query ($start: String, $end: String, $period: String) {{ {hours} }}"
    assert cost(query, **YEAR) == 2 + 8760 // 100
    assert cost(query, **(YEAR | {"period": "MONTH"})) == 2
    assert cost(query, **(YEAR | {"end": "no time"})) == 2
    curves = 'query ($i: Span!) { plant(id: "a") { curves(input: $i) { values unit } } }'
    assert cost(curves, i={**YEAR, "scopes": ["a"] * 5}) == 2 + 5 * 8760 // 100 + 5 * 2
    assert cost(curves, i={**YEAR, "scopes": []}) == 2 + 8760 // 100


def test_what_is_answered_once_is_counted_once() -> None:
    twice = '{ plant(id: "a") { id ...f ...f } } fragment f on Plant { id name { en ...n } }'
    assert cost(twice + " fragment n on Name { en zh }") == 1 + 1 + 3
    many = "".join(f"fragment f{n} on Plant {{ ...f{n + 1} ...f{n + 1} }} " for n in range(60))
    assert cost('{ plant(id: "a") { ...f0 } } ' + many + "fragment f60 on Plant { id }") == 2
    assert cost('{ plant(id: "a") { ... on Plant { id } ... { name { en } } } }') == 4


def test_the_published_formula_has_these_numbers() -> None:
    text = DOCS.read_text()
    for number in (LISTED, STEPS, CHANGE, DESCRIBED):
        assert f"**{number:,}**" in text
    assert cost('{ plant(id: "a") { meters { id values { at } } } }') == 2 + 20 * 22
