"""Commands on their way to a gateway and back: sent until answered, stored once, audited."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest

from backend.acquisition.commands import GIVE_UP
from backend.core.clock import ManualClock
from backend.core.ids import encode_id, new_uuid
from gateway.contract import topics
from gateway.contract.commands import Command, CommandResult, State, encode_result
from gateway.contract.sparkplug import Datatype, decode
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import NOW_MS, connect_edge, make_gateway, until_leased
from tests.backend.acquisition_remote import *  # noqa: F403
from tests.backend.acquisition_remote import ID, KEY, Scene, until_device, until_heard
from tests.postgres import NOW, MakeProject


def result(state: State, code: str = "done", id: str = ID) -> CommandResult:
    return CommandResult(id, state, code, NOW_MS + 7, "m1", "opening", 55.0, "per_x", 40.0, 55.0)


async def test_a_command_goes_out_and_its_answer_comes_back(scene: Scene) -> None:
    given = await scene.give()
    assert given.state == "waiting"
    await scene.edge.until(lambda _: bool(scene.heard()), "the command")
    actor = encode_id("per", scene.asker.uid)
    assert scene.heard() == [Command(ID, "m1", "opening", 55.0, NOW_MS + 60_000, actor, 40.0)]
    await scene.until("sent")
    scene.answer(result(State.ACCEPTED), 2)
    await scene.edge.until_committed(2)
    assert (await scene.row()).state == "accepted"
    for record in (3, 4):
        # The journal sends what is not acknowledged again: one change, one entry.
        scene.answer(result(State.VERIFIED), record)
        await scene.edge.until_committed(record)
    scene.answer(result(State.ACCEPTED), 5)
    await scene.edge.until_committed(5)
    row = await scene.row()
    assert (row.state, row.code, row.old_value, row.read_value) == ("verified", "done", 40.0, 55.0)
    assert row.state_at == NOW + timedelta(milliseconds=7)
    assert row.finished_at == NOW
    assert await scene.audit() == [
        ("command.write", actor, ID, "waiting"),
        ("command.result", "per_x", ID, "verified/done"),
    ]
    async with scene.platform.database.read(scene.tenant.id) as tx:
        events = await tx.fetch_tuples(
            "SELECT ref FROM event WHERE project_id = %s AND kind = 'command'", (scene.tenant.id,)
        )
        # Given, sent, accepted, verified.
        assert events == [(str(KEY),)] * 4
        limits = await tx.fetch_tuples("SELECT write_min, write_max, write_step FROM point")
    assert limits == [(10.0, 90.0, None)]


async def test_a_command_is_sent_again_until_it_is_answered(
    scene: Scene, clock: ManualClock
) -> None:
    await scene.give()
    await scene.edge.until(lambda _: len(scene.heard()) == 1, "the command")
    await scene.until("sent")
    await clock.advance(11)
    await scene.edge.until(lambda _: len(scene.heard()) == 2, "the command again")
    scene.answer(result(State.EXPIRED, "late"), 2)
    await scene.edge.until_committed(2)
    await clock.advance(11)
    await scene.give(new_uuid(NOW), 56.0)
    await scene.edge.until(lambda _: len(scene.heard()) == 3, "another command")
    assert [command.value for command in scene.heard()] == [55.0, 55.0, 56.0]


async def test_a_command_that_nobody_answers_is_given_up(scene: Scene, clock: ManualClock) -> None:
    await scene.give()
    await scene.until("sent")
    await clock.advance((GIVE_UP + timedelta(seconds=61)).total_seconds())
    row = await scene.until("expired")
    assert (row.code, row.finished_at) == ("no_answer", clock.now())
    # The gateway was away for longer than that: what it says at last is the truth.
    scene.answer(result(State.VERIFIED), 2)
    await scene.edge.until_committed(2)
    assert (await scene.row()).state == "verified"


async def test_an_answer_by_another_gateway_counts_for_nothing(
    scene: Scene, broker: RunningBroker, make_project: MakeProject
) -> None:
    await scene.give()
    await scene.until("sent")
    stranger = await make_project("b")
    other = await make_gateway(scene.platform.database, stranger, "g2", "secret of b")
    await until_leased(scene.platform.database, other)
    edge = await connect_edge(broker, "b", "g2")
    await until_heard(edge)
    dataclasses.replace(scene, edge=edge).answer(result(State.VERIFIED), 2)
    await edge.until_committed(2)
    assert (await scene.row()).state == "sent"
    assert [entry[0] for entry in await scene.audit()] == ["command.write"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"id":"x"}', "\x00", "x" * 70_000])
async def test_what_is_no_result_is_acknowledged_and_dropped(scene: Scene, text: str) -> None:
    scene.say(topics.EXT_COMMAND_RESULT, text, 2)
    await scene.edge.until_committed(2)
    assert await scene.audit() == []


async def test_a_plain_command_of_somebody_else_is_audited_once(scene: Scene) -> None:
    for record in (2, 3):
        scene.answer(result(State.VERIFIED, id="dcmd-0011"), record)
        await scene.edge.until_committed(record)
    assert await scene.audit() == [("command.result", "per_x", "dcmd-0011", "verified/done")]


async def test_a_third_party_node_gets_a_plain_command(
    scene: Scene, broker: RunningBroker, make_project: MakeProject
) -> None:
    tenant = await make_project("b")
    gateway = await make_gateway(scene.platform.database, tenant, "g2", "secret of b")
    await until_leased(scene.platform.database, gateway)
    edge = await connect_edge(broker, "b", "g2", epoch=None)
    await edge.caller.subscribe("spBv1.0/b/DCMD/g2/+")
    theirs = dataclasses.replace(scene, tenant=tenant, gateway=gateway, edge=edge)
    await until_device(theirs)
    await theirs.give()
    await edge.until(lambda e: any("/DCMD/" in topic for topic, _ in e.caller.heard), "a DCMD")
    [(topic, raw)] = [item for item in edge.caller.heard if "/DCMD/" in item[0]]
    [metric] = decode(raw).metrics
    assert topic == "spBv1.0/b/DCMD/g2/m1"
    assert (metric.name, metric.value, metric.datatype) == ("opening", 55.0, Datatype.DOUBLE)
    row = await theirs.until("sent")
    assert (row.code, row.finished_at) == ("no_answer", NOW)


def test_a_result_is_json() -> None:
    assert msgspec.json.decode(encode_result(result(State.VERIFIED)))["state"] == "verified"
