"""What operators see of projects: how they are, what they use of their quotas; no figure of theirs.

Gateways and accounts are looked at in each project by itself: how many there are, how many are
online, since when accounts wait. Names of places, readings and accounts are not read.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.aggregation.progress import Progress, read_progress
from backend.core.db import Database, ReadSession
from backend.core.errors import NotAllowed, NotFound
from backend.service.people.operators import is_operator
from backend.service.projects.quotas import Quota


@dataclass(frozen=True, slots=True)
class Overseen:
    """A project as the platform's directory knows it; counts are of the day so far (UTC)."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    demo: bool
    created_at: datetime
    suspended_at: datetime | None
    suspended_takes_data: bool
    delete_at: datetime | None
    stored_bytes: int
    people: int
    points: int
    refused: int
    messages: int
    messages_refused: int
    points_per_s: int
    storage_mb: int
    people_quota: int
    messages_per_day: int

    @property
    def quota(self) -> Quota:
        """What it may use."""
        return Quota(self.points_per_s, self.storage_mb, self.people_quota, self.messages_per_day)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A project's gateways: how many, how many are online, when one was last heard."""

    gateways: int
    online: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """How a project is: its gateways, and how far its accounts are."""

    fleet: Fleet
    accounts: Progress


_PROJECTS = """
SELECT p.id, p.uid, p.slug, p.name, p.demo, p.created_at, p.suspended_at, p.suspended_takes_data,
       p.delete_at, p.stored_bytes,
       (SELECT count(*) FROM membership m WHERE m.project_id = p.id) AS people,
       coalesce(u.points, 0) AS points, coalesce(u.refused, 0) AS refused,
       coalesce(u.messages, 0) AS messages, coalesce(u.messages_refused, 0) AS messages_refused,
       coalesce(q.points_per_s, 0) AS points_per_s, coalesce(q.storage_mb, 0) AS storage_mb,
       coalesce(q.people, 0) AS people_quota, coalesce(q.messages_per_day, 0) AS messages_per_day
FROM project p
LEFT JOIN project_quota q ON q.project_id = p.id
LEFT JOIN project_use u ON u.project_id = p.id AND u.day = %s
"""
_FLEET = """
SELECT count(*) AS gateways, count(*) FILTER (WHERE s.online) AS online,
       max(s.last_seen_at) AS last_seen_at
FROM gateway g LEFT JOIN gateway_state s ON s.project_id = g.project_id AND s.gateway_id = g.id
WHERE g.project_id = %s
"""


async def require_operator(tx: ReadSession, person_id: int) -> None:
    """Raise NotAllowed for everybody else."""
    if not await is_operator(tx, person_id):
        raise NotAllowed("operators_only")


async def list_projects(tx: ReadSession, now: datetime) -> list[Overseen]:
    """Answer all projects, by their short names."""
    return await tx.fetch_all(_PROJECTS + " ORDER BY p.slug", (now.date(),), into=Overseen)


async def find_overseen(tx: ReadSession, uid: UUID | None, now: datetime) -> Overseen:
    """Answer one project; NotFound without it."""
    row = await tx.fetch_one(_PROJECTS + " WHERE p.uid = %s", (now.date(), uid), into=Overseen)
    if row is None:
        raise NotFound(kind="project")
    return row


async def read_health(database: Database, project_id: int) -> Health:
    """Answer how a project is."""
    async with database.read(project_id) as tx:
        fleet = await tx.fetch_one(_FLEET, (project_id,), into=Fleet)
        return Health(fleet or Fleet(0, 0, None), await read_progress(tx, project_id))
