"""Every family of topics that third parties may meet, as rows; asyncapi.json is made of them."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from backend.acquisition.host_state import State
from backend.application.mqtt_api.messages import (
    Alarm,
    CommandRequest,
    CommandResult,
    Config,
    Reading,
)
from backend.service.integration.access import Scope
from gateway.contract import topics

Action = Literal["send", "receive"]
"""Of Kilowise: what it sends third parties hear."""


@dataclass(frozen=True, slots=True)
class Family:
    """Topics of one form. `message` is None for Sparkplug's own payload; `scope` is what a
    credential needs to hear them (or to speak, where Kilowise receives), None = nobody may.
    """

    name: str
    address: str
    action: Action
    message: type[msgspec.Struct] | None
    scope: Scope | None
    about: str
    qos: int = 0
    retain: bool = False


def _sparkplug(kind: str, about: str, *, device: bool = False) -> Family:
    level = "/{device}" if device else ""
    spoken_by_us = kind in {topics.NCMD, topics.DCMD}
    return Family(
        kind,
        f"{topics.NAMESPACE}/{{project}}/{kind}/{{gateway}}{level}",
        "send" if spoken_by_us else "receive",
        None,
        None if spoken_by_us else Scope.SPARKPLUG,
        about,
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        "readings",
        "kilowise/{project}/readings/{gateway}/{device}/{point}",
        "send",
        Reading,
        Scope.READINGS,
        "The last value of a point; a point of a circuit has a level more (`c2/ep_imp`).",
        retain=True,
    ),
    Family(
        "alarms",
        "kilowise/{project}/alarms/{alarm}",
        "send",
        Alarm,
        Scope.ALARMS,
        "An alarm as it is now, kept while it is not over; after its last message an empty one.",
        qos=1,
        retain=True,
    ),
    Family(
        "config",
        "kilowise/{project}/config/{gateway}",
        "send",
        Config,
        Scope.CONFIG,
        "Which configuration a gateway is to have, and which is in force.",
        qos=1,
        retain=True,
    ),
    Family(
        "commands",
        "kilowise/{project}/commands/{credential}/{gateway}/{device}",
        "receive",
        CommandRequest,
        Scope.COMMANDS,
        "Asks to set a point of a device; `credential` is the user name of who asks.",
        qos=1,
    ),
    Family(
        "results",
        "kilowise/{project}/commands/results/{credential}/{id}",
        "send",
        CommandResult,
        Scope.COMMANDS,
        "How far the request of this identity is.",
        qos=1,
    ),
    _sparkplug(topics.NBIRTH, "A gateway is there, with what it says of itself."),
    _sparkplug(topics.NDATA, "A gateway says something of itself."),
    _sparkplug(topics.NDEATH, "A gateway is gone."),
    _sparkplug(topics.NCMD, "What the platform tells a gateway: for it alone."),
    _sparkplug(topics.DBIRTH, "A device is there: names, aliases, units, values.", device=True),
    _sparkplug(topics.DDATA, "Samples of a device, by alias.", device=True),
    _sparkplug(topics.DDEATH, "A device is gone.", device=True),
    _sparkplug(
        topics.DCMD, "What the platform tells a device: for its gateway alone.", device=True
    ),
    Family(
        "STATE",
        "spBv1.0/STATE/{host}",
        "send",
        State,
        Scope.SPARKPLUG,
        "Whether the platform is there; `host` is `kilowise`.",
        qos=1,
        retain=True,
    ),
)
