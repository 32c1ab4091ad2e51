"""Groups of projects: making them, and saying who is in one.

A group belongs to no project. Its owners say who is in it and invite projects; what it is told of
a project is the project's to say (`consents.py`), which also reads in its own audit who came into
the group and left it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMuch
from backend.core.ids import encode_id, new_uuid
from backend.service.people.asker import Asker

MOST_OF_ONE: Final = 20
"""Groups that one person may have made and not ended."""
MOST_PROJECTS: Final = 100
MOST_PEOPLE: Final = 200
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as somebody of it sees it."""

    id: int
    uid: UUID
    name: str
    owner: bool
    people: int
    projects: int

    @property
    def ref(self) -> str:
        """The group outside."""
        return encode_id("grp", self.uid)


@dataclass(frozen=True, slots=True)
class GroupPersonRow:
    """Somebody of a group."""

    person_id: int
    uid: UUID
    login: str
    name: dict[str, str]
    owner: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A change of a group under way, by one of its owners."""

    tx: WriteSession
    group: GroupRow
    asker: Asker
    now: datetime

    async def tell(self, action: str, about: Mapping[str, object]) -> None:
        """Write it down in every project that the group is told of; call it last."""
        await tell_projects(self.tx, self.group, self.asker, action, about, self.now)


_GROUPS = (
    "SELECT g.id, g.uid, g.name, p.owner,"
    " (SELECT count(*) FROM group_person c WHERE c.group_id = g.id) AS people,"
    " (SELECT count(*) FROM group_project c WHERE c.group_id = g.id) AS projects"
    " FROM project_group g JOIN group_person p ON p.group_id = g.id"
    " WHERE p.person_id = %s AND g.ended_at IS NULL"
)
_PEOPLE = (
    "SELECT g.person_id, p.uid, p.login, p.name, g.owner, g.since"
    " FROM group_person g JOIN person p ON p.id = g.person_id WHERE g.group_id = %s"
)
_MAY_MAKE = (
    "SELECT 1 FROM membership m"
    " JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role"
    " WHERE m.person_id = %s AND m.node_id IS NULL AND (m.ends_at IS NULL OR m.ends_at > %s)"
    " AND 'project' = ANY(r.permissions) LIMIT 1"
)


async def list_groups(tx: ReadSession, person_id: int) -> list[GroupRow]:
    """Answer the groups that somebody is in, by name."""
    return await tx.fetch_all(_GROUPS + " ORDER BY g.name, g.id", (person_id,), into=GroupRow)


async def find_group(tx: ReadSession, uid: UUID | None, person_id: int) -> GroupRow:
    """Answer a group to somebody of it; NotFound to everybody else, and without it."""
    row = await tx.fetch_one(_GROUPS + " AND g.uid = %s", (person_id, uid), into=GroupRow)
    if row is None:
        raise NotFound(kind="group")
    return row


async def list_people(tx: ReadSession, group_id: int) -> list[GroupPersonRow]:
    """Answer who is in a group, owners first, then by login."""
    order = " ORDER BY NOT g.owner, p.login"
    return await tx.fetch_all(_PEOPLE + order, (group_id,), into=GroupPersonRow)


async def make_group(tx: WriteSession, name: str, asker: Asker, now: datetime) -> UUID:
    """Make a group and its maker an owner; for who looks after a project as a whole."""
    kept = checked_name(name)
    if not await tx.fetch_tuples(_MAY_MAKE, (asker.person_id, now)):
        raise NotAllowed("group_making")
    # One after the other, so that the number holds.
    await tx.execute("SELECT 1 FROM person WHERE id = %s FOR UPDATE", (asker.person_id,))
    going = await tx.fetch_value(
        "SELECT count(*) FROM project_group WHERE made_by = %s AND ended_at IS NULL",
        (asker.person_id,),
        into=int,
    )
    if (going or 0) >= MOST_OF_ONE:
        raise TooMuch("groups_most", most=MOST_OF_ONE)
    uid = new_uuid(now)
    number = await tx.fetch_value(
        "INSERT INTO project_group (uid, name, made_by, made_at) VALUES (%s, %s, %s, %s)"
        " RETURNING id",
        (uid, kept, asker.person_id, now),
        into=int,
    )
    await tx.execute(
        "INSERT INTO group_person (group_id, person_id, owner, since) VALUES (%s, %s, true, %s)",
        (number, asker.person_id, now),
    )
    return uid


@asynccontextmanager
async def changing(
    database: Database, uid: UUID | None, asker: Asker, now: datetime
) -> AsyncIterator[GroupChange]:
    """Begin a change of a group; those of one are made one after the other.

    NotFound for who is not in it, NotAllowed for who does not own it.
    """
    async with database.platform() as tx:
        row = await locked(tx, uid, asker.person_id)
        if not row.owner:
            raise NotAllowed("group_owners_only")
        yield GroupChange(tx, row, asker, now)


async def locked(tx: WriteSession, uid: UUID | None, person_id: int) -> GroupRow:
    """Answer a group to somebody of it, and keep it as it is until the transaction ends."""
    await tx.execute("SELECT 1 FROM project_group WHERE uid = %s FOR UPDATE", (uid,))
    return await find_group(tx, uid, person_id)


async def rename(change: GroupChange, name: str) -> None:
    """Call the group something else."""
    kept = checked_name(name)
    await change.tx.execute(
        "UPDATE project_group SET name = %s WHERE id = %s", (kept, change.group.id)
    )
    await change.tell("group.rename", {"name": kept})


async def set_owner(change: GroupChange, person: UUID | None, *, owner: bool) -> None:
    """Say whether somebody of the group owns it; Conflict for the last owner."""
    row = await _of_group(change.tx, change.group.id, person)
    if row.owner and not owner:
        await _keep_an_owner(change.tx, change.group.id, row.person_id)
    await change.tx.execute(
        "UPDATE group_person SET owner = %s WHERE group_id = %s AND person_id = %s",
        (owner, change.group.id, row.person_id),
    )
    about = {"person": encode_id("per", row.uid), "owner": owner}
    await change.tell("group.owner", about)


async def leave(
    database: Database, uid: UUID | None, person: UUID | None, asker: Asker, now: datetime
) -> None:
    """Take somebody out of a group: by an owner, or by themselves; Conflict for the last owner."""
    async with database.platform() as tx:
        group = await locked(tx, uid, asker.person_id)
        if not group.owner and person != asker.uid:
            raise NotAllowed("group_owners_only")
        row = await _of_group(tx, group.id, person)
        await _keep_an_owner(tx, group.id, row.person_id)
        await tx.execute(
            "DELETE FROM group_person WHERE group_id = %s AND person_id = %s",
            (group.id, row.person_id),
        )
        about = {"person": encode_id("per", row.uid)}
        await tell_projects(tx, group, asker, "group.leave", about, now)


async def end_group(change: GroupChange) -> None:
    """End a group: what projects let it see ends with it."""
    tx, group, now = change.tx, change.group, change.now
    await change.tell("group.end", {"name": group.name})
    for number in await projects_of_group(tx, group.id):
        await tx.go_on_in(number)
        await tx.execute(
            "UPDATE group_consent SET ended_at = %s, ended_by = %s"
            " WHERE project_id = %s AND group_id = %s AND ended_at IS NULL",
            (now, change.asker.person_id, number, group.id),
        )
    await tx.execute("DELETE FROM group_project WHERE group_id = %s", (group.id,))
    await tx.execute("UPDATE project_group SET ended_at = %s WHERE id = %s", (now, group.id))


async def join(
    tx: WriteSession, group: GroupRow, who: Asker, now: datetime, *, owner: bool
) -> None:
    """Take somebody into a group; Conflict for who is in it, TooMuch for a group that is full."""
    if group.people >= MOST_PEOPLE:
        raise TooMuch("group_people_most", most=MOST_PEOPLE)
    joined = await tx.execute(
        "INSERT INTO group_person (group_id, person_id, owner, since) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (group_id, person_id) DO NOTHING",
        (group.id, who.person_id, owner, now),
    )
    if not joined:
        raise Conflict("group_member_already")
    await tell_projects(tx, group, who, "group.join", {"owner": owner}, now)


async def tell_projects(
    tx: WriteSession,
    group: GroupRow,
    asker: Asker,
    action: str,
    about: Mapping[str, object],
    now: datetime,
) -> None:
    """Write something of a group down in every project that it is told of, in their order."""
    for number in await projects_of_group(tx, group.id):
        await tx.go_on_in(number)
        deed = audit.Deed(asker.actor, action, group.ref, "done", asker.person_id, None, about)
        await audit.record(tx, number, deed, now)


async def projects_of_group(tx: ReadSession, group_id: int) -> list[int]:
    """Answer the numbers of the projects that let a group see something."""
    found = await tx.fetch_tuples(
        "SELECT project_id FROM group_project WHERE group_id = %s ORDER BY 1", (group_id,)
    )
    return [int(row[0]) for row in found]


async def owned_alone(tx: ReadSession, person_id: int) -> bool:
    """Tell whether somebody is the last owner of a group."""
    found = await tx.fetch_tuples(
        "SELECT 1 FROM group_person o JOIN project_group g ON g.id = o.group_id"
        " WHERE o.person_id = %s AND o.owner AND g.ended_at IS NULL AND NOT EXISTS ("
        " SELECT 1 FROM group_person b WHERE b.group_id = o.group_id AND b.owner"
        " AND b.person_id <> o.person_id) LIMIT 1",
        (person_id,),
    )
    return bool(found)


def checked_name(name: str) -> str:
    """Answer a group's name; InvalidInput when it is empty or too long."""
    kept = " ".join(name.split())
    if not 1 <= len(kept) <= LONGEST_NAME:
        raise InvalidInput("group_name", most=LONGEST_NAME)
    return kept


async def _of_group(tx: ReadSession, group_id: int, person: UUID | None) -> GroupPersonRow:
    row = await tx.fetch_one(_PEOPLE + " AND p.uid = %s", (group_id, person), into=GroupPersonRow)
    if row is None:
        raise NotFound(kind="person")
    return row


async def _keep_an_owner(tx: ReadSession, group_id: int, person_id: int) -> None:
    """Raise Conflict when nobody else would own the group."""
    others = await tx.fetch_tuples(
        "SELECT 1 FROM group_person WHERE group_id = %s AND owner AND person_id <> %s LIMIT 1",
        (group_id, person_id),
    )
    if not others:
        raise Conflict("group_last_owner")
