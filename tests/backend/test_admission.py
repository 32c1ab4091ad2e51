"""Who is made or ended in the database is let in or out by the running broker, on both brokers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from gmqtt.mqtt.handler import MQTTConnectError

from backend.acquisition import mosquitto
from backend.acquisition.admission import CHANNEL, Admission, Control, admit
from backend.acquisition.credentials import (
    INTERNAL,
    Credential,
    broker_folder,
    gateway_credential,
    hash_secret,
    internal_secret,
)
from backend.core.errors import Unavailable
from backend.core.ids import decode_id
from backend.core.platform import Platform
from backend.service.integration import credentials
from backend.service.integration.access import Scope
from tests.backend.acquisition_brokers import BROKERS, RunningBroker, free_port
from tests.graphql.walk.people import changing
from tests.postgres import Actor, MakePerson, MakeProject

BOTH = ["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))]

READINGS, ALARMS, CONFIG = (
    f"kilowise/acme/{one}" for one in ("readings/#", "alarms/+", "config/+")
)


@dataclass
class Gate:
    """A broker that is kept right by `Admission`, and whose project it serves."""

    platform: Platform
    broker: RunningBroker
    owner: Actor

    async def make(self, *scopes: Scope) -> str:
        """Make a credential as GraphQL does: its user name."""
        async with changing(self.platform, self.owner) as change:
            wanted = credentials.Wanted("x", scopes, None, 30)
            secret, row = await credentials.make_credential(change, wanted)
        await admit(self.platform, row.at_broker(), secret)
        self.broker.secrets[row.ref] = secret
        return row.ref

    async def revoke(self, name: str) -> None:
        """End a credential as GraphQL does."""
        async with changing(self.platform, self.owner) as change:
            [row] = [
                one
                for one in await credentials.list_credentials(change.tx, change.project_id)
                if one.ref == name
            ]
            await credentials.revoke_credential(change, row.uid)

    async def reach(self, name: str, *filters: str) -> None:
        """Have a credential hear these filters, as `settle` does."""
        project = self.owner.tenant.id
        async with self.platform.database.project(project) as tx:
            await tx.execute(
                "UPDATE mqtt_credential SET subscribe = %s WHERE project_id = %s AND uid = %s",
                (list(filters), project, decode_id("mqt", name)),
            )
            await tx.execute("SELECT pg_notify(%s, '')", (CHANNEL,))

    async def welcome(self, name: str) -> None:
        """Wait until the broker lets it in."""
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(MQTTConnectError):
                    return await _close(self.broker, name)
                await asyncio.sleep(0.1)


async def _close(broker: RunningBroker, name: str) -> None:
    caller = await broker.connect(name)
    await caller.client.disconnect()


@pytest.fixture(params=BOTH)
async def gate(
    request: pytest.FixtureRequest,
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
) -> AsyncIterator[Gate]:
    """Each broker, with nobody admitted yet but the platform."""
    owner = await make_person("root", await make_project("acme"), role="administrator")
    folder = broker_folder(platform.settings.data_folder)
    async with BROKERS[request.param](folder, ({INTERNAL: internal_secret(folder)}, [])) as broker:
        if request.param == "mosquitto":
            # Its secret is its own: the platform knows that this is no embedded broker.
            (folder / "internal-secret").write_text("another")
        served = replace(platform, mqtt_url=broker.url)
        task = asyncio.create_task(Admission(served).run())
        yield Gate(served, broker, owner)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_who_is_made_is_let_in_and_who_is_revoked_is_out_within_five_seconds(
    gate: Gate,
) -> None:
    first, second = await gate.make(Scope.ALARMS), await gate.make(Scope.ALARMS)
    for name in (first, second):
        await gate.welcome(name)
    stays, goes = await gate.broker.connect(second), await gate.broker.connect(first)
    assert await goes.subscribe("kilowise/acme/alarms/+") == 0
    assert await goes.subscribe("kilowise/acme/readings/#") == 128
    await gate.revoke(first)
    await asyncio.wait_for(goes.gone.wait(), 5)
    with pytest.raises(MQTTConnectError):
        await gate.broker.connect(first)
    assert not stays.gone.is_set()
    assert await stays.subscribe("kilowise/acme/alarms/+") == 0


async def test_what_an_owner_gains_and_loses_the_broker_gives_and_takes(gate: Gate) -> None:
    name = await gate.make(Scope.READINGS, Scope.ALARMS)
    await gate.welcome(name)
    caller = await gate.broker.connect(name)
    assert await caller.subscribe(READINGS) == 0
    await gate.reach(name, READINGS, ALARMS, CONFIG)
    async with asyncio.timeout(20):
        while await caller.subscribe(CONFIG) != 0:  # noqa: ASYNC110 - another process grants it
            await asyncio.sleep(0.1)
    assert not caller.gone.is_set()
    await gate.reach(name, ALARMS)
    if gate.broker.kind == "amqtt":
        await asyncio.wait_for(caller.gone.wait(), 5)
    else:
        # mosquitto judges every message and subscription anew.
        async with asyncio.timeout(5):
            while await caller.subscribe(READINGS) != 128:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
    again = await gate.broker.connect(name)
    assert await again.subscribe(READINGS) == 128
    assert await again.subscribe(ALARMS) == 0
    speaker = await gate.broker.connect(INTERNAL, client_id="internal/1")
    speaker.client.publish("kilowise/acme/readings/g1/m1/p", b"not for it", qos=1)
    speaker.client.publish("kilowise/acme/alarms/a", b"for it", qos=1)
    assert await again.hears(1) == [("kilowise/acme/alarms/a", b"for it")]
    assert caller.heard == []


async def test_a_mosquitto_that_is_away_takes_nobody(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.acquisition.admission.ANSWER_S", 0.2)
    away = replace(platform, mqtt_url=f"mqtt://internal:x@127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="mqtt_broker"):
        await admit(away, Credential("mqt_x", "", (), ()), "secret")


def test_commands_bring_a_broker_to_what_is_wanted() -> None:
    gateway = replace(gateway_credential("a", "g1", ""), secret="")
    third = Credential("mqt_" + "0" * 26, hash_secret("x"), (), ("kilowise/a/alarms/+",))
    admin = {"admin": frozenset({("subscribePattern", "#")})}
    have = {**admin, "a.g2": frozenset[tuple[str, str]](), third.name: frozenset[tuple[str, str]]()}
    found = mosquitto.changes(have, [gateway, third])
    assert [(one["command"], one.get("username") or one["rolename"]) for one in found] == [
        ("deleteClient", "a.g2"),
        ("deleteRole", "a.g2"),
        ("createRole", "a.g1"),
        ("createClient", "a.g1"),
        ("modifyRole", third.name),
    ]
    assert mosquitto.unknown({}, [gateway, third]) == {third.name}
    assert "password" not in found[3]
    document = json.loads(mosquitto.security_document([gateway, third]))
    known = {
        role["rolename"]: frozenset((acl["acltype"], acl["topic"]) for acl in role["acls"])
        for role in document["roles"]
    }
    assert mosquitto.changes(known, [gateway, third]) == []


@pytest.mark.needs("mosquitto")
async def test_gateways_with_certificates_come_and_operators_stay(tmp_path: Path) -> None:
    secrets = {INTERNAL: internal_secret(tmp_path), "admin": "x"}
    operator = Credential("admin", hash_secret("x"), (), ("#",))
    async with BROKERS["mosquitto"](tmp_path, (secrets, [operator])) as broker:
        control = Control(broker.url)
        task = asyncio.create_task(control.run())
        gateway = replace(gateway_credential("a", "g1", ""), certificates=("f" * 64,))
        assert await control.bring([gateway])
        assert await control.bring([])
        assert await control.bring([gateway])
        task.cancel()
        await _close(broker, "admin")
        kept = json.loads((tmp_path / "security.json").read_text())
    assert {client["username"] for client in kept["clients"]} == {INTERNAL, "admin", "a.g1"}
