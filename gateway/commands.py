"""Commands to devices: on the whitelist, in range, in time, once, read back, and answered for sure.

What was asked is judged first; what may be done waits for its line as an urgent job and is judged
again there, because the wait took time. Answers are journalled like samples (`command_memory`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.command_memory import CommandMemory, Unfinished
from gateway.contract.commands import Code, Command, CommandResult, State
from gateway.contract.profile import Point, Ratios
from gateway.drivers.capabilities import DeviceSilent, DriverFault, LinkDown, Refused
from gateway.journal import Journal
from gateway.journal_file import JournalFault
from gateway.targets import Job, Target
from gateway.turns import LineBusy

log = logging.getLogger(__name__)

MAX_WAITING = 100
"""Commands that wait or run; more are refused as busy."""
LOOK_AGAIN_S = 2.0
LOOK_FOR_S = 60.0
"""How long an interrupted command's device is asked for what it holds."""
SAME_RELATIVE = 1e-6
"""Relative difference below which two values of a float register are the same."""

Outcome = tuple[State, Code]


class Targets(Protocol):
    """Who knows the devices of this gateway."""

    def target(self, slug: str) -> Target | None:
        """The device of this name; None when the gateway reads none."""
        ...


@dataclass(slots=True)
class Attempt:
    """How far the carrying out of one command is."""

    command: Command
    outcome: Outcome = (State.FAILED, Code.LINK_DOWN)
    old: float | None = None
    read: float | None = None
    detail: str = ""


class Commands:
    """Takes commands from the wire; `run` carries them out until cancelled."""

    def __init__(self, journal: Journal, targets: Targets, now_ms: Callable[[], int]) -> None:
        """`now_ms` answers the platform's time as this gateway knows it, UTC milliseconds."""
        self._memory = CommandMemory(journal)
        self._targets = targets
        self._now_ms = now_ms
        self._waiting: asyncio.Queue[Command] = asyncio.Queue(MAX_WAITING)
        self._running: set[str] = set()

    def offer(self, command: Command) -> None:
        """Take a command; one that is known already is not carried out again."""
        if command.id in self._running:
            return
        if len(self._running) >= MAX_WAITING:
            self._answer(Attempt(command, (State.REJECTED, Code.BUSY)))
            return
        self._running.add(command.id)
        self._waiting.put_nowait(command)

    async def run(self) -> None:
        """Finish what a restart interrupted, then carry out what comes, lines side by side."""
        unfinished = await self._memory.open()
        async with asyncio.TaskGroup() as tasks:
            for left in unfinished:
                self._running.add(left.command.id)
                tasks.create_task(self._done(left.command, self._resume(left)))
            while True:
                command = await self._waiting.get()
                tasks.create_task(self._done(command, self._fresh(command)))

    async def _done(self, command: Command, work: Awaitable[None]) -> None:
        try:
            await work
        except JournalFault as fault:
            # Not carried out: what cannot be remembered might be done twice.
            log.error("command %s: %s", command.id, fault)  # noqa: TRY400 - a sentence
        except Exception:
            # A bug with one command must not come again with every restart.
            log.exception("command %s failed", command.id)
            self._answer(Attempt(command, (State.FAILED, Code.INTERRUPTED)))
        finally:
            self._running.discard(command.id)

    async def _fresh(self, command: Command) -> None:
        if await self._memory.knows(command.id):
            return
        await self._memory.take(command)
        await self._carry_out(command)

    async def _carry_out(self, command: Command) -> None:
        target = self._targets.target(command.device)
        refused = refusal(command, target, self._now_ms())
        if target is None or refused is not None:
            self._answer(Attempt(command, refused or (State.REJECTED, Code.UNKNOWN_DEVICE)))
            return
        self._memory.report(self._result(Attempt(command, (State.ACCEPTED, Code.DONE))))
        attempt = Attempt(command)
        point = target.profile.point(command.point)
        try:
            await target.urgent(lambda: self._write(target, point, attempt))
        except DriverFault as fault:
            attempt.outcome, attempt.detail = (State.FAILED, fault_code(fault)), str(fault)
        self._answer(attempt)

    async def _write(self, target: Target, point: Point, attempt: Attempt) -> None:
        """On the line: look, remember, write, read back."""
        command = attempt.command
        ratios = await target.ratios()
        attempt.old = await target.value(point)
        if command.expected is not None and not same(point, ratios, attempt.old, command.expected):
            attempt.outcome = (State.REJECTED, Code.CHANGED)
            return
        if self._now_ms() > command.not_after_ms:
            attempt.outcome = (State.EXPIRED, Code.LATE)
            return
        await self._memory.begin(command, attempt.old)
        await target.write(point, command.value)
        try:
            attempt.read = await target.value(point)
        except DriverFault as fault:
            attempt.outcome, attempt.detail = (State.WRITTEN, Code.NOT_READ), str(fault)
            return
        attempt.outcome = _verdict(point, ratios, attempt.read, command.value)

    async def _resume(self, left: Unfinished) -> None:
        """After a restart: what was not begun is done now; what was begun is only looked at."""
        if not left.begun:
            await self._carry_out(left.command)
            return
        attempt = Attempt(left.command, (State.FAILED, Code.INTERRUPTED), left.old)
        loop = asyncio.get_running_loop()
        until = loop.time() + LOOK_FOR_S
        while loop.time() < until:
            target = self._targets.target(left.command.device)
            try:
                if target is not None:
                    await target.urgent(_looking(target, attempt))
                break
            except DriverFault as fault:
                attempt.detail = str(fault)
                await asyncio.sleep(LOOK_AGAIN_S)
        self._answer(attempt)

    def _answer(self, attempt: Attempt) -> None:
        result = self._result(attempt)
        log.info(
            "command %s of %s: %s/%s = %g %s (%s)",
            result.id,
            result.actor,
            result.device,
            result.point,
            result.value,
            result.state,
            result.code,
        )
        self._memory.finish(result)

    def _result(self, attempt: Attempt) -> CommandResult:
        command, (state, code) = attempt.command, attempt.outcome
        return CommandResult(
            command.id,
            state,
            code,
            self._now_ms(),
            command.device,
            command.point,
            command.value,
            command.actor,
            attempt.old,
            attempt.read,
            attempt.detail[:200],
        )


def refusal(command: Command, target: Target | None, now_ms: int) -> Outcome | None:
    """Why a command is not carried out; None when it may be."""
    if now_ms > command.not_after_ms:
        return State.EXPIRED, Code.LATE
    if target is None:
        return State.REJECTED, Code.UNKNOWN_DEVICE
    points = {point.name: point for point in target.profile.points}
    point = points.get(command.point)
    if point is None:
        return State.REJECTED, Code.UNKNOWN_POINT
    code = outside(point, command.value)
    if code is None and not target.can_write:
        code = Code.NO_DRIVER
    return None if code is None else (State.REJECTED, code)


def outside(point: Point, value: float) -> Code | None:
    """What the whitelist says against a value; None when it may be set."""
    if point.write is None:
        return Code.NOT_WRITABLE
    if not point.write.low <= value <= point.write.high:
        return Code.OUT_OF_RANGE
    return Code.OFF_STEP if point.write.off_step(value) else None


def same(point: Point, ratios: Ratios, found: float | None, wanted: float) -> bool:
    """Whether two values are one in the point's register: half a count or float rounding apart."""
    if found is None:
        return False
    count = 0.0 if point.datatype.is_float else float(point.multiplier(ratios))
    return abs(found - wanted) <= max(count / 2, SAME_RELATIVE * abs(wanted))


def _verdict(point: Point, ratios: Ratios, read: float | None, value: float) -> Outcome:
    if read is None:
        return State.WRITTEN, Code.NOT_READ
    if same(point, ratios, read, value):
        return State.VERIFIED, Code.DONE
    return State.FAILED, Code.DIFFERS


def _looking(target: Target, attempt: Attempt) -> Job:
    """A job that finds out what a command did that was interrupted."""

    async def look() -> None:
        command = attempt.command
        point = target.profile.point(command.point)
        ratios = await target.ratios()
        attempt.read = await target.value(point)
        if same(point, ratios, attempt.read, command.value):
            attempt.outcome = (State.VERIFIED, Code.DONE)

    return look


def fault_code(fault: DriverFault) -> Code:
    """What the field did not do, as a code."""
    if isinstance(fault, LinkDown):
        return Code.LINK_DOWN
    if isinstance(fault, LineBusy):
        return Code.BUSY
    if isinstance(fault, DeviceSilent):
        return Code.DEVICE_SILENT
    return Code.REFUSED if isinstance(fault, Refused) else Code.LINK_DOWN
