"""Handing over for a while: somebody's role, or a part of it, to another member of the project.

Nobody hands over more than their own membership gives, and it never counts for more than its giver
has at that moment. It begins and ends by itself: whoever opens a project asks the clock. The person
and whoever looks after people can end it before.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.core.db import Database, ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.people.authority import Change, Grant, MemberRow, list_members
from backend.service.people.handing import joined
from backend.service.people.limits import Limit, limit_of
from backend.service.people.roles import Permission, known, within

LONGEST: Final = timedelta(days=366)
LONGEST_NOTE: Final = 200
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be handed over to the member `login`, from `start` to before `end`.

    Without permissions everything that the giver's membership gives; without a place all of it.
    """

    login: str
    permissions: Set[Permission] | None
    node_id: int | None
    start: datetime
    end: datetime
    note: str


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """Something handed over."""

    uid: UUID
    given_by: int
    person_id: int
    stored: list[str]
    node_id: int | None
    modules: list[str] | None
    valid_from: datetime
    valid_to: datetime
    note: str
    made_at: datetime
    revoked_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it permits, as far as its giver may."""
        return known(self.stored)

    @property
    def limit(self) -> Limit:
        """Where."""
        return limit_of(self.node_id, self.modules)


_ROWS = (
    "SELECT uid, given_by, person_id, permissions AS stored, node_id, modules, valid_from,"
    " valid_to, note, made_at, revoked_at FROM delegation WHERE project_id = %s"
)
_NEXT = (
    "SELECT min(t.at) FROM (SELECT ends_at AS at FROM membership WHERE person_id = %(person)s"
    " UNION ALL SELECT unnest(ARRAY[valid_from, valid_to]) FROM delegation"
    " WHERE person_id = %(person)s AND revoked_at IS NULL"
    " UNION ALL SELECT g.ends_at FROM delegation d JOIN membership g"
    " ON g.project_id = d.project_id AND g.person_id = d.given_by"
    " WHERE d.person_id = %(person)s AND d.revoked_at IS NULL AND d.valid_to > %(now)s"
    ") t WHERE t.at > %(now)s"
)


async def hand_over(change: Change, wanted: Wanted) -> DelegationRow:
    """Hand over; NotAllowed for more than one has, Conflict where it would be of no use."""
    _checked_time(wanted, change.now)
    members = await list_members(change.tx, change.project_id)
    giver = next((one for one in members if one.person_id == change.asker.person_id), None)
    taker = next((one for one in members if one.login == wanted.login), None)
    if giver is None or taker is None:
        raise NotFound(kind="person")
    if taker.person_id == giver.person_id:
        raise InvalidInput("delegation_self")
    has = _grant(giver)
    given = _given(has, wanted)
    replace(change, holds=has).allow(given)
    if joined(_grant(taker), given).permissions == _grant(taker).permissions:
        raise Conflict("delegation_beside")
    if len(await list_delegations(change.tx, change.project_id)) >= MOST:
        raise Conflict("delegations_most", most=MOST)
    uid = new_uuid(change.now)
    words = [one.value for one in Permission if one in given.permissions]
    await change.tx.execute(
        "INSERT INTO delegation (uid, project_id, given_by, person_id, permissions, node_id,"
        " modules, valid_from, valid_to, note, made_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            uid,
            change.project_id,
            giver.person_id,
            taker.person_id,
            words,
            given.limit.node_id,
            given.limit.words,
            wanted.start,
            wanted.end,
            wanted.note.strip()[:LONGEST_NOTE],
            change.now,
        ),
    )
    about = {"to": taker.ref, "permissions": words, "until": wanted.end.isoformat()}
    await publish(change.tx, change.project_id, "member", str(taker.uid), change.now)
    await change.note("delegation.make", encode_id("dlg", uid), None, about)
    return await find_delegation(change.tx, change.project_id, uid)


async def end_delegation(change: Change, uid: UUID | None) -> DelegationRow:
    """End something handed over: by who gave or holds it, or who looks after people."""
    row = await find_delegation(change.tx, change.project_id, uid)
    concerned = change.asker.person_id in {row.given_by, row.person_id}
    if not concerned and Permission.PEOPLE not in change.holds.permissions:
        raise NotFound(kind="delegation")
    if row.revoked_at is not None:
        return row
    await change.tx.execute(
        "UPDATE delegation SET revoked_at = %s WHERE project_id = %s AND uid = %s",
        (change.now, change.project_id, row.uid),
    )
    taker = await change.tx.fetch_value(
        "SELECT uid FROM person WHERE id = %s", (row.person_id,), into=UUID
    )
    await publish(change.tx, change.project_id, "member", str(taker), change.now)
    await change.note("delegation.end", encode_id("dlg", row.uid), None, None)
    return await find_delegation(change.tx, change.project_id, row.uid)


async def list_delegations(tx: ReadSession, project_id: int) -> list[DelegationRow]:
    """Answer what is handed over in a project and was not ended, soonest to end first."""
    order = " AND revoked_at IS NULL ORDER BY valid_to, uid"
    return await tx.fetch_all(_ROWS + order, (project_id,), into=DelegationRow)


async def find_delegation(tx: ReadSession, project_id: int, uid: UUID | None) -> DelegationRow:
    """Answer something handed over; NotFound for what the project has not."""
    row = await tx.fetch_one(_ROWS + " AND uid = %s", (project_id, uid), into=DelegationRow)
    if row is None:
        raise NotFound(kind="delegation")
    return row


async def rights_change_at(database: Database, person_id: int, now: datetime) -> datetime | None:
    """Answer when what a person may do next begins or ends by itself; None when it does not."""
    async with database.platform_read() as tx:
        return await tx.fetch_value(_NEXT, {"person": person_id, "now": now}, into=datetime)


def _checked_time(wanted: Wanted, now: datetime) -> None:
    if not wanted.start < wanted.end or wanted.end <= now:
        raise InvalidInput("delegation_time")
    if wanted.end - max(wanted.start, now) > LONGEST:
        raise InvalidInput("delegation_long", most=LONGEST.days)


def _given(has: Grant, wanted: Wanted) -> Grant:
    if has.limit.part and wanted.node_id not in {None, has.limit.node_id}:
        raise NotFound(kind="node")
    limit = Limit(wanted.node_id or has.limit.node_id, has.limit.modules)
    asked = has.permissions if wanted.permissions is None else wanted.permissions
    left = within(frozenset(asked) | {Permission.READ}, part=limit.part, modules=limit.modules)
    # What one has not is refused, what is worth nothing there is left away.
    return Grant(left | (frozenset(asked) - has.permissions), limit)


def _grant(row: MemberRow) -> Grant:
    limit = row.limit
    return Grant(within(known(row.stored), part=limit.part, modules=limit.modules), limit)
