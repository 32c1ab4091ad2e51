"""Commands to a gateway and what became of them: JSON in the String metrics `Ext/Command` (NCMD)
and `Ext/CommandResult` (NDATA through the journal).

A command is known by its id: sent twice it is carried out once. Times are UTC milliseconds of the
platform's clock; values are in the point's unit.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.contract.json_text import decode_text, encode_text

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class State(StrEnum):
    """How far a command has come; the last five are final."""

    ACCEPTED = "accepted"
    """On the whitelist and in range; it waits for its line."""
    REJECTED = "rejected"
    """Not carried out: the code says why."""
    WRITTEN = "written"
    """The device took it, and no value could be read back."""
    VERIFIED = "verified"
    """The device took it and answers the value."""
    EXPIRED = "expired"
    """It came, or came up, after its time; not carried out."""
    FAILED = "failed"
    """Line or device did not do it, or answers another value."""


FINAL = frozenset(State) - {State.ACCEPTED}


class Code(StrEnum):
    """Why a command is in its state; texts under `commands.code.<value>`."""

    DONE = "done"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_POINT = "unknown_point"
    NOT_WRITABLE = "not_writable"
    OUT_OF_RANGE = "out_of_range"
    OFF_STEP = "off_step"
    NO_DRIVER = "no_driver"
    """The protocol's driver cannot write."""
    CHANGED = "changed"
    """The point no longer has the value that the person saw."""
    LATE = "late"
    BUSY = "busy"
    """Too many commands wait already."""
    LINK_DOWN = "link_down"
    DEVICE_SILENT = "device_silent"
    REFUSED = "refused"
    DIFFERS = "differs"
    """What is read back is another value."""
    NOT_READ = "not_read"
    INTERRUPTED = "interrupted"
    """The gateway ended in the middle: whether it was written cannot be told."""


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """Set one point of one device."""

    id: Id
    device: Text
    point: Text
    value: float
    not_after_ms: int
    actor: Text
    """Who asked, as the platform names people."""
    expected: float | None = None
    """The value the person saw; another one refuses the command."""


class CommandResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a command is; `old` was read before, `read` after it was written."""

    id: Id
    state: State
    code: str
    at_ms: int
    device: str
    point: str
    value: float
    actor: str
    old: float | None = None
    read: float | None = None
    detail: str = ""
    """What the driver said, in English, for the log."""


class CommandFault(ValueError):
    """Text from the wire that is no command or no result."""


def encode_command(command: Command) -> str:
    """The text of `Ext/Command`."""
    return encode_text(command)


def decode_command(text: str) -> Command:
    """The command in the text of `Ext/Command`; CommandFault when it is none."""
    return decode_text(text, Command, CommandFault, "a command")


def encode_result(result: CommandResult) -> str:
    """The text of `Ext/CommandResult`."""
    return encode_text(result)


def decode_result(text: str) -> CommandResult:
    """The result in the text of `Ext/CommandResult`; CommandFault when it is none."""
    return decode_text(text, CommandResult, CommandFault, "a command's result")
