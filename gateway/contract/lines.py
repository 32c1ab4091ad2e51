"""How a gateway's lines do, on the wire: JSON in the String metric `Ext/Lines`."""

from typing import Annotated

import msgspec

MAX_LINES = 1000
Count = Annotated[int, msgspec.Meta(ge=0)]


class LineState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line; `busy` is the share of the last minute in which something was on it, in percent,
    None for a line that reports by itself.
    """

    name: Annotated[str, msgspec.Meta(max_length=200)]
    devices: Count
    alive: Count
    connected: bool
    busy: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    late: Count = 0
    """Answered polls since the start that missed their instant."""
    failed: Count = 0
    """Polls since the start that brought nothing."""


Lines = Annotated[list[LineState], msgspec.Meta(max_length=MAX_LINES)]


class LinesFault(ValueError):
    """Text from the wire that does not say how lines do."""


def encode_lines(lines: list[LineState]) -> str:
    """The text of `Ext/Lines`."""
    return msgspec.json.encode(lines).decode()


def decode_lines(text: str) -> list[LineState]:
    """The lines in the text of `Ext/Lines`; LinesFault when it says something else."""
    try:
        return msgspec.json.decode(text, type=Lines)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise LinesFault(f"not the state of lines: {error}") from error
