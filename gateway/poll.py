"""Polling one line: every device keeps its own period, and a dead one costs the others nothing.

A healthy device waits in a heap of deadlines; one that failed (or was never heard) waits in a
second queue that is served only when nobody healthy is due, with growing pauses. Scheduling is
monotonic; a sample's time is its grid instant when the reply arrived within one period. Urgent jobs
(commands, a person's probe) go before the next poll.
"""

import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from gateway.contract.clock import Clock
from gateway.contract.profile import Point, Profile, Ratios, RatioSource
from gateway.drift import DRIFT, EVERY_S, FIRST_COST_S, FIRST_LOOK_S, ClockWatch
from gateway.drivers.capabilities import DriverFault, Line, LinkDown, Reader, Reads
from gateway.grid import following, next_instant, on_grid
from gateway.load import LineLoad
from gateway.spare import SpareTime
from gateway.turns import Turns

log = logging.getLogger(__name__)

T = TypeVar("T")

SLOW_FACTOR = 10
"""Points of the slow class are read at every tenth instant."""
DEAD_AFTER = 3
"""Failures in a row after which a device is declared dead."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class Polled:
    """A device on a line and how its polling goes. Points: the fast ones first, then the slow."""

    slug: str
    profile: Profile
    reads: Reads
    period_ms: int
    configured: Ratios = field(default_factory=Ratios)
    watch: ClockWatch | None = None
    """Who looks at its clock; None = nobody."""
    points: tuple[Point, ...] = ()
    fast: int = 0
    """How many of `points` are read at every instant."""
    ratios: Ratios = field(default_factory=Ratios)
    read_all: Reader | None = None
    read_fast: Reader | None = None
    instant_ms: int = 0
    failures: int = 0
    alive: bool = False
    """Whether the last poll was answered."""
    announced: bool = False
    """Whether the sink was told that the device is there; a lost poll or two do not change it."""
    dead: bool = False
    polls: int = 0
    """Answered polls since the start; of them `late` missed their instant."""
    late: int = 0
    gave_way: bool = False
    """Whether the last sample was left out for a quarter hour that is read at once."""
    sampled_ms: int = 0
    """Time of the last sample (UTC ms)."""
    failed: int = 0
    """Polls since the start that brought nothing."""
    serial: str = ""
    """The meter's number, empty where nobody told it."""

    def __post_init__(self) -> None:
        """Order the points by poll class."""
        points = self.profile.points
        fast = [point for point in points if not point.slow]
        self.points = (*fast, *(point for point in points if point.slow))
        self.fast = len(fast)

    def plan(self, ratios: Ratios) -> None:
        """Plan the requests for these transformer ratios."""
        self.ratios = ratios
        self.read_all = self.reads.reader(self.points, ratios)
        self.read_fast = self.read_all
        if 0 < self.fast < len(self.points):
            self.read_fast = self.reads.reader(self.points[: self.fast], ratios)

    def reader_at(self, instant_ms: int) -> Reader:
        """What to read at an instant: everything, or the fast points only."""
        everything, fast = self.read_all, self.read_fast
        if everything is None or fast is None:
            raise RuntimeError(f"{self.slug} was not planned")
        return everything if on_grid(instant_ms, self.period_ms * SLOW_FACTOR) else fast


class Sink(Protocol):
    """Who takes what polling finds."""

    def sampled(self, device: Polled, at_ms: int, values: Sequence[float | None]) -> None:
        """Values of the first `len(values)` points, sampled at an instant."""
        ...

    def measured(self, device: Polled, name: str, at_ms: int, value: float | None) -> None:
        """A value that the gateway itself measured at a device; None = it could not."""
        ...

    def came_alive(self, device: Polled) -> None:
        """A device answered for the first time, or again."""
        ...

    def went_dead(self, device: Polled, reason: str) -> None:
        """A device has not answered several times in a row."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceStanding:
    """How a device's polling went since the start: polls answered, of them late, and failed."""

    slug: str
    alive: bool
    polls: int
    late: int
    failed: int


@dataclass(frozen=True, slots=True)
class LineStanding:
    """How a line does: share of the last minute in which it was busy (0 to 1), and its devices."""

    busy: float
    connected: bool
    urgent: int
    """Urgent jobs that wait."""
    devices: tuple[DeviceStanding, ...]


Entry = tuple[float, int, Polled]


class LinePoller:
    """Polls the devices of one line until cancelled."""

    def __init__(self, line: Line, devices: Sequence[Polled], clock: Clock, sink: Sink) -> None:
        self._line = line
        self._clock = clock
        self._sink = sink
        self._devices = list(devices)
        self._order = itertools.count()
        self._due: list[Entry] = []
        self._suspect: list[Entry] = []
        self._clocks: list[Entry] = []
        self._connected = False
        self._link_pause_s = FIRST_PAUSE_S
        self._link_retry = 0.0
        self._probes = SpareTime()
        self._looks = SpareTime(FIRST_COST_S)
        self._turns = Turns()
        self._load = LineLoad()

    @property
    def standing(self) -> LineStanding:
        """How the line and its devices do at this moment."""
        return LineStanding(
            self._load.share(self._clock.monotonic()),
            self._connected,
            self._turns.waiting,
            tuple(
                DeviceStanding(one.slug, one.announced, one.polls, one.late, one.failed)
                for one in self._devices
            ),
        )

    async def urgent(self, job: Callable[[], Awaitable[T]]) -> T:
        """Run a job on the connected line before the next poll, and answer what it answers.

        Its own faults pass through; LineBusy when too many wait, LinkDown when the line is away.
        """
        await self._turns.take_urgent()
        begun = self._clock.monotonic()
        try:
            await self._connect()
            return await job()
        except LinkDown:
            if self._connected:
                self._link_down()
            raise
        finally:
            self._load.add(begun, self._clock.monotonic())
            self._turns.give()

    async def run(self) -> None:
        """Serve the deadlines for ever; a second call after a fault begins anew."""
        self._connected = False
        self._due.clear()
        self._suspect.clear()
        self._clocks.clear()
        for device in self._devices:
            device.alive = False
            self._put(self._suspect, self._clock.monotonic(), device)
            if device.watch is not None:
                self._put(self._clocks, self._clock.monotonic() + FIRST_LOOK_S, device)
        try:
            while True:
                await self._step()
        finally:
            self._line.close()

    async def _step(self) -> None:
        now = self._clock.monotonic()
        queue = self._admitted(now)
        if queue is None:
            await self._clock.sleep(self._idle_until(now) - now)
            return
        await self._turns.take()
        begun = self._clock.monotonic()
        try:
            device = heapq.heappop(queue)[2]
            if queue is self._due:
                await self._serve(device)
            elif queue is self._suspect:
                await self._probe(device)
            else:
                await self._look(device)
        finally:
            self._load.add(begun, self._clock.monotonic())
            self._turns.give()

    def _admitted(self, now: float) -> list[Entry] | None:
        """The queue whose first may be served now: healthy ones, then suspects, then clocks."""
        if _is_due(self._due, now):
            return self._due
        if _is_due(self._suspect, now) and self._may_probe(now):
            return self._suspect
        if _is_due(self._clocks, now) and self._looks.has_room(now, self._next_due()):
            return self._clocks
        return None

    def _idle_until(self, now: float) -> float:
        """When to look again after nothing was admitted at `now`: the same instant decides both."""
        queues = (self._due, self._suspect, self._clocks)
        # What is due but was not admitted lets healthy devices go first.
        wake = [queue[0][0] for queue in queues if queue and not _is_due(queue, now)]
        return min(wake, default=now + LONGEST_PAUSE_S)

    def _next_due(self) -> float | None:
        return self._due[0][0] if self._due else None

    def _may_probe(self, now: float) -> bool:
        """Whether asking a suspect now would make nobody healthy wait, or rarely enough.

        One that was never asked, or answered until just now, is probably well: it need not wait.
        """
        suspect = self._suspect[0][2]
        if suspect.failures == 0 or suspect.announced:
            return True
        return self._probes.has_room(now, self._next_due())

    async def _probe(self, device: Polled) -> None:
        begun = self._clock.monotonic()
        device.instant_ms = self._now_ms()
        await self._serve(device)
        self._probes.ended = self._clock.monotonic()
        if not device.alive:
            self._probes.cost_s = self._probes.ended - begun

    async def _look(self, device: Polled) -> None:
        """Read a device's clock; one that is away is thought of again soon."""
        begun = self._clock.monotonic()
        if device.watch is None or not device.alive or not self._connected:
            self._put(self._clocks, begun + FIRST_LOOK_S, device)
            return
        try:
            look = await device.watch.look(self._clock)
        except LinkDown:
            self._link_down()
            self._put(self._clocks, begun + FIRST_LOOK_S, device)
            return
        except DriverFault as fault:
            look = device.watch.failed(fault, self._clock)
        self._sink.measured(device, DRIFT.name, look.at_ms, look.drift_s)
        self._looks.ended = self._clock.monotonic()
        self._looks.cost_s = self._looks.ended - begun
        self._put(self._clocks, self._looks.ended + EVERY_S, device)

    async def _serve(self, device: Polled) -> None:
        try:
            await self._connect()
            if device.read_all is None:
                device.plan(await self._find_ratios(device))
            begun_alive = device.alive
            read = device.reader_at(device.instant_ms) if begun_alive else device.read_all
            values = await read() if read is not None else []
        except DriverFault as fault:
            self._failed(device, fault)
            return
        self._answered(device, values)

    async def _find_ratios(self, device: Polled) -> Ratios:
        if device.profile.ratio_source is RatioSource.METER:
            return await device.reads.ratios()
        return device.configured

    async def _connect(self) -> None:
        if self._connected:
            return
        if self._clock.monotonic() < self._link_retry:
            raise LinkDown("the connection is down; the next try waits")
        try:
            await self._line.open()
        except LinkDown:
            self._link_down()
            raise
        self._connected = True
        self._link_pause_s = FIRST_PAUSE_S

    def _link_down(self) -> None:
        # Not closed: a line that listens must stay open for the box that dials in again.
        self._connected = False
        self._link_retry = self._clock.monotonic() + self._link_pause_s
        self._link_pause_s = min(self._link_pause_s * 2, LONGEST_PAUSE_S / 2)

    def _answered(self, device: Polled, values: Sequence[float | None]) -> None:
        now_ms = self._now_ms()
        first = not device.alive
        device.failures = 0
        device.alive = True
        device.dead = False
        device.polls += 1
        if not device.announced:
            device.announced = True
            self._sink.came_alive(device)
        at_ms, upcoming_ms = device.instant_ms, _upcoming(device, now_ms)
        in_time = 0 <= now_ms - at_ms < device.period_ms
        # A quarter hour that is read after a late sample comes after it: time never goes back.
        if first or not in_time or device.sampled_ms >= at_ms:
            at_ms = now_ms
            device.late += not first
        # A late sample gives way to a quarter hour that went by meanwhile and is read now.
        device.gave_way = upcoming_ms <= now_ms and at_ms == now_ms and not device.gave_way
        if not device.gave_way:
            device.sampled_ms = at_ms
            self._sink.sampled(device, at_ms, values)
        self._schedule(device, upcoming_ms)

    def _schedule(self, device: Polled, instant_ms: int) -> None:
        device.instant_ms = instant_ms
        wait_s = (device.instant_ms - self._now_ms()) / 1000
        self._put(self._due, self._clock.monotonic() + wait_s, device)

    def _failed(self, device: Polled, fault: DriverFault) -> None:
        if isinstance(fault, LinkDown) and self._connected:
            self._link_down()
        device.failures += 1
        device.failed += 1
        device.alive = False
        if device.failures >= DEAD_AFTER and not device.dead:
            device.dead = True
            device.announced = False
            self._sink.went_dead(device, str(fault))
        pause = min(FIRST_PAUSE_S * 2 ** min(device.failures - 1, 10), LONGEST_PAUSE_S)
        self._put(self._suspect, self._clock.monotonic() + pause, device)

    def _put(self, queue: list[Entry], due: float, device: Polled) -> None:
        heapq.heappush(queue, (due, next(self._order), device))

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


def _is_due(queue: Sequence[Entry], now: float) -> bool:
    return bool(queue) and queue[0][0] <= now


def _upcoming(device: Polled, now_ms: int) -> int:
    """The instant to read a device at after the present one."""
    if abs(now_ms - device.instant_ms) > 2 * device.period_ms:
        # First poll, a long stall, or somebody set the clock: begin anew on the grid.
        return next_instant(now_ms, device.period_ms)
    return following(device.instant_ms, now_ms, device.period_ms)
