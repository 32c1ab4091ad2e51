"""Months of the audit that stand in files, as whoever may read the audit lists and fetches them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.core import audit
from backend.core.audit import MovedMonth
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, NotFound
from backend.service.audit.month_file import file_of
from backend.service.audit.moving import project_identity
from backend.service.people.asker import Asker


@dataclass(frozen=True, slots=True)
class KeptMonth:
    """A month and its file."""

    moved: MovedMonth
    file: Path
    there: bool
    """Whether the file is in the folder, with as many bytes as it has to have."""


async def kept_months(tx: ReadSession, project_id: int, folder: Path) -> list[KeptMonth]:
    """Answer the months of a project, the newest first; `folder` is that of all files."""
    moved = await audit.moved_months(tx, project_id)
    project = await project_identity(tx, project_id)
    files = [file_of(folder, project, one.month) for one in moved]
    there = await asyncio.to_thread(_there, files, moved)
    rows = zip(moved, files, there, strict=True)
    return [KeptMonth(one, file, found) for one, file, found in rows][::-1]


async def fetched_month(
    tx: WriteSession, project_id: int, folder: Path, month: str, asker: Asker, now: datetime
) -> KeptMonth:
    """Write down who fetches a month and answer it; NotFound for one that there is none of.

    Conflict where its file is not in the folder.
    """
    months = await kept_months(tx, project_id, folder)
    found = next((one for one in months if one.moved.month == month), None)
    if found is None:
        raise NotFound(kind="audit_month")
    if not found.there:
        raise Conflict("audit_file_missing", month=month)
    deed = audit.Deed(asker.actor, "audit.fetch", month, "done", asker.person_id)
    await audit.record(tx, project_id, deed, now)
    return found


def _there(files: list[Path], moved: list[MovedMonth]) -> list[bool]:
    return [
        file.is_file() and file.stat().st_size == one.bytes
        for file, one in zip(files, moved, strict=True)
    ]
