"""From a poll to the journal: change filter, encoding, numbering, and the devices' births."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.sparkplug import Metric
from gateway.drivers.capabilities import Reading
from gateway.grid import is_boundary
from gateway.journal import Journal
from gateway.messages import DeviceMessages
from gateway.rules import Watch
from gateway.session import News, Reporting, Session

log = logging.getLogger(__name__)


Listener = Callable[[float | None], None]
"""Who wants to know every value of a point, reported or not."""


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
    def serial(self) -> str:
        """Its number, empty where nobody told it."""
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


class Pipeline:
    """The sink of all line pollers of one gateway."""

    def __init__(self, journal: Journal, *, typed: bool = False) -> None:
        """`typed` repeats datatypes in DATA, for hosts that need that."""
        self._journal = journal
        self._typed = typed
        self._sessions: dict[str, Session] = {}
        self._announcer: Announcer | None = None
        self._thrifty = False
        self._listeners: Mapping[str, Sequence[tuple[str, Listener]]] = {}
        self.samples = 0
        """Values reported since the start."""
        self.bytes = 0
        """Bytes of the encoded values since the start."""

    def announce_to(self, announcer: Announcer) -> None:
        """Say from now on to this one who comes and goes."""
        self._announcer = announcer

    async def add(
        self, device: Sampled, reporting: Reporting, measured: Sequence[Point] = ()
    ) -> None:
        """Take a device in before it is sampled: its aliases come from the journal.

        `measured` are the points for which `measured` will be called.
        """
        session = Session(device.points, reporting, measured)
        session.thrifty = self._thrifty
        names = [point.name for point in session.points]
        session.aliases = await self._journal.aliases(device.slug, names)
        self._sessions[device.slug] = session

    def remove(self, slug: str) -> None:
        """Take a device out that is no longer served; what it said stays in the journal."""
        session = self._sessions.pop(slug, None)
        if session is not None and session.alive and session.announced and self._announcer:
            self._announcer.device_died(slug)

    def be_thrifty(self, *, thrifty: bool) -> None:
        """Report only registers at quarter hours and alarms, or everything again."""
        self._thrifty = thrifty
        for session in self._sessions.values():
            session.thrifty = thrifty

    def listen(self, listeners: Mapping[str, Sequence[tuple[str, Listener]]]) -> None:
        """Tell these from now on, and nobody else: device -> (point, who)."""
        self._listeners = listeners

    def watch(self, slug: str, rule: str) -> Watch | None:
        """A device's local alarm as it stands now; None for one that is not there."""
        session = self._sessions.get(slug)
        return None if session is None else session.computed.watches.get(rule)

    def heard(self) -> list[tuple[str, bool, int]]:
        """Device, whether it is alive, and the time of its newest report in ms (0 = none)."""
        return [
            (slug, session.alive, max(session.times, default=0))
            for slug, session in self._sessions.items()
        ]

    def births(self) -> Mapping[str, tuple[tuple[Metric, ...], bool]]:
        """The birth of every device that was ever heard, and whether it is alive."""
        return {
            slug: (self._birth(session), session.alive)
            for slug, session in self._sessions.items()
            if session.messages is not None and session.announced
        }

    def meant(self, slug: str, metric: Metric) -> tuple[str, float] | None:
        """Point and value of a metric that a host writes, by name or alias; None for no number."""
        session = self._sessions.get(slug)
        if session is None:
            return None
        aliases = {alias: index for index, alias in enumerate(session.aliases)}
        index = session.places.get(metric.name or "", aliases.get(metric.alias or 0))
        if index is not None and session.messages is not None:
            metric = metric.as_datatype(metric.datatype or session.messages.datatype(index))
        if isinstance(metric.value, str | bytes) or metric.value is None or metric.is_null:
            return None
        name = metric.name if index is None else session.points[index].name
        return (name, float(metric.value)) if name else None

    def came_alive(self, device: Sampled) -> None:
        """A device answered: its birth follows with the first sample."""
        session = self._sessions[device.slug]
        session.messages = DeviceMessages(
            device.profile,
            session.points,
            session.aliases,
            device.ratios,
            serial=device.serial,
            typed=self._typed,
        )
        session.forget()
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
        boundary = is_boundary(device.instant_ms)
        news = session.sampled(values, at_ms, boundary=boundary)
        if news is not None:
            self._write(device.slug, session, news)
        if device.slug in self._listeners:
            self._tell(device.slug, session, dict(enumerate(values)))

    def measured(self, device: Sampled, name: str, at_ms: int, value: float | None) -> None:
        """A value that the gateway itself measured at a device that is alive."""
        session = self._sessions[device.slug]
        news = session.measured(name, value, at_ms)
        if news is not None:
            self._write(device.slug, session, news)

    def reported(self, device: Sampled, readings: Sequence[Reading], *, sampled: bool) -> None:
        """Readings with times and qualities of their own; one message for each time.

        `sampled` = what was known of the device at the instant of its grid.
        """
        session = self._sessions[device.slug]
        boundary = sampled and is_boundary(device.instant_ms)
        for news in session.heard(readings, sampled=sampled, boundary=boundary):
            self._write(device.slug, session, news)
        if device.slug in self._listeners:
            self._tell(device.slug, session, {one.index: one.value for one in readings})

    def _tell(self, slug: str, session: Session, values: Mapping[int, float | None]) -> None:
        for name, listener in self._listeners[slug]:
            index = session.places.get(name)
            if index is not None and index in values:
                listener(values[index])

    def _write(self, slug: str, session: Session, news: News) -> None:
        """Journal these values, after the device's birth if that is still to come."""
        if session.messages is None:
            raise RuntimeError(f"{slug} was sampled before it came alive")
        session.reported(news)
        if not session.announced:
            session.announced = True
            if self._announcer is not None:
                self._announcer.device_born(slug, self._birth(session))
        body = session.messages.body(news.indices, news.values, news.at_ms, news.doubts)
        self.samples += len(news.indices)
        self.bytes += len(body)
        self._journal.append(slug, body)

    def _birth(self, session: Session) -> tuple[Metric, ...]:
        if session.messages is None:
            raise RuntimeError("a device without a plan has no birth")
        now_ms = max(session.times)
        return session.messages.birth(session.name, session.values, session.times, now_ms)
