"""OPC UA against a real asyncua server: values, times, statuses, security, reconnecting."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Address, DriverFault, LinkDown, Reading, Tcp, Url
from gateway.drivers.opcua import APPLICATION_URI, Wanted, open_line, read_value
from tests.gateway.modbus_server import free_port
from tests.gateway.opcua_server import Meters, certificate, serving

PROFILE = find_profile("generic/opcua-meter")
NAMES = [point.name for point in PROFILE.points]
pytestmark = pytest.mark.asyncio(loop_scope="module")
NODES: dict[str, float | str] = {
    point.item.replace("{unit}", "M1"): 1.0 for point in PROFILE.points
}
AT = datetime(2026, 3, 1, 8, 15, 0, 250_000, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Meters]:
    """One server for all: M1 is whole, M2 has a text for a number and lacks a node."""
    second = {name.replace("M1", "M2"): value for name, value in NODES.items()}
    del second["ns=2;s=M2.P"]
    async with serving(free_port(), {**NODES, **second, "ns=2;s=M2.Ua": "five"}) as meters:
        yield meters


class Heard:
    """Collects the readings of one device."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.changed = asyncio.Event()

    def __call__(self, readings: Sequence[Reading]) -> None:
        self.readings.extend(readings)
        self.changed.set()

    async def until(self, done: Callable[[Reading], bool]) -> Reading:
        async with asyncio.timeout(20):
            while True:
                for reading in self.readings:
                    if done(reading):
                        return reading
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def subscribed(
    url: str, unit: str = "M1", **options: str
) -> AsyncIterator[tuple[Heard, asyncio.Task[None]]]:
    options = {"publish_ms": "50", **options}
    line = open_line(Address("opcua", Url(url), tuple(sorted(options.items()))), 2.0)
    heard = Heard()
    line.device(PROFILE, unit).subscribe(PROFILE.points, Ratios(), heard)
    await line.open()
    task = asyncio.create_task(line.serve())
    try:
        yield heard, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LinkDown):
            await task
        line.close()
        await asyncio.sleep(0.1)


async def test_values_come_with_the_servers_times(server: Meters) -> None:
    async with subscribed(server.url) as (heard, _):
        await server.set("ns=2;s=M1.P", 86.25, AT)
        found = await heard.until(lambda r: (NAMES[r.index], r.value) == ("p", 86.25))
        assert (found.at_ms, found.quality) == (round(AT.timestamp() * 1000), Quality.GOOD)


@pytest.mark.parametrize(
    ("value", "status", "quality", "reason"),
    [
        (5.0, StatusCodes.UncertainSensorNotAccurate, 4, "UncertainSensorNotAccurate"),
        (5.0, StatusCodes.BadCommunicationError, 5, "BadCommunicationError"),
        (float("nan"), StatusCodes.Good, 5, "not available"),
    ],
)
async def test_a_status_becomes_a_quality_with_its_reason(
    server: Meters, value: float, status: int, quality: int, reason: str
) -> None:
    await server.set("ns=2;s=M1.Ua", 1.0)
    async with subscribed(server.url) as (heard, _):
        await heard.until(lambda r: r.index == 0 and r.quality is Quality.GOOD)
        await server.set("ns=2;s=M1.Ua", value, AT, status)
        found = await heard.until(lambda r: r.index == 0 and r.quality is not Quality.GOOD)
        assert (found.quality, found.reason) == (quality, reason)
        assert found.value == (5.0 if quality == Quality.SUSPECT else None)


async def test_a_text_is_no_number(server: Meters) -> None:
    async with subscribed(server.url, "M2") as (heard, _):
        found = await heard.until(lambda r: r.index == 0)
        assert (found.value, found.quality, found.reason) == (None, 5, "not a number")


async def test_changes_between_two_publishings_all_arrive_in_order(server: Meters) -> None:
    await server.set("ns=2;s=M1.Ua", 1.0)
    async with subscribed(server.url, publish_ms="400") as (heard, _):
        await heard.until(lambda r: r.index == 0)
        for number in range(20):
            await server.set("ns=2;s=M1.Ua", 100.0 + number)
        await heard.until(lambda r: r.index == 0 and r.value == 119.0)
        values = [r.value for r in heard.readings if r.index == 0]
        assert values[1:] == [100.0 + number for number in range(20)]


async def test_an_unknown_node_is_missing_and_the_others_go_on(
    server: Meters, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(server.url, "M2") as (heard, _):
        await heard.until(lambda r: NAMES[r.index] == "u_b")
        lost = await heard.until(lambda r: NAMES[r.index] == "p")
        assert (lost.value, lost.quality) == (None, Quality.MISSING)
        assert "node ns=2;s=M2.P: BadNodeIdUnknown" in caplog.text


async def secured(meters: Meters, folder: Path, who: str = "client", **options: str) -> None:
    """One subscribed session, or LinkDown."""
    async with subscribed(
        meters.url,
        policy="Basic256Sha256",
        certificate=str(folder / f"{who}.der"),
        key=str(folder / f"{who}.pem"),
        **options,
    ) as (heard, _):
        await heard.until(lambda r: NAMES[r.index] == "ep_imp")


async def test_signed_encrypted_and_by_user_only(tmp_path: Path) -> None:
    made, _ = await certificate(tmp_path, "client", APPLICATION_URI)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "client.der").write_bytes(made.read_bytes())
    async with serving(free_port(), NODES, secured=tmp_path) as meters:
        await secured(meters, tmp_path, user="reader", password="hush")
        with pytest.raises(LinkDown):
            await secured(meters, tmp_path, user="reader", password="guess")
        with pytest.raises(LinkDown):
            async with subscribed(meters.url):
                pass
        await certificate(tmp_path, "stranger", APPLICATION_URI)
        with pytest.raises(LinkDown):
            await secured(meters, tmp_path, "stranger", user="reader", password="hush")


async def test_a_server_that_goes_is_a_link_down() -> None:
    port = free_port()
    async with serving(port, NODES) as meters:
        session = subscribed(meters.url)
        heard, task = await session.__aenter__()
        await heard.until(lambda r: r.index == 0)
    with pytest.raises(LinkDown, match=r"opc.tcp://127.0.0.1"):
        await asyncio.wait_for(task, 20)
    await session.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "address",
    [
        Address("opcua", Tcp("host", 4840)),
        Address("opcua", Url("http://host")),
        Address("opcua", Url("opc.tcp://host"), (("policy", "Basic128"),)),
    ],
)
async def test_a_link_it_cannot_use_is_a_sentence(address: Address) -> None:
    with pytest.raises(DriverFault):
        open_line(address, 1.0)


async def test_scale_and_sentinels_apply() -> None:
    text = Path("gateway/profiles/generic/opcua-meter.yaml").read_text(encoding="utf-8")
    text = text.replace(", unit: kW}", ", unit: kW, scale: 0.001, datatype: int32, nan: [-1]}")
    text = text.replace('P": 86.25', 'P": 86250')
    point = parse_profile("g/x", text).point("p")
    wanted = Wanted("n", 0, point, Ratios(), lambda _: None)
    data = ua.DataValue(ua.Variant(86250, ua.VariantType.Int32))
    assert read_value(wanted, data, 7) == Reading(0, 7, 86.25)
    gone = ua.DataValue(ua.Variant(-1, ua.VariantType.Int32))
    assert read_value(wanted, gone, 7) == Reading(0, 7, None, Quality.MISSING, "not available")
