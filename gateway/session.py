"""What is worth a message of one device, and what is known of it: the middle of the pipeline.

Own points come first, then computed ones (derived values, local alarms), then what the gateway
measures at the device itself; all share the indices of `points`, aliases and last values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.change import DEFAULT_HEARTBEAT_S, ChangeFilter
from gateway.computed import Computed, Derivation
from gateway.contract.profile import Kind, Point
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Reading
from gateway.messages import MISSING_REASON, DeviceMessages, Doubt
from gateway.rules import Rule
from gateway.validity import Validity


@dataclass(frozen=True, slots=True)
class Reporting:
    """What a configuration says of a device beyond how to read it; intervals in seconds."""

    name: str | None = None
    heartbeat_s: float = DEFAULT_HEARTBEAT_S
    register_every_s: float = 0.0
    gauge_every_s: float = 0.0
    derived: tuple[Derivation, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Values to report of one time: `values` is as long as the last of `indices` needs."""

    at_ms: int
    indices: Sequence[int]
    values: Sequence[float | None]
    doubts: Mapping[int, Doubt] = field(default_factory=dict)


class Session:
    """One device's change filter, limits, computed points, last values and birth state."""

    def __init__(
        self, own: Sequence[Point], reporting: Reporting, measured: Sequence[Point] = ()
    ) -> None:
        """Raises computed.UnknownInput for a derived point or rule on a point it has not."""
        self.name = reporting.name
        self.computed = Computed(own, reporting.derived, reporting.rules)
        self.points: tuple[Point, ...] = (*own, *self.computed.points, *measured)
        self.places = {point.name: index for index, point in enumerate(self.points)}
        self.aliases: Sequence[int] = ()
        self.messages: DeviceMessages | None = None
        self.values: list[float | None] = [None] * len(self.points)
        self.times = [0] * len(self.points)
        self.alive = False
        self.announced = False
        self.thrifty = False
        """Whether only registers at quarter hours and alarms may be reported."""
        self._own = len(own)
        self._registers = [i for i, point in enumerate(own) if point.kind is Kind.REGISTER]
        self._validity = Validity(own)
        self._doubts: dict[int, Doubt] = {}
        """Points whose last report was not good."""
        self._filter = ChangeFilter(
            self.points,
            reporting.heartbeat_s,
            reporting.register_every_s,
            reporting.gauge_every_s,
        )

    def forget(self) -> None:
        """Report everything at the next chance, as after a death."""
        self._filter.forget()
        self._doubts.clear()

    def sampled(self, values: Sequence[float | None], at_ms: int, *, boundary: bool) -> News | None:
        """What is news among the values of the first points at one time; None = nothing."""
        doubts = self._validity.doubts(values)
        if self.thrifty:
            chosen = self._essential(values, at_ms, boundary=boundary)
        else:
            chosen = self._filter.select(values, at_ms, boundary=boundary)
        if (doubts or self._doubts) and not self.thrifty:
            chosen = self._with_steps(chosen, values, doubts, at_ms)
        if self.computed.points:
            values = self._compute(values, chosen, at_ms)
        return News(at_ms, chosen, values, doubts) if chosen else None

    def measured(self, name: str, value: float | None, at_ms: int) -> News | None:
        """What is news of a gauge that the gateway measured; nothing in thrifty times."""
        if self.thrifty:
            return None
        index = next(i for i, point in enumerate(self.points) if point.name == name)
        chosen = self._filter.select([value], at_ms, boundary=False, first=index)
        return News(at_ms, chosen, [*[None] * index, value]) if chosen else None

    def heard(
        self, readings: Sequence[Reading], *, sampled: bool, boundary: bool
    ) -> Sequence[News]:
        """What is news among readings with times of their own, by time.

        `sampled` = they are what was known of all points at one instant of the grid.
        """
        by_time: dict[int, list[Reading]] = {}
        for reading in readings:
            sound = self._judged(reading)
            if self._passes(sound, boundary=boundary):
                by_time.setdefault(sound.at_ms, []).append(sound)
        if sampled and self.computed.points and readings:
            by_time.setdefault(readings[0].at_ms, [])
        return [
            news
            for at_ms, part in by_time.items()
            if (news := self._of_one_time(at_ms, part, readings if sampled else ())).indices
        ]

    def reported(self, news: News) -> None:
        """Remember what goes out now; history does not change the present."""
        for index in news.indices:
            if news.at_ms >= self.times[index]:
                self.values[index] = news.values[index]
                self.times[index] = news.at_ms

    def _of_one_time(self, at_ms: int, part: Sequence[Reading], known: Sequence[Reading]) -> News:
        chosen = [reading.index for reading in part]
        values: list[float | None] = [None] * self._own
        for reading in (*known, *part):
            values[reading.index] = reading.value
        doubts = {reading.index: doubt for reading in part if (doubt := _doubt(reading))}
        if known:
            values = self._compute(values, chosen, at_ms)
        return News(at_ms, chosen, values, doubts)

    def _compute(
        self, values: Sequence[float | None], chosen: list[int], at_ms: int
    ) -> list[float | None]:
        """All values with the computed ones; those that are news join `chosen`."""
        found = self.computed.of(values, at_ms)
        everything = [*values, *[None] * (len(self.points) - len(values))]
        for index, value in found.items():
            everything[index] = value
            if self.thrifty and self.points[index].kind is Kind.GAUGE:
                continue
            chosen += self._filter.select([value], at_ms, boundary=False, first=index)
        return everything

    def _essential(
        self, values: Sequence[float | None], at_ms: int, *, boundary: bool
    ) -> list[int]:
        if not boundary:
            return []
        chosen = [index for index in self._registers if index < len(values)]
        self._filter.report(chosen, values, at_ms)
        return chosen

    def _with_steps(
        self,
        chosen: list[int],
        values: Sequence[float | None],
        doubts: Mapping[int, Doubt],
        at_ms: int,
    ) -> list[int]:
        """`chosen` and the points whose quality changed."""
        steps = [
            index
            for index in {*doubts, *self._doubts}
            if index < len(values) and doubts.get(index) != self._doubts.get(index)
        ]
        for index in steps:
            self._set_doubt(index, doubts.get(index))
        more = sorted(set(steps) - set(chosen))
        self._filter.report(more, values, at_ms)
        return sorted([*chosen, *more])

    def _judged(self, reading: Reading) -> Reading:
        if reading.quality is not Quality.GOOD:
            return reading
        doubt = self._validity.doubt(reading.index, reading.value)
        if doubt is None:
            return reading
        return Reading(reading.index, reading.at_ms, reading.value, *doubt)

    def _passes(self, reading: Reading, *, boundary: bool) -> bool:
        """Whether a reading is worth a message: history and a step of quality always are."""
        index, doubt = reading.index, _doubt(reading)
        if self.thrifty and not (boundary and index in self._registers):
            return False
        if reading.at_ms < self.times[index]:
            return True
        one = [reading.value]
        if doubt == self._doubts.get(index):
            return bool(self._filter.select(one, reading.at_ms, boundary=boundary, first=index))
        self._set_doubt(index, doubt)
        self._filter.report([index], one, reading.at_ms, first=index)
        return True

    def _set_doubt(self, index: int, doubt: Doubt | None) -> None:
        if doubt is None:
            del self._doubts[index]
        else:
            self._doubts[index] = doubt


def _doubt(reading: Reading) -> Doubt | None:
    if reading.quality is Quality.GOOD:
        return None
    return reading.quality, reading.reason or MISSING_REASON
