"""What is known of schemas without jsonschema is what jsonschema says."""

from collections.abc import Iterator, Mapping

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.contract.config_parts import config_schema
from gateway.contract.conformity import NOTES, RULES, UnknownKeyword, conforms
from gateway.contract.profile_file import SHIPPED, profile_schema
from tests.gateway.damage import damaged

NAMED = ("properties", "$defs")
"""Keywords below which names stand, not keywords."""
PROFILES = [yaml.safe_load(file.read_text("utf-8")) for file in sorted(SHIPPED.glob("*/*.yaml"))]
CONFIGURATION = yaml.safe_load("""
project: works
node: gateway-1
mqtt: {url: "mqtts://broker.example:8883", certificate: c.pem}
lines: {bus: {serial: /dev/ttyS1, baud: 9600, options: {a: 1, b: yes}}}
data_budget: {mb_per_month: 500, start_day: 3}
timeout_s: 0.5
devices:
  - {slug: m1, profile: eastron/sdm630, host: 192.0.2.1, unit: 1, poll_s: 5, deadbands: {p: 1%}}
  - slug: m2
    profile: chint/dtsu666
    line: bus
    unit: 2
    pt: 100
    ct: 40.5
    derived: [{key: sum, unit: kW, expression: p * 2}]
    alarms: [{name: hot, point: p, above: 4, delay_s: 2}]
""")
CASES = [(config_schema(), CONFIGURATION), *((profile_schema(), one) for one in PROFILES)]


def keywords(schema: object) -> Iterator[str]:
    """Every keyword of a schema."""
    if isinstance(schema, Mapping):
        for key, inner in schema.items():
            yield key
            for below in inner.values() if key in NAMED else [inner]:
                yield from keywords(below)
    elif isinstance(schema, list):
        for inner in schema:
            yield from keywords(inner)


@pytest.mark.parametrize("schema", [config_schema(), profile_schema()], ids=["config", "profile"])
def test_every_keyword_of_our_schemas_is_known(schema: Mapping[str, object]) -> None:
    assert set(keywords(schema)) <= set(RULES) | NOTES


def test_what_is_whole_conforms() -> None:
    for schema, document in CASES:
        assert Draft202012Validator(schema).is_valid(document)
        assert conforms(document, schema, schema)


@settings(max_examples=300)
@given(data=st.data())
def test_damage_is_judged_as_jsonschema_judges_it(data: st.DataObject) -> None:
    schema, whole = data.draw(st.sampled_from(CASES))
    document = damaged(data, whole)
    assert conforms(document, schema, schema) is Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize(
    ("schema", "value", "good"),
    [
        ({"type": "integer"}, 3.0, True),
        ({"type": "integer"}, True, False),
        ({"type": "number"}, 3.5, True),
        ({"enum": [1]}, True, False),
        ({"enum": [1]}, 1.0, True),
        ({"const": "a"}, "a", True),
        ({"minimum": 2}, "text", True),
        ({"minimum": 2}, 1.9, False),
        ({"exclusiveMinimum": 2}, 2, False),
        ({"maximum": 2}, True, True),
        ({"pattern": "^b"}, "ab", False),
        ({"minLength": 1}, "", False),
        ({"maxLength": 1}, ["a", "b"], True),
        ({"maxItems": 1}, [1, 2], False),
        ({"minProperties": 1}, {}, False),
        ({"required": ["a"]}, {"b": 1}, False),
        ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1, 2: 3}, False),
        ({"items": {"not": {}}}, [], True),
        ({"oneOf": [{"type": "number"}, {"minimum": 0}]}, 1, False),
        ({"anyOf": [{"type": "number"}, {"minimum": 0}]}, "a", True),
        ({"if": {"type": "null"}, "else": {"type": "string"}}, 1, False),
        ({"if": {"type": "null"}, "then": {"const": 1}}, 1, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, None, True),
    ],
)
def test_each_keyword(schema: Mapping[str, object], value: object, good: bool) -> None:
    assert Draft202012Validator(schema).is_valid(value) is good
    assert conforms(value, schema, schema) is good


def test_an_unknown_keyword_is_no_guess() -> None:
    with pytest.raises(UnknownKeyword):
        conforms(1, {"multipleOf": 2}, {})
