"""Whom an alarm is told: those in whose part of the plant it is."""

import pytest
from psycopg.types.json import Jsonb

from backend.core.db import WriteSession
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.service.alarms.store import occurrence_by_uid, raise_occurrence
from backend.service.notify.reach import browsers_to_tell
from backend.service.notify.subscriptions import Registration, register
from tests.graphql.plants import Plant, make_plant
from tests.postgres import NOW, Actor, MakePerson


@pytest.fixture
async def made(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant."""
    return await make_plant(platform, alice.tenant)


async def raised(tx: WriteSession, project: int, node: int | None, meter: int | None) -> int:
    """An alarm of a place or meter; its number."""
    definition = await tx.fetch_value(
        "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, meter_id, params,"
        " priority, mode, created_at)"
        " VALUES (%s, %s, 'meter_silent', %s, %s, %s, %s, 2, 'live', %s) RETURNING id",
        (project, new_uuid(NOW), Jsonb({"en": "x"}), node, meter, Jsonb({}), NOW),
        into=int,
    )
    assert definition is not None
    uid = await raise_occurrence(tx, project, definition, NOW, {}, 2, NOW)
    assert uid is not None
    found = await occurrence_by_uid(tx, project, uid)
    assert found is not None
    return found.id


async def test_an_alarm_reaches_those_in_whose_part_it_is(
    platform: Platform, made: Plant, alice: Actor, make_person: MakePerson
) -> None:
    project, a, b = alice.tenant.id, made.nodes["a"].id, made.nodes["b"].id
    people = {
        "alice": alice,
        "ann": await make_person("ann", alice.tenant, node=a),
        "ben": await make_person("ben", alice.tenant, node=b),
        "meg": await make_person("meg", alice.tenant, modules=["alarms"]),
        "eve": await make_person("eve", alice.tenant, modules=["energy"]),
        "gone": await make_person("gone", alice.tenant, role="ended"),
    }
    numbers = {}
    async with platform.database.project(project) as tx:
        for login, who in people.items():
            registration = Registration(f"https://push.example.com/{login}", "p", "a", "en", None)
            await register(tx, project, who.id, registration, NOW)
        for id, person in await tx.fetch_tuples(
            "SELECT id, person_id FROM push_subscription WHERE project_id = %s", (project,)
        ):
            numbers[id] = next(login for login, who in people.items() if who.id == person)
        told = {}
        for name, place, meter in (
            ("site", made.nodes["site"].id, None),
            ("a", a, None),
            ("meter of b", None, made.meters["m2"].id),
            ("nowhere", None, None),
        ):
            occurrence = await raised(tx, project, place, meter)
            heard = await browsers_to_tell(tx, project, occurrence, NOW)
            told[name] = {numbers[id] for id in heard}
    assert told == {
        "site": {"alice", "meg"},
        "a": {"alice", "meg", "ann"},
        "meter of b": {"alice", "meg", "ben"},
        "nowhere": {"alice", "meg"},
    }
