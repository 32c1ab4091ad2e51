"""Configuration documents: applied while all runs, refused whole, rolled back, kept on disk."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import yaml

from gateway.config import load_config
from gateway.config_store import ConfigStore, Held
from gateway.configuration import MAX_STARTS
from gateway.contract import topics
from gateway.contract.configuration import (
    ConfigDocument,
    ConfigFault,
    ConfigResult,
    decode_config_result,
    decode_document,
    encode_document,
    make_document,
)
from gateway.contract.profile import Ratios
from gateway.contract.sparkplug import Datatype, Metric
from gateway.drivers import registry
from tests.gateway.bench import VALVE
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import Field, free_port, sdm630_field, serving
from tests.gateway.test_gateway import SDM630, gateway, start_process, write_config

pytestmark = pytest.mark.needs("mosquitto")


def device(slug: str, port: int, **more: object) -> dict[str, object]:
    """One entry of `devices`: an SDM630 read five times a second."""
    found = {"slug": slug, "profile": "eastron/sdm630", "host": "127.0.0.1", "port": port}
    return {**found, "unit": 1, "poll_s": 0.2, **more}


class Scene:
    """Two Modbus servers, a gateway's file that reads m1 on the first, and a platform."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.ports = (free_port(), free_port())
        self.fields = (sdm630_field(1), sdm630_field(1))
        self.host = Host("works", broker.port)
        self.broker = broker
        self.file = write_config(folder, broker.port, self.ports[0])

    def push(self, version: int, data: Mapping[str, object] | str) -> ConfigDocument:
        """Send a document as the platform does; answers it."""
        text = data if isinstance(data, str) else yaml.safe_dump(dict(data))
        document = make_document(version, text)
        self.send(encode_document(document))
        return document

    def send(self, text: str) -> None:
        self.host.command("edge", Metric(topics.EXT_CONFIG, None, Datatype.STRING, text))

    def results(self) -> list[ConfigResult]:
        """Every result heard, each once although the journal may send one again."""
        found = dict.fromkeys(self.host.reports)
        return [decode_config_result(t) for name, t in found if name == topics.EXT_CONFIG_RESULT]

    async def result(self, count: int = 1, seconds: float = 20) -> ConfigResult:
        await self.host.until(lambda: len(self.results()) >= count, seconds)
        return self.results()[-1]

    @property
    def store(self) -> ConfigStore:
        """What the gateway holds on disk."""
        store = ConfigStore(load_config(self.file, {}).journal)
        store.load()
        return store

    def both(self, **more: object) -> dict[str, object]:
        """m1 as the file has it, and m2 on the second server."""
        first = device("m1", self.ports[0], name="Meter 1")
        return {"devices": [first, device("m2", self.ports[1])], **more}


@pytest.fixture
async def scene(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path, mosquitto)
    await scene.host.start()
    first, second = scene.fields
    async with serving(first, scene.ports[0]), serving(second, scene.ports[1]):
        yield scene
    await scene.host.stop()


def count_up(field: Field, value: int) -> None:
    field.put_value(1, SDM630, "ep_imp", float(value), Ratios())


async def test_a_document_adds_a_line_and_the_others_go_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    host, (first, _) = scene.host, scene.fields
    async with gateway(scene.file):
        await host.until(lambda: "m1" in host.born)
        assert host.node[topics.EXT_CONFIG_VERSION].value == 0
        assert host.node[topics.EXT_CONFIG_HASH].is_null
        document = scene.push(1, scene.both())
        counted = 0

        def busy() -> bool:
            nonlocal counted
            counted += 1
            count_up(first, counted)
            return "m2" in host.born and len(host.values_of("m1", "ep_imp")) > 20

        await host.until(busy)
        assert (await scene.result()).state == "applied"
        await host.until(lambda: host.node[topics.EXT_CONFIG_VERSION].value == 1)
        assert host.node[topics.EXT_CONFIG_HASH].value == document.hash
        await host.until(lambda: scene.store.held.confirmed)
        # The line of m1 was not touched: its device came alive once and never died.
        assert caplog.text.count("m1 answers") == 1
        assert "DDEATH/m1" not in host.deaths
        # A line that goes is let go: its device dies, the other stays.
        scene.push(2, {"devices": [device("m1", scene.ports[0], name="Meter 1")]})
        await host.until(lambda: "DDEATH/m2" in host.deaths)
        assert (await scene.result(2)).version == 2
        asked = len(scene.fields[1].requests)
        more = len(first.requests) + 5
        await host.until(lambda: len(first.requests) > more)
        assert len(scene.fields[1].requests) == asked
    assert host.sequence_gaps == 0


async def test_profiles_and_deadbands_come_with_the_document(scene: Scene) -> None:
    valve = device("v1", scene.ports[1], profile="test/valve", deadbands={"t": 1.5})
    own = {"test/valve": VALVE.replace("deadband", "")}
    scene.fields[1].put(1, 0, (400, 215))
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
        scene.push(1, {"devices": [valve], "profiles": own})
        await scene.host.until(lambda: "v1" in scene.host.born)
        for tenths in (225, 240, 250, 260):
            scene.fields[1].put(1, 0, (tenths, tenths))
            await scene.host.until(
                lambda value=tenths / 10: value in scene.host.values_of("v1", "opening").values()  # type: ignore[misc]
            )
    temperatures = list(scene.host.values_of("v1", "t").values())
    assert temperatures == [pytest.approx(21.5), pytest.approx(24.0), pytest.approx(26.0)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("devices: [", "not valid YAML"),
        ("devices: [{slug: m1, profile: no/such, host: h, unit: 1}]", "no profile 'no/such'"),
        ("devices: [{slug: m1}]", "'profile' is missing"),
        ("journal: {path: x}", "'journal' is for the gateway's own file"),
        ("project: other", "'project' is for the gateway's own file"),
        ("mqtt: {url: 'mqtt://h', secret: x}", "of mqtt only the url can be pushed"),
        ("profiles: {a/b: 'maker: M'}", "a/b.yaml:1: 'type', 'title'"),
        ("profiles: [x]", "profiles are texts by vendor/model"),
        ("- x", "this is no configuration"),
        ("contact_min: 0", "0 is too small"),
        (
            "devices: [{slug: m1, profile: eastron/sdm630, host: h, unit: 1, deadbands: {x: 1}}]",
            "eastron/sdm630 has no point 'x'",
        ),
    ],
)
async def test_what_is_not_usable_changes_nothing(scene: Scene, text: str, told: str) -> None:
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
        document = scene.push(1, text)
        result = await scene.result()
        again = scene.push(1, text)
        await scene.host.until(lambda: len(scene.host.reports) >= 2)
        assert again == document
        asked = len(scene.fields[0].requests)
        await scene.host.until(lambda: len(scene.fields[0].requests) > asked)
    assert result.state == "refused"
    assert told in "\n".join(result.problems)
    assert {(result.version, result.hash) for result in scene.results()} == {(1, document.hash)}
    assert scene.store.held.current is None


async def test_a_document_that_loses_the_platform_is_rolled_back(scene: Scene) -> None:
    nowhere = f"mqtt://127.0.0.1:{free_port()}"
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
        good = scene.push(1, scene.both())
        await scene.host.until(lambda: scene.store.held == Held(good))
        document = scene.push(2, {"devices": [], "mqtt": {"url": nowhere}, "contact_min": 2 / 60})
        await scene.host.until(lambda: scene.store.held.current == document)
        # Only the first one is answered over the broker that the second left.
        await scene.host.until(lambda: scene.results()[-1].state == "rolled_back")
        # m1 and m2 are read again, and the platform hears it.
        await scene.host.until(lambda: scene.host.node[topics.EXT_CONFIG_VERSION].value == 1)
        asked = [len(field.requests) for field in scene.fields]
        await scene.host.until(
            lambda: all(len(f.requests) > n for f, n in zip(scene.fields, asked, strict=True))
        )
        # Not tried again.
        scene.push(2, document.text)
        await scene.host.until(lambda: scene.results()[-1].version == 2)
        assert scene.store.held.current == make_document(1, yaml.safe_dump(scene.both()))
    states = [(result.version, result.state) for result in scene.results()]
    assert states[0] == (1, "applied")
    assert set(states[1:]) == {(2, "applied"), (2, "rolled_back")}


async def test_kill_9_in_the_middle_goes_on_with_the_new_document(scene: Scene) -> None:
    scene.host.acknowledging = False
    process = start_process(scene.file)
    try:
        await scene.host.until(lambda: "m1" in scene.host.born)
        document = scene.push(1, scene.both())
        await scene.host.until(lambda: scene.store.held.current == document)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not scene.store.held.confirmed
    scene.host.acknowledging = True
    scene.host.born.clear()
    async with gateway(scene.file):
        await scene.host.until(lambda: {"m1", "m2"} <= set(scene.host.born))
        await scene.host.until(lambda: scene.store.held.confirmed)
        assert scene.host.node[topics.EXT_CONFIG_VERSION].value == 1
    assert {result.state for result in scene.results()} == {"applied"}


async def test_a_document_that_kills_the_gateway_is_taken_back(scene: Scene) -> None:
    bad = make_document(2, yaml.safe_dump(scene.both()))
    scene.store.keep(Held(bad, None, confirmed=False, starts=MAX_STARTS))
    async with gateway(scene.file):
        result = await scene.result()
        await scene.host.until(lambda: "m1" in scene.host.born)
        assert scene.host.node[topics.EXT_CONFIG_VERSION].value == 0
    assert (result.version, result.state) == (2, "rolled_back")
    assert scene.store.held.current is None


async def test_a_damaged_store_is_set_aside(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "edge.journal.config").write_text("{", encoding="utf-8")
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
    assert (tmp_path / "edge.journal.config.damaged").is_file()


async def test_a_driver_that_crashes_or_hangs_costs_its_own_line_only(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(registry.DRIVERS, "modbus", "tests.gateway.bad_driver:open_line")
    entries = [
        device("m1", scene.ports[0]),
        device("crash", 1, host="crash.invalid"),
        device("broken", 1, host="broken.invalid"),
        device("hang", 1, host="hang.invalid"),
    ]
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
        scene.push(1, {"devices": entries})
        result = await scene.result()
        asked = len(scene.fields[0].requests)
        await scene.host.until(lambda: len(scene.fields[0].requests) > asked + 5)
        # Taken out again, the hanging one too.
        scene.push(2, {"devices": entries[:1]})
        await scene.result(2)
        asked = len(scene.fields[0].requests)
        await scene.host.until(lambda: len(scene.fields[0].requests) > asked + 5)
    assert result.state == "applied"
    assert result.problems == [
        "modbus://broken.invalid:1: its driver failed, see the gateway's log."
    ]
    assert "modbus://crash.invalid:1 failed and is started again" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"version":0,"hash":"","text":""}',
        '{"version":1,"hash":"00","text":"devices: []"}',
    ],
)
def test_what_is_no_document_is_not_taken(text: str) -> None:
    with pytest.raises(ConfigFault):
        decode_document(text)


async def test_a_document_that_cannot_be_read_is_said_and_left(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(scene.file):
        await scene.host.until(lambda: "m1" in scene.host.born)
        scene.send('{"version":1,"hash":"00","text":"devices: []"}')
        await scene.host.until(lambda: "is not what its hash says" in caplog.text)
        await asyncio.sleep(0)
    assert scene.results() == []
