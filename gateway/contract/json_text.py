"""JSON in String metrics: each kind of message is a struct, and text that is none is a fault."""

from typing import TypeVar

import msgspec

Message = TypeVar("Message", bound=msgspec.Struct)


def encode_text(message: msgspec.Struct) -> str:
    """The text of a metric."""
    return msgspec.json.encode(message).decode()


def decode_text(text: str, kind: type[Message], fault: type[ValueError], named: str) -> Message:
    """The message of a kind in the text of a metric; `fault` says when it is not `named`."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise fault(f"not {named}: {error}") from error
