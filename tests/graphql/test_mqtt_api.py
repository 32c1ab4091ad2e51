"""What third parties hear and do over MQTT: values, alarms, configurations, commands."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.acquisition import live
from backend.acquisition.connection import Connection
from backend.application.live_cache import LiveCache
from backend.application.mqtt_api.messages import CommandRequest
from backend.application.mqtt_api.readings import Readings
from backend.application.mqtt_api.requests import Requests
from backend.core.events import publish
from backend.core.ids import decode_id, encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.alarms.states import Cause
from backend.service.alarms.store import add_step, occurrence_by_uid, raise_occurrence
from backend.service.gateways.commands import CommandRow
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.integration.access import Held, Scope
from backend.service.integration.topics import RequestTopic
from backend.service.people.asker import Asker
from tests.graphql.plants import make_plant
from tests.graphql.third_parties import Json, ThirdParties, speaking, third_parties, until
from tests.postgres import NOW, Actor, MakePerson, MakeProject

ALL = tuple(Scope)


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of acme."""
    return await make_person("root", await make_project("acme"), role="administrator")


@pytest.fixture
async def there(platform: Platform, root: Actor) -> AsyncIterator[ThirdParties]:
    """A third party for everything, and one for workshop a."""
    plant = await make_plant(platform, root.tenant)
    part = (Scope.READINGS, Scope.ALARMS, Scope.COMMANDS), plant.nodes["a"].id
    wanted = {"all": (ALL, None), "part": part}
    async with third_parties(platform, root, plant, wanted) as made:
        yield made


async def an_alarm(there: ThirdParties, node: str = "a") -> tuple[int, str]:
    """Define an alarm at a workshop: its number and its topic."""
    uid = new_uuid(NOW)
    async with there.platform.database.project(there.plant.tenant.id) as tx:
        number = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
            " mode, created_at) VALUES (%s, %s, 'meter_silent', %s, %s, '{}', 2, 'live', %s)"
            " RETURNING id",
            (there.plant.tenant.id, uid, Jsonb({"en": "Silent"}), there.plant.nodes[node].id, NOW),
            into=int,
        )
    assert number is not None
    return number, f"kilowise/acme/alarms/{encode_id('ald', uid)}"


async def raised(there: ThirdParties, definition: int) -> UUID:
    """Raise an alarm."""
    async with there.platform.database.project(there.plant.tenant.id) as tx:
        uid = await raise_occurrence(
            tx, there.plant.tenant.id, definition, NOW, {"devices": 3}, 2, NOW
        )
    assert uid is not None
    return uid


async def stepped(there: ThirdParties, uid: UUID, cause: Cause) -> None:
    """Take an alarm one step."""
    project = there.plant.tenant.id
    async with there.platform.database.project(project) as tx:
        occurrence = await occurrence_by_uid(tx, project, uid)
        assert occurrence is not None
        assert await add_step(tx, project, occurrence, cause, NOW, NOW) is not None


async def test_last_values_are_kept_and_follow_the_live_bus(there: ThirdParties) -> None:
    async with speaking(there.platform):
        early = await there.hear("all", "readings/#")
        await early.hears(6)
        late = await there.hear("all", "readings/g1/d-m1/p")
        topic, body = await until(late, lambda *_: True)
        assert topic == "kilowise/acme/readings/g1/d-m1/p"
        assert body == {
            "value": 200.0,
            "unit": "kW",
            "quality": "good",
            "at": "2026-03-15T03:59:00Z",
        }
        connection = Connection(there.platform.mqtt_url, "test")
        task = asyncio.create_task(connection.run())
        await connection.connected.wait()
        at_ms = int(NOW.timestamp() * 1000)
        rows = [(there.plant.points["m1", "p"], at_ms + n, 210.0 + n, 3) for n in range(5)]
        live.publish(connection, "acme", live.LiveBatch(there.plant.tenant.id, at_ms, rows))
        _, body = await until(late, lambda _, said: said is not None and said["value"] == 214.0)
        assert body is not None
        assert body["quality"] == "manual"
        # Five samples in one batch are one message.
        assert len(late.heard) == 2
        task.cancel()


async def test_a_part_hears_its_own_values_alone(there: ThirdParties) -> None:
    async with speaking(there.platform):
        whole = await there.hear("all", "readings/#")
        await whole.hears(6)
        part = await there.connect("part")
        for refused in ("readings/#", "readings/g1/d-m2/p", "readings/+/+/p", "alarms/+"):
            assert await part.subscribe(f"kilowise/acme/{refused}") == 128
        assert await part.subscribe("kilowise/acme/readings/g1/d-m1/#") == 0
        heard = await part.hears(2)
        assert sorted(topic.rpartition("/")[2] for topic, _ in heard) == ["ep_imp", "p"]


async def test_an_alarm_is_told_from_raised_to_over(
    there: ThirdParties, admin: psycopg.Connection
) -> None:
    definition, topic = await an_alarm(there)
    trial, _ = await an_alarm(there, "b")
    admin.execute("UPDATE alarm_definition SET mode = 'trial' WHERE id = %s", (trial,))
    async with speaking(there.platform):
        early = await there.hear("all", "alarms/+", "readings/g1/d-m1/p")
        await until(early, lambda where, _: "readings" in where)
        await raised(there, trial)
        uid = await raised(there, definition)
        where, said = await until(early, lambda where, said: said is not None and "alarms" in where)
        assert said == {
            "id": encode_id("alm", uid),
            "kind": "meter_silent",
            "name": {"en": "Silent"},
            "priority": 2,
            "state": "UNACK",
            "event": "raised",
            "raised_at": "2026-03-15T04:00:00Z",
            "at": "2026-03-15T04:00:00Z",
            "params": {"devices": 3, "priority": 2},
            "steps": [{"state": "UNACK", "event": "raised", "at": "2026-03-15T04:00:00Z"}],
        }
        assert where == topic
        await stepped(there, uid, Cause.ACK)
        await until(early, lambda _, said: said is not None and said.get("state") == "ACKED")
        late = await there.hear("all", "alarms/+")
        _, said = await until(late, lambda *_: True)
        assert said is not None
        assert said["state"] == "ACKED"
        await stepped(there, uid, Cause.CLEAR)
        _, said = await until(late, lambda _, said: said is not None and said["state"] == "NORM")
        assert said is not None
        steps = said["steps"]
        assert isinstance(steps, list)
        assert [step["event"] for step in steps] == ["raised", "acknowledged", "cleared"]
        await until(late, lambda where, said: (where, said) == (topic, None))
        last = await there.hear("all", "alarms/+", "readings/g1/d-m1/p")
        await until(last, lambda where, _: "readings" in where)
        assert len(last.heard) == 1


async def test_a_configuration_is_told_with_version_and_hash(
    there: ThirdParties, root: Actor
) -> None:
    gateway = GatewayKey(there.plant.gateway.id, there.plant.gateway.uid)
    async with speaking(there.platform):
        caller = await there.hear("all", "config/+")
        _, said = await until(caller, lambda *_: True)
        assert said is not None
        assert (said["gateway"], said["wanted"]) == (there.plant.gateway.text, None)
        async with there.platform.database.project(root.tenant.id) as tx:
            asker = Asker(root.id, root.uid)
            row = await put_config(tx, root.tenant.id, gateway, "timeout_s: 2", "x", asker, NOW)
        topic, said = await until(caller, lambda _, said: said is not None and bool(said["wanted"]))
        assert topic == "kilowise/acme/config/g1"
        assert said is not None
        assert said["wanted"] == {"version": 1, "hash": row.hash}
        assert said["state"] == "waiting"


async def refused_by_the_gateway(there: ThirdParties, uid: UUID) -> None:
    """The gateway answers that a command's value is out of range."""
    project = there.plant.tenant.id
    async with there.platform.database.project(project) as tx:
        await tx.execute(
            "UPDATE command SET state = 'rejected', code = 'out_of_range', finished_at = %s"
            " WHERE project_id = %s AND uid = %s",
            (NOW, project, uid),
        )
        await publish(tx, project, "command", str(uid), NOW)


async def test_a_command_is_given_once_and_its_results_come_back(
    there: ThirdParties, admin: psycopg.Connection
) -> None:
    body: Json = {"id": "set-1", "point": "p", "value": 7.5, "not_after_seconds": 30}
    async with speaking(there.platform):
        caller = await there.hear("all", there.results("all"), "config/+")
        await until(caller, lambda where, _: "config" in where)
        for _ in range(2):
            there.ask("all", caller, body)
            topic, said = await until(caller, lambda where, _: "results" in where)
        assert topic.endswith("/set-1")
        assert said is not None
        assert (said["state"], said["finished"], said["value"]) == ("waiting", False, 7.5)
        rows = admin.execute("SELECT uid, value, not_after, actor FROM command").fetchall()
        assert [(row[1], row[2] - NOW) for row in rows] == [(7.5, timedelta(seconds=30))]
        uid = rows[0][0]
        assert decode_id("cmd", str(said["command"])) == uid
        deeds = admin.execute("SELECT action, ref FROM audit WHERE action = 'command.write'")
        assert deeds.fetchall() == [("command.write", encode_id("cmd", uid))]
        await refused_by_the_gateway(there, uid)
        _, said = await until(caller, lambda _, said: said is not None and bool(said.get("code")))
        assert said is not None
        assert (said["state"], said["code"], said["finished"]) == ("rejected", "out_of_range", True)
        assert said["text"] == "The value is outside the allowed range."


async def test_a_gateway_that_answers_at_once_is_told_after_the_request(
    there: ThirdParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    give = Requests._give  # noqa: SLF001 - it is made slow

    async def answered_meanwhile(
        self: Requests, held: Held, topic: RequestTopic, request: CommandRequest
    ) -> CommandRow:
        row = await give(self, held, topic, request)
        await refused_by_the_gateway(there, row.uid)
        await asyncio.sleep(0.5)
        return row

    monkeypatch.setattr(Requests, "_give", answered_meanwhile)
    async with speaking(there.platform):
        caller = await there.hear("all", there.results("all"), "config/+")
        await until(caller, lambda where, _: "config" in where)
        there.ask("all", caller, {"id": "set-2", "point": "p", "value": 7.5})
        await until(caller, lambda _, said: said is not None and said.get("state") == "rejected")
        # One request after the other: with the next one answered this one's answers are all out.
        there.ask("all", caller, {"id": "set-3", "point": "none", "value": 7.5})
        await until(caller, lambda where, _: where.endswith("/set-3"))
    told = [msgspec.json.decode(said) for where, said in caller.heard if where.endswith("/set-2")]
    states = [said["state"] for said in told]
    assert (states[0], states[-1]) == ("waiting", "rejected")


WRONG: tuple[tuple[object, str, str, str], ...] = (
    (b"\xff", "d-m1", "_", "mqtt_unreadable"),
    (b"[]", "d-m1", "_", "mqtt_unreadable"),
    ({"id": "a b", "point": "p", "value": 1}, "d-m1", "_", "mqtt_unreadable"),
    ({"id": "1", "point": "p"}, "d-m1", "1", "mqtt_unreadable"),
    ({"id": "2", "point": "p", "value": "7"}, "d-m1", "2", "mqtt_unreadable"),
    ({"id": "3", "point": "p", "value": 1, "more": 1}, "d-m1", "3", "mqtt_unreadable"),
    (b'{"id": "4", "point": "p", "value": 1e999}', "d-m1", "4", "mqtt_unreadable"),
    (b'{"id": "5", "point": "' + b"p" * 10_000 + b'"}', "d-m1", "_", "mqtt_unreadable"),
    ({"id": "6", "point": "none", "value": 1}, "d-m1", "6", "not_found"),
    ({"id": "7", "point": "p", "value": 1}, "none", "7", "not_found"),
)


async def test_what_is_wrong_with_a_request_is_told(
    there: ThirdParties, admin: psycopg.Connection
) -> None:
    async with speaking(there.platform):
        caller = await there.hear("all", there.results("all"), "config/+")
        await until(caller, lambda where, _: "config" in where)
        for number, (body, device, id, code) in enumerate(WRONG):
            there.ask("all", caller, body, device)
            await caller.hears(2 + number)
            topic, payload = caller.heard[-1]
            said: Json = msgspec.json.decode(payload)
            assert topic.rpartition("/")[2] == id
            told = (said["id"], said["state"], said["code"], said["finished"])
            assert told == (id, "refused", code, True)
            # What is wrong, and what to do.
            assert str(said["text"]).count(".") >= 2
    assert admin.execute("SELECT count(*) FROM command").fetchone() == (0,)


async def test_a_part_commands_its_own_devices_alone(
    there: ThirdParties, admin: psycopg.Connection
) -> None:
    body = {"id": "1", "point": "p", "value": 1}
    async with speaking(there.platform):
        ready = await there.hear("all", "config/+")
        await until(ready, lambda *_: True)
        caller = await there.hear("part", there.results("part"))
        there.ask("part", caller, body, "d-m2")
        there.ask("part", caller, body, "d-m1")
        _, said = await until(caller, lambda *_: True)
        assert said is not None
        assert said["state"] == "waiting"
    devices = admin.execute(
        "SELECT d.slug FROM command c JOIN device d ON d.id = c.device_id"
    ).fetchall()
    assert devices == [("d-m1",)]


async def test_who_takes_over_tells_what_happened_meanwhile_once(
    there: ThirdParties, admin: psycopg.Connection
) -> None:
    definition, topic = await an_alarm(there)
    async with speaking(there.platform):
        ready = await there.hear("all", "config/+")
        await until(ready, lambda *_: True)
    caller = await there.hear("all", "alarms/+")
    uid = await raised(there, definition)
    # What is no number and no text belongs to the app's own drawing of the alarm.
    admin.execute("""UPDATE alarm_occurrence SET params = '{"list": [1], "none": null}'""")
    async with speaking(there.platform), speaking(there.platform):
        _, said = await until(caller, lambda where, said: where == topic and said is not None)
        assert said is not None
        assert said["params"] == {"devices": 3, "priority": 2}
        await stepped(there, uid, Cause.ACK)
        await until(caller, lambda _, said: said is not None and said["state"] == "ACKED")
        await stepped(there, uid, Cause.CLEAR)
        await until(caller, lambda _, said: said is not None and said["state"] == "NORM")
    over = [payload for _, payload in caller.heard if b'"NORM"' in payload]
    assert len(over) == 1


class Slow:
    """A broker that takes nothing while its socket is full."""

    def __init__(self) -> None:
        self.unsent_bytes = 0
        self.told: list[str] = []
        self.news = asyncio.Event()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Keep what was sent."""
        assert retain
        self.told.append(f"{topic.rpartition('/')[2]} {payload.decode()[:16]}")
        self.news.set()
        return True

    async def took(self, count: int) -> None:
        """Wait until so many messages were sent."""
        async with asyncio.timeout(20):
            while len(self.told) < count:
                self.news.clear()
                await self.news.wait()


async def test_values_that_change_again_before_their_turn_are_told_once(
    platform: Platform, root: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = await make_plant(platform, root.tenant)
    project = await LiveCache(platform.database, platform.clock).project(root.tenant.id)
    monkeypatch.setattr("backend.application.mqtt_api.readings.TURN", 2)
    monkeypatch.setattr("backend.application.mqtt_api.readings.PAUSE_S", 0.01)
    slow = Slow()
    readings = Readings(cast("Connection", slow), platform.database, project, "acme")
    task = asyncio.create_task(readings.run())
    await slow.took(6)
    slow.unsent_bytes = 2 << 20
    point, at_ms = plant.points["m1", "p"], int(NOW.timestamp() * 1000)
    for number in range(50):
        project.take([(point, at_ms + number, float(number), 0)])
        await asyncio.sleep(0.001)
    assert len(slow.told) == 6
    slow.unsent_bytes = 0
    await slow.took(7)
    task.cancel()
    assert slow.told[6:] == ['p {"value":49.0,"u']
