"""What a project lets a group see: some roll-ups of the plant as a whole, from a day on.

Given by who looks after the project, for a link that the group sent; ended by them at any moment,
at once, because whatever the group is told reads the consent in the same transaction
(`reading.py`). A consent that goes on is never changed: it ends, and another begins. All of it
stands in the project's audit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound, TooMuch
from backend.core.ids import encode_id, new_uuid
from backend.service.groups.groups import MOST_PROJECTS
from backend.service.groups.invitations import For, take, use
from backend.service.people.asker import Asker

EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2100, 1, 1)
MOST_SHOWN: Final = 200


class Rollup(StrEnum):
    """What a group may be told; the app's texts are under `groups.rollup`."""

    QUANTITY = "quantity"
    """Of each energy that the plant takes."""
    KGCE = "kgce"
    KGCO2 = "kgco2"
    COST = "cost"
    INTENSITY = "intensity"
    """Coal equivalent per unit of each product; not how much was made."""
    DAYS = "days"
    """All of these by day and up to now, not only of months that are over."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent with the group it was given to; `ended_at` None while it goes on."""

    uid: UUID
    group_id: int
    group_uid: UUID
    group_name: str
    rollups: Sequence[str]
    since: date
    given_by: int
    given_at: datetime
    ended_at: datetime | None

    def allows(self, rollup: Rollup) -> bool:
        """Tell whether it lets the group see this."""
        return rollup.value in self.rollups

    @property
    def ref(self) -> str:
        """The group, for the audit."""
        return encode_id("grp", self.group_uid)


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody of a group that a project consented to, and when they were told figures of it."""

    group_id: int
    uid: UUID
    login: str
    name: dict[str, str]
    owner: bool | None
    """None for who is not in the group any more."""
    days: int
    last: date | None


_CONSENTS = (
    "SELECT c.uid, c.group_id, g.uid AS group_uid, g.name AS group_name, c.rollups, c.since,"
    " c.given_by, c.given_at, c.ended_at"
    " FROM group_consent c JOIN project_group g ON g.id = c.group_id WHERE c.project_id = %s"
)
_LOOKERS = """
SELECT w.group_id, p.uid, p.login, p.name, m.owner, coalesce(l.days, 0) AS days, l.last
FROM (
    SELECT group_id, person_id FROM group_person WHERE group_id = ANY(%(groups)s)
    UNION SELECT k.group_id, k.person_id FROM group_look k
    WHERE k.project_id = %(project)s AND k.group_id = ANY(%(groups)s)
) w
JOIN person p ON p.id = w.person_id
LEFT JOIN group_person m ON m.group_id = w.group_id AND m.person_id = w.person_id
LEFT JOIN (
    SELECT k.group_id, k.person_id, count(*) AS days, max(k.day) AS last FROM group_look k
    WHERE k.project_id = %(project)s GROUP BY k.group_id, k.person_id
) l ON l.group_id = w.group_id AND l.person_id = w.person_id
ORDER BY m.owner DESC NULLS LAST, p.login
"""


async def give(
    tx: WriteSession,
    project_id: int,
    token: str,
    rollups: Collection[Rollup],
    since: date,
    asker: Asker,
    now: datetime,
) -> Consent:
    """Let the group that sent a link see these roll-ups from a day on; the link is used up.

    NotFound for a link that is not good, Conflict while another consent to the group goes on.
    """
    words = checked(rollups, since)
    taken = await take(tx, token, now, For.PROJECT)
    members = await tx.fetch_value(
        "SELECT count(*) FROM group_project WHERE group_id = %s", (taken.group_id,), into=int
    )
    if (members or 0) >= MOST_PROJECTS:
        raise TooMuch("group_projects_most", most=MOST_PROJECTS)
    uid = await _insert(tx, project_id, taken.group_id, words, since, asker, now)
    await tx.execute(
        "INSERT INTO group_project (group_id, project_id) VALUES (%s, %s)",
        (taken.group_id, project_id),
    )
    await use(tx, taken, asker.person_id, now)
    given = await find_consent(tx, project_id, uid)
    about = {"group": given.group_name, **_about(words, since)}
    await _note(tx, project_id, given, "group.consent", asker, now, None, about)
    return given


async def change(
    tx: WriteSession,
    project_id: int,
    uid: UUID | None,
    rollups: Collection[Rollup],
    since: date,
    asker: Asker,
    now: datetime,
) -> Consent:
    """Let a group see other roll-ups, or from another day on; NotFound when it sees none."""
    words = checked(rollups, since)
    before = await _ended(tx, project_id, uid, asker, now)
    new = await _insert(tx, project_id, before.group_id, words, since, asker, now)
    given = await find_consent(tx, project_id, new)
    old = _about(before.rollups, before.since)
    await _note(
        tx, project_id, given, "group.consent_change", asker, now, old, _about(words, since)
    )
    return given


async def end(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> Consent:
    """Let a group see nothing any more, from now; NotFound when it sees none."""
    before = await _ended(tx, project_id, uid, asker, now)
    await tx.execute(
        "DELETE FROM group_project WHERE group_id = %s AND project_id = %s",
        (before.group_id, project_id),
    )
    old = _about(before.rollups, before.since)
    await _note(tx, project_id, before, "group.consent_end", asker, now, old, None)
    return await find_consent(tx, project_id, uid)


async def list_consents(tx: ReadSession, project_id: int) -> list[Consent]:
    """Answer a project's consents, those that go on first, then the newest."""
    order = f" ORDER BY c.ended_at IS NOT NULL, c.given_at DESC, c.id DESC LIMIT {MOST_SHOWN}"
    return await tx.fetch_all((_CONSENTS + order).encode(), (project_id,), into=Consent)


async def lookers(tx: ReadSession, project_id: int, groups: Collection[int]) -> list[Looker]:
    """Answer who is in some groups, and who of them was told figures of the project and when."""
    asked = {"project": project_id, "groups": sorted(groups)}
    return await tx.fetch_all(_LOOKERS, asked, into=Looker)


async def find_consent(tx: ReadSession, project_id: int, uid: UUID | None) -> Consent:
    """Answer a consent; NotFound for one that the project did not give."""
    row = await tx.fetch_one(_CONSENTS + " AND c.uid = %s", (project_id, uid), into=Consent)
    if row is None:
        raise NotFound(kind="consent")
    return row


async def going(tx: ReadSession, project_id: int, group_id: int) -> Consent | None:
    """Answer the consent that lets a group see something of a project now; None without one."""
    return await tx.fetch_one(
        _CONSENTS + " AND c.group_id = %s AND c.ended_at IS NULL",
        (project_id, group_id),
        into=Consent,
    )


def checked(rollups: Collection[Rollup], since: date) -> list[str]:
    """Answer roll-ups as they are kept; InvalidInput for none, or for a day that cannot be."""
    if not set(rollups) - {Rollup.DAYS}:
        raise InvalidInput("consent_empty")
    if not EARLIEST <= since <= LATEST:
        raise InvalidInput("consent_since", first=EARLIEST.isoformat(), last=LATEST.isoformat())
    return [one.value for one in Rollup if one in rollups]


async def _insert(
    tx: WriteSession,
    project_id: int,
    group_id: int,
    words: Sequence[str],
    since: date,
    asker: Asker,
    now: datetime,
) -> UUID:
    uid = new_uuid(now)
    given = await tx.execute(
        "INSERT INTO group_consent (project_id, uid, group_id, rollups, since, given_by, given_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (project_id, group_id) WHERE ended_at IS NULL DO NOTHING",
        (project_id, uid, group_id, list(words), since, asker.person_id, now),
    )
    if not given:
        raise Conflict("consent_already")
    return uid


async def _ended(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> Consent:
    before = await find_consent(tx, project_id, uid)
    ended = await tx.execute(
        "UPDATE group_consent SET ended_at = %s, ended_by = %s"
        " WHERE project_id = %s AND uid = %s AND ended_at IS NULL",
        (now, asker.person_id, project_id, uid),
    )
    if not ended:
        raise NotFound(kind="consent")
    return before


def _about(words: Sequence[str], since: date) -> dict[str, object]:
    return {"rollups": list(words), "since": since.isoformat()}


async def _note(
    tx: WriteSession,
    project_id: int,
    consent: Consent,
    action: str,
    asker: Asker,
    now: datetime,
    old: dict[str, object] | None,
    new: dict[str, object] | None,
) -> None:
    deed = audit.Deed(asker.actor, action, consent.ref, "done", asker.person_id, old, new)
    await audit.record(tx, project_id, deed, now)
