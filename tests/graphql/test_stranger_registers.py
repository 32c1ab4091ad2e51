"""The stranger against events and judgements of registers."""

from functools import partial

import psycopg

from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import learns_nothing, look, make_stranger
from tests.postgres import NOW, Actor, MakePerson, MakeProject

EVENT = 'kind: RATIO, start: "2026-03-15T03:00:00Z", factor: "2"'
PROJECTS = ("project", "own")
QUESTIONS: dict[str, list[str]] = {
    "Mutation.recordRegisterEvent": [
        f'mutation {{ recordRegisterEvent(input: {{ project: "%({whose})s",'
        f' meter: "%(meter)s", {EVENT} }}) {{ id note }} }}'
        for whose in PROJECTS
    ],
    "Mutation.revokeRegisterEvent": [
        f'mutation {{ revokeRegisterEvent(project: "%({whose})s", event: "%(event)s")'
        " { id note } }"
        for whose in PROJECTS
    ],
    "Project.meter": [
        f'{{ project(id: "%({whose})s") {{ meter(id: "%(meter)s")'
        " { registerEvents { note } judgements { kind } } } }"
        for whose in PROJECTS
    ],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform,
    client: Client,
    ask: Ask,
    alice: Actor,
    admin: psycopg.Connection,
    make_project: MakeProject,
    make_person: MakePerson,
) -> None:
    charlie = await make_stranger(make_project, make_person)
    made = await make_plant(platform, alice.tenant)
    point = made.points["m1", "ep_imp"]
    async with platform.database.project(alice.tenant.id) as tx:
        event = RegisterEvent(point, Kind.CHANGED, NOW, note="acme's meter")
        recorded = await record_event(tx, alice.tenant.id, event, NOW)
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "meter": made.meters["m1"].text,
        "event": encode_id("rev", recorded.uid),
    }
    nothing = {
        "project": encode_id("prj", new_uuid(NOW)),
        "own": "other",
        "meter": encode_id("mtr", new_uuid(NOW)),
        "event": encode_id("rev", new_uuid(NOW)),
    }
    await learns_nothing(
        QUESTIONS, names, nothing, partial(client, charlie), ask, partial(look, admin, alice)
    )
