"""Starts child processes, restarts what ends, stops all in order and leaves none behind.

A child gets a session of its own, so that Ctrl-C reaches only the supervisor, and the lifeline, so
that it ends within 2 s when the supervisor is killed. Restarts wait 0.2 s, then twice as long each
time up to 10 s; a child that ran for 30 s begins anew.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from backend.core.errors import OperatingError
from gateway.contract.lifeline import Lifeline

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LAST_WAIT_S = 10.0
STEADY_S = 30.0
GATE_VARIABLE = "KILOWISE_GATE"
"""Environment variable that carries the gate's reading end to a gated child."""

STOP_S = 5.0
"""Seconds a child has to end after SIGTERM before it is killed."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program to keep running, with what it needs beside the supervisor's environment."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    """Whether it is done when it ends without a fault."""
    sockets: Mapping[str, int] = field(default_factory=dict)
    """Environment variable -> file descriptor of a socket to serve (`ports.handed_socket`)."""
    gated: bool = False
    """Starts and imports at once, but waits at `wait_at_gate` until the supervisor opens it."""


class Backoff:
    """Seconds to wait before the next start."""

    def __init__(self) -> None:
        """Begin with the shortest wait."""
        self._wait_s = FIRST_WAIT_S

    def after(self, ran_s: float) -> float:
        """Answer the wait after a run of `ran_s` seconds."""
        if ran_s >= STEADY_S:
            self._wait_s = FIRST_WAIT_S
        wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, LAST_WAIT_S)
        return wait_s


class Supervisor:
    """Keeps children running until `stop`."""

    def __init__(self) -> None:
        """Make the lifeline and the gate."""
        self._lifeline = Lifeline()
        self._gate, self._gate_shut = os.pipe()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    def keep(self, child: Child) -> None:
        """Start a child and restart it whenever it ends."""
        self._keepers[child.name] = asyncio.create_task(self._keep(child), name=child.name)

    def open_gate(self) -> None:
        """Let gated children go on, those that start later too."""
        if self._gate_shut >= 0:
            os.close(self._gate_shut)
            self._gate_shut = -1

    def watch(self, name: str, ended: Callable[[], bool], restart: Callable[[], None]) -> None:
        """Restart something that is not a child of asyncio: `ended` tells, `restart` blocks."""
        self._keepers[name] = asyncio.create_task(_watch(name, ended, restart), name=name)

    def pid(self, name: str) -> int | None:
        """Answer the process id of a child while it runs."""
        process = self._processes.get(name)
        return process.pid if process and process.returncode is None else None

    async def stop(self, *names: str) -> None:
        """Stop the named children together and wait until they ended; all when none is named."""
        chosen = names or tuple(self._keepers)
        keepers = [self._keepers.pop(name) for name in chosen if name in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        running = [self._processes.pop(name) for name in chosen if name in self._processes]
        await asyncio.gather(*(_end(process) for process in running))

    async def close(self, *last: str) -> None:
        """Stop all, the children named `last` after the others, and let go of the lifeline."""
        await self.stop(*(name for name in self._keepers if name not in last))
        if self._keepers:
            await self.stop()
        self._lifeline.close()
        self.open_gate()
        os.close(self._gate)

    async def _keep(self, child: Child) -> None:
        backoff = Backoff()
        while True:
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **child.environment, **self._handed(child)},
                pass_fds=(self._lifeline.fd, self._gate, *child.sockets.values()),
                start_new_session=True,
            )
            self._processes[child.name] = process
            code = await process.wait()
            if child.once and code == 0:
                return
            wait_s = backoff.after(time.monotonic() - began)
            log.warning("%s ended (%s), restarts in %.1f s", child.name, _told(code), wait_s)
            await asyncio.sleep(wait_s)

    def _handed(self, child: Child) -> dict[str, str]:
        gate = {GATE_VARIABLE: str(self._gate)} if child.gated else {}
        sockets = {variable: str(fd) for variable, fd in child.sockets.items()}
        return {**self._lifeline.environment, **gate, **sockets}


def wait_at_gate(environment: Mapping[str, str] = os.environ) -> None:
    """Return when the supervisor opened the gate, at once where there is none; blocks."""
    text = environment.get(GATE_VARIABLE, "")
    if text.isdigit():
        os.read(int(text), 1)


async def _watch(name: str, ended: Callable[[], bool], restart: Callable[[], None]) -> None:
    backoff = Backoff()
    began = time.monotonic()
    while True:
        await asyncio.sleep(0.1)
        if not ended():
            continue
        wait_s = backoff.after(time.monotonic() - began)
        log.warning("%s ended, restarts in %.1f s", name, wait_s)
        await asyncio.sleep(wait_s)
        began = time.monotonic()
        try:
            await asyncio.to_thread(restart)
        except OperatingError as error:
            # It may have been killed again while it recovered: whatever it was, try on.
            log.error("%s: %s", name, error)  # noqa: TRY400 - a sentence, no bug
        except Exception:
            log.exception("%s could not be restarted", name)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a child in order, or hard when it takes too long."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _told(code: int) -> str:
    return f"code {code}" if code >= 0 else signal.Signals(-code).name


async def until_signal() -> None:
    """Return when this process is asked to end: Ctrl-C, SIGTERM, or a closed terminal."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


async def run_until_signal(*works: Awaitable[None]) -> None:
    """Run `works` together until one fails (its error is raised) or a signal asks to end."""
    tasks = [asyncio.ensure_future(work) for work in works]
    stop = asyncio.create_task(until_signal())
    try:
        await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stop, *tasks):
            task.cancel()
        ended = await asyncio.gather(stop, *tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
