"""The names of the JSON topics, `kilowise/<project>/...` (docs/integration.md).

Slugs never change, so neither do topics. What could not stand in a topic's level (a wildcard, `/`,
a control character, `%`) is written as `%` and its code in two hex digits. A point's name may
have levels of its own: `c2/ep_imp`.

    readings/<gateway>/<device>/<point>            last value, retained
    alarms/<alarm>                                 an alarm that is not normal, retained
    config/<gateway>                               its configuration document, retained
    commands/<credential>/<gateway>/<device>       a request to set a point of a device
    commands/results/<credential>/<id>             how far that request is

An MQTT 3.1.1 broker does not tell who published: the credential stands in the topic, and the broker
lets nobody else publish there.
"""

import re
from dataclasses import dataclass
from typing import Final

from backend.acquisition.credentials import THIRD_PARTIES

ROOT: Final = THIRD_PARTIES
UNREADABLE: Final = "_"
"""Stands for the identity of a request in which none can be found."""

_UNFIT = re.compile(r"[+#%/\x00-\x1f\x7f-\x9f]")
_WRITTEN = re.compile(r"%([0-9A-F]{2})")


def readings(project: str, gateway: str, device: str, point: str) -> str:
    """Answer where a point's last value is."""
    name = "/".join(level(part) for part in point.split("/"))
    return f"{ROOT}/{project}/readings/{level(gateway)}/{level(device)}/{name}"


def alarms(project: str, alarm: str) -> str:
    """Answer where an alarm is told; `alarm` is the outside identity of its definition."""
    return f"{ROOT}/{project}/alarms/{alarm}"


def config(project: str, gateway: str) -> str:
    """Answer where a gateway's configuration is told."""
    return f"{ROOT}/{project}/config/{level(gateway)}"


def requests(project: str, credential: str, gateway: str, device: str) -> str:
    """Answer where a credential asks to set points of a device."""
    return f"{ROOT}/{project}/commands/{credential}/{level(gateway)}/{level(device)}"


def every_request(project: str) -> str:
    """Answer the filter of all requests of a project (and of their results)."""
    return f"{ROOT}/{project}/commands/+/+/+"


def results(project: str, credential: str, request: str) -> str:
    """Answer where a credential hears how far a request is."""
    return f"{ROOT}/{project}/commands/results/{credential}/{request}"


@dataclass(frozen=True, slots=True)
class RequestTopic:
    """Who asks for a device of which gateway."""

    project: str
    credential: str
    gateway: str
    device: str


def parse_request(topic: str) -> RequestTopic | None:
    """Answer what a request's topic says; None for any other topic."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[0] != ROOT or parts[2] != "commands" or parts[3] == "results":
        return None
    return RequestTopic(parts[1], parts[3], unescaped(parts[4]), unescaped(parts[5]))


def level(text: str) -> str:
    """Answer a text as it stands in one level of a topic."""
    return _UNFIT.sub(lambda found: _escaped(found.group()), text)


def unescaped(text: str) -> str:
    """Answer the text that `level` was given."""
    return _WRITTEN.sub(lambda found: chr(int(found.group(1), 16)), text)


def _escaped(character: str) -> str:
    return f"%{ord(character):02X}"
