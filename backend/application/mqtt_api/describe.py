"""`python -m backend.application.mqtt_api.describe` writes `asyncapi.json`.

AsyncAPI 3 of everything that is said over MQTT: the rows of families.py with the schemas of their
messages. Kilowise is the application described: it sends what third parties hear.
"""

import json
import re
import sys
from importlib import resources
from pathlib import Path

import msgspec

from backend.application.mqtt_api.families import FAMILIES, Family

PARAMETERS = {
    "project": "The project's slug; it never changes.",
    "gateway": "The gateway's slug; it never changes.",
    "device": "The device's slug below its gateway; it never changes.",
    "point": "The point's name, for instance `p` or `ep_imp`; `c2/ep_imp` for a circuit.",
    "alarm": "The alarm's definition, `ald_...`.",
    "credential": "The credential's identity `mqt_...`, which is its user name.",
    "id": "The identity of the request; `_` where none could be read.",
    "host": "The host's identity.",
}
ABOUT = (
    "Last values, alarms, configurations and commands of industrial plants over MQTT 3.1.1, as JSON"
    " and as Sparkplug B 3.0. docs/integration.md tells how to get a credential."
)
PROTOBUF = "application/vnd.google.protobuf;version=2"
Json = dict[str, object]


def describe() -> str:
    """Answer the description (AsyncAPI 3.0) as JSON."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> Json:
    """Answer the description."""
    messages = [one.message for one in FAMILIES if one.message is not None]
    _, schemas = msgspec.json.schema_components(
        messages, ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Kilowise", "version": "1", "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example.com:1883",
                "protocol": "mqtt",
                "protocolVersion": "3.1.1",
                "description": "The broker of this installation.",
                "security": [{"$ref": "#/components/securitySchemes/credential"}],
            }
        },
        "channels": {one.name: _channel(one) for one in FAMILIES},
        "operations": {f"{one.action}_{one.name}": _operation(one) for one in FAMILIES},
        "components": {
            "schemas": schemas,
            "messages": {name: body for one in FAMILIES for name, body in [_message(one)]},
            "securitySchemes": {
                "credential": {
                    "type": "userPassword",
                    "description": "User name: the credential's identity; password: its secret.",
                }
            },
        },
    }


def _channel(one: Family) -> Json:
    name, _ = _message(one)
    named = re.findall(r"\{(\w+)\}", one.address)
    return {
        "address": one.address,
        "description": one.about,
        "parameters": {part: {"description": PARAMETERS[part]} for part in named},
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _operation(one: Family) -> Json:
    name, _ = _message(one)
    return {
        "action": one.action,
        "channel": {"$ref": f"#/channels/{one.name}"},
        "summary": one.about,
        "description": _who(one),
        "messages": [{"$ref": f"#/channels/{one.name}/messages/{name}"}],
        "bindings": {"mqtt": {"qos": one.qos, "retain": one.retain, "bindingVersion": "0.2.0"}},
    }


def _who(one: Family) -> str:
    if one.scope is None:
        return "No credential of a third party hears or says it."
    verb = "say" if one.action == "receive" and one.message is not None else "hear"
    return f"Credentials with the scope {one.scope.name} {verb} it."


def _message(one: Family) -> tuple[str, Json]:
    if one.message is None:
        return "Payload", {
            "title": "Sparkplug B payload",
            "contentType": "application/octet-stream",
            "payload": {"schemaFormat": PROTOBUF, "schema": _sparkplug()},
        }
    name = one.message.__name__
    return name, {
        "title": name,
        "summary": (one.message.__doc__ or "").splitlines()[0],
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _sparkplug() -> str:
    return (resources.files("gateway.contract") / "sparkplug.proto").read_text()


def main() -> None:
    """Write the description to the file named, or to `asyncapi.json` here."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "asyncapi.json")
    target.write_text(describe(), encoding="utf-8")


if __name__ == "__main__":
    main()
