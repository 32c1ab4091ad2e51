"""One Modbus driver over every link: the same meter and the same values, whatever carries them."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest

from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.drivers.capabilities import (
    Address,
    Discovers,
    DriverFault,
    Line,
    LinkDown,
    Listen,
    Serial,
    Tcp,
    Unit,
    Url,
)
from gateway.drivers.modbus import open_line
from gateway.drivers.modbus.stream import dial
from gateway.run import loop_factory
from tests.gateway.modbus_peers import (
    dialling_in,
    mbap,
    on_tcp,
    on_terminal,
    pymodbus_on_terminal,
    rtu,
    rtu_over_tcp,
    words_pdu,
)
from tests.gateway.modbus_server import Field, free_port, sdm630_field, serving

SDM630 = find_profile("eastron/sdm630")
ANYWHERE = ("127.0.0.0/8",)
Bus = AbstractAsyncContextManager[Address]


@asynccontextmanager
async def tcp(field: Field) -> AsyncIterator[Address]:
    port = free_port()
    async with serving(field, port):
        yield Address("modbus", Tcp("127.0.0.1", port))


def converter(field: Field) -> Bus:
    return rtu_over_tcp(field, free_port())


@asynccontextmanager
async def box(field: Field) -> AsyncIterator[Address]:
    """A box that dials in again and again until our port is open."""
    address = listening("tcp")
    port = free_port()
    async with serving(field, port):
        task = asyncio.create_task(keep_dialling(address, port))
        try:
            yield address
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def keep_dialling(address: Address, target: int) -> None:
    while True:
        try:
            async with dialling_in(address, target):
                await asyncio.Event().wait()
        except OSError:
            await asyncio.sleep(0.01)


def listening(framing: str, sources: Sequence[str] = ANYWHERE) -> Address:
    link = Listen("127.0.0.1", free_port(), tuple(sources))
    return Address("modbus", link, (("framing", framing),))


LINKS = [tcp, converter, pymodbus_on_terminal, box]


async def read_all(field_on: Callable[[Field], Bus]) -> list[list[float | None]]:
    """A meter read twice over a link; the second time with another power."""
    field, found = sdm630_field(1, 2), []
    async with field_on(field) as address:
        line = open_line(address, 2.0)
        await line.open()
        points = [SDM630.point(name) for name in ("u_a", "p", "ep_imp", "thd_u_a")]
        read = line.device(SDM630, 2).reader(points, Ratios())
        for power in (12.5, -3.25):
            for name, value in (("u_a", 231.5), ("p", power), ("ep_imp", 98765.5)):
                field.put_value(2, SDM630, name, value, Ratios())
            field.put_value(2, SDM630, "thd_u_a", None, Ratios())
            found.append(await read())
        line.close()
    return found


@pytest.mark.parametrize("field_on", LINKS)
async def test_a_meter_is_read_over_every_link(field_on: Callable[[Field], Bus]) -> None:
    assert await read_all(field_on) == [[231.5, 12.5, 98765.5, None], [231.5, -3.25, 98765.5, None]]


@pytest.mark.parametrize("field_on", LINKS)
def test_a_meter_is_read_over_every_link_in_the_products_own_loop(
    field_on: Callable[[Field], Bus],
) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(read_all(field_on))[1][1] == -3.25


@pytest.mark.parametrize("field_on", LINKS)
async def test_a_search_finds_the_units_and_says_how_far_it_is(
    field_on: Callable[[Field], Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.drivers.modbus.line.LAST_UNIT", 6)
    monkeypatch.setattr("gateway.drivers.modbus.quiet.LATE_S", 0.0)
    field = Field({unit: (100 if unit == 5 else 0, 4) for unit in range(1, 7)})
    field.silent.update({1, 3, 4, 6})
    heard: list[tuple[int, int, tuple[Unit, ...]]] = []
    async with field_on(field) as address:
        line = open_line(address, 0.2)
        await line.open()
        # Unit 5 refuses register 0: an answer too.
        search: Discovers = line
        found = await search.discover(
            lambda *said: heard.append((said[0], said[1], tuple(said[2]))), 60
        )
        line.close()
    assert found == [2, 5]
    assert heard == [
        (1, 6, ()),
        (2, 6, (2,)),
        (3, 6, (2,)),
        (4, 6, (2,)),
        (5, 6, (2, 5)),
        (6, 6, (2, 5)),
    ]


async def test_a_search_ends_in_time() -> None:
    async with on_tcp(lambda request, say: None) as address:
        line = open_line(address, 0.05)
        await line.open()
        asked = []
        assert await line.discover(lambda unit, *_: asked.append(unit), 0.2) == []
        line.close()
    assert 1 <= len(asked) <= 5


async def test_the_second_box_replaces_the_first() -> None:
    address = listening("rtu")
    assert isinstance(address.link, Listen)
    first, second, port = sdm630_field(1), sdm630_field(1), free_port()
    first.put_value(1, SDM630, "p", 1.0, Ratios())
    second.put_value(1, SDM630, "p", 2.0, Ratios())
    line = open_line(address, 0.5)
    read = line.device(SDM630, 1).reader([SDM630.point("p")], Ratios())
    with pytest.raises(LinkDown, match=r"no box has dialled in at listening on 127.0.0.1:\d+"):
        await line.open()
    async with rtu_over_tcp(first, port), dialling_in(address, port):
        await line.open()
        assert await read() == [1.0]
        other = free_port()
        async with rtu_over_tcp(second, other), dialling_in(address, other):
            with pytest.raises(LinkDown, match="gave way to a newer connection"):
                await forever(read)
            await line.open()
            assert await read() == [2.0]
    with pytest.raises(LinkDown, match="closed by the other end"):
        await read()
    with pytest.raises(LinkDown, match="no box has dialled in"):
        await line.open()
    line.close()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", address.link.port)


async def test_a_stranger_is_refused_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    address = listening("tcp", ["192.0.2.0/24", "2001:db8::/32"])
    assert isinstance(address.link, Listen)
    line = open_line(address, 0.05)
    with pytest.raises(LinkDown):
        await line.open()
    with caplog.at_level(logging.INFO, "gateway"):
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", address.link.port)
            assert await hung_up(reader)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    with pytest.raises(LinkDown, match="no box has dialled in"):
        await line.open()
    line.close()
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("127.0.0.1 dialled in at listening on 127.0.0.1:")
    assert "is refused: it is in none of the line's sources" in said


async def test_a_box_that_announces_itself_first_is_read() -> None:
    """Boxes often say their number when they have dialled in, and now and then later."""
    address = listening("rtu")
    assert isinstance(address.link, Listen)
    line = open_line(address, 1.0)
    opening = asyncio.create_task(line.open())
    reader, writer = await dialled(address.link.port)
    writer.write(b"IMEI862708041234567\r\n")
    await opening
    answering = asyncio.ensure_future(
        line.device(SDM630, 1).reader([SDM630.point("f")], Ratios())()
    )
    assert await reader.readexactly(8) == rtu(1, b"\x04\x00\x46\x00\x02")
    writer.write(b"\x01heartbeat" + rtu(1, words_pdu((0x4248, 0), 4)))
    assert await answering == [50.0]
    writer.close()
    await writer.wait_closed()
    line.close()


async def hung_up(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


async def forever(act: Callable[[], Awaitable[object]]) -> None:
    while True:
        await act()


async def dialled(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)


async def test_a_port_that_is_taken_is_said() -> None:
    address = listening("tcp")
    first, second = open_line(address, 0.05), open_line(address, 0.05)
    with pytest.raises(LinkDown, match="no box"):
        await first.open()
    with pytest.raises(LinkDown, match=r"cannot listen at .*: .* Choose a free port"):
        await second.open()
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (Address("modbus", Url("opc.tcp://x")), "Modbus cannot use opc.tcp://x. Write host"),
        (Address("modbus", Tcp("x", 1), (("framing", "ascii"),)), "'ascii' is unknown. Write tcp"),
        (
            Address("modbus", Tcp("x", 1), (("baud", "fast"), ("framing", "rtu"))),
            "baud 'fast' is no number",
        ),
        (listening("tcp", []), "has no sources: name the networks that boxes may dial in from"),
        (listening("tcp", ["here"]), "'here' does not appear .* Write sources like 192.0.2.0/24"),
    ],
)
def test_a_line_that_cannot_be_is_a_sentence(address: Address, said: str) -> None:
    with pytest.raises(DriverFault, match=said):
        open_line(address, 1.0)


def test_a_unit_that_is_no_number_is_a_sentence() -> None:
    line = open_line(Address("modbus", Tcp("x", 1)), 1.0)
    with pytest.raises(DriverFault, match="a Modbus unit is a number, not 'north'"):
        line.device(SDM630, "north")


SETTING = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: primary
points: [{key: limit, address: 2, datatype: uint16, unit: kW}]
sample: {blocks: [{fc: 3, start: 2, words: [1]}], values: {limit: 1}}
verify: {point: limit, tolerance_percent: 1}
source: a test
verified: no
"""


async def test_a_unit_without_function_6_is_written_with_16() -> None:
    profile = parse_profile("m/t", SETTING)
    asked = []

    def script(request: bytes, say: Callable[[bytes], None]) -> None:
        asked.append(request[1:-2])
        say(rtu(1, b"\x86\x01" if request[1] == 6 else request[1:6]))

    async with on_terminal(script) as address:
        line = open_line(address, 1.0)
        await line.open()
        device = line.device(profile, 1)
        for value in (7.0, 8.0):
            await device.write(profile.point("limit"), value, Ratios())
        line.close()
    assert asked == [
        bytes.fromhex("06 0002 0007"),
        bytes.fromhex("10 0002 0001 02 0007"),
        bytes.fromhex("10 0002 0001 02 0008"),
    ]


async def test_two_that_ask_at_once_take_turns() -> None:
    """A search and the poller may share a line: one request is in flight."""
    flying, most = 0, 0

    def script(request: bytes, say: Callable[[bytes], None]) -> None:
        nonlocal flying, most
        flying += len(request) // 12
        most = max(most, flying)

        def answer() -> None:
            nonlocal flying
            flying -= 1
            say(mbap(request[1], request[6], words_pdu((0x4248, 0), 4)))

        asyncio.get_running_loop().call_later(0.01, answer)

    async with on_tcp(script) as address:
        line = open_line(address, 1.0)
        await line.open()
        reads = [
            line.device(SDM630, unit).reader([SDM630.point("f")], Ratios())() for unit in (1, 2, 3)
        ]
        assert await asyncio.gather(*reads) == [[50.0]] * 3
        line.close()
    assert most == 1


async def test_a_serial_port_that_is_not_there_is_link_down() -> None:
    line: Line = open_line(Address("modbus", Serial("/dev/absent")), 0.1)
    with pytest.raises(LinkDown, match="/dev/absent"):
        await line.open()
    with pytest.raises(LinkDown, match="is not connected"):
        await line.device(SDM630, 1).reader(SDM630.points, Ratios())()


@pytest.mark.parametrize("fault", ["takes no more bytes", "talks without a pause"])
async def test_a_peer_that_does_not_play_by_the_rules_is_link_down(fault: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await dial("m", Tcp("127.0.0.1", server.getsockname()[1]), 1.0)
        peer, _ = server.accept()
        peer.setblocking(False)

        async def talk() -> None:
            await stream.write(bytes(1 << 16))
            if fault == "talks without a pause":
                with suppress(BlockingIOError):
                    peer.recv(1 << 20)
                    peer.send(bytes(1 << 16))
            await asyncio.sleep(0)

        with peer, pytest.raises(LinkDown, match=fault):
            await forever(talk)
    stream.close()
