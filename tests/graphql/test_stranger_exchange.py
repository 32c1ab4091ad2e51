"""The stranger asks for what is exchanged with other programs: model, readings, meter lists."""

from functools import partial
from uuid import UUID

import psycopg

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.alarms.store import raise_occurrence
from backend.service.meter_list.lists import check_list
from backend.service.people.asker import Asker
from backend.service.webhooks.hooks import make_hook
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant
from tests.graphql.strangers import (
    learns_nothing,
    look,
    make_stranger,
    nothing_like,
    routes_tell_nothing,
)
from tests.postgres import NOW, Actor, MakePerson, MakeProject

OWN_AND_OTHERS = ("project", "own")
_TO = '{ project: "%(WHOSE)s", url: "https://x.example", kinds: [ALARM] }'
QUESTIONS: dict[str, list[str]] = {
    "Project.webhookHosts": ['{ project(id: "%(project)s") { webhookHosts } }'],
    "Project.webhooks": ['{ project(id: "%(project)s") { webhooks { id url } } }'],
    **{
        where: [question.replace("WHOSE", whose) for whose in OWN_AND_OTHERS]
        for where, question in {
            "Project.webhookDeliveries": '{ project(id: "%(WHOSE)s")'
            ' { webhookDeliveries(webhook: "%(hook)s") { ref } } }',
            "Mutation.makeWebhook": "mutation { makeWebhook(input: " + _TO + ") { signingKey } }",
            "Mutation.changeWebhook": 'mutation { changeWebhook(id: "%(hook)s", input: '
            + _TO
            + ") { url } }",
            "Mutation.rotateWebhookKey": 'mutation { rotateWebhookKey(project: "%(WHOSE)s",'
            ' id: "%(hook)s") { signingKey } }',
            "Mutation.endWebhook": 'mutation { endWebhook(project: "%(WHOSE)s", id: "%(hook)s") }',
            "Mutation.replayWebhook": 'mutation { replayWebhook(project: "%(WHOSE)s",'
            ' id: "%(hook)s") }',
        }.items()
    },
}
SPAN = "start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"
ROUTE_ROWS: dict[str, list[str]] = {
    "GET /api/v1/projects": ["/api/v1/projects"],
    **{
        f"GET /api/v1/{name}": [f"/api/v1/{name}?project={{project}}"]
        for name in (
            *("trees", "nodes", "meters", "memberships", "gateways", "devices", "energies"),
            *("tariffs", "factors", "alarm-definitions", "alarms", "people"),
        )
    },
    "GET /api/v1/periods": [f"/api/v1/periods?project={{project}}&period=DAY&{SPAN}"],
    "GET /api/v1/readings": [
        f"/api/v1/readings?project={{project}}&meter={{meter}}&{SPAN}",
        f"/api/v1/readings?project={{own}}&meter={{meter}}&{SPAN}",
        f"/api/v1/readings?project={{own}}&device={{device}}&point=p&{SPAN}",
    ],
    **{
        f"GET /api/v1/{names}/{{{name}}}": [
            f"/api/v1/{names}/{{{one}}}?project={{project}}",
            f"/api/v1/{names}/{{{one}}}?project={{own}}",
        ]
        for names, name, one in (
            ("nodes", "node", "node"),
            ("meters", "meter", "meter"),
            ("alarms", "id", "alarm"),
        )
    },
    **{
        f"{method} /api/v1/webhooks{more}": [
            f"/api/v1/webhooks{more.replace('{id}', '{hook}')}?project={whose}"
            for whose in ("{project}", "{own}")[: 2 if "{id}" in more and method != "PUT" else 1]
        ]
        for method, more in (
            ("GET", ""),
            ("POST", ""),
            ("PUT", "/{id}"),
            ("DELETE", "/{id}"),
            ("POST", "/{id}/signing-key"),
            ("GET", "/{id}/deliveries"),
            ("POST", "/{id}/replay"),
        )
    },
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
    ask: Ask,
    alice: Actor,
    admin: psycopg.Connection,
    make_project: MakeProject,
    make_person: MakePerson,
) -> None:
    charlie = await make_stranger(make_project, make_person)
    made = await make_plant(platform, alice.tenant)
    project, asker = alice.tenant.id, Asker(alice.id, alice.uid)
    async with platform.database.project(project) as tx:
        content = b"energy,gateway,device\nelectricity,g1,x\n"
        listed = await check_list(tx, project, "hers.csv", content, asker, NOW)
        url = "https://hooks.example.com/x"
        hook, _ = await make_hook(tx, project, url, ["alarm"], ["*.example.com"], asker, NOW)
    hers = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "list": encode_id("mls", listed.uid),
        "hook": hook.outside,
        "node": made.nodes["a"].text,
        "meter": made.meters["m1"].text,
        "device": made.devices["m1"].text,
        "alarm": encode_id("alm", await raised(platform, made)),
    }
    none = nothing_like(hers)
    seen = partial(look, admin, alice)
    await learns_nothing(QUESTIONS, hers, none, partial(client, charlie), ask, seen)
    await routes_tell_nothing(ROUTE_ROWS, hers, none, partial(client, charlie), seen)


async def raised(platform: Platform, plant: Plant) -> UUID:
    """An alarm at workshop a."""
    project = plant.tenant.id
    async with platform.database.project(project) as tx:
        definition = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
            " mode, created_at) VALUES (%s, %s, 'meter_silent', '{}', %s, '{}', 2, 'live', %s)"
            " RETURNING id",
            (project, new_uuid(NOW), plant.nodes["a"].id, NOW),
            into=int,
        )
        assert definition is not None
        alarm = await raise_occurrence(tx, project, definition, NOW, {}, 2, NOW)
    assert alarm is not None
    return alarm
