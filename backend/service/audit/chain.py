"""The audit of a project as one chain: the files, oldest first, then the table."""

import asyncio
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from backend.core import audit
from backend.core.audit import Entry, MovedMonth
from backend.core.db import Opens, ReadSession
from backend.service.audit import month_file
from backend.service.audit.month_file import FileFault
from backend.service.audit.moving import project_identity


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `broken` is the first entry that cannot be believed; None: all are whole."""

    broken: int | None
    faults: tuple[FileFault, ...]
    files: int
    """How many there have to be."""
    last: tuple[int, bytes] | None
    """Number and hash of the newest entry."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None and not self.faults


async def judge(opens: Opens, project_id: int, folder: Path) -> Verdict:
    """Look through all files and the table; `folder` is that of all projects' files.

    No transaction is open while files are read, which may take minutes.
    """
    async with opens.read(project_id) as tx:
        moved = await audit.moved_months(tx, project_id)
        project = await project_identity(tx, project_id)
    faults = await asyncio.to_thread(_faults, moved, folder, project)
    broken = [fault.number for fault in faults]
    parted = _parted(moved)
    if parted is not None:
        broken.append(parted)
    # A month that is moved in between was read back as it was moved.
    async with opens.read(project_id) as tx:
        in_table = await audit.broken(tx, project_id)
        last = await audit.head(tx, project_id)
    if in_table is not None:
        broken.append(in_table)
    return Verdict(min(broken, default=None), faults, len(moved), last)


async def read_on(
    tx: ReadSession, project_id: int, number: int, most: int, folder: Path
) -> list[Entry]:
    """Answer entries after a number in their order, at most so many, of a file or of the table.

    FileFault where the file that has them cannot be read.
    """
    for month in await audit.moved_months(tx, project_id):
        if month.last_number > number:
            project = await project_identity(tx, project_id)
            file = month_file.file_of(folder, project, month.month)
            return await asyncio.to_thread(_some, file, number, most)
    return await audit.entries_after(tx, project_id, number, most)


def _some(file: Path, number: int, most: int) -> list[Entry]:
    return list(islice(month_file.entries(file, number), most))


def _faults(moved: list[MovedMonth], folder: Path, project: str) -> tuple[FileFault, ...]:
    faults = []
    for month in moved:
        try:
            month_file.look_through(month_file.file_of(folder, project, month.month), month)
        except FileFault as fault:
            faults.append(fault)
    return tuple(faults)


def _parted(moved: list[MovedMonth]) -> int | None:
    """Answer the first entry of a month that does not go on where the one before ended."""
    number, before = 0, b""
    for month in moved:
        if month.first_number != number + 1 or month.before_hash != before:
            return month.first_number
        number, before = month.last_number, month.head_hash
    return None
