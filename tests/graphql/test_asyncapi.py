"""asyncapi.json is what AsyncAPI demands, and what is really said."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from backend.application.mqtt_api.describe import document
from backend.application.mqtt_api.families import FAMILIES
from backend.application.mqtt_api.messages import CommandRequest, Reading
from backend.service.integration import topics
from tests.npm import ROOT, cached
from tests.postgres import NOW

TEXT = (ROOT / "asyncapi.json").read_text()
DOCUMENT: dict[str, object] = json.loads(TEXT)
SPECS = "node_modules/@asyncapi/specs/schemas/3.0.0.json"


def valid(name: str, body: object) -> bool:
    """Whether a message is valid by the schema of this name in the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    return bool(validator.is_valid(body))


def test_it_is_valid_by_the_official_schema() -> None:
    folder = cached(Path(__file__).with_name("integration"))
    schema = json.loads((folder / SPECS).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(json.loads(TEXT))
    broken = json.loads(TEXT)
    del broken["operations"]["send_readings"]["action"]
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(broken)


def test_every_reference_leads_somewhere() -> None:
    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [one for inner in part.values() for one in references(inner)]
        if isinstance(part, list):
            return [one for inner in part for one in references(inner)]
        return []

    found = references(DOCUMENT)
    assert "#/components/messages/Reading" in found
    for reference in found:
        at: object = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(at, dict)
            at = at[step]


def test_it_is_committed_as_it_is_made() -> None:
    assert document() == DOCUMENT


def test_addresses_are_those_that_are_spoken() -> None:
    addresses = {one.name: one.address for one in FAMILIES}
    said = {
        "readings": topics.readings("{project}", "{gateway}", "{device}", "{point}"),
        "alarms": topics.alarms("{project}", "{alarm}"),
        "config": topics.config("{project}", "{gateway}"),
        "commands": topics.requests("{project}", "{credential}", "{gateway}", "{device}"),
        "results": topics.results("{project}", "{credential}", "{id}"),
    }
    assert said == {name: addresses[name] for name in said}


def test_messages_are_valid_by_their_schemas() -> None:
    reading = json.loads(msgspec.json.encode(Reading(12.5, "kW", "good", NOW)))
    assert valid("Reading", reading)
    assert not valid("Reading", {**reading, "quality": "excellent"})
    request = json.loads(msgspec.json.encode(CommandRequest("a", "p", 1.0)))
    assert valid("CommandRequest", request)
    for wrong in ({"id": "a b"}, {"not_after_seconds": 0}, {"more": 1}, {"value": "1"}):
        assert not valid("CommandRequest", {**request, **wrong})
