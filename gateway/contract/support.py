"""Support from afar, for a while: JSON in the String metrics `Ext/Grant` and `Ext/Ask` (NCMD) and
`Ext/AskResult` (NDATA through the journal).

A grant opens a gateway for minutes; what is asked outside of one is refused. A grant ends by
itself, and with the gateway's process. Times are UTC milliseconds of the platform's clock.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.contract.json_text import decode_text

MAX_MINUTES = 240
MAX_REGISTERS = 125
MAX_LINES = 200
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class AskKind(StrEnum):
    """What may be asked under a grant."""

    POINT = "point"
    """Read one point of a device now."""
    REGISTERS = "registers"
    """Read a block of a device's registers now, whatever its profile says of them."""
    LOG_LEVEL = "log_level"
    """Say more or less in the log, until the grant ends."""
    LOG = "log"
    """The last lines of the log."""


class AskState(StrEnum):
    """What became of a grant or of something asked."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class AskCode(StrEnum):
    """Why; texts under `support.code.<value>`. Faults of the field are those of commands."""

    DONE = "done"
    NO_GRANT = "no_grant"
    LATE = "late"
    TOO_LONG = "too_long"
    INCOMPLETE = "incomplete"
    """The question lacks what its kind needs."""
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_POINT = "unknown_point"
    NOT_POLLED = "not_polled"
    """The device speaks by itself and has no registers to read."""
    FORBIDDEN = "forbidden"
    """The profile says that no request may touch these registers."""


class Grant(msgspec.Struct, frozen=True):
    """Support is let in until an instant; a later one replaces it, one in the past ends it."""

    id: Id
    until_ms: int
    actor: Text


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """One question; which fields count depends on its kind."""

    id: Id
    kind: AskKind
    not_after_ms: int
    actor: Text
    device: str = ""
    point: str = ""
    fc: Annotated[int, msgspec.Meta(ge=3, le=4)] = 3
    start: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_REGISTERS)] = 1
    level: str = ""
    lines: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINES)] = 50


class AskResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was found: `values` of a point (in its unit) or of registers, `lines` of a log."""

    id: Id
    state: AskState
    code: str
    at_ms: int
    actor: str
    values: list[float | None] = []
    lines: list[str] = []
    detail: str = ""


class SupportFault(ValueError):
    """Text from the wire that is none of these."""


def decode_grant(text: str) -> Grant:
    """The grant in the text of `Ext/Grant`; SupportFault when it is none."""
    return decode_text(text, Grant, SupportFault, "a grant")


def decode_ask(text: str) -> Ask:
    """The question in the text of `Ext/Ask`; SupportFault when it is none."""
    return decode_text(text, Ask, SupportFault, "a question")


def decode_ask_result(text: str) -> AskResult:
    """The result in the text of `Ext/AskResult`; SupportFault when it is none."""
    return decode_text(text, AskResult, SupportFault, "an answer")
