"""Credentials at the broker: shown once, good for no more than they should be, ended at once."""

import json
from pathlib import Path

import psycopg
import pytest

from backend.acquisition.admitted import list_admitted
from backend.acquisition.credentials import Credential, read_snapshot, verify_secret, write_snapshot
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.service.integration.access import settle
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.postgres import NOW, Actor, MakePerson, MakeProject

MAKE = """mutation ($scopes: [MqttScope!]!, $part: ID, $days: Int, $name: String!) {
  makeMqttCredential(input: { project: "acme", name: $name, scopes: $scopes, part: $part,
    days: $days }) { secret credential { id scopes subscribe publish owner { login } } } }"""
REVOKE = 'mutation ($id: ID!) { revokeMqttCredential(project: "acme", id: $id) { revokedAt } }'
ALL = ["READINGS", "ALARMS", "CONFIG", "COMMANDS"]


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of acme."""
    return await make_person("root", await make_project("acme"), role="administrator")


async def made(client: Client, ask: Ask, owner: Actor, **wanted: object) -> dict[str, object]:
    """Make a credential, or the code of the refusal."""
    variables = {"name": "SCADA", "scopes": ALL, **wanted}
    answer = await ask(await client(owner), MAKE, variables)
    if "errors" in answer:
        return {"code": answer["errors"][0]["extensions"]["code"]}  # type: ignore[index]
    new: dict[str, object] = answer["data"]["makeMqttCredential"]  # type: ignore[index]
    return {"secret": new["secret"], **new["credential"]}  # type: ignore[dict-item]


async def admitted(platform: Platform) -> dict[str, Credential]:
    """Whom a broker would let in now."""
    async with platform.database.ingest() as tx:
        return {one.name: one for one in await list_admitted(tx, platform.clock)}


async def test_it_is_shown_once_and_reaches_its_scopes(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    new = await made(client, ask, root)
    id = str(new["id"])
    assert new["subscribe"] == [
        "kilowise/acme/readings/#",
        "kilowise/acme/alarms/+",
        "kilowise/acme/config/+",
        f"kilowise/acme/commands/results/{id}/+",
    ]
    assert new["publish"] == [f"kilowise/acme/commands/{id}/+/+"]
    assert new["owner"] == {"login": "root"}
    kept = admin.execute("SELECT c::text FROM mqtt_credential c").fetchone()
    assert str(new["secret"]) not in str(kept)
    assert verify_secret(str(new["secret"]), (await admitted(platform))[id].secret)
    [deed] = admin.execute("SELECT action, ref, new FROM audit").fetchall()
    assert deed[:2] == ("mqtt.make", id)
    assert json.loads(deed[2])["scopes"] == ["readings", "alarms", "config", "commands"]
    few = await made(client, ask, root, scopes=["ALARMS"])
    assert (few["subscribe"], few["publish"]) == (["kilowise/acme/alarms/+"], [])


async def test_a_place_is_reached_thing_by_thing(
    platform: Platform, root: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    plant = await make_plant(platform, root.tenant)
    admin.execute("UPDATE device SET slug = 'm/+1' WHERE slug = 'd-m1'")
    admin.execute(
        "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
        " mode, created_at) SELECT %s, gen_random_uuid(), 'meter_silent', '{}', id, '{}', 2,"
        " 'live', now() FROM node WHERE slug IN ('a', 'b')",
        (root.tenant.id,),
    )
    scopes = ["READINGS", "ALARMS", "COMMANDS"]
    new = await made(client, ask, root, scopes=scopes, part=plant.nodes["a"].text)
    id, subscribe = str(new["id"]), new["subscribe"]
    assert isinstance(subscribe, list)
    assert subscribe[0] == "kilowise/acme/readings/g1/m%2F%2B1/#"
    assert [topic.rpartition("/")[0] for topic in subscribe[1:]] == [
        "kilowise/acme/alarms",
        f"kilowise/acme/commands/results/{id}",
    ]
    assert new["publish"] == [f"kilowise/acme/commands/{id}/g1/m%2F%2B1"]
    assert (await made(client, ask, root, part=plant.nodes["a"].text))["code"] == "mqtt_whole_plant"
    # Another meter on a circuit of the same device belongs to workshop b: the device is no whole.
    admin.execute(
        "INSERT INTO point (project_id, device_id, name, kind, unit)"
        " SELECT project_id, device_id, 'c2/p', 'gauge', 'kW' FROM point WHERE id = %s",
        (plant.points["m1", "p"],),
    )
    async with platform.database.project(root.tenant.id) as tx:
        assert await settle(tx, root.tenant.id, NOW) == 1
        assert await settle(tx, root.tenant.id, NOW) == 0
    assert (await admitted(platform))[id].subscribe[:2] == (
        "kilowise/acme/readings/g1/m%2F%2B1/ep_imp",
        "kilowise/acme/readings/g1/m%2F%2B1/p",
    )


async def test_it_ends_by_revocation_expiry_and_with_its_owner(
    platform: Platform,
    root: Actor,
    client: Client,
    ask: Ask,
    clock: ManualClock,
    admin: psycopg.Connection,
) -> None:
    ids = [str((await made(client, ask, root, days=days))["id"]) for days in (30, 1, 30)]
    assert set(ids) == (await admitted(platform)).keys()
    first = await ask(await client(root), REVOKE, {"id": ids[0]})
    assert first == {"data": {"revokeMqttCredential": {"revokedAt": "2026-03-15T04:00:00Z"}}}
    assert await ask(await client(root), REVOKE, {"id": ids[0]}) == first
    assert admin.execute("SELECT count(*) FROM audit WHERE action = 'mqtt.revoke'").fetchone() == (
        1,
    )
    assert (await admitted(platform)).keys() == {ids[1], ids[2]}
    await clock.advance(86_400)
    assert (await admitted(platform)).keys() == {ids[2]}
    admin.execute("UPDATE membership SET role = 'ended'")
    async with platform.database.project(root.tenant.id) as tx:
        await settle(tx, root.tenant.id, clock.now())
    assert await admitted(platform) == {}


async def test_it_has_no_more_than_its_maker(
    platform: Platform, root: Actor, client: Client, ask: Ask, make_person: MakePerson,
    admin: psycopg.Connection,
) -> None:  # fmt: skip
    helper = await make_person("helper", root.tenant, role="integrator")
    for wanted, expected in (
        ({}, "gives_more"),
        ({"scopes": []}, "mqtt_scopes"),
        ({"scopes": ["ALARMS"], "days": 0}, "key_days"),
        ({"scopes": ["ALARMS"], "name": " "}, "key_name"),
        ({"scopes": ["ALARMS"], "part": "node_x"}, "not_found"),
    ):
        assert (await made(client, ask, helper, **wanted))["code"] == expected
    assert admin.execute("SELECT count(*) FROM mqtt_credential").fetchone() == (0,)
    id = str((await made(client, ask, root))["id"])
    # What its maker loses, it loses.
    admin.execute(
        "UPDATE membership SET role = 'auditor', modules = '{energy}' WHERE person_id = %s",
        (root.id,),
    )
    async with platform.database.project(root.tenant.id) as tx:
        await settle(tx, root.tenant.id, NOW)
    left = (await admitted(platform))[id]
    assert (left.publish, left.subscribe) == ((), ("kilowise/acme/readings/#",))


async def test_brokers_read_it_beside_gateways(
    platform: Platform, root: Actor, client: Client, ask: Ask, tmp_path: Path
) -> None:
    new = await made(client, ask, root)
    write_snapshot(tmp_path, (await admitted(platform)).values())
    credential = read_snapshot(tmp_path)[str(new["id"])]
    assert credential.may_subscribe("kilowise/acme/readings/g1/m1/p")
    assert not credential.may_subscribe("kilowise/other/readings/g1/m1/p")
    assert not credential.may_subscribe("kilowise/acme/commands/results/+/+")
    assert not credential.may_publish("kilowise/acme/readings/g1/m1/p")
