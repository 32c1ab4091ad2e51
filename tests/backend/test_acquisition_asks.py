"""Grants and questions of support on their way to a gateway and back."""

from datetime import timedelta

import pytest

from backend.core.clock import ManualClock
from backend.core.ids import encode_id, new_uuid
from backend.service.gateways.asked import listed
from backend.service.gateways.configuration import GatewayKey, find_gateway
from backend.service.gateways.support import ask, let_in
from gateway.contract import topics
from gateway.contract.json_text import encode_text
from gateway.contract.support import (
    Ask,
    AskKind,
    AskResult,
    AskState,
    Grant,
    decode_ask,
    decode_grant,
)
from tests.backend.acquisition_edge import NOW_MS
from tests.backend.acquisition_remote import *  # noqa: F403
from tests.backend.acquisition_remote import Scene
from tests.postgres import NOW


@pytest.fixture
async def key(scene: Scene) -> GatewayKey:
    async with scene.platform.database.read(scene.tenant.id) as tx:
        [(uid,)] = await tx.fetch_tuples("SELECT uid FROM gateway WHERE id = %s", (scene.gateway,))
        return await find_gateway(tx, scene.tenant.id, uid)


def told(scene: Scene, name: str) -> list[str]:
    """The texts of a metric that the edge node was sent."""
    metrics = [metric for payload in scene.edge.commands() for metric in payload.metrics]
    return [str(metric.value) for metric in metrics if metric.name == name]


async def test_a_grant_and_a_question_go_out_and_are_answered(
    scene: Scene, key: GatewayKey, clock: ManualClock
) -> None:
    project, now = scene.tenant.id, scene.platform.clock.now()
    first, second = new_uuid(NOW), new_uuid(NOW + timedelta(milliseconds=1))
    async with scene.platform.database.project(project) as tx:
        await let_in(tx, project, key, first, 30, scene.asker, now)
        fields: dict[str, object] = {"device": "m1", "fc": 3, "start": 5, "count": 2}
        await ask(tx, project, key, second, AskKind.REGISTERS, fields, scene.asker, now)
    await scene.edge.until(lambda _: bool(told(scene, topics.EXT_ASK)), "the question")
    actor = encode_id("per", scene.asker.uid)
    ids = [encode_id("cmd", first), encode_id("cmd", second)]
    grants = [decode_grant(text) for text in told(scene, topics.EXT_GRANT)]
    assert grants == [Grant(ids[0], NOW_MS + 1_800_000, actor)]
    asks = [decode_ask(text) for text in told(scene, topics.EXT_ASK)]
    assert asks == [Ask(ids[1], AskKind.REGISTERS, NOW_MS + 120_000, actor, "m1", start=5, count=2)]
    results = (
        AskResult(ids[0], AskState.DONE, "done", NOW_MS, actor),
        AskResult(ids[1], AskState.DONE, "done", NOW_MS, actor, [215.0, None], ["a\x00b"]),
        AskResult(ids[1], AskState.FAILED, "link_down", NOW_MS, actor),
        AskResult(encode_id("cmd", new_uuid(NOW)), AskState.DONE, "done", NOW_MS, actor),
    )
    for record, result in enumerate(results, start=2):
        scene.say(topics.EXT_ASK_RESULT, encode_text(result), record)
        await scene.edge.until_committed(record)
    async with scene.platform.database.read(project) as tx:
        question, grant = await listed(tx, project, key.id, 10, updates=False)
    assert (grant.kind, grant.state, grant.finished_at) == ("grant", "done", NOW)
    assert (question.kind, question.state, question.code) == ("registers", "done", "done")
    assert question.answer == {"values": [215.0, None], "lines": ["ab"], "detail": ""}
    await clock.advance(11)
    assert await scene.audit() == [
        ("support.grant", actor, ids[0], "waiting"),
        ("support.registers", actor, ids[1], "waiting"),
        ("support.grant", actor, ids[0], "done/done"),
        ("support.registers", actor, ids[1], "done/done"),
    ]
