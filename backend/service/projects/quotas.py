"""What a project may use, as the service asks: people when they join, notifications when queued.

Readings are ingest's to refuse (backend/acquisition/quotas.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, TooMuch
from backend.core.settings import Settings

LARGEST: Final = 2_000_000_000
HIGHEST_PRIORITY: Final = 1
"""Notifications of alarms of this priority always go."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a project may use; 0: without a limit."""

    points_per_s: int = 0
    storage_mb: int = 0
    people: int = 0
    messages_per_day: int = 0

    @property
    def words(self) -> dict[str, int]:
        """It, for the audit."""
        return {
            "points_per_s": self.points_per_s,
            "storage_mb": self.storage_mb,
            "people": self.people,
            "messages_per_day": self.messages_per_day,
        }


def defaults(settings: Settings) -> Quota:
    """Answer what a new project may use."""
    return Quota(
        settings.quota_points_per_s,
        settings.quota_storage_mb,
        settings.quota_people,
        settings.quota_messages_per_day,
    )


async def read_quota(tx: ReadSession, project_id: int) -> Quota:
    """Answer what a project may use."""
    found = await tx.fetch_one(
        "SELECT points_per_s, storage_mb, people, messages_per_day FROM project_quota"
        " WHERE project_id = %s",
        (project_id,),
        into=Quota,
    )
    return found or Quota()


async def set_quota(tx: WriteSession, project_id: int, wanted: Quota) -> None:
    """Set what a project may use; InvalidInput for a number below 0 or beyond any plant."""
    for name, value in wanted.words.items():
        if not 0 <= value <= LARGEST:
            raise InvalidInput("quota_number", quota=name, most=LARGEST)
    await tx.execute(
        "INSERT INTO project_quota (project_id, points_per_s, storage_mb, people, messages_per_day)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (project_id) DO UPDATE SET"
        " points_per_s = excluded.points_per_s, storage_mb = excluded.storage_mb,"
        " people = excluded.people, messages_per_day = excluded.messages_per_day",
        (
            project_id,
            wanted.points_per_s,
            wanted.storage_mb,
            wanted.people,
            wanted.messages_per_day,
        ),
    )


async def require_place(tx: ReadSession, project_id: int, more: int = 1) -> None:
    """Raise TooMuch when a project may not have so many more people."""
    most = (await read_quota(tx, project_id)).people
    have = await tx.fetch_value(
        "SELECT count(*) FROM membership WHERE project_id = %s", (project_id,), into=int
    )
    if most and (have or 0) + more > most:
        raise TooMuch("quota_people", most=most)


async def messages_left(
    tx: WriteSession, project_id: int, wanted: int, priority: int, now: datetime
) -> int:
    """Answer how many of the wanted notifications may be queued now, and count both."""
    if wanted == 0:
        return 0
    most = (await read_quota(tx, project_id)).messages_per_day
    day = now.date()
    sent = await tx.fetch_value(
        "SELECT messages FROM project_use WHERE project_id = %s AND day = %s",
        (project_id, day),
        into=int,
    )
    free = wanted if not most or priority <= HIGHEST_PRIORITY else max(0, most - (sent or 0))
    allowed = min(wanted, free)
    await tx.execute(
        "INSERT INTO project_use AS u (project_id, day, messages, messages_refused)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (project_id, day) DO UPDATE SET"
        " messages = u.messages + excluded.messages,"
        " messages_refused = u.messages_refused + excluded.messages_refused",
        (project_id, day, allowed, wanted - allowed),
    )
    return allowed
