"""The stranger asks who may do what in a project that is not theirs."""

from functools import partial

import psycopg

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.people.sessions import create_session, list_sessions
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import learns_nothing, look, make_stranger
from tests.graphql.walk.people import make_invitation, make_key
from tests.postgres import NOW, Actor, MakePerson, MakeProject

PROJECTS = ("project", "own")


def _of_project(field: str) -> list[str]:
    return [f'{{ project(id: "%(project)s") {{ {field} }} }}']


def _done(call: str) -> list[str]:
    return ["mutation { " + call.replace("WHOSE", f'"%({whose})s"') + " }" for whose in PROJECTS]


QUESTIONS: dict[str, list[str]] = {
    "Project.modules": _of_project("modules"),
    "Project.part": _of_project("part { slug }"),
    "Project.roles": _of_project("roles { slug }"),
    "Project.members": _of_project("members { role }"),
    "Project.apiKeys": _of_project("apiKeys { name }"),
    "Project.invitations": _of_project("invitations { note }"),
    "Query.invitation": ['{ invitation(token: "%(token)s") { project } }'],
    "Mutation.invite": [
        'mutation { invite(input: { project: "%(project)s", role: "auditor" }) { link } }',
        'mutation { invite(input: { project: "%(own)s", role: "auditor", part: "%(node)s" })'
        " { link } }",
    ],
    "Mutation.revokeInvitation": _done(
        'revokeInvitation(project: WHOSE, id: "%(invitation)s") { note }'
    ),
    "Mutation.acceptInvitation": [
        'mutation { acceptInvitation(input: { token: "%(token)s" }) { viewer { demo } } }'
    ],
    "Mutation.endSession": ['mutation { endSession(id: "%(session)s") }'],
    "Mutation.endSessionsOf": _done('endSessionsOf(project: WHOSE, person: "%(person)s")'),
    "Mutation.makeApiKey": [
        'mutation { makeApiKey(input: { project: "%(project)s", name: "x", permissions: [] })'
        " { secret } }",
        'mutation { makeApiKey(input: { project: "%(own)s", name: "x", permissions: [],'
        ' part: "%(node)s" }) { secret } }',
    ],
    "Mutation.revokeApiKey": _done('revokeApiKey(project: WHOSE, id: "%(key)s") { name }'),
    "Mutation.setRole": [
        'mutation { setRole(input: { project: "%(project)s", role: "auditor", nameEn: "x",'
        " permissions: [READ] }) { slug } }",
    ],
    "Mutation.endRole": ['mutation { endRole(project: "%(project)s", role: "auditor") { slug } }'],
    "Mutation.setMember": [
        *_done(
            'setMember(input: { project: WHOSE, person: "%(person)s", role: "auditor" }) { role }'
        ),
        'mutation { setMember(input: { project: "%(own)s", person: "%(self)s",'
        ' role: "administrator", part: "%(node)s" }) { role } }',
    ],
    "Mutation.endMember": _done('endMember(project: WHOSE, person: "%(person)s")'),
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
    names = {
        "project": encode_id("prj", alice.tenant.uid),
        "own": "other",
        "person": alice.text,
        "self": charlie.text,
        "node": made.nodes["a"].text,
        "key": (await make_key(platform, alice, made.nodes["a"].id))[1],
        "session": await _session(platform, alice),
        "invitation": (await make_invitation(platform, alice))[1],
        # Whoever holds a link may use it: nobody guesses one.
        "token": "x" * 43,
    }
    nothing = {
        **names,
        "project": encode_id("prj", new_uuid(NOW)),
        "person": encode_id("per", new_uuid(NOW)),
        "node": encode_id("node", new_uuid(NOW)),
        "key": encode_id("key", new_uuid(NOW)),
        "session": encode_id("ses", new_uuid(NOW)),
        "invitation": encode_id("inv", new_uuid(NOW)),
    }
    await learns_nothing(
        QUESTIONS, names, nothing, partial(client, charlie), ask, partial(look, admin, alice)
    )


async def _session(platform: Platform, alice: Actor) -> str:
    """A session of Alice's."""
    async with platform.database.platform() as tx:
        await create_session(tx, alice.id, NOW, bearer=False, user_agent="test")
        [row] = await list_sessions(tx, alice.id, NOW)
    return encode_id("ses", row.uid)
