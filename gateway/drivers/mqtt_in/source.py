"""One publishing device: which messages hold which of its points, and what they say of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from gateway.contract.profile import Point, Ratios
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Reading, Report
from gateway.drivers.mqtt_in.payload import (
    Absent,
    BadPayload,
    Path,
    find,
    moment_ms,
    number,
    parse_item,
)


@dataclass(slots=True)
class Wanted:
    """One point that was subscribed, and when it was last spoken of (monotonic seconds)."""

    index: int
    point: Point
    path: Path
    heard_s: float | None = None


class Source:
    """A device below one topic."""

    def __init__(self, topic: str, time_path: Path | None) -> None:
        """`time_path` leads to the time in each of its messages, None = there is none."""
        self._topic = topic
        self._time_path = time_path
        self._wanted: dict[str, list[Wanted]] = {}
        self._ratios = Ratios()
        self._report: Report | None = None

    def subscribe(self, points: Sequence[Point], ratios: Ratios, report: Report) -> None:
        """Have these points reported from the line's next `open` on."""
        self._wanted.clear()
        for index, point in enumerate(points):
            item = parse_item(point.item)
            topic = f"{self._topic}/{item.suffix}" if item.suffix else self._topic
            self._wanted.setdefault(topic, []).append(Wanted(index, point, item.path))
        self._ratios, self._report = ratios, report

    @property
    def topics(self) -> Iterator[str]:
        """The topics that hold its points."""
        return iter(self._wanted)

    def take(self, topic: str, document: object, now_ms: int, *, retained: bool) -> list[str]:
        """Report what a message says, at its own time or else `now_ms`; answers what is wrong.

        What the broker kept is of no known age: without a time of its own it is left out.
        """
        complaints: list[str] = []
        at_ms = self._time_of(document, complaints)
        if at_ms is None and retained:
            return complaints
        readings = []
        for wanted in self._wanted.get(topic, ()):
            reading = self._reading(wanted, document, now_ms if at_ms is None else at_ms)
            if reading is not None:
                wanted.heard_s = monotonic()
                readings.append(reading)
                if reading.reason:
                    complaints.append(f"{wanted.point.name}: {reading.reason}")
        self._say(readings)
        return complaints

    def forget(self) -> None:
        """Begin anew after the connection was away."""
        for wanted in self._all():
            wanted.heard_s = None

    def take_back(self, now_ms: int) -> None:
        """Report as missing what was not spoken of for longer than its point allows."""
        now_s = monotonic()
        readings = []
        for wanted in self._all():
            limit_s = wanted.point.max_gap_s
            if wanted.heard_s is not None and now_s - wanted.heard_s > limit_s:
                wanted.heard_s = None
                reason = f"no message for {limit_s} s"
                readings.append(Reading(wanted.index, now_ms, None, Quality.MISSING, reason))
        self._say(readings)

    def _say(self, readings: Sequence[Reading]) -> None:
        if readings and self._report is not None:
            self._report(readings)

    def _all(self) -> Iterator[Wanted]:
        for group in self._wanted.values():
            yield from group

    def _time_of(self, document: object, complaints: list[str]) -> int | None:
        if self._time_path is None:
            return None
        try:
            return moment_ms(find(document, self._time_path))
        except Absent:
            return None
        except BadPayload as fault:
            complaints.append(f"{fault}; the time of receipt is taken")
            return None

    def _reading(self, wanted: Wanted, document: object, at_ms: int) -> Reading | None:
        """What a message says of a point; None when it does not speak of it."""
        try:
            raw = number(find(document, wanted.path))
        except Absent:
            return None
        except BadPayload as fault:
            return Reading(wanted.index, at_ms, None, Quality.MISSING, str(fault))
        value = None if raw is None else wanted.point.decode(raw, self._ratios)
        quality = Quality.MISSING if value is None else Quality.GOOD
        return Reading(wanted.index, at_ms, value, quality)
