"""What is kept of a person, told to them; and forgetting them.

Records of a plant that must stay name their person by a number; so the person's row stays, without
login, name and anything to sign in with. See `personal.py` for what is kept where.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from backend.core.db import Database, ReadSession
from backend.core.errors import Conflict
from backend.service.groups.groups import owned_alone
from backend.service.people.asker import Asker
from backend.service.people.authority import Grant, administrators_beside, begin, end_member
from backend.service.people.limits import Limit
from backend.service.people.openings import projects_of
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller

GONE: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM platform_operator WHERE person_id = %s",
    "DELETE FROM group_person WHERE person_id = %s",
    "DELETE FROM sign_in_session WHERE person_id = %s",
    "DELETE FROM passkey WHERE person_id = %s",
    "DELETE FROM second_factor WHERE person_id = %s",
    "DELETE FROM recovery_code WHERE person_id = %s",
    "DELETE FROM linked_identity WHERE person_id = %s",
    "DELETE FROM person_pin WHERE person_id = %s",
    "DELETE FROM person_badge WHERE person_id = %s",
)
RENAME = "UPDATE person SET login = 'deleted-' || id, name = %s, password_hash = NULL WHERE id = %s"
NAME: Final = {"en": "Deleted person", "zh-CN": "已删除的人员"}
MOST: Final = 10_000
"""Entries told of each kind and project; who did more asks an auditor for the rest."""

OWN: Final[Mapping[str, LiteralString]] = {
    "person": "SELECT login, name, locale, created_at FROM person WHERE id = %s",
    "memberships": "SELECT p.slug AS project, m.role, m.ends_at FROM membership m"
    " JOIN project p ON p.id = m.project_id WHERE m.person_id = %s ORDER BY 1",
    "sessions": "SELECT created_at, last_seen_at, expires_at, revoked_at, user_agent, address"
    " FROM sign_in_session WHERE person_id = %s ORDER BY 1",
    "passkeys": "SELECT name FROM passkey WHERE person_id = %s ORDER BY 1",
    "pin": "SELECT set_at FROM person_pin WHERE person_id = %s",
    "keys": "SELECT name, created_at, expires_at, revoked_at FROM api_key WHERE person_id = %s"
    " ORDER BY created_at",
    "groups": "SELECT g.name, p.owner, p.since FROM group_person p"
    " JOIN project_group g ON g.id = p.group_id WHERE p.person_id = %s ORDER BY p.since",
    "handed_over": "SELECT valid_from, valid_to, permissions, note FROM delegation"
    " WHERE %s IN (given_by, person_id) ORDER BY 1",
}
IN_PROJECT: Final[Mapping[str, LiteralString]] = {
    "did": "SELECT at, action, ref, result FROM audit WHERE project_id = %s AND person_id = %s"
    " ORDER BY number DESC LIMIT %s",
    "alarms_taken": "SELECT effective_at, channel FROM alarm_ack"
    " WHERE project_id = %s AND person_id = %s ORDER BY 1 DESC LIMIT %s",
    "browsers": "SELECT endpoint, locale, user_agent FROM push_subscription"
    " WHERE project_id = %s AND person_id = %s ORDER BY 1 LIMIT %s",
    "readings_entered": "SELECT entered_at, note FROM hand_reading"
    " WHERE project_id = %s AND entered_by = %s ORDER BY 1 DESC LIMIT %s",
}


async def told(database: Database, person_id: int) -> dict[str, object]:
    """Answer what is kept of a person, by kind, and of each of their projects; no secrets."""
    async with database.platform_read() as tx:
        kept: dict[str, object] = {
            kind: await tx.fetch_all(statement, (person_id,)) for kind, statement in OWN.items()
        }
        projects = await _named(tx, await projects_of(tx, person_id))
    for number, slug in projects:
        async with database.read(number) as tx:
            kept[slug] = {
                kind: await tx.fetch_all(statement, (number, person_id, MOST))
                for kind, statement in IN_PROJECT.items()
            }
    return kept


async def forget(database: Database, caller: Caller, now: datetime) -> None:
    """Forget a person; Conflict, and nothing changes, for the last who looks after something.

    That is a project's last administrator, or a group's last owner.
    """
    async with database.platform_read() as tx:
        projects = await projects_of(tx, caller.person_id)
        for number in projects:
            if await administrators_beside(tx, number, caller.person_id) == 0:
                raise Conflict("last_administrator")
        if await owned_alone(tx, caller.person_id):
            raise Conflict("group_last_owner")
    everything = Grant(frozenset(Permission), Limit())
    asker = Asker(caller.person_id, caller.uid)
    for number in projects:
        async with database.project(number) as tx:
            change = await begin(tx, number, asker, everything, now)
            await tx.execute(
                "DELETE FROM push_subscription WHERE project_id = %s AND person_id = %s",
                (number, caller.person_id),
            )
            await end_member(change, caller.uid)
    async with database.platform() as tx:
        for statement in GONE:
            await tx.execute(statement, (caller.person_id,))
        await tx.execute(
            "UPDATE api_key SET revoked_at = %s WHERE person_id = %s AND revoked_at IS NULL",
            (now, caller.person_id),
        )
        await tx.execute(
            "UPDATE delegation SET revoked_at = %s"
            " WHERE %s IN (given_by, person_id) AND revoked_at IS NULL",
            (now, caller.person_id),
        )
        await tx.execute("DELETE FROM sign_in_failure WHERE login = %s", (caller.login,))
        await tx.execute(RENAME, (Jsonb(NAME), caller.person_id))


async def _named(tx: ReadSession, projects: list[int]) -> list[tuple[int, str]]:
    rows = await tx.fetch_tuples(
        "SELECT id, slug FROM project WHERE id = ANY(%s) ORDER BY slug", (projects,)
    )
    return [(int(row[0]), str(row[1])) for row in rows]
