"""Faults and extra loads as a list of events that can be replayed: the same list, the same plant.

An event is one JSON line as `gateway.contract.demo` describes, with its instants filled in. What a
later event ends (shed, clear) is cut short in the earlier one, so the list alone says it all.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.contract.demo import Request
from gateway.simulator.loads import PARTS_PER_SMALLEST, Change

FOREVER = 1 << 40
MILLIWATTS_PER_KW = 10**6


class ScenarioError(ValueError):
    """A request that cannot be carried out; the text says why and what to ask instead."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fault or extra load from `start` to `end`, in Unix seconds."""

    kind: Request
    start: int
    end: int
    device: str = ""
    point: str = ""
    value: float | None = None
    load: str = ""
    kw: float = 0.0
    story: int = 0
    """Start of the story this load belongs to; 0 = none."""

    def covers(self, second: int) -> bool:
        """Whether the event goes on at an instant."""
        return self.start <= second < self.end

    def line(self) -> str:
        """The event as one JSON line."""
        document: dict[str, object] = {"fault": self.kind.value, "from": _text(self.start)}
        if self.end < FOREVER:
            document["to"] = _text(self.end)
        for key in ("device", "point", "load"):
            if getattr(self, key):
                document[key] = getattr(self, key)
        if self.value is not None:
            document["value"] = self.value
        if self.kind is Request.LOAD:
            document |= {"kw": self.kw, "story": self.story}
        return json.dumps(document, ensure_ascii=False)


class Scenario:
    """The events of a plant, asked by device and by load; every change gives a new list."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Take the events in any order."""
        self.events = tuple(events)

    def dead(self, device: str, second: int) -> bool:
        """Whether a device keeps silent."""
        return any(
            event.kind is Request.DEAD and event.device == device and event.covers(second)
            for event in self.events
        )

    def fixed(self, device: str, second: int) -> Mapping[str, float | None]:
        """Points of a device that read something else than the plant says."""
        return {
            event.point: event.value
            for event in self.events
            if event.kind is Request.VALUE and event.device == device and event.covers(second)
        }

    def wraps(self) -> list[Event]:
        """Registers that are placed to wrap at an instant."""
        return [event for event in self.events if event.kind is Request.WRAP]

    def link_cut(self, second: int) -> bool:
        """Whether the link to the broker is cut."""
        return any(event.kind is Request.LINK and event.covers(second) for event in self.events)

    def changes(self) -> tuple[Change, ...]:
        """The extra flows of loads."""
        return tuple(
            Change(event.load, event.start, event.end, _flow(event.kw))
            for event in self.events
            if event.kind is Request.LOAD
        )

    def going_on(self, second: int) -> list[Event]:
        """What has not ended, wraps to come included."""
        return [event for event in self.events if event.end > second]

    def with_events(self, events: Iterable[Event]) -> "Scenario":
        """These events and more."""
        return Scenario((*self.events, *events))

    def ended(self, second: int, *, stories_only: bool) -> "Scenario":
        """The same, with what goes on cut short at an instant; a wrap is not undone."""
        return Scenario(
            _cut(event, second) if _ends(event, stories_only=stories_only) else event
            for event in self.events
            if event.start < second or not _ends(event, stories_only=stories_only)
        )


def read_events(file: Path) -> Scenario:
    """The events in a file of JSON lines; an absent file is no events."""
    if not file.is_file():
        return Scenario()
    lines = file.read_text(encoding="utf-8").splitlines()
    return Scenario(event_of(json.loads(line)) for line in lines if line.strip())


def write_events(file: Path, scenario: Scenario) -> None:
    """Replace the file in one step, so that a kill never leaves half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text("".join(event.line() + "\n" for event in scenario.events), encoding="utf-8")
    fresh.replace(file)


def event_of(document: Mapping[str, object], now: int = 0) -> Event:
    """One event from its JSON form; `now` stands for an absent `from`. Raises ScenarioError."""
    kind = _kind(document)
    start = second_of(document.get("at", document.get("from")), now)
    end = _end(document, kind, start)
    value = document.get("value")
    return Event(
        kind=kind,
        start=start,
        end=end,
        device=str(document.get("device", "")),
        point=str(document.get("point", "")),
        value=None if value is None else _number(value, "value"),
        load=str(document.get("load", "")),
        kw=_number(document.get("kw", 0), "kw"),
        story=int(_number(document.get("story", 0), "story")),
    )


def second_of(value: object, default: int) -> int:
    """An instant as Unix second. Raises ScenarioError."""
    if value is None:
        return default
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ScenarioError(f"{value!r} is no instant; write 2026-11-23T08:00:00+08:00") from error
    if instant.tzinfo is None:
        raise ScenarioError(f"{value!r} has no UTC offset; write 2026-11-23T08:00:00+08:00")
    return int(instant.timestamp())


def _kind(document: Mapping[str, object]) -> Request:
    try:
        return Request(str(document.get("fault")))
    except ValueError:
        known = ", ".join(Request)
        raise ScenarioError(f"unknown fault {document.get('fault')!r}; known: {known}") from None


def _end(document: Mapping[str, object], kind: Request, start: int) -> int:
    if kind is Request.WRAP:
        return start
    if "to" in document:
        return second_of(document["to"], start)
    if "minutes" in document:
        return start + round(60 * _number(document["minutes"], "minutes"))
    return FOREVER


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError(f"{name} is {value!r}; write a number")
    return float(value)


def _ends(event: Event, *, stories_only: bool) -> bool:
    if event.kind is Request.WRAP:
        return False
    return event.story != 0 if stories_only else True


def _cut(event: Event, second: int) -> Event:
    return replace(event, end=min(event.end, second))


def _flow(kw: float) -> int:
    """PARTs a second of a power."""
    return round(kw * MILLIWATTS_PER_KW) * PARTS_PER_SMALLEST // 3600


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
