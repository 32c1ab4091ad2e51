"""Exports of a project: asked for by a person, made by the worker, fetched part by part, forgotten.

One moment of the project is exported: all tables are read in one transaction. Two archives are kept
at most, for `KEPT`.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import Conflict, NotFound, Unavailable
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.audit.months import kept_months
from backend.service.people.asker import Asker
from backend.service.projects import archive, export_page
from backend.service.projects.export_page import Told
from backend.service.projects.known import known_projects

log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=7)
MOST: Final = 2

_ROWS = (
    "SELECT id, uid, state, tables_done, bytes, sha256, person_id, created_at, done_at"
    " FROM project_export WHERE project_id = %s"
)


@dataclass(frozen=True, slots=True)
class ExportRow:
    """An archive: `state` is waiting, running, done or failed; `tables_done` of all its tables."""

    id: int
    uid: UUID
    state: str
    tables_done: int
    bytes: int
    sha256: str | None
    person_id: int
    created_at: datetime
    done_at: datetime | None


async def ask_export(tx: WriteSession, project_id: int, asker: Asker, now: datetime) -> ExportRow:
    """Ask for an archive; the oldest of those that are kept goes. Conflict while one is made."""
    held = await list_exports(tx, project_id)
    if any(one.state in {"waiting", "running"} for one in held):
        raise Conflict("export_running")
    for old in held[MOST - 1 :]:
        await _forget(tx, project_id, old.id)
    uid = new_uuid(now)
    await tx.execute(
        "INSERT INTO project_export (project_id, uid, state, person_id, created_at)"
        " VALUES (%s, %s, 'waiting', %s, %s)",
        (project_id, uid, asker.person_id, now),
    )
    await note(tx, project_id, "project.export", uid, asker, now)
    return await find_export(tx, project_id, uid)


async def list_exports(tx: ReadSession, project_id: int) -> list[ExportRow]:
    """Answer a project's archives, the newest first."""
    return await tx.fetch_all(_ROWS + " ORDER BY id DESC", (project_id,), into=ExportRow)


async def find_export(tx: ReadSession, project_id: int, uid: UUID | None) -> ExportRow:
    """Answer one archive; NotFound for any other."""
    row = await tx.fetch_one(_ROWS + " AND uid = %s", (project_id, uid), into=ExportRow)
    if row is None:
        raise NotFound(kind="export")
    return row


async def note(
    tx: WriteSession, project_id: int, action: str, uid: UUID, asker: Asker, now: datetime
) -> None:
    """Write down who asked for an archive, or fetched it."""
    ref = encode_id("exp", uid)
    await audit.record(
        tx, project_id, audit.Deed(asker.actor, action, ref, "done", asker.person_id), now
    )


async def parts(database: Database, project_id: int, export_id: int) -> AsyncIterator[bytes]:
    """Answer an archive part by part, each read when it is wanted."""
    number = 0
    while True:
        async with database.read(project_id) as tx:
            found = await tx.fetch_value(
                "SELECT content FROM project_export_part"
                " WHERE project_id = %s AND export_id = %s AND number = %s",
                (project_id, export_id, number),
                into=bytes,
            )
        if found is None:
            return
        yield found
        number += 1


async def make_exports(platform: Platform) -> None:
    """Make what waits in any project, and forget what is old; what fails says so at its row."""
    for project_id, slug in await known_projects(platform.database):
        now = platform.clock.now()
        try:
            waiting = await _begin(platform.database, project_id, now)
            if waiting is not None:
                await make(platform, project_id, waiting, now)
        except (psycopg.Error, Unavailable):
            log.exception("the export of project %s was not made", slug)
            async with platform.database.project(project_id) as tx:
                await tx.execute(
                    "UPDATE project_export SET state = 'failed'"
                    " WHERE project_id = %s AND state = 'running'",
                    (project_id,),
                )


async def make(platform: Platform, project_id: int, export_id: int, now: datetime) -> None:
    """Write an archive's parts, then say that it is done."""
    database = platform.database
    stream, keep = archive.Stream(), _Parts(database, project_id, export_id)
    async with database.read(project_id) as tx:
        project = await _project(tx, project_id)
        for done, sheet in enumerate(archive.sheets(), start=1):
            columns = [name for name, _ in sheet.columns]
            lines = 0
            with stream.file(sheet.path) as write:
                async for piece in tx.copy_csv(sheet.table, columns, project_id):
                    lines += 1
                    write(piece)
            # COPY answers a piece a line, the first is the header.
            stream.written.rows[sheet.table] = lines - 1
            await keep.add(stream, done)
        months = await kept_months(tx, project_id, platform.settings.audit_folder)
        totals = await export_page.month_totals(tx, project_id)
        told = Told(str(project["language"]), str(project["energy_unit"]))
    paths = {f"audit/{month.file.name}": month for month in months}
    for path, month in paths.items():
        if month.there:
            await asyncio.to_thread(_add_file, stream, path, month.file)
            await keep.add(stream, len(archive.sheets()))
    missing = [path for path, month in paths.items() if not month.there]
    stream.add("schema.json", archive.schema(project, now, stream.written, missing))
    stream.add("index.html", export_page.page(project, told, now, totals, stream.written))
    stream.add("SHA256SUMS", archive.checksums(stream.written))
    await keep.add(stream, len(archive.sheets()), last=True)
    async with database.project(project_id) as write_tx:
        await write_tx.execute(
            "UPDATE project_export SET state = 'done', sha256 = %s, done_at = %s"
            " WHERE project_id = %s AND id = %s",
            (keep.digest.hexdigest(), now, project_id, export_id),
        )


def _add_file(stream: archive.Stream, path: str, file: Path) -> None:
    with stream.file(path) as write, file.open("rb") as content:
        while piece := content.read(archive.PART):
            write(piece)


class _Parts:
    """The parts of one archive as they are stored, with its checksum so far."""

    def __init__(self, database: Database, project_id: int, export_id: int) -> None:
        self._database = database
        self._key = (project_id, export_id)
        self._number = 0
        self.digest = hashlib.sha256()

    async def add(self, stream: archive.Stream, tables_done: int, *, last: bool = False) -> None:
        """Store what is whole, and how far it is."""
        async with self._database.project(self._key[0]) as tx:
            for part in stream.parts(last=last):
                self.digest.update(part)
                await tx.execute(
                    "INSERT INTO project_export_part (project_id, export_id, number, content)"
                    " VALUES (%s, %s, %s, %s)",
                    (*self._key, self._number, part),
                )
                self._number += 1
                await tx.execute(
                    "UPDATE project_export SET bytes = bytes + %s"
                    " WHERE project_id = %s AND id = %s",
                    (len(part), *self._key),
                )
            await tx.execute(
                "UPDATE project_export SET tables_done = %s WHERE project_id = %s AND id = %s",
                (tables_done, *self._key),
            )


async def _begin(database: Database, project_id: int, now: datetime) -> int | None:
    """Forget what is old; answer the archive to make now, claimed, None without one."""
    async with database.project(project_id) as tx:
        for one in await list_exports(tx, project_id):
            if one.created_at < now - KEPT:
                await _forget(tx, project_id, one.id)
        return await tx.fetch_value(
            "UPDATE project_export SET state = 'running' WHERE project_id = %s AND id IN ("
            " SELECT id FROM project_export WHERE project_id = %s AND state = 'waiting'"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
            (project_id, project_id),
            into=int,
        )


async def _forget(tx: WriteSession, project_id: int, export_id: int) -> None:
    await tx.execute(
        "DELETE FROM project_export_part WHERE project_id = %s AND export_id = %s",
        (project_id, export_id),
    )
    await tx.execute(
        "DELETE FROM project_export WHERE project_id = %s AND id = %s", (project_id, export_id)
    )


async def _project(tx: ReadSession, project_id: int) -> dict[str, object]:
    row = await tx.fetch_one(
        "SELECT slug, name, zone, currency, languages, energy_unit, standards, created_at"
        " FROM project WHERE id = %s",
        (project_id,),
    )
    if row is None:
        raise NotFound(kind="project")
    language = (row.pop("languages") or ["en"])[0]
    names = row.pop("name")
    name = names.get(language) or next(iter(names.values()), row["slug"])
    return {**row, "name": name, "names": names, "language": language}
