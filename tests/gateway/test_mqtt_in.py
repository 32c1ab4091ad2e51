"""Third-party JSON over real brokers: the embedded one with credentials, mosquitto over a kill."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import pytest_asyncio
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from backend.acquisition.authority import first_authorities
from backend.core.certificates import Names
from gateway.config import load_config
from gateway.contract.clock import SystemClock
from gateway.contract.profile import Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Address, DriverFault, LinkDown, Reading, Tcp, Url
from gateway.drivers.mqtt_in.line import MqttIn, open_line
from gateway.listen import Heard, LineListener
from tests.backend.acquisition_brokers import SITE, Caller, RunningBroker, embedded
from tests.gateway.broker import Mosquitto
from tests.gateway.modbus_server import free_port
from tests.gateway.mqtt_devices import reader_address

ROOT = Path(__file__).parents[2]
PROFILE = find_profile("generic/mqtt-meter")
POINTS = {point.name: index for index, point in enumerate(PROFILE.points)}
AT, AT_MS = "2026-03-01T08:15:00Z", 1_772_352_900_000
WAIT_S = 20


class Ear:
    """Collects readings by point."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._news = asyncio.Event()

    def __call__(self, readings: Sequence[Reading]) -> None:
        self.readings.extend(readings)
        self._news.set()

    async def until(self, name: str, value: float | None) -> Reading:
        """The first reading of a point that has a value."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for reading in self.readings:
                    if (reading.index, reading.value) == (POINTS[name], value):
                        return reading
                self._news.clear()
                await self._news.wait()


@pytest_asyncio.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with embedded(tmp_path) as running:
        yield running


@asynccontextmanager
async def listening(address: Address, *units: str) -> AsyncIterator[list[Ear]]:
    """A line that hears these devices while the block runs."""
    line = open_line(address, 1.0)
    ears = [Ear() for _ in units]
    for unit, ear in zip(units, ears, strict=True):
        line.device(PROFILE, unit).subscribe(PROFILE.points, Ratios(), ear)
    await line.open()
    serving = asyncio.create_task(line.serve())
    try:
        yield ears
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        line.close()


def tell(device: Caller | Client, topic: str, payload: object, *, retain: bool = False) -> None:
    """Publish as a device does; bytes and texts as they are, all else as JSON."""
    client = device.client if isinstance(device, Caller) else device
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    client.publish(topic, raw, qos=1, retain=retain)


async def until(done: Callable[[], bool]) -> None:
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(WAIT_S / 1000)
    raise AssertionError("it did not come about")


async def told(device: Caller | Client, topic: str, payload: object, ear: Ear) -> None:
    """Publish until it is heard: a subscription takes effect in its own time."""
    async with asyncio.timeout(WAIT_S):
        while not ear.readings:
            tell(device, topic, payload)
            await asyncio.sleep(0.05)


async def test_devices_of_one_broker_are_heard_and_faults_are_one_line(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    device = await broker.connect(SITE, client_id=f"{SITE}/device")
    address = reader_address(broker, topic="meters")
    async with listening(address, "7", "hall/8") as (seven, eight):
        await told(device, "meters/7", {"frequency": 49.5}, seven)
        await told(device, "meters/hall/8", {"frequency": 50.5}, eight)
        for wrong in (b"{nonsense", b"", b"\xff", {"power": {"active": "five"}}):
            tell(device, "meters/7", wrong)
        tell(device, "meters/7", {"time": AT, "voltage": ["230.4", None], "power": {"active": -3}})
        power = await seven.until("p", -3.0)
        assert (await seven.until("u_a", 230.4)).at_ms == power.at_ms == AT_MS
        assert (await seven.until("u_b", None)).quality is Quality.MISSING
    missing = [one for one in seven.readings if one.reason]
    assert [(one.index, one.reason) for one in missing] == [(POINTS["p"], "'five' is no number")]
    assert {one.value for one in eight.readings} == {50.5}
    lines = [
        record.getMessage() for record in caplog.records if record.name.endswith("mqtt_in.line")
    ]
    assert len(lines) == 1
    assert f"127.0.0.1:{broker.port}, topic meters/7: this is not JSON (" in lines[0]
    assert "secret" not in caplog.text


async def test_a_refused_topic_and_a_wrong_password_are_sentences(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(reader_address(broker), "others/7"):
        await until(lambda: "topic others/7: the broker refuses to pass" in caplog.text)
    line = open_line(reader_address(broker, password="wrong"), 1.0)
    with pytest.raises(LinkDown, match=r"mqtt://127\.0\.0\.1:\d+: .*[Rr]efused"):
        await line.open()
    line.close()


async def test_a_device_that_went_silent_is_taken_back(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await broker.connect(SITE, client_id=f"{SITE}/device")
    async with listening(reader_address(broker), "meters/7") as (ear,):
        await told(device, "meters/7", {"frequency": 50.0}, ear)
        limit_s = PROFILE.point("f").max_gap_s
        later = time.monotonic() + limit_s + 1
        monkeypatch.setattr("gateway.drivers.mqtt_in.source.monotonic", lambda: later)
        assert (await ear.until("f", None)).reason == f"no message for {limit_s} s"


@asynccontextmanager
async def anonymous(port: int) -> AsyncIterator[Client]:
    """A device of a site whose broker asks nobody."""
    client = Client("device")
    client.set_config({"reconnect_retries": 0})
    await client.connect("127.0.0.1", port, version=MQTTv311)
    try:
        yield client
    finally:
        await client.disconnect()


@pytest.mark.needs("mosquitto")
async def test_what_the_broker_kept_is_heard_only_with_its_own_time(mosquitto: Mosquitto) -> None:
    async with anonymous(mosquitto.port) as device:
        tell(device, "meters/7", {"frequency": 49.5}, retain=True)
        tell(device, "meters/8", {"frequency": 49.5, "time": AT}, retain=True)
        address = Address("mqtt", Url(f"mqtt://127.0.0.1:{mosquitto.port}"))
        async with listening(address, "meters/7", "meters/8") as (unknown, known):
            assert (await known.until("f", 49.5)).at_ms == AT_MS
            await told(device, "meters/7", {"frequency": 50.0}, unknown)
    assert {one.value for one in unknown.readings} == {50.0}


@pytest.mark.needs("mosquitto")
async def test_a_certificate_is_checked_by_the_authority_that_is_named(tmp_path: Path) -> None:
    now = SystemClock().now()
    authorities = first_authorities(now)
    pair = authorities.server(Names((), (IPv4Address("127.0.0.1"),)), now)
    for name, content in (
        ("ca.pem", authorities.bundle.encode()),
        ("broker.pem", pair.certificate_pem),
        ("broker.key", pair.key_pem),
    ):
        (tmp_path / name).write_bytes(content)
    files = f"certfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
    broker = Mosquitto(free_port(), files)
    await broker.start()
    url = Url(f"mqtts://127.0.0.1:{broker.port}")
    try:
        async with listening(Address("mqtt", url, (("ca", f"{tmp_path}/ca.pem"),)), "meters/7"):
            pass
        line = open_line(Address("mqtt", url), 1)
        with pytest.raises(LinkDown, match="certificate verify failed"):
            await line.open()
        line = open_line(Address("mqtt", url, (("ca", f"{tmp_path}/none.pem"),)), 1)
        with pytest.raises(LinkDown, match="No such file"):
            await line.open()
    finally:
        broker.close()


class Sink:
    """What the listener says of one device."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.ear = Ear()

    def reported(self, device: Heard, readings: Sequence[Reading], *, sampled: bool) -> None:
        self.ear(readings)

    def came_alive(self, device: Heard) -> None:
        self.story.append("alive")

    def went_dead(self, device: Heard, reason: str) -> None:
        self.story.append(reason)


@pytest.mark.needs("mosquitto")
async def test_a_killed_broker_is_a_gap_and_its_return_is_heard(mosquitto: Mosquitto) -> None:
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    line, sink = open_line(Address("mqtt", Url(url)), 1.0), Sink()
    heard = Heard("m1", PROFILE, line.device(PROFILE, "meters/7"), 60_000)
    listener = asyncio.create_task(LineListener(line, [heard], SystemClock(), sink).run())
    try:
        async with anonymous(mosquitto.port) as device:
            await told(device, "meters/7", {"frequency": 50.0}, sink.ear)
            mosquitto.kill()
        await until(lambda: len(sink.story) == 2)
        sink.ear.readings.clear()
        await mosquitto.start()
        async with anonymous(mosquitto.port) as device:
            await told(device, "meters/7", {"frequency": 50.1}, sink.ear)
            for frequency in (50.2, 50.3):
                tell(device, "meters/7", {"frequency": frequency})
            await sink.ear.until("f", 50.3)
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener
    assert [one.value for one in sink.ear.readings].count(50.2) == 1
    assert sink.story == ["alive", f"{url}: the broker closed the connection", "alive"]


def test_what_cannot_be_used_is_a_sentence() -> None:
    for link in (Tcp("h", 1883), Url("opc.tcp://h:1"), Url("mqtt://h:x"), Url("mqtt:")):
        with pytest.raises(DriverFault, match="MQTT needs a url like mqtt://host:1883"):
            open_line(Address("mqtt", link), 1)
    with pytest.raises(DriverFault, match="write user and password as options of the line"):
        open_line(Address("mqtt", Url("mqtt://me:secret@h")), 1)
    line = open_line(Address("mqtt", Url("mqtts://h")), 1)
    assert isinstance(line, MqttIn)
    for unit in ("", "/", "a/+", "a/#"):
        with pytest.raises(DriverFault, match="is no topic of a device"):
            line.device(PROFILE, unit)
    text = (ROOT / "gateway/profiles/generic/mqtt-meter.yaml").read_text()
    for old, new, why in (
        ("item: power.factor", 'item: "a..b"', "generic/x: 'a..b' is no path"),
        ("item: power.factor", 'item: "a/#/+#b"', "is no topic below the device's"),
        ("time_item: time", 'time_item: "a["', "is no path"),
    ):
        bad = parse_profile("generic/x", text.replace(old, new))
        with pytest.raises(DriverFault, match=why):
            line.device(bad, "meters/7")


async def test_nobody_listens_is_link_down() -> None:
    line = open_line(Address("mqtt", Url(f"mqtt://127.0.0.1:{free_port()}")), 1)
    with pytest.raises(LinkDown):
        await line.open()
    with pytest.raises(LinkDown):
        await line.serve()
    line.close()


def test_the_configuration_in_the_docs_is_right(tmp_path: Path) -> None:
    text = (ROOT / "docs/extending.md").read_text().partition("### JSON over MQTT")[2]
    yaml = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "gateway.yaml").write_text(f"project: p\nnode: n\n{yaml}")
    config = load_config(tmp_path / "gateway.yaml", {})
    assert config.problems == ()
    [device] = config.devices
    line = open_line(device.address, 1)
    line.device(device.profile, device.unit).subscribe(PROFILE.points, Ratios(), Ear())
