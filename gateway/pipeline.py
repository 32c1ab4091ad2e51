"""From a poll to the journal: change filter, encoding, numbering, and the devices' births."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.change import DEFAULT_HEARTBEAT_S, ChangeFilter
from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Metric
from gateway.drivers.capabilities import Reading
from gateway.grid import is_boundary
from gateway.journal import Journal
from gateway.messages import MISSING_REASON, NO_DOUBTS, DeviceMessages, Doubt

log = logging.getLogger(__name__)


class Sampled(Protocol):
    """A device whose values come in, polled or heard."""

    @property
    def slug(self) -> str:
        """Its name on the wire."""
        ...

    @property
    def profile(self) -> Profile:
        """What type of device it is."""
        ...

    @property
    def points(self) -> tuple[Point, ...]:
        """Its points, in the order of its values."""
        ...

    @property
    def ratios(self) -> Ratios:
        """Its transformer ratios."""
        ...

    @property
    def instant_ms(self) -> int:
        """The instant of its grid that is being sampled."""
        ...


class Announcer(Protocol):
    """Who tells the platform that devices come and go."""

    def device_born(self, slug: str, metrics: tuple[Metric, ...]) -> None:
        """A device came alive, with the metrics of its birth."""
        ...

    def device_died(self, slug: str) -> None:
        """A device went silent."""
        ...


@dataclass(slots=True)
class Session:
    """What the pipeline holds of one device."""

    name: str | None
    points: tuple[Point, ...]
    aliases: Sequence[int]
    filter: ChangeFilter
    messages: DeviceMessages | None = None
    values: list[float | None] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    doubts: dict[int, Doubt] = field(default_factory=dict)
    """Points whose last report was not good."""
    alive: bool = False
    announced: bool = False


class Pipeline:
    """The sink of all line pollers of one gateway."""

    def __init__(self, journal: Journal, *, typed: bool = False) -> None:
        """`typed` repeats datatypes in DATA, for hosts that need that."""
        self._journal = journal
        self._typed = typed
        self._sessions: dict[str, Session] = {}
        self._announcer: Announcer | None = None
        self.samples = 0
        """Values reported since the start."""
        self.bytes = 0
        """Bytes of the encoded values since the start."""

    def announce_to(self, announcer: Announcer) -> None:
        """Say from now on to this one who comes and goes."""
        self._announcer = announcer

    async def add(
        self,
        device: Sampled,
        name: str | None = None,
        heartbeat_s: float = DEFAULT_HEARTBEAT_S,
        register_every_s: float = 0.0,
    ) -> None:
        """Take a device in before it is polled: its aliases come from the journal."""
        points = device.points
        aliases = await self._journal.aliases(device.slug, [point.name for point in points])
        count = len(points)
        self._sessions[device.slug] = Session(
            name,
            points,
            aliases,
            ChangeFilter(points, heartbeat_s, register_every_s),
            values=[None] * count,
            times=[0] * count,
        )

    def births(self) -> Mapping[str, tuple[tuple[Metric, ...], bool]]:
        """The birth of every device that was ever heard, and whether it is alive."""
        return {
            slug: (self._birth(session), session.alive)
            for slug, session in self._sessions.items()
            if session.messages is not None and session.announced
        }

    def came_alive(self, device: Sampled) -> None:
        """A device answered: its birth follows with the first sample."""
        session = self._sessions[device.slug]
        session.messages = DeviceMessages(
            device.profile, session.points, session.aliases, device.ratios, typed=self._typed
        )
        session.filter.forget()
        session.alive = True
        session.announced = False
        log.info("%s answers (%s)", device.slug, device.profile.name)

    def went_dead(self, device: Sampled, reason: str) -> None:
        """A device is given up for now; it is asked again with growing pauses."""
        session = self._sessions[device.slug]
        session.alive = False
        log.warning(
            "%s: %s. It is asked again with growing pauses; check its power, address and cable.",
            device.slug,
            reason,
        )
        if session.announced and self._announcer is not None:
            self._announcer.device_died(device.slug)

    def sampled(self, device: Sampled, at_ms: int, values: Sequence[float | None]) -> None:
        """Values of the first points of a device, sampled at an instant."""
        session = self._sessions[device.slug]
        if session.messages is None:
            raise RuntimeError(f"{device.slug} was sampled before it came alive")
        boundary = is_boundary(device.instant_ms)
        chosen = session.filter.select(values, at_ms, boundary=boundary)
        if not chosen:
            return
        self._write(device.slug, session, chosen, values, at_ms)

    def reported(self, device: Sampled, readings: Sequence[Reading], *, boundary: bool) -> None:
        """Readings with times and qualities of their own; one message for each time."""
        session = self._sessions[device.slug]
        if session.messages is None:
            raise RuntimeError(f"{device.slug} was heard before it came alive")
        by_time: dict[int, list[Reading]] = {}
        for reading in readings:
            if self._passes(session, reading, boundary=boundary):
                by_time.setdefault(reading.at_ms, []).append(reading)
        for at_ms, part in by_time.items():
            chosen = [reading.index for reading in part]
            values = list(session.values)
            for reading in part:
                values[reading.index] = reading.value
            doubts = {reading.index: doubt for reading in part if (doubt := _doubt(reading))}
            self._write(device.slug, session, chosen, values, at_ms, doubts)

    def _passes(self, session: Session, reading: Reading, *, boundary: bool) -> bool:
        """Whether a reading is worth a message: history and a step of quality always are."""
        index, doubt = reading.index, _doubt(reading)
        if reading.at_ms < session.times[index]:
            return True
        if doubt == session.doubts.get(index):
            one = [reading.value]
            return bool(session.filter.select(one, reading.at_ms, boundary=boundary, first=index))
        if doubt is None:
            del session.doubts[index]
        else:
            session.doubts[index] = doubt
        session.filter.report([index], [reading.value], reading.at_ms, first=index)
        return True

    def _write(
        self,
        slug: str,
        session: Session,
        chosen: Sequence[int],
        values: Sequence[float | None],
        at_ms: int,
        doubts: Mapping[int, Doubt] = NO_DOUBTS,
    ) -> None:
        """Journal these values, after the device's birth if that is still to come."""
        if session.messages is None:
            raise RuntimeError("a device without a plan has no messages")
        for index in chosen:
            if at_ms >= session.times[index]:
                session.values[index] = values[index]
                session.times[index] = at_ms
        if not session.announced:
            session.announced = True
            if self._announcer is not None:
                self._announcer.device_born(slug, self._birth(session))
        body = session.messages.body(chosen, values, at_ms, doubts)
        self.samples += len(chosen)
        self.bytes += len(body)
        self._journal.append(slug, body)

    def _birth(self, session: Session) -> tuple[Metric, ...]:
        if session.messages is None:
            raise RuntimeError("a device without a plan has no birth")
        now_ms = max(session.times)
        return session.messages.birth(session.name, session.values, session.times, now_ms)


def _doubt(reading: Reading) -> Doubt | None:
    if reading.quality is Quality.GOOD:
        return None
    return reading.quality, reading.reason or MISSING_REASON
