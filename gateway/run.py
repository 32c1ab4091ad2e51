"""`kilowise-gateway run`: wires configuration, journal, pollers and edge node, keeps them up."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from gateway.commands import Commands
from gateway.config import GatewayConfig, load_config
from gateway.configuration import Configuration
from gateway.contract.clock import Clock
from gateway.contract.documents import DocumentFault
from gateway.enrolment.renewal import Renewal
from gateway.journal import Journal
from gateway.journal_file import JournalFault
from gateway.log_tail import LogTail
from gateway.pipeline import Pipeline
from gateway.publish import EdgeNode
from gateway.remote import Remote
from gateway.signals import Signals
from gateway.site import Site
from gateway.standing import Standing
from gateway.supervision import end, kept
from gateway.support import Support
from gateway.traffic import Traffic
from gateway.update.asked import Means, Updates
from gateway.update.health import VARIABLE, Monitor
from gateway.whole import Whole

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
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
        await run_until(config, journal, clock, ending, (file, environment))
    finally:
        await asyncio.to_thread(journal.close)


async def run_until(
    config: GatewayConfig,
    journal: Journal,
    clock: Clock,
    ending: asyncio.Event,
    origin: tuple[Path, Mapping[str, str]],
) -> None:
    """Poll, journal and publish until `ending` is set; the journal is open already.

    `origin` is the file and the environment that `config` was read from.
    """
    pipeline = Pipeline(journal, typed=config.broker.typed)
    traffic = Traffic(journal, clock, pipeline)
    broker = config.broker
    node = EdgeNode(config.project, config.node, broker, journal, clock, pipeline, traffic=traffic)
    journal.on_journaled = node.journaled
    pipeline.announce_to(node)
    site = Site(pipeline, clock)
    commands = Commands(journal, site, node.platform_ms)
    signals = Signals(pipeline, site, node, journal, clock)
    whole = Whole(site, traffic, signals)
    configuration = Configuration(*origin, config, journal, clock, whole, node)
    tail = LogTail()
    support = Support(journal, site, node.platform_ms, tail)
    standing = Standing(site, journal, traffic)
    keys, enrolled = bool(config.update_keys), config.enrolment is not None
    means = Means.of(*origin, enrolled=enrolled, has_keys=keys)
    updates = Updates(means, journal, node.platform_ms)
    asked_by_host = (commands, configuration, standing, support, updates)
    node.obey_by(Remote(*asked_by_host, pipeline, node.platform_ms))
    logging.getLogger().addHandler(tail)
    await traffic.begin()
    await configuration.begin()
    parts = {
        "publisher": node.run,
        "commands": commands.run,
        "configuration": configuration.run,
        "support": support.run,
        "updates": updates.run,
        "traffic": traffic.run,
        "signals": signals.run,
    }
    if VARIABLE in origin[1]:
        pid, devices = os.getpid(), len(config.devices)
        file = Path(origin[1][VARIABLE])
        parts["health"] = Monitor(file, pid, node, journal, clock, devices=devices).run
    if config.status_port is not None:
        # Only gateways with a status page pay for it.
        from gateway.status_facts import gatherer
        from gateway.status_server import StatusServer

        told = (site, pipeline, journal, traffic)
        gather = gatherer((config.project, config.node), told, node, clock)
        parts["status page"] = StatusServer(config.status_port, gather).run
    if config.enrolment is not None:
        parts["renewal"] = Renewal(config.enrolment).run
    tasks = {name: asyncio.create_task(kept(name, run), name=name) for name, run in parts.items()}
    await ending.wait()
    await signals.close()
    await site.close()
    publisher = tasks.pop("publisher")
    await end(tasks.values())
    await node.close()
    await end([publisher])
    logging.getLogger().removeHandler(tail)
    await traffic.keep()


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
