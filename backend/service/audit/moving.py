"""Moves months of the audit that are old enough out of the table into files, for ever.

A month is a step: its entries are written to a file, the file gets its name once it is on the disk,
is read back along the chain, and only then the rows go, in one transaction with the row that says
where they are and an entry that says that they went. Whatever interrupts it leaves the rows in the
table; the next attempt writes the same file over what is there. Months are those of UTC; an entry
that was written a moment late, after one of the next month, goes with that next month, so that a
file holds the chain without a gap. An entry of the future (a clock that was wrong) holds up what
follows until its own time has come.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from backend.core import audit
from backend.core.audit import MovedMonth
from backend.core.db import ReadSession
from backend.core.errors import NotFound, Unavailable
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.audit import month_file
from backend.service.audit.month_file import FileFault, Head, Writer
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

LOCK: Final = 0x6B77_0004
"""Class of the advisory lock "a month of this project is being moved"."""
ACTOR: Final = "kilowise"

_MOVE = "SELECT audit_move_out(%s, %s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Due:
    """A month that is to be moved: which entries, and the hashes before and at its end."""

    project: str
    """The project's outside identity."""
    month: str
    first: int
    last: int
    before: bytes
    head: bytes


async def keep_audit(platform: Platform) -> None:
    """Move what is old of every project, a month a step; one that fails does not stop others."""
    for project_id, slug in await known_projects(platform.database):
        try:
            while (moved := await move_month(platform, project_id)) is not None:
                log.info("the audit of project %s: %s moved into its file", slug, moved)
        except (psycopg.Error, Unavailable, OSError, FileFault):
            log.exception("the audit of project %s was not moved; it is tried again", slug)


async def move_month(platform: Platform, project_id: int) -> str | None:
    """Move the oldest month that is old enough; answers which, None when there is none.

    None, too, while another process moves one of this project.
    """
    now = platform.clock.now()
    async with platform.database.owner(project_id) as tx:
        mine = await tx.fetch_value(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK, project_id), into=bool
        )
        due = await _due(tx, project_id, now, platform.settings.audit_months) if mine else None
        if due is None:
            return None
        file = month_file.file_of(platform.settings.audit_folder, due.project, due.month)
        await write(tx, project_id, due, file)
        sha256, size = await asyncio.to_thread(_read_back, file, due, now)
        moved = (project_id, due.month, due.last, due.head, sha256, size, now)
        await tx.fetch_tuples(_MOVE, moved)
        about = {"first": due.first, "last": due.last, "bytes": size, "sha256": sha256}
        deed = audit.Deed(ACTOR, "audit.move", due.month, "done", None, None, about)
        await audit.record(tx, project_id, deed, now)
    return due.month


async def write(tx: ReadSession, project_id: int, due: Due, file: Path) -> None:
    """Write entries into a file, some at a time; it is on the disk then."""
    head = Head(
        project=due.project,
        month=due.month,
        first=due.first,
        last=due.last,
        before=due.before.hex(),
        head=due.head.hex(),
    )
    writer = await asyncio.to_thread(Writer, file, head)
    number = due.first - 1
    while number < due.last:
        most = min(audit.BATCH, due.last - number)
        entries = await audit.entries_after(tx, project_id, number, most)
        if not entries:
            break
        await asyncio.to_thread(writer.add, entries)
        number = entries[-1].number
    await asyncio.to_thread(writer.settle)


def outset(now: datetime, months: int) -> datetime:
    """Answer the begin of the month (UTC) so many months ago: what is before it is old enough."""
    today = now.astimezone(UTC)
    years, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return datetime(years, month + 1, 1, tzinfo=UTC)


async def _due(tx: ReadSession, project_id: int, now: datetime, months: int) -> Due | None:
    oldest = await audit.entries_after(tx, project_id, 0, 1)
    if not oldest:
        return None
    first = oldest[0]
    end = outset(first.at, -1)
    if end > outset(now, months):
        return None
    # Without an entry of a later month the project rests: the newest entry stays in the table.
    following = await tx.fetch_value(
        "SELECT number FROM audit WHERE project_id = %s AND number > %s AND at >= %s"
        " ORDER BY number LIMIT 1",
        (project_id, first.number, end),
        into=int,
    )
    if following is None:
        return None
    last = (await audit.entries_after(tx, project_id, following - 2, 1))[0]
    moved = await audit.moved_months(tx, project_id)
    return Due(
        project=await project_identity(tx, project_id),
        month=f"{first.at.astimezone(UTC):%Y-%m}",
        first=first.number,
        last=last.number,
        before=moved[-1].head_hash if moved else b"",
        head=last.hash,
    )


async def project_identity(tx: ReadSession, project_id: int) -> str:
    """Answer a project's outside identity, by which its folder is called."""
    rows = await tx.fetch_tuples("SELECT uid FROM project WHERE id = %s", (project_id,))
    if not rows:
        raise NotFound(kind="project")
    return encode_id("prj", rows[0][0])


def _read_back(file: Path, due: Due, now: datetime) -> tuple[str, int]:
    """Look through what was written, from the disk; answers its SHA-256 and its bytes."""
    sha256, size = month_file.sum_of(file), file.stat().st_size
    month = MovedMonth(
        due.month, due.first, due.last, due.before, due.head, sha256, size, moved_at=now
    )
    month_file.look_through(file, month)
    return sha256, size
