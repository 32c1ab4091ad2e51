"""Case 17 on the real process: full disk, full journal; oldest first, counted, and it lives."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from gateway.contract import topics
from tests.faults.ledger import JOURNAL, waiting
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.test_gateway import counting, write_config

pytestmark = pytest.mark.needs("mosquitto")
PATIENCE_S = 120

UNITS = range(1, 6)
FULL_DISK = 96 * 1024
"""Bytes that any one file may have: the process meets the refusals of a full disk."""
BOUND_MB = 0.015


@pytest.fixture
async def broker() -> AsyncIterator[Mosquitto]:
    """A broker that is not reachable yet."""
    mosquitto = Mosquitto(free_port())
    yield mosquitto
    mosquitto.close()


@pytest.mark.long
async def test_a_full_journal_gives_up_the_oldest_and_says_how_many(
    tmp_path: Path, broker: Mosquitto
) -> None:
    bound = f"journal: {{max_mb: {BOUND_MB}}}\n"
    dropped, records, told = await run(tmp_path, broker, bound, resource.RLIM_INFINITY, "is full:")
    assert dropped > 0
    assert records == list(range(dropped + 1, records[-1] + 1))
    assert "Reconnect the platform or raise journal.max_mb." in told


@pytest.mark.long
async def test_a_full_disk_loses_nothing_that_memory_holds(
    tmp_path: Path, broker: Mosquitto
) -> None:
    dropped, records, told = await run(tmp_path, broker, "", FULL_DISK, "cannot be written")
    assert records == list(range(dropped + 1, records[-1] + 1))
    assert "Free space on its disk." in told
    assert "can be written again" in told


async def run(
    folder: Path, broker: Mosquitto, more: str, limit: int, trouble: str
) -> tuple[int, list[int], str]:
    """Let a gateway without a link come into trouble and get over it.

    Answers what it says it gave up, the numbers of the records that arrived, and its log.
    """
    port, host = free_port(), Host("works", broker.port)
    field = sdm630_field(*UNITS)
    file = write_config(folder, broker.port, port, len(UNITS), timeout_s=0.4)
    text = file.read_text(encoding="utf-8").replace("node: edge", "node: gateway-1")
    file.write_text(text + more, encoding="utf-8")
    log = folder / "log"
    argv = [sys.executable, "-m", "gateway", "run", "--config", str(file)]
    limits = (limit, resource.RLIM_INFINITY)
    tasks = [asyncio.create_task(counting(field, unit)) for unit in UNITS]
    async with serving(field, port):
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv,
                stderr=out,
                preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, limits),
            )
        try:
            await host.until(lambda: log.read_text().count(trouble) >= 3, PATIENCE_S)
            assert process.poll() is None
            # Space is there again; then silence, so that what is given up stays what it is.
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            await host.until(lambda: waiting(folder) > 20, PATIENCE_S)
            field.silent.update(UNITS)
            await host.until(
                lambda: log.read_text().count("It is asked again") >= len(UNITS), PATIENCE_S
            )
            await broker.start()
            await host.start()
            await host.until(lambda: bool(host.records) and waiting(folder) == 0, PATIENCE_S)
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait()
            for task in tasks:
                task.cancel()
            await host.stop()
    assert (folder / JOURNAL).exists()
    dropped = host.node[topics.EXT_DROPPED].value
    assert isinstance(dropped, int)
    return dropped, sorted(host.records), log.read_text()
