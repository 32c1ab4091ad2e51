"""The one source of time: a clock is passed in, never asked from the machine inside logic.

`KILOWISE_CLOCK=<start ISO 8601>,<rate>[,<anchor>]` gives every process of a demonstration or a
test the same accelerated time: it was `start` at the real moment `anchor` (Unix seconds) and runs
`rate` times as fast since. Whoever starts several processes resolves the anchor once
(`resolve_clock`) and hands the full text on, so that all of them agree.
"""

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as the product sees it."""

    def now(self) -> datetime:
        """Answer the present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Answer seconds that never go back, on this clock's own scale; only differences count."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time (at once when not positive)."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Answer the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Answer the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` real seconds."""
        await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """Time that was `start` at the real Unix second `anchor` and runs `rate` times as fast."""

    start: datetime
    rate: float
    anchor: float

    def now(self) -> datetime:
        """Answer the present moment of the accelerated time, aware, in UTC."""
        return self.start + timedelta(seconds=(time.time() - self.anchor) * self.rate)

    def monotonic(self) -> float:
        """Answer accelerated monotonic seconds."""
        return time.monotonic() * self.rate

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of accelerated time."""
        await asyncio.sleep(max(0.0, seconds) / self.rate)


class ManualClock:
    """A clock for tests that stands still until `advance` moves it, waking sleepers in order."""

    def __init__(self, start: datetime) -> None:
        """Begin at `start` (aware)."""
        self._start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Answer the moment the clock stands at, aware, in UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Answer the seconds the clock was advanced since it was made."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`; every sleeper on the way wakes at its own moment."""
        target = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not future.done():
                future.set_result(None)
            await _settle()
        self._elapsed = target
        await _settle()


async def _settle() -> None:
    """Let the tasks that became ready run until they wait again (a few turns of the loop)."""
    for _ in range(5):
        await asyncio.sleep(0)


def parse_offset(text: str) -> timedelta:
    """`+08:00` as eight hours; ValueError when it is no offset from UTC."""
    offset = datetime.strptime(text, "%z").utcoffset()
    if offset is None:
        raise ValueError(f"{text!r} is no offset")
    return offset


class ClockTextError(ValueError):
    """`KILOWISE_CLOCK` cannot be read; the text says what is wrong and what to write."""


def parse_clock(text: str | None) -> Clock:
    """Answer the clock that `KILOWISE_CLOCK` describes; the system's when it is not set.

    Raises ClockTextError when the text cannot be read.
    """
    if not text:
        return SystemClock()
    start, rate, anchor = _parts(text)
    return AcceleratedClock(start, rate, time.time() if anchor is None else anchor)


def resolve_clock(text: str | None) -> str | None:
    """Answer the same clock with its anchor fixed to the present, to hand to other processes."""
    if not text:
        return None
    start, rate, anchor = _parts(text)
    return f"{start.isoformat()},{rate!r},{time.time() if anchor is None else anchor!r}"


def _parts(text: str) -> tuple[datetime, float, float | None]:
    wanted = "write <start>,<rate>, for instance 2026-03-01T00:00:00+08:00,60"
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in {2, 3}:
        raise ClockTextError(f"it has {len(parts)} parts instead of 2; {wanted}")
    try:
        start = datetime.fromisoformat(parts[0])
        rate = float(parts[1])
        anchor = float(parts[2]) if len(parts) == 3 else None
    except ValueError as error:
        raise ClockTextError(f"{error}; {wanted}") from error
    if start.tzinfo is None:
        raise ClockTextError(f"the start {parts[0]} has no UTC offset; {wanted}")
    if not 0 < rate <= 100_000:
        raise ClockTextError(f"the rate {parts[1]} is not between 0 and 100000; {wanted}")
    return start.astimezone(UTC), rate, anchor
