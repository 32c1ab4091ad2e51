"""From a JSON message to numbers and times: pure.

An item is `suffix#path`: below the device's topic the messages of `suffix`, and in them a path of
keys and indexes (`emeters[0].power`). `suffix#` is a message that is the value itself, a text
without # a path in the messages of the device's own topic.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime

import msgspec

SEPARATOR = "#"
MOST_BYTES = 256 * 1024
MILLISECONDS_FROM = 10**11
"""Times from here on are milliseconds: as seconds they would lie beyond the year 5000."""
LATEST_MS = 253_402_300_800_000
"""The year 10000; a number beyond it is no time."""

_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d{1,4})\]")
_PATH = re.compile(r"([^.\[\]]+(\[\d{1,4}\])*|(\[\d{1,4}\])+)(\.[^.\[\]]+(\[\d{1,4}\])*)*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Path = tuple[str | int, ...]


class BadItem(ValueError):
    """A text that is no item; its text says what to write."""


class BadPayload(ValueError):
    """A message, or a part of it, that cannot be read; its text says why."""


class Absent(Exception):
    """A message does not hold what a path leads to: it speaks of something else."""


@dataclass(frozen=True, slots=True)
class Item:
    """Where a value is: which messages below the device's topic, and where in them."""

    suffix: str
    path: Path


def parse_item(text: str) -> Item:
    """An item's two halves; BadItem when the path is none or the topic has wildcards."""
    suffix, separator, path = text.rpartition(SEPARATOR)
    if SEPARATOR in suffix or "+" in suffix or suffix.startswith("/") or suffix.endswith("/"):
        raise BadItem(f"{suffix!r} is no topic below the device's: write it without + # and / ends")
    if not path and separator:
        return Item(suffix, ())
    return Item(suffix, parse_path(path))


def parse_path(text: str) -> Path:
    """`a.b[0].c` as its steps; BadItem when it is none."""
    if not _PATH.fullmatch(text):
        raise BadItem(f"{text!r} is no path: write keys and indexes like a.b[0].c")
    return tuple(
        int(step["index"]) if step["key"] is None else step["key"] for step in _STEP.finditer(text)
    )


def parse_payload(payload: bytes) -> object:
    """The document in a message; BadPayload when it is too large or not JSON."""
    if len(payload) > MOST_BYTES:
        raise BadPayload(f"{len(payload)} bytes are more than {MOST_BYTES}")
    try:
        document: object = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadPayload(f"this is not JSON ({error})") from error
    return document


def find(document: object, path: Path) -> object:
    """What a path leads to; Absent when it leads nowhere."""
    found = document
    for step in path:
        found = _below(found, step)
    return found


def _below(found: object, step: str | int) -> object:
    if isinstance(found, dict) and isinstance(step, str) and step in found:
        below: object = found[step]
        return below
    if isinstance(found, list) and isinstance(step, int) and step < len(found):
        return found[step]
    raise Absent


def number(found: object) -> float | None:
    """A number, a numeric text, or a truth as 1 or 0; null is None. BadPayload for all else."""
    if found is None:
        return None
    if isinstance(found, str) and _NUMBER.fullmatch(found.strip()):
        value = float(found)
    elif isinstance(found, bool | int | float):
        value = _float(found)
    else:
        raise BadPayload(f"{_shown(found)} is no number")
    if not math.isfinite(value):
        raise BadPayload(f"{_shown(found)} is too large a number")
    return value


def moment_ms(found: object) -> int:
    """A time in milliseconds since 1970 from ISO 8601 with an offset, seconds or milliseconds.

    BadPayload for all else: a local time without its offset is no time.
    """
    if isinstance(found, str) and not _NUMBER.fullmatch(found.strip()):
        return _iso_ms(found)
    stamp = None if isinstance(found, bool) else number(found)
    if stamp is None or stamp < 0:
        raise BadPayload(f"{_shown(found)} is no time")
    ms = round(stamp if stamp >= MILLISECONDS_FROM else stamp * 1000)
    if ms >= LATEST_MS:
        raise BadPayload(f"{_shown(found)} is no time")
    return ms


def _iso_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadPayload(f"{_shown(text)} is no time") from error
    if moment.utcoffset() is None:
        raise BadPayload(f"the time {_shown(text)} has no offset from UTC")
    return round(moment.timestamp() * 1000)


def _float(found: float) -> float:
    try:
        return float(found)
    except OverflowError:
        return math.inf


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."
