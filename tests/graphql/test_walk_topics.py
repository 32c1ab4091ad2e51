"""The walk over MQTT: every family of topics as every third party, on both brokers.

What each hears and may say stands in walk/topics.yaml, written by hand. A family of asyncapi.json
without its row fails here, and so does a denied message that reaches anybody or changes a row of
the database.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec
import psycopg
import pytest
import yaml
from gmqtt import Message
from gmqtt.mqtt.handler import MQTTConnectError
from psycopg.types.json import Jsonb

from backend.acquisition.credentials import INTERNAL
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.integration import credentials
from backend.service.integration.access import WHOLE_PLANT, Scope
from tests.backend.acquisition_brokers import Caller
from tests.graphql.plants import make_plant
from tests.graphql.third_parties import ThirdParties, speaking, third_parties
from tests.graphql.walk.people import changing, make_mqtt_credential
from tests.graphql.walk.scene import Watcher
from tests.graphql.walk.table import FOLDER
from tests.npm import ROOT
from tests.postgres import NOW, Actor, MakePerson, MakeProject

FORGED = b"forged"
REFUSED = 128
WIDE = (
    "#",
    "+/#",
    "$SYS/#",
    "$kw/#",
    "$CONTROL/#",
    "kilowise/#",
    "kilowise/+/readings/#",
    "kilowise/acme/#",
    "kilowise/acme/commands/#",
    "kilowise/acme/commands/+/+/+",
    "kilowise/acme/commands/results/+/+",
    "spBv1.0/#",
    "spBv1.0/acme/#",
    "spBv1.0/acme/+/g1",
    "spBv1.0/acme/+/g1/+",
)
"""Filters that reach beyond what anybody may hear."""


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """One family; see the head of the table."""

    topic: str
    scope: Scope | None
    mine: str | None = None
    say: str = "nobody"
    stranger: str = "refused"

    def hears(self, kind: str) -> bool:
        """Whether this third party may subscribe the topic of workshop a."""
        if kind == "stranger":
            return self.stranger == "hears"
        if self.say == "right" or self.scope is None:
            return False
        if kind == "part":
            return self.mine == self.topic
        return kind != f"without {self.scope.value}"

    def says(self, kind: str) -> bool:
        """Whether this third party may publish to the topic of workshop a."""
        if self.say != "right" or self.scope is None:
            return False
        return kind not in {"part", "stranger", f"without {self.scope.value}"}


TABLE: Mapping[str, Row] = msgspec.convert(
    yaml.safe_load((FOLDER / "topics.yaml").read_text()), dict[str, Row]
)
WITHOUT = tuple(f"without {one.value}" for one in Scope)
KINDS = ("all", *WITHOUT, "part", "stranger")


@dataclass
class Walk:
    """Everybody connected to one broker, and the names of the scene."""

    there: ThirdParties
    names: dict[str, str]
    callers: dict[str, Caller]
    platform: Caller

    def topic(self, text: str, kind: str) -> str:
        """A topic of the table, as asked by somebody."""
        return text % {**self.names, "self": self.there.names[kind]}


def test_every_family_has_its_row() -> None:
    channels = json.loads((ROOT / "asyncapi.json").read_text())["channels"]
    assert TABLE.keys() == channels.keys()


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
async def walk(
    request: pytest.FixtureRequest,
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> AsyncIterator[Walk]:
    """A plant of which workshop a is secret to who is limited to b, and everybody connected."""
    root = await make_person("root", await make_project("acme"), role="administrator")
    other = await make_person("eve", await make_project("other"), role="administrator")
    plant = await make_plant(platform, root.tenant)
    admin.execute("UPDATE device SET slug = 'secret-' || slug WHERE slug <> 'd-m2'")
    names = {"alarm": await an_alarm(platform, root, plant.nodes["a"].id)}
    names["mine"] = await an_alarm(platform, root, plant.nodes["b"].id)
    wanted: dict[str, tuple[tuple[Scope, ...], int | None]] = {
        "all": (tuple(Scope), None),
        "revoked": (tuple(Scope), None),
        "part": (tuple(one for one in Scope if one not in WHOLE_PLANT), plant.nodes["b"].id),
        **{f"without {lost.value}": (others(lost), None) for lost in Scope},
    }
    async with AsyncExitStack() as stack:
        strangers = {"stranger": await make_mqtt_credential(platform, other)}
        there = await stack.enter_async_context(
            third_parties(platform, root, plant, wanted, request.param, strangers)
        )
        await revoked(there, root)
        listening = await there.broker.connect(INTERNAL, client_id="internal/walk")
        assert await listening.subscribe("#") == 0
        callers = {kind: await there.connect(kind) for kind in KINDS}
        yield Walk(there, names, callers, listening)


def others(lost: Scope) -> tuple[Scope, ...]:
    """Every scope but one."""
    return tuple(one for one in Scope if one is not lost)


async def an_alarm(platform: Platform, owner: Actor, node: int) -> str:
    """Define an alarm at a place: its outside identity."""
    uid = new_uuid(NOW)
    async with platform.database.project(owner.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
            " mode, created_at) VALUES (%s, %s, 'meter_silent', %s, %s, '{}', 2, 'live', %s)",
            (owner.tenant.id, uid, Jsonb({"en": "x"}), node, NOW),
        )
    return encode_id("ald", uid)


async def revoked(there: ThirdParties, owner: Actor) -> None:
    """End the credential `revoked`, in the database and at the broker."""
    async with changing(there.platform, owner) as change:
        found = await credentials.list_credentials(change.tx, change.project_id)
        [uid] = [one.uid for one in found if one.ref == there.names["revoked"]]
        await credentials.revoke_credential(change, uid)
    there.broker.revoke(there.names["revoked"])


async def granted(walk: Walk, kind: str, topic: str) -> bool:
    """Whether somebody's subscription is granted."""
    return await walk.callers[kind].subscribe(walk.topic(topic, kind)) != REFUSED


async def test_everybody_hears_what_the_table_says_and_nothing_beyond(walk: Walk) -> None:
    told = {(name, kind): row.hears(kind) for name, row in TABLE.items() for kind in KINDS}
    heard = {key: await granted(walk, key[1], TABLE[key[0]].topic) for key in told}
    assert heard == told
    own = {name: row.mine for name, row in TABLE.items() if row.mine is not None}
    assert {name for name in own if await granted(walk, "part", own[name])} == {
        name for name in own if TABLE[name].say != "right"
    }
    found = [(wide, kind) for wide in WIDE for kind in KINDS if await granted(walk, kind, wide)]
    assert found == []


async def test_nobody_is_let_in_without_a_credential_that_is_good(walk: Walk) -> None:
    broker, names = walk.there.broker, walk.there.names
    async with asyncio.timeout(20):
        while True:
            # The broker forgets a revoked one within seconds.
            try:
                await (await broker.connect(names["revoked"])).client.disconnect()
            except MQTTConnectError:
                break
    stolen = ("b.g2", "internal", "", names["all"], names["part"])
    for name in stolen:
        with pytest.raises(MQTTConnectError):
            await broker.connect(name, secret=broker.secrets[names["stranger"]])
    for owner in (names["all"], "acme.g1", INTERNAL):
        with pytest.raises(MQTTConnectError):
            await broker.connect(names["stranger"], client_id=f"{owner}/client")
    assert not walk.callers["all"].gone.is_set()


async def test_denied_messages_reach_nobody_and_change_nothing(
    walk: Walk, admin: psycopg.Connection
) -> None:
    async with speaking(walk.there.platform):
        watcher = Watcher(admin)
        expected = set()
        for kind, caller in walk.callers.items():
            for row in TABLE.values():
                for whose in ("all", kind):
                    topic = walk.topic(row.topic, whose).replace("+", "7")
                    caller.client.publish(topic, FORGED, retain=True)
                    if whose == kind and row.says(kind):
                        expected.add(topic)
            # What was published before is judged when this is answered.
            assert await caller.subscribe("x") == REFUSED
        walk.platform.client.publish("kilowise/acme/config/last", b"last", qos=1)
        async with asyncio.timeout(20):
            while ("kilowise/acme/config/last", b"last") not in walk.platform.heard:
                walk.platform.news.clear()
                await walk.platform.news.wait()
        forged = {topic for topic, payload in walk.platform.heard if payload == FORGED}
        assert forged == expected
        assert set(watcher.changed()) <= {"mqtt_lease"}


async def test_retained_wills_and_take_overs_stay_within_the_wall(walk: Walk) -> None:
    broker, all_of_it = walk.there.broker, walk.there.names["all"]
    value, own = "kilowise/acme/readings/g1/secret-d-m1/p", "kilowise/acme/readings/g1/d-m2/p"
    for topic in (value, own):
        walk.platform.client.publish(topic, b"kept", qos=1, retain=True)
    await walk.platform.hears(2)
    # Whoever holds no filter is given nothing that is kept; whoever does, at once.
    part = walk.callers["part"]
    assert await part.subscribe("kilowise/acme/readings/g1/d-m2/#") == 0
    assert await part.hears(1) == [(own, b"kept")]
    will = Message(value, FORGED, retain=True)
    if broker.kind == "amqtt":
        with pytest.raises(MQTTConnectError):
            await broker.connect(all_of_it, client_id=f"{all_of_it}/will", will=will)
        assert not walk.callers["all"].gone.is_set()
        newer = await broker.connect(all_of_it)
    else:
        newer = await broker.connect(all_of_it, will=will)
        newer.client._connection._transport.abort()  # noqa: SLF001 - a link that breaks
        newer = await broker.connect(all_of_it)
    # Its owner takes a session over; the older connection ends and hears nothing more.
    await asyncio.wait_for(walk.callers["all"].gone.wait(), 60)
    assert await newer.subscribe(value) == 0
    assert await newer.hears(1) == [(value, b"kept")]
    assert walk.callers["all"].heard == []
    assert FORGED not in {payload for _, payload in walk.platform.heard}
