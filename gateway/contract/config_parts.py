"""What a configuration document from the platform may say, checked on both sides of the wire.

A gateway's own file says who the gateway is and where its platform is; a document says what it
reads. What could cut the gateway off for good is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.contract.documents import (
    Document,
    DocumentFault,
    Problem,
    check_document,
    parse_document,
)
from gateway.contract.profile_file import parse_profile

PROFILES = "profiles"
MQTT = "mqtt"
ALLOWED = frozenset(
    {
        "devices", "lines", "timeout_s", "heartbeat_s", "register_every_s", "gauge_every_s",
        "contact_min", "data_budget", "outputs", "platform_lost",
    }
)  # fmt: skip
"""What goes over the file's own; beside it `profiles` and the URL of `mqtt`."""
SCHEMA_FILE = Path(__file__).with_name("gateway.schema.json")


@dataclass(frozen=True, slots=True)
class Parts:
    """A document taken apart: what goes over the file's own keys, the broker, the profiles."""

    document: Document
    says: Mapping[str, object]
    broker: Mapping[str, object] | None
    """`{"url": ...}` when the gateway is to move to another broker."""
    profiles: Mapping[str, str]
    """YAML texts by `vendor/model`."""


def read_parts(name: str, text: str) -> Parts:
    """Read a document; DocumentFault for what it may not say. `name` stands for it in messages."""
    document = parse_document(name, text)
    data = document.data
    if not isinstance(data, dict):
        fault = document.problem((), "this is no configuration.", "Write keys and values.")
        raise DocumentFault([fault])
    broker = _broker_url(document, data)
    for key in data:
        if key not in {*ALLOWED, PROFILES, MQTT}:
            todo = f"Allowed: {', '.join(sorted(ALLOWED | {PROFILES, MQTT}))}."
            what = f"{key!r} is for the gateway's own file."
            raise DocumentFault([document.problem((str(key),), what, todo)])
    says = {str(key): value for key, value in data.items() if key in ALLOWED}
    return Parts(document, says, broker, _profiles(document, data.get(PROFILES, {})))


def check_parts(parts: Parts) -> list[Problem]:
    """Where a document departs from the schema of configurations, whatever its gateway's file."""
    anybody = {"project": "x", "node": "x", "devices": []}
    whole = Document(parts.document.file, {**anybody, **parts.says}, parts.document.lines)
    return check_document(whole, config_schema())


@cache
def config_schema() -> Mapping[str, object]:
    """The JSON schema of a configuration file."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    if not isinstance(schema, dict):
        raise TypeError(f"{SCHEMA_FILE} is not a JSON object")
    return schema


def _broker_url(document: Document, data: Mapping[str, object]) -> Mapping[str, object] | None:
    said = data.get(MQTT)
    if said is None:
        return None
    if not isinstance(said, dict) or set(said) != {"url"}:
        what = "of mqtt only the url can be pushed."
        raise DocumentFault([document.problem((MQTT,), what, "Take the rest out.")])
    return said


def _profiles(document: Document, said: object) -> Mapping[str, str]:
    if not isinstance(said, dict) or not all(
        isinstance(name, str) and isinstance(text, str) for name, text in said.items()
    ):
        what = "profiles are texts by vendor/model."
        raise DocumentFault([document.problem((PROFILES,), what, "Write them as block texts.")])
    given = {str(name): str(text) for name, text in said.items()}
    problems = []
    for name, text in given.items():
        try:
            parse_profile(name, text)
        except DocumentFault as fault:
            problems += fault.problems
    if problems:
        raise DocumentFault(problems)
    return given
