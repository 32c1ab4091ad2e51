"""The audit at a log server: every entry, in order, at least once, over TLS that is verified."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.core.audit import Deed, Entry, record
from backend.core.certificates import (
    local_names,
    new_authority,
    server_context,
    server_pair,
)
from backend.core.db import Database
from backend.core.platform import Platform
from backend.service.audit import forward
from backend.service.audit.forward import LogServer
from backend.service.audit.syslog import framed, message
from tests.postgres import NOW, MakeProject

FRAME = re.compile(
    rb"<109>1 (\S+) \S+ kilowise - (\S+) \[audit@32473 (.*?)\] \xef\xbb\xbf(.*)", re.DOTALL
)


class Receiver:
    """A syslog receiver over TLS: what came, and how it behaves."""

    def __init__(self, folder: Path) -> None:
        """Make an authority and a certificate in a folder."""
        now, life = datetime.now(UTC), timedelta(days=10)
        authority = new_authority("log", now, life)
        pair = server_pair(authority, local_names(), now, life)
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(authority.certificate_pem)
        (folder / "log.pem").write_bytes(pair.certificate_pem)
        (folder / "log.key").write_bytes(pair.key_pem)
        self.context = server_context(folder / "log.pem", folder / "log.key")
        self.messages: list[bytes] = []
        self.arrived = asyncio.Event()
        self.port = 0
        self.hang_up_after = 0
        """Octets after which a connection is reset; 0: none."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read octet-counted frames until the end."""
        if self.hang_up_after:
            await reader.readexactly(self.hang_up_after)
            self.hang_up_after = 0
            writer.transport.abort()
            return
        try:
            while length := await reader.readuntil(b" "):
                self.messages.append(await reader.readexactly(int(length)))
                self.arrived.set()
        except asyncio.IncompleteReadError:
            writer.close()

    async def numbers(self, count: int) -> list[str]:
        """Wait for so many messages: the numbers that they tell."""
        while len(self.messages) < count:
            self.arrived.clear()
            await self.arrived.wait()
        return [re.findall(rb'number="(\d+)"', one)[0].decode() for one in self.messages]


@asynccontextmanager
async def receiving(folder: Path) -> AsyncIterator[Receiver]:
    """A receiver on a free loopback port."""
    receiver = Receiver(folder)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0, ssl=receiver.context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def write(database: Database, project: int, count: int) -> None:
    """So many entries."""
    async with database.project(project) as tx:
        for number in range(count):
            await record(tx, project, Deed("per_anna", "key.make", f"key_{number}", "done", 7), NOW)


@asynccontextmanager
async def telling(platform: Platform, receiver: Receiver) -> AsyncIterator[None]:
    """The sender, at work."""
    settings = platform.settings.model_copy(
        update={
            "syslog_url": f"tls://127.0.0.1:{receiver.port}",
            "syslog_ca": receiver.authority,
        }
    )
    told = replace(platform, settings=settings)
    task = asyncio.create_task(forward.run(told))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "RETRY_S", 0.05)
    monkeypatch.setattr(forward, "LOOK_S", 0.05)


def test_an_entry_is_a_syslog_message_of_rfc_5424() -> None:
    entry = Entry(
        3, NOW, 7, 'per_"]\\', "key.make", "key_1", None, '{"name":"电表"}', "done", b"\x01\xff"
    )
    text = message("host 1", "demo", entry)
    assert text == (
        "<109>1 2026-03-15T04:00:00.000000Z host1 kilowise - key.make"
        ' [audit@32473 project="demo" number="3" actor="per_\\"\\]\\\\" action="key.make"'
        ' ref="key_1" result="done" hash="01ff"] \ufeff{"old":null,"new":{"name":"电表"}}'
    )
    assert framed("电") == b"3 \xe7\x94\xb5"


async def test_every_entry_is_told_in_order_and_it_goes_on_where_it_stopped(
    platform: Platform, database: Database, make_project: MakeProject, tmp_path: Path
) -> None:
    one, other = await make_project("one"), await make_project("other")
    await write(database, one.id, 3)
    await write(database, other.id, 1)
    async with receiving(tmp_path) as receiver:
        async with telling(platform, receiver):
            assert await receiver.numbers(4) == ["1", "2", "3", "1"]
            found = FRAME.fullmatch(receiver.messages[3])
            assert found is not None
            assert found[2] == b"key.make"
            assert b'project="other"' in found[3]
            await write(database, one.id, 1)
            assert (await receiver.numbers(5))[4] == "4"
        receiver.messages.clear()
        await write(database, one.id, 1)
        async with telling(platform, receiver):
            assert (await receiver.numbers(1))[-1] == "5"


async def test_what_was_on_the_way_is_told_again(
    platform: Platform, database: Database, make_project: MakeProject, tmp_path: Path
) -> None:
    project = await make_project("one")
    await write(database, project.id, 300)
    async with receiving(tmp_path) as receiver:
        receiver.hang_up_after = 20_000
        async with telling(platform, receiver):
            await receiver.numbers(300)
    assert receiver.hang_up_after == 0
    numbers = [int(one) for one in await receiver.numbers(300)]
    assert sorted(set(numbers)) == list(range(1, 301))


async def test_a_server_that_is_not_trusted_is_told_nothing(
    platform: Platform, database: Database, make_project: MakeProject, tmp_path: Path
) -> None:
    project = await make_project("one")
    await write(database, project.id, 1)
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
    async with receiving(tmp_path / "theirs") as receiver:
        ours = Receiver(tmp_path / "ours").authority
        server = LogServer.of(f"tls://127.0.0.1:{receiver.port}", str(ours))
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(server.host, server.port, ssl=server.trust)
        assert receiver.messages == []
