"""`kilowise-gateway run`: wires configuration, journal, pollers and edge node, keeps them up."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from gateway.config import GatewayConfig, load_config
from gateway.contract.clock import Clock
from gateway.contract.documents import DocumentFault
from gateway.enrolment.renewal import Renewal
from gateway.journal import Journal
from gateway.journal_file import JournalFault
from gateway.pipeline import Pipeline
from gateway.publish import EdgeNode
from gateway.serving import open_lines

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
RESTART_S = 5.0
FIRST_PLAUSIBLE_YEAR = 2020


async def run_gateway(file: Path, clock: Clock, environment: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT; a configuration that is missing or wrong is waited for."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, ending.set)
    config = await _usable_config(file, environment, ending)
    if config is None:
        return
    say_clock(clock)
    journal = await _opened(config, ending)
    if journal is None:
        return
    try:
        await run_until(config, journal, clock, ending)
    finally:
        await asyncio.to_thread(journal.close)


async def run_until(
    config: GatewayConfig, journal: Journal, clock: Clock, ending: asyncio.Event
) -> None:
    """Poll, journal and publish until `ending` is set; the journal is open already."""
    pipeline = Pipeline(journal, typed=config.broker.typed)
    node = EdgeNode(config.project, config.node, config.broker, journal, clock, pipeline)
    journal.on_journaled = node.journaled
    pipeline.announce_to(node)
    served = await open_lines(config, pipeline, clock)
    log.info(
        "%s/%s reads %d devices on %d lines",
        config.project,
        config.node,
        len(config.devices),
        len(served),
    )
    tasks = [asyncio.create_task(_kept(name, one.run)) for name, one in served.items()]
    if config.enrolment is not None:
        renewal = Renewal(config.enrolment)
        tasks.append(asyncio.create_task(_kept("renewal", renewal.run)))
    tasks.append(asyncio.create_task(_kept("publisher", node.run)))
    await ending.wait()
    await _end(tasks[:-1])
    await node.close()
    await _end(tasks[-1:])


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until it took: asyncio.wait_for of Python 3.11 can swallow a cancellation."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)


def say_clock(clock: Clock) -> None:
    """Say it when the machine's clock cannot be right; samples are journaled all the same."""
    if clock.now().year < FIRST_PLAUSIBLE_YEAR:
        log.warning(
            "the clock of this machine says %s: samples are kept with that time and the platform "
            "sets them aside. Set the clock or start time synchronisation (NTP).",
            clock.now().date(),
        )


async def _usable_config(
    file: Path, environment: Mapping[str, str], ending: asyncio.Event
) -> GatewayConfig | None:
    said, seen = "", None
    while not ending.is_set():
        stamp = _stamp(file)
        if stamp != seen or not said:
            seen = stamp
            try:
                config = load_config(file, environment)
            except DocumentFault as fault:
                if str(fault) != said:
                    said = str(fault)
                    log.error("%s\nThe gateway waits for a usable configuration.", fault)  # noqa: TRY400
            else:
                for problem in config.problems:
                    log.error("%s", problem)
                return config
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await ending.wait()
    return None


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


async def _opened(config: GatewayConfig, ending: asyncio.Event) -> Journal | None:
    said = ""
    while not ending.is_set():
        journal = Journal(config.journal, config.journal_bytes, durable=config.durable)
        try:
            journal.open()
        except JournalFault as fault:
            if str(fault) != said:
                said = str(fault)
                log.error("%s", fault)  # noqa: TRY400 - the sentence says it all
        else:
            return journal
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await ending.wait()
    return None


async def _kept(name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
    """Supervisor: a part that fails by a bug is logged and started again; the others go on."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s failed and is started again in %.0f s", name, RESTART_S)
        await asyncio.sleep(RESTART_S)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loops where it is installed: half the CPU; asyncio's own otherwise."""
    if find_spec("uvloop") is None:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return make


def log_to_stderr(level: str) -> None:
    """Plain lines for journald and consoles."""
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def default_config(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the configuration is looked for when nobody says."""
    set_ = environment.get("KILOWISE_GATEWAY_CONFIG")
    return Path(set_) if set_ else Path(environment.get("KILOWISE_DATA", "var")) / "gateway.yaml"
