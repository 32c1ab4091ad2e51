"""The edge node over TLS: a box whose clock says 1970 connects, and learns the time."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest

from gateway.broker import Broker
from gateway.contract import topics
from gateway.contract.clock import ManualClock, SystemClock
from gateway.contract.sparkplug import Datatype, Metric
from gateway.enrolment.known_time import KnownTime
from gateway.enrolment.tls import TlsClient
from gateway.journal import Journal
from gateway.publish import EdgeNode
from tests.backend.acquisition_brokers import until_listening
from tests.gateway.broker import MOSQUITTO
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port
from tests.gateway.test_publish import OneDevice, until
from tests.gateway.tls_server import DAY, ENDED, LAST_KNOWN, RESET, YOUNG, Authority

pytestmark = pytest.mark.needs("mosquitto")


@asynccontextmanager
async def tls_broker(
    folder: Path, validity: tuple[datetime, datetime]
) -> AsyncIterator[tuple[int, int]]:
    """A mosquitto with a plain and a TLS port whose certificate is valid for so long."""
    server = Authority.make(folder).server_file(*validity)
    plain, tls = free_port(), free_port()
    (folder / "mosquitto.conf").write_text(
        f"allow_anonymous true\npersistence false\nuser root\nlistener {plain} 127.0.0.1\n"
        f"listener {tls} 127.0.0.1\ncertfile {server}\nkeyfile {server}\n"
    )
    child = subprocess.Popen(
        [MOSQUITTO, "-c", folder / "mosquitto.conf"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await until_listening(tls)
        yield plain, tls
    finally:
        child.kill()
        child.wait()


@asynccontextmanager
async def box(folder: Path, port: int) -> AsyncIterator[tuple[EdgeNode, KnownTime]]:
    """An edge node whose clock says 1970 and that has known LAST_KNOWN."""
    KnownTime(folder / "edge.time", ManualClock(LAST_KNOWN)).learn(LAST_KNOWN)
    known = KnownTime(folder / "edge.time", ManualClock(RESET))
    tls = TlsClient(known, folder / "ca.pem")
    broker = Broker("127.0.0.1", port, tls=True, credential="a.b", secret=None, client=tls)
    journal = Journal(folder / "j")
    journal.open()
    node = EdgeNode("works", "edge", broker, journal, SystemClock(), OneDevice())
    task = asyncio.create_task(node.run())
    try:
        yield node, known
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(journal.close)


async def test_a_box_without_a_clock_connects_and_learns_the_time(tmp_path: Path) -> None:
    async with tls_broker(tmp_path, YOUNG) as (plain, tls):
        host = Host("works", plain)
        await host.start()
        async with box(tmp_path, tls) as (node, known):
            await host.until(lambda: bool(host.births))
            assert (known.is_known, known.connections) == (False, 1)
            now = LAST_KNOWN + 30 * DAY
            told = Metric(topics.EXT_TIME, None, Datatype.INT64, round(now.timestamp() * 1000))
            host.command("edge", told)
            await until(lambda: known.is_known)
            assert known.newest == now
            node.drop_socket()
            await host.until(lambda: host.births.count("NBIRTH/edge") == 2)
            assert known.connections == 0
        await host.stop()


async def test_a_box_without_a_clock_still_refuses_what_had_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with tls_broker(tmp_path, ENDED) as (_, tls), box(tmp_path, tls) as (node, known):
        await until(lambda: "certificate ended on 2027-04-30" in caplog.text)
        assert (node.online, known.connections) == (False, 0)
