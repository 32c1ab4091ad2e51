"""What is said on the JSON topics; asyncapi.json is generated from these classes.

Times are ISO 8601 in UTC. A field that is unknown is null.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Quality = Literal["good", "estimated", "substituted", "manual", "suspect", "missing"]
AlarmState = Literal["UNACK", "ACKED", "RTNUN", "NORM"]
AlarmEvent = Literal["raised", "acknowledged", "cleared", "severity"]
CommandState = Literal[
    "refused",
    "waiting",
    "sent",
    "accepted",
    "rejected",
    "written",
    "verified",
    "expired",
    "failed",
]
Identity = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="Chosen by who asks: sent twice it is one command.",
    ),
]
Name = Annotated[dict[str, str], Meta(description="By language: en, zh-CN.")]


class Reading(msgspec.Struct, frozen=True):
    """The last value of a point."""

    value: Annotated[float | None, Meta(description="In `unit`; null where there is none.")]
    unit: str
    quality: Quality
    at: Annotated[datetime, Meta(description="When the meter was read.")]


class AlarmStep(msgspec.Struct, frozen=True):
    """One step of an alarm through its states (ISA-18.2)."""

    state: AlarmState
    event: AlarmEvent
    at: datetime


class Alarm(msgspec.Struct, frozen=True):
    """One raising of an alarm, as it is now, with all its steps so far."""

    id: Annotated[str, Meta(description="`alm_...`, as GraphQL has it.")]
    kind: str
    name: Name
    priority: Annotated[int, Meta(ge=1, le=4, description="1 is the highest.")]
    state: Annotated[
        AlarmState,
        Meta(description="UNACK: raised, ACKED: taken, RTNUN: over and not taken, NORM: over."),
    ]
    event: Annotated[AlarmEvent, Meta(description="What happened last.")]
    raised_at: datetime
    at: Annotated[datetime, Meta(description="When the last step happened.")]
    params: Annotated[
        dict[str, float | int | str], Meta(description="What the alarm's text names.")
    ]
    steps: list[AlarmStep]


class ConfigVersion(msgspec.Struct, frozen=True):
    """A version of a gateway's configuration document."""

    version: int
    hash: Annotated[str, Meta(description="SHA-256 of its text, in hex.")]


class Config(msgspec.Struct, frozen=True):
    """Which configuration a gateway is to have and which is in force there."""

    gateway: Annotated[str, Meta(description="`gtw_...`")]
    wanted: ConfigVersion | None
    state: Annotated[
        str | None,
        Meta(description="What became of it: waiting, sent, applied, refused, rolled_back ..."),
    ]
    in_force: ConfigVersion | None
    changed_at: datetime | None


class CommandRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Set a point of the device in the topic."""

    id: Identity
    point: Annotated[str, Meta(min_length=1, max_length=200)]
    value: Annotated[float, Meta(description="In the point's unit.")]
    expected_old: Annotated[
        float | None, Meta(description="Refused when the point has another value by then.")
    ] = None
    not_after_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="Not carried out later than this.")
    ] = 60


class CommandResult(msgspec.Struct, frozen=True):
    """How far a request is; sent at every change that is noticed, last with `finished`."""

    id: Annotated[str, Meta(description="As it was asked; `_` where none could be read.")]
    state: CommandState
    finished: bool
    code: Annotated[
        str | None, Meta(description="Why: a code of errors (refused) or of commands.")
    ] = None
    text: Annotated[
        str | None, Meta(description="The same in the language of the credential's owner.")
    ] = None
    command: Annotated[str | None, Meta(description="`cmd_...`, as GraphQL and REST have it.")] = (
        None
    )
    unit: str | None = None
    value: float | None = None
    old_value: float | None = None
    read_value: float | None = None
    at: Annotated[datetime | None, Meta(description="The gateway's time of its answer.")] = None
