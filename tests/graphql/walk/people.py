"""Everybody who walks: the right member, team-mates without one permission each, the limited
member, the stranger, nobody, and somebody whose session was revoked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import httpx
from psycopg.types.json import Jsonb

from backend.application.web_process import WebProcess
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.groups import consents, groups
from backend.service.groups.consents import Rollup
from backend.service.groups.invitations import For
from backend.service.groups.invitations import invite as group_invite
from backend.service.integration import credentials
from backend.service.integration.access import Scope
from backend.service.people import delegations, keys, posts
from backend.service.people.asker import Asker
from backend.service.people.authority import Change, Grant, begin
from backend.service.people.invitations import invite
from backend.service.people.keys import Wanted
from backend.service.people.limits import Limit
from backend.service.people.roles import Permission
from backend.service.people.sessions import digest, revoke
from tests.graphql.conftest import Client, session_token
from tests.postgres import NOW, Actor, MakePerson, MakeProject, Tenant

OUTSIDE = ("stranger", "nobody", "revoked")


@dataclass(slots=True)
class People:
    """Actors by kind; `nobody` and `revoked` are no actors."""

    actors: dict[str, Actor]
    process: WebProcess
    make: Client
    clients: dict[str, httpx.AsyncClient]
    tokens: dict[str, str]
    key: str = ""
    """Of the right member's, good for reading about the limited member's part."""

    async def sign_in(self) -> None:
        """Begin a session for everybody, and revoke one."""
        platform = self.process.platform
        for kind, actor in self.actors.items():
            self.tokens[kind] = await session_token(self.process, actor)
        self.tokens["revoked"] = await session_token(self.process, self.actors["right"])
        async with platform.database.platform() as tx:
            await revoke(tx, digest(self.tokens["revoked"]), platform.clock.now())
        for kind in (*self.actors, "revoked", "nobody", "key"):
            opened = self.clients[kind] = await self.make()
            if kind not in {"nobody", "key"}:
                opened.cookies.set("kilowise", self.tokens[kind])
        self.clients["key"].headers["Authorization"] = f"Bearer {self.key}"
        # Used for the first time here: that it was is kept of a key.
        await self.clients["key"].get("/api/v1/session")


def without(permission: Permission) -> str:
    """The kind of the team-mate who has every permission but one."""
    return f"without {permission.value}"


async def make_roles(platform: Platform, tenant: Tenant) -> None:
    """Roles that lack one permission each, and one that may read only."""
    lacking = {one.value: [two.value for two in Permission if two is not one] for one in Permission}
    async with platform.database.platform() as tx:
        for slug, words in {**lacking, "reader": ["read"]}.items():
            await tx.execute(
                "INSERT INTO project_role (project_id, slug, name, permissions)"
                " VALUES (%s, %s, %s, %s)",
                (tenant.id, slug, Jsonb({"en": slug}), words),
            )


async def make_key(platform: Platform, owner: Actor, part: int | None) -> tuple[str, str]:
    """A key that may read about a part, or everything: its secret and its identity."""
    async with changing(platform, owner) as change:
        wanted = Wanted("walker", frozenset({Permission.READ}), Limit(part), 30)
        secret, row = await keys.make_key(change, wanted)
    return secret, encode_id("key", row.uid)


async def make_mqtt_credential(
    platform: Platform, owner: Actor, *scopes: Scope, part: int | None = None, days: int = 30
) -> tuple[str, str]:
    """A third party at the broker: its secret and its identity, which is its user name."""
    async with changing(platform, owner) as change:
        wanted = credentials.Wanted("walker", scopes or tuple(Scope), part, days)
        secret, row = await credentials.make_credential(change, wanted)
    return secret, row.ref


async def let_in(
    platform: Platform, owner: Actor, part: int, member: str = "leaving"
) -> dict[str, str]:
    """Make one of everything by what people, programs and devices get in: names of the scene."""
    _, key = await make_key(platform, owner, part)
    token, invitation = await make_invitation(platform, owner)
    _, mqtt = await make_mqtt_credential(platform, owner)
    _, post = await make_post(platform, owner)
    handed = await make_delegation(platform, owner, member)
    made = {"apikey": key, "token": token, "invitation": invitation, "mqtt": mqtt, "post": post}
    return {**made, "delegation": handed, **await make_group(platform, owner, member)}


async def make_group(platform: Platform, owner: Actor, member: str) -> dict[str, str]:
    """A group of a member's that the owner's project consents to, and one more link of it."""
    database, asker = platform.database, Asker(owner.id, owner.uid)
    async with database.platform() as tx:
        row = await tx.fetch_one("SELECT id, uid FROM person WHERE login = %s", (member,))
        assert row is not None
        uid, who = new_uuid(NOW), Asker(row["id"], row["uid"])
        await tx.execute(
            "WITH made AS (INSERT INTO project_group (uid, name, made_by, made_at)"
            " VALUES (%(uid)s, 'Group', %(who)s, %(now)s) RETURNING id)"
            " INSERT INTO group_person (group_id, person_id, owner, since)"
            " SELECT id, %(who)s, true, %(now)s FROM made",
            {"uid": uid, "who": who.person_id, "now": NOW},
        )
    tokens = []
    for _ in range(2):
        async with groups.changing(database, uid, who, NOW) as change:
            tokens.append((await group_invite(change, For.PROJECT, 7, "walker"))[0])
    async with database.project(owner.tenant.id) as tx:
        given = await consents.give(
            tx, owner.tenant.id, tokens[0], [Rollup.KGCE], date(2026, 1, 1), asker, NOW
        )
    names = {"group": given.ref, "consent": encode_id("cst", given.uid)}
    return {**names, "groupToken": tokens[1]}


async def make_invitation(platform: Platform, owner: Actor) -> tuple[str, str]:
    """An invitation as auditor: its token and its identity."""
    async with changing(platform, owner) as change:
        token, row = await invite(change, "auditor", Limit(), 7, "walker")
    return token, encode_id("inv", row.uid)


async def make_post(platform: Platform, owner: Actor) -> tuple[str, str]:
    """A shared device of auditors that nobody has enrolled: its code and its identity."""
    async with changing(platform, owner) as change:
        wanted = posts.Wanted("Gate", "auditor", Limit(), 600)
        code, row = await posts.make_device(change, owner.tenant.slug, wanted)
    return code, row.ref


async def make_delegation(platform: Platform, owner: Actor, login: str) -> str:
    """Something that the owner hands over to a member: its identity."""
    async with changing(platform, owner) as change:
        wanted = delegations.Wanted(login, None, None, NOW, NOW + timedelta(days=7), "walker")
        row = await delegations.hand_over(change, wanted)
    return encode_id("dlg", row.uid)


@asynccontextmanager
async def changing(platform: Platform, owner: Actor) -> AsyncIterator[Change]:
    """A change of who gets into a project, made by somebody who holds everything."""
    everything = Grant(frozenset(Permission), Limit())
    async with platform.database.project(owner.tenant.id) as tx:
        yield await begin(tx, owner.tenant.id, Asker(owner.id, owner.uid), everything, NOW)


async def make_people(
    tenant: Tenant, part: int, make_project: MakeProject, make_person: MakePerson
) -> dict[str, Actor]:
    """Everybody but Alice, who is the right member."""
    other = await make_project("other")
    mates = {
        without(one): await make_person(f"no-{one.value}", tenant, role=one.value)
        for one in Permission
    }
    return {
        **mates,
        "reader": await make_person("reader", tenant, role="reader"),
        "part": await make_person("part", tenant, role="administrator", node=part),
        "stranger": await make_person("stranger", other, role="administrator"),
    }
