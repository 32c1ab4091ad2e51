"""Configuration documents on their way to a gateway: the newest, until it is answered."""

import dataclasses

import msgspec
import pytest

from backend.core.clock import ManualClock
from backend.core.ids import encode_id
from backend.service.gateways.configuration import ConfigRow, GatewayKey, find_gateway, put_config
from gateway.contract import topics
from gateway.contract.configuration import (
    ConfigDocument,
    ConfigResult,
    ConfigState,
    decode_document,
    encode_config_result,
)
from gateway.contract.sparkplug import Datatype, Metric
from tests.backend.acquisition_edge import EPOCH, NOW_MS
from tests.backend.acquisition_remote import *  # noqa: F403
from tests.backend.acquisition_remote import Scene

TEXT = "timeout_s: 1\n"
LINES = '[{"name":"modbus://h:502","devices":2,"alive":1,"connected":true}]'


@dataclasses.dataclass
class Configured:
    """The scene with its gateway's key."""

    scene: Scene
    key: GatewayKey

    async def put(self, text: str = TEXT) -> ConfigRow:
        """Put a document as the web role does."""
        platform, project = self.scene.platform, self.scene.tenant.id
        async with platform.database.project(project) as tx:
            return await put_config(
                tx, project, self.key, text, "", self.scene.asker, platform.clock.now()
            )

    async def rows(self) -> list[tuple[object, ...]]:
        """(version, state, problems) of all versions."""
        async with self.scene.platform.database.read(self.scene.tenant.id) as tx:
            return await tx.fetch_tuples(
                "SELECT version, state, problems FROM gateway_config ORDER BY version"
            )

    async def until(self, *states: str) -> None:
        """Wait until the versions are in these states."""
        while [row[1] for row in await self.rows()] != list(states):
            await self.scene.platform.clock.sleep(0)

    def heard(self) -> list[ConfigDocument]:
        """Every document that the edge node was sent."""
        metrics = [metric for payload in self.scene.edge.commands() for metric in payload.metrics]
        return [decode_document(str(m.value)) for m in metrics if m.name == topics.EXT_CONFIG]

    async def answer(self, row: ConfigRow, state: ConfigState, record: int, *told: str) -> None:
        """The gateway's result, stored."""
        result = ConfigResult(row.version, row.hash, state, NOW_MS, list(told))
        self.scene.say(topics.EXT_CONFIG_RESULT, encode_config_result(result), record)
        await self.scene.edge.until_committed(record)


@pytest.fixture
async def configured(scene: Scene) -> Configured:
    async with scene.platform.database.read(scene.tenant.id) as tx:
        [(uid,)] = await tx.fetch_tuples("SELECT uid FROM gateway WHERE id = %s", (scene.gateway,))
        return Configured(scene, await find_gateway(tx, scene.tenant.id, uid))


async def test_a_document_goes_out_until_it_is_answered(
    configured: Configured, clock: ManualClock
) -> None:
    edge = configured.scene.edge
    row = await configured.put()
    await edge.until(lambda _: len(configured.heard()) == 1, "the document")
    assert configured.heard() == [ConfigDocument(1, row.hash, TEXT)]
    await configured.until("sent")
    await clock.advance(11)
    await edge.until(lambda _: len(configured.heard()) == 2, "the document again")
    for record in (2, 3):
        await configured.answer(row, ConfigState.APPLIED, record, "m2 is left out")
    await configured.answer(row, ConfigState.ROLLED_BACK, 4, "out of reach")
    # What the journal says again, out of turn, is not news.
    await configured.answer(row, ConfigState.APPLIED, 5)
    await clock.advance(11)
    newer = await configured.put("timeout_s: 2\n")
    await edge.until(lambda _: len(configured.heard()) == 3, "the newer one")
    assert configured.heard()[-1].version == newer.version == 2
    assert (await configured.rows())[0] == (1, "rolled_back", ["out of reach"])
    ref = f"{encode_id('gtw', configured.key.uid)}/1"
    assert [entry for entry in await configured.scene.audit() if entry[2] == ref] == [
        ("config.put", encode_id("per", configured.scene.asker.uid), ref, "waiting"),
        ("config.result", "g1", ref, "applied"),
        ("config.result", "g1", ref, "rolled_back"),
    ]


async def test_only_the_newest_document_is_sent(configured: Configured) -> None:
    first, second = await configured.put(), await configured.put("timeout_s: 2\n")
    await configured.scene.edge.until(
        lambda _: any(one.version == 2 for one in configured.heard()), "the second"
    )
    await configured.answer(second, ConfigState.REFUSED, 2, "no driver")
    assert await configured.rows() == [(1, "superseded", None), (2, "refused", ["no driver"])]
    # A result under another hash is of somebody else's document.
    await configured.answer(dataclasses.replace(first, hash="0"), ConfigState.APPLIED, 3)
    assert (await configured.rows())[0][1] == "superseded"


async def test_births_say_what_is_in_force_and_how_lines_do(configured: Configured) -> None:
    edge = configured.scene.edge
    edge.seq = 0
    edge.publish(
        topics.NBIRTH,
        None,
        (
            Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=EPOCH),
            Metric(topics.EXT_CONFIG_VERSION, datatype=Datatype.INT64, value=7),
            Metric(topics.EXT_CONFIG_HASH, datatype=Datatype.STRING, value="ab12"),
            Metric(topics.EXT_SOFTWARE, datatype=Datatype.STRING, value="0.9"),
            Metric(topics.EXT_BACKLOG, datatype=Datatype.INT64, value=7),
            Metric(topics.EXT_LINES, datatype=Datatype.STRING, value=LINES),
        ),
    )
    # What says nothing of lines changes nothing.
    lines = Metric(topics.EXT_LINES, datatype=Datatype.STRING, value="[1]")
    data = Metric(topics.EXT_DATA_BYTES, datatype=Datatype.INT64, value=123)
    limit = Metric(topics.EXT_DATA_BUDGET, datatype=Datatype.INT64, value=1 << 40)
    backlog = Metric(topics.EXT_BACKLOG, datatype=Datatype.INT64, value=8)
    edge.publish(topics.NDATA, None, (lines, backlog, data, limit))
    async with configured.scene.platform.database.ingest() as tx:
        while True:
            found = await tx.fetch_tuples(
                "SELECT config_version, config_hash, software, backlog, standing,"
                " data_bytes, data_forecast, data_budget"
                " FROM gateway_state WHERE gateway_id = %s",
                (configured.scene.gateway,),
            )
            if found == [(7, "ab12", "0.9", 8, msgspec.json.decode(LINES), 123, None, 1 << 40)]:
                break
            await configured.scene.platform.clock.sleep(0)
