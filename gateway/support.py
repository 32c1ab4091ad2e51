"""Support under a grant: read a point or registers now, say more in the log, show its last lines.

Without a grant everything is refused. A grant ends by the clock, or with the process; the log then
says as much as it said before.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gateway.commands import Targets, fault_code
from gateway.contract import topics
from gateway.contract.json_text import encode_text
from gateway.contract.profile import Deadband, Kind, Point, Profile, RatioRule
from gateway.contract.registers import Datatype
from gateway.contract.sparkplug import Datatype as WireType
from gateway.contract.sparkplug import Metric, Payload, encode
from gateway.contract.support import (
    MAX_MINUTES,
    Ask,
    AskCode,
    AskKind,
    AskResult,
    AskState,
    Grant,
)
from gateway.drivers.capabilities import DriverFault
from gateway.journal import NODE, Journal
from gateway.log_tail import LogTail
from gateway.targets import PolledTarget, Target

log = logging.getLogger(__name__)

MAX_WAITING = 20
"""Questions that wait or run; more are dropped, the platform asks again."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MINUTE_MS = 60_000
LAST_REGISTER = 0xFFFF


@dataclass(frozen=True, slots=True)
class Found:
    """What a question brought."""

    state: AskState = AskState.DONE
    code: str = AskCode.DONE
    values: tuple[float | None, ...] = ()
    lines: tuple[str, ...] = ()
    detail: str = ""


class Support:
    """Takes grants and questions from the wire; `run` answers until cancelled."""

    def __init__(
        self,
        journal: Journal,
        targets: Targets,
        now_ms: Callable[[], int],
        tail: LogTail,
        root: logging.Logger | None = None,
    ) -> None:
        """`now_ms` answers the platform's time; `root` is the logger whose level is changed."""
        self._journal = journal
        self._targets = targets
        self._now_ms = now_ms
        self._tail = tail
        self._root = root or logging.getLogger()
        self._level_before: int | None = None
        self._until_ms = 0
        self._waiting: asyncio.Queue[Ask] = asyncio.Queue(MAX_WAITING)
        self._answered: dict[str, None] = {}
        self._ending: asyncio.Task[None] | None = None

    @property
    def granted(self) -> bool:
        """Whether support is let in now."""
        return self._now_ms() < self._until_ms

    def grant(self, grant: Grant) -> None:
        """Let support in until the grant's end, or out when that is past."""
        if grant.until_ms - self._now_ms() > MAX_MINUTES * MINUTE_MS:
            self._answer(grant.id, grant.actor, Found(AskState.REFUSED, AskCode.TOO_LONG))
            return
        self._until_ms = grant.until_ms
        log.warning("support by %s is let in for %.0f s", grant.actor, self._left_s())
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.create_task(self._end_in(self._left_s()))
        self._answer(grant.id, grant.actor, Found())

    def ask(self, ask: Ask) -> None:
        """Take a question; one that was answered is not answered again."""
        if ask.id not in self._answered and not self._waiting.full():
            self._waiting.put_nowait(ask)

    async def run(self) -> None:
        """Answer one question after the other; at the end the log is as it was."""
        try:
            while True:
                ask = await self._waiting.get()
                if ask.id not in self._answered:
                    self._answer(ask.id, ask.actor, await self._find(ask))
        finally:
            if self._ending is not None:
                self._ending.cancel()
            self._restore_level()

    def _left_s(self) -> float:
        return max(0.0, (self._until_ms - self._now_ms()) / 1000)

    async def _end_in(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._restore_level()
        log.warning("support is let out again")

    async def _find(self, ask: Ask) -> Found:
        if not self.granted:
            return Found(AskState.REFUSED, AskCode.NO_GRANT)
        if self._now_ms() > ask.not_after_ms:
            return Found(AskState.REFUSED, AskCode.LATE)
        if ask.kind is AskKind.LOG:
            return Found(lines=tuple(self._tail.last(ask.lines)))
        if ask.kind is AskKind.LOG_LEVEL:
            return self._set_level(ask.level)
        target = self._targets.target(ask.device)
        if target is None:
            return Found(AskState.REFUSED, AskCode.UNKNOWN_DEVICE)
        try:
            return await (_point if ask.kind is AskKind.POINT else _registers)(target, ask)
        except DriverFault as fault:
            return Found(AskState.FAILED, fault_code(fault), detail=str(fault)[:200])

    def _set_level(self, level: str) -> Found:
        if level not in LEVELS:
            return Found(AskState.REFUSED, AskCode.INCOMPLETE)
        if self._level_before is None:
            self._level_before = self._root.level
        self._root.setLevel(level)
        return Found()

    def _restore_level(self) -> None:
        if self._level_before is not None:
            self._root.setLevel(self._level_before)
            self._level_before = None

    def _answer(self, id: str, actor: str, found: Found) -> None:
        self._answered[id] = None
        if len(self._answered) > MAX_WAITING * 10:
            del self._answered[next(iter(self._answered))]
        at_ms = self._now_ms()
        result = AskResult(
            id,
            found.state,
            found.code,
            at_ms,
            actor,
            list(found.values),
            list(found.lines),
            found.detail,
        )
        text = encode_text(result)
        metric = Metric(topics.EXT_ASK_RESULT, None, WireType.STRING, text, at_ms)
        self._journal.append(NODE, encode(Payload(None, (metric,))))


async def _point(target: Target, ask: Ask) -> Found:
    points = {point.name: point for point in target.profile.points}
    point = points.get(ask.point)
    if point is None:
        return Found(AskState.REFUSED, AskCode.UNKNOWN_POINT)
    values: list[float | None] = []

    async def read() -> None:
        values.append(await target.value(point))

    await target.urgent(read)
    return Found(values=tuple(values))


async def _registers(target: Target, ask: Ask) -> Found:
    profile = target.profile
    if not isinstance(target, PolledTarget) or not profile.has_registers:
        return Found(AskState.REFUSED, AskCode.NOT_POLLED)
    end = ask.start + ask.count
    if end > LAST_REGISTER + 1 or _is_forbidden(profile, ask.fc, ask.start, end):
        return Found(AskState.REFUSED, AskCode.FORBIDDEN)
    values: list[float | None] = []

    async def read() -> None:
        points = [_register(ask.fc, address) for address in range(ask.start, end)]
        values.extend(await target.peek(points))

    await target.urgent(read)
    return Found(values=tuple(values))


def _is_forbidden(profile: Profile, fc: int, start: int, end: int) -> bool:
    return any(
        block.fc == fc and start < block.end and block.start < end for block in profile.forbidden
    )


def _register(fc: int, address: int) -> Point:
    """One register as a point of its own: its raw count."""
    return Point(
        key=f"r{address}",
        circuit=None,
        fc=fc,
        address=address,
        datatype=Datatype.UINT16,
        scale=Fraction(1),
        unit="1",
        kind=Kind.STATUS,
        ratio=RatioRule.NONE,
        missing=frozenset(),
        modulus=None,
        deadband=Deadband(),
        slow=False,
        max_gap_s=0,
    )
