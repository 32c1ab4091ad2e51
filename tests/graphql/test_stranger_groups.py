"""The stranger and groups: one of another group, and nobody's, against a group and its projects."""

from functools import partial

import psycopg

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client
from tests.graphql.desks import CURVE, FIGURES, GIVE
from tests.graphql.strangers import (
    learns_nothing,
    look,
    make_stranger,
    nothing_like,
    routes_tell_nothing,
)
from tests.graphql.walk.people import make_group
from tests.postgres import Actor, MakePerson, MakeProject

_GROUP = '(group: "%(group)s"'


def _consented(call: str) -> list[str]:
    tail = 'rollups: [KGCE], since: "2026-01-01") { id } }'
    return [f"mutation {{ {call.replace('WHOSE', whose)}, {tail}" for whose in ("project", "own")]


QUESTIONS: dict[str, list[str]] = {
    "Query.groups": ["{ groups { id name } }"],
    "Query.group": [
        '{ group(id: "%(group)s") { group { name } people { owner } invitations { note }'
        ' figures(period: MONTH, day: "2026-02-01") { members { id } }'
        ' curve(period: MONTH, last: "2026-02-01", count: 2) { id points { now } } } }'
    ],
    "Query.groupOffer": ['{ groupOffer(token: "%(used)s") { name } }'],
    "Project.groupConsents": [
        '{ project(id: "%(project)s") { groupConsents { group rollups people { days } } } }'
    ],
    "Mutation.makeGroup": ['mutation { makeGroup(name: "") { id } }'],
    "Mutation.renameGroup": [f'mutation {{ renameGroup{_GROUP}, name: "Mine") {{ id }} }}'],
    "Mutation.endGroup": [f"mutation {{ endGroup{_GROUP}) }}"],
    "Mutation.inviteToGroup": [f"mutation {{ inviteToGroup{_GROUP}, kind: READER) {{ link }} }}"],
    "Mutation.revokeGroupInvitation": [
        f'mutation {{ revokeGroupInvitation{_GROUP}, id: "%(link)s") {{ note }} }}'
    ],
    "Mutation.acceptGroupInvitation": [
        'mutation { acceptGroupInvitation(token: "%(used)s") { id } }'
    ],
    "Mutation.setGroupOwner": [
        f'mutation {{ setGroupOwner{_GROUP}, person: "%(self)s", owner: true) {{ id }} }}'
    ],
    "Mutation.leaveGroup": [
        f"mutation {{ leaveGroup{_GROUP}) }}",
        f'mutation {{ leaveGroup{_GROUP}, person: "%(person)s") }}',
    ],
    "Mutation.giveGroupConsent": _consented(
        'giveGroupConsent(project: "%(WHOSE)s", token: "%(used)s"'
    ),
    "Mutation.changeGroupConsent": _consented(
        'changeGroupConsent(project: "%(WHOSE)s", id: "%(consent)s"'
    ),
    "Mutation.endGroupConsent": [
        f'mutation {{ endGroupConsent(project: "%({whose})s", id: "%(consent)s") {{ id }} }}'
        for whose in ("project", "own")
    ],
}
ROUTE_ROWS: dict[str, list[str]] = {
    "GET /api/v1/groups": ["/api/v1/groups"],
    "GET /api/v1/groups/{group}/figures": [
        "/api/v1/groups/{group}/figures?period=MONTH&day=2026-02-01"
    ],
    "GET /api/v1/groups/{group}/curve": ["/api/v1/groups/{group}/curve?last=2026-02-01"],
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
    """Of another group; a link that was used is none to them."""
    charlie = await make_stranger(make_project, make_person)
    owner = await make_person("gina", alice.tenant, role="manager")
    made = await make_group(platform, alice, owner.login)
    mine = await make_person("mina", charlie.tenant, role="manager")
    await make_group(platform, charlie, mine.login)
    admin.execute("UPDATE group_invitation SET used_at = now()")
    names = {
        "group": made["group"], "consent": made["consent"], "used": made["groupToken"],
        "link": "inv_0123456789abcdefghjkmnpqrs", "person": owner.text, "self": charlie.text,
        "project": "acme", "own": "other",
    }  # fmt: skip
    none = {**nothing_like(names), "used": "x" * 43, "project": "nobody", "own": "other"}

    def seen() -> dict[str, object]:
        tables = ("project_group", "group_person", "group_invitation", "group_project")
        kept = {one: admin.execute(f"SELECT t::text FROM {one} t ORDER BY 1".encode()).fetchall()
                for one in tables}  # fmt: skip
        return {**look(admin, alice), **kept}

    await learns_nothing(QUESTIONS, names, none, partial(client, charlie), ask, seen)
    await routes_tell_nothing(ROUTE_ROWS, names, none, partial(client, charlie), seen)


async def test_who_is_in_another_group_is_told_nothing_of_this_one(
    platform: Platform, client: Client, ask: Ask, alice: Actor, bob: Actor, charlie: Actor
) -> None:
    """Bob's group is consented to by Alice's project, Charlie's own by none."""
    made = await make_group(platform, alice, bob.login)
    other = await client(charlie)
    for whose in (made["group"], "grp_00000000000000000000000000"):
        for question in (FIGURES, CURVE):
            assert (await ask(other, question, {"group": whose}))["data"] == {"group": None}
    given = {
        "project": "acme", "token": made["groupToken"], "rollups": ["KGCE"], "since": "2026-01-01",
    }  # fmt: skip
    refused = await ask(other, GIVE, given)
    assert refused["errors"][0]["extensions"]["code"] == "not_found"  # type: ignore[index]
