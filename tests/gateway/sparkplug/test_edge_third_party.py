"""A host made of npm `sparkplug-client`'s parts listens to our gateway, which waits for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend.acquisition.credentials import INTERNAL
from gateway.contract import topics
from gateway.contract.profile import Ratios
from tests.backend.acquisition_brokers import RunningBroker, embedded
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.sparkplug.session import GROUP, NODE, SDM630, gateway
from tests.npm import NODE as NODE_JS
from tests.npm import install

SOURCE = Path(__file__).parents[2] / "backend" / "third_party"
HOST = "npm-host"

Heard = dict[str, object]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's parts, installed from their lock file."""
    return install(SOURCE, tmp_path_factory.mktemp("npm_host"))


class NpmHost:
    """The other side's process: what it heard, and what it is told to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def tell(self, request: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")

    async def hears(self, kind: str, name: str | None = None) -> Heard:
        """Read on until a message of a kind has a metric of a name (any where none is given)."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while True:
                line = await self._process.stdout.readline()
                assert line, "the host's process ended"
                heard: Heard = json.loads(line)
                if heard["kind"] == kind and (name is None or name in values(heard)):
                    return heard


def values(heard: Heard) -> dict[object, object]:
    """The values of a message by the names of its metrics."""
    metrics = heard["metrics"]
    assert isinstance(metrics, list)
    return {metric.get("name"): metric.get("value") for metric in metrics}


@asynccontextmanager
async def npm_host(folder: Path, broker: RunningBroker) -> AsyncIterator[NpmHost]:
    process = await asyncio.create_subprocess_exec(
        NODE_JS,
        "host.cjs",
        f"mqtt://127.0.0.1:{broker.port}",
        *(INTERNAL, broker.secrets[INTERNAL], HOST, GROUP),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        yield NpmHost(process)
    finally:
        process.kill()
        await process.communicate()


async def test_a_third_partys_host_hears_and_commands_our_gateway(
    tmp_path: Path, installed: Path
) -> None:
    modbus, meters = free_port(), sdm630_field(1)
    meters.put_value(1, SDM630, "p", 12.5, Ratios())
    meters.put_value(1, SDM630, "ep_imp", 98765.4375, Ratios())
    meters.put_value(1, SDM630, "pf", None, Ratios())
    file = tmp_path / "gateway.yaml"
    async with embedded(tmp_path) as broker, serving(meters, modbus):
        file.write_text(
            f"project: {GROUP}\nnode: {NODE}\n"
            f"mqtt: {{url: 'mqtt://127.0.0.1:{broker.port}', datatypes: true, "
            f"secret: {broker.secrets[f'{GROUP}.{NODE}']}, primary_host: {HOST}}}\n"
            "devices:\n  - {slug: m1, profile: eastron/sdm630, host: 127.0.0.1, "
            f"port: {modbus}, unit: 1, poll_s: 0.1}}\n",
            encoding="utf-8",
        )
        async with gateway(file), npm_host(installed, broker) as host:
            node = await host.hears("NBIRTH")
            born = await host.hears("DBIRTH")
            await host.hears("DDATA", "p")
            meters.put_value(1, SDM630, "p", 13.5, Ratios())
            data = await host.hears("DDATA", "p")
            host.tell({"rebirth": NODE})
            again = await host.hears("NBIRTH")
            born_again = await host.hears("DBIRTH")
            host.tell({"leave": True})
            death = await host.hears("NDEATH")
    assert (node["node"], node["seq"]) == (NODE, "0")
    assert (values(node)[topics.BDSEQ], values(node)[topics.REBIRTH]) == ("0", False)
    assert (born["device"], born["seq"]) == ("m1", "1")
    assert [values(born)[name] for name in ("p", "ep_imp", "pf")] == [12.5, 98765.4375, None]
    assert values(data)["p"] == 13.5
    assert values(again)[topics.BDSEQ] == values(death)[topics.BDSEQ] == "0"
    assert values(born_again)["p"] == 13.5
