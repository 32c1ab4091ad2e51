"""The stranger asks for what is exchanged with other programs: lists of meters."""

from functools import partial

import psycopg

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.meter_list.lists import check_list
from backend.service.people.asker import Asker
from tests.graphql.conftest import Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import look, make_stranger, routes_tell_nothing
from tests.postgres import NOW, Actor, MakePerson, MakeProject

QUESTIONS: dict[str, list[str]] = {}
ROUTE_ROWS: dict[str, list[str]] = {
    "GET /api/v1/meter-list": ["/api/v1/meter-list?project={project}"],
    "GET /api/v1/meter-labels": ["/api/v1/meter-labels?project={project}"],
    "GET /api/v1/meter-lists": ["/api/v1/meter-lists?project={project}"],
    "POST /api/v1/meter-lists": ["/api/v1/meter-lists?project={project}"],
    "GET /api/v1/meter-lists/{id}": [
        "/api/v1/meter-lists/{list}?project={project}",
        "/api/v1/meter-lists/{list}?project={own}",
    ],
    "POST /api/v1/meter-lists/{id}/apply": [
        "/api/v1/meter-lists/{list}/apply?project={project}",
        "/api/v1/meter-lists/{list}/apply?project={own}",
    ],
    "POST /api/v1/meter-lists/{id}/roll-back": [
        "/api/v1/meter-lists/{list}/roll-back?project={project}",
        "/api/v1/meter-lists/{list}/roll-back?project={own}",
    ],
}


async def test_the_stranger_learns_and_changes_nothing(
    platform: Platform,
    client: Client,
    alice: Actor,
    admin: psycopg.Connection,
    make_project: MakeProject,
    make_person: MakePerson,
) -> None:
    charlie = await make_stranger(make_project, make_person)
    await make_plant(platform, alice.tenant)
    project, asker = alice.tenant.id, Asker(alice.id, alice.uid)
    async with platform.database.project(project) as tx:
        content = b"energy,gateway,device\nelectricity,g1,x\n"
        listed = await check_list(tx, project, "hers.csv", content, asker, NOW)
    hers = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "list": encode_id("mls", listed.uid),
    }
    none = {
        **hers,
        "project": encode_id("prj", new_uuid(NOW)),
        "list": encode_id("mls", new_uuid(NOW)),
    }
    seen = partial(look, admin, alice)
    await routes_tell_nothing(ROUTE_ROWS, hers, none, partial(client, charlie), seen)
