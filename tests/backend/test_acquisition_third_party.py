"""npm `sparkplug-client` as an edge node: somebody else's births and data become our readings."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from backend.core.platform import Platform
from tests.backend.acquisition_brokers import BROKERS
from tests.backend.acquisition_edge import (
    NOW_MS,
    make_gateway,
    readings,
    until_leased,
    until_rows,
    until_state,
    working,
)
from tests.npm import NODE, install
from tests.postgres import MakeProject

SOURCE = Path(__file__).parent / "third_party"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client installed from its lock file into a temporary folder."""
    return install(SOURCE, tmp_path_factory.mktemp("third_party"))


async def test_a_third_partys_edge_node_feeds_the_platform(
    platform: Platform, make_project: MakeProject, installed: Path, tmp_path: Path
) -> None:
    async with BROKERS["amqtt"](tmp_path) as broker:
        wired = dataclasses.replace(platform, mqtt_url=broker.url)
        tenant = await make_project("a")
        gateway = await make_gateway(wired.database, tenant, "g1", "secret of a")
        async with working(wired):
            await until_leased(wired.database, gateway)
            arguments = ("a.g1", "secret of a", "a", "g1", str(NOW_MS))
            node = subprocess.Popen(
                [NODE, "node.cjs", f"mqtt://127.0.0.1:{broker.port}", *arguments],
                cwd=installed,
                stdout=subprocess.DEVNULL,
            )
            try:
                await until_rows(wired.database, tenant.id, 3)
            finally:
                node.kill()
                node.wait()
            # It was killed, so the broker speaks its will.
            await until_state(wired.database, gateway, "online::int", 0)
    assert await readings(wired.database, tenant.id) == [
        ("press-1", "count", 0, -5.0, 0),
        ("press-1", "count", 1, -6.0, 0),
        ("press-1", "count", 2, 7.0, 0),
    ]
