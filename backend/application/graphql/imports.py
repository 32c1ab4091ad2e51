"""How far the newest import of past readings is."""

from collections.abc import AsyncIterator
from enum import Enum

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project
from backend.application.graphql.sources import Keep, Stream
from backend.core.db import ReadSession
from backend.core.ids import encode_id

IMPORT_INTERVAL_S = 0.5


@strawberry.enum
class ImportState(Enum):
    """Where an import stands."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@strawberry.type
class ImportProgress:
    """An import of past readings."""

    id: strawberry.ID
    source: str
    state: ImportState
    rows_total: int | None
    rows_done: int
    rows_rejected: int
    error: str | None = strawberry.field(
        description="What was wrong, as a JSON list of {line, code, params}."
    )


async def newest_import(
    tx: ReadSession, project_id: int, *, unfinished: bool = False
) -> ImportProgress | None:
    """Answer the newest import, or the newest that is not done; None when there is none."""
    row = await tx.fetch_one(
        "SELECT uid, source, state, rows_total, rows_done, rows_rejected, error"
        " FROM import_job WHERE project_id = %s AND (NOT %s OR finished_at IS NULL)"
        " ORDER BY id DESC LIMIT 1",
        (project_id, unfinished),
    )
    if row is None:
        return None
    return ImportProgress(
        id=strawberry.ID(encode_id("imp", row["uid"])),
        source=row["source"],
        state=ImportState[row["state"].upper()],
        rows_total=row["rows_total"],
        rows_done=row["rows_done"],
        rows_rejected=row["rows_rejected"],
        error=row["error"],
    )


class ImportSource:
    """The newest import whenever it got further."""

    interval_s = IMPORT_INTERVAL_S
    keep = Keep.LATEST

    def __init__(self, door: Door) -> None:
        """Watch the project's events of imports."""
        self.scope = ("importProgress", *door.scope)
        self._door = door
        self._watch = door.process.news.watch(door.project.id, "import")

    async def wait(self) -> None:
        """Return when an import got further."""
        await self._watch.bell.wait()

    async def full(self) -> list[ImportProgress]:
        """Answer the newest import, if there is one."""
        async with self._door.read() as tx:
            found = await newest_import(tx, self._door.project.id)
        return [] if found is None else [found]

    async def changes(self) -> list[ImportProgress]:
        """Answer the newest import as it is now."""
        self._watch.take()
        return await self.full()

    def close(self) -> None:
        """Nothing to let go: the watch ends with its last holder."""


@strawberry.type
class ImportSubscription:
    """Imports, pushed."""

    @strawberry.subscription
    async def import_progress(
        self, info: KwInfo, project: strawberry.ID
    ) -> AsyncIterator[ImportProgress]:
        """The newest import whenever it got further."""
        return Stream(ImportSource(await enter_project(info.context, project)))
