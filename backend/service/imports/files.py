"""Files in the database: a dry run is kept with its file, and applied in one transaction.

One file of one kind is applied once in a project: its SHA-256 is its name. Nothing is half done:
either the whole transaction is committed or nothing of the file is there.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import Opens, ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.imports.apply import apply_plan
from backend.service.imports.columns import KINDS
from backend.service.imports.findings import Findings, read_findings
from backend.service.imports.look import read_look
from backend.service.imports.plan import Plan, plan
from backend.service.imports.sheet import read_sheet
from backend.service.people.asker import Asker

KEPT: Final = timedelta(days=7)
"""A file that was looked at and not applied is forgotten after this."""
MOST_WAITING: Final = 20
"""Files of one project that wait to be applied."""
LONGEST_NAME: Final = 200


class Mode(StrEnum):
    """What becomes of a file with faulty rows: nothing of it is applied, or its good rows are."""

    ALL = "all"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as it stands; `findings` is what the dry run (or the application) found."""

    id: int
    uid: UUID
    kind: str
    name: str
    sha256: str
    state: str
    findings: dict[str, object]
    mode: str | None
    rows_applied: int | None
    created_by: int
    created_at: datetime
    applied_by: int | None
    applied_at: datetime | None

    @property
    def found(self) -> Findings:
        """What was found in it."""
        return read_findings(self.findings)


_SELECT: Final = """
SELECT id, uid, kind, name, sha256, state, findings, mode, rows_applied, created_by, created_at,
       applied_by, applied_at
FROM sheet_import WHERE project_id = %(project)s
  AND (%(uid)s::uuid IS NULL OR uid = %(uid)s)
  AND (%(sha)s::text IS NULL OR (sha256 = %(sha)s AND kind = %(kind)s AND state = 'applied'))
ORDER BY id DESC LIMIT %(first)s
"""
_INSERT: Final = """
INSERT INTO sheet_import (project_id, uid, kind, name, sha256, state, content, findings,
    created_by, created_at) VALUES (%s, %s, %s, %s, %s, 'checked', %s, %s, %s, %s)
"""
_FORGET: Final = """
DELETE FROM sheet_import WHERE project_id = %s AND state = 'checked' AND (created_at < %s
    OR id NOT IN (SELECT id FROM sheet_import WHERE project_id = %s AND state = 'checked'
                  ORDER BY id DESC LIMIT %s))
"""
_APPLIED: Final = """
UPDATE sheet_import SET state = 'applied', content = NULL, findings = %s, mode = %s,
    rows_applied = %s, applied_by = %s, applied_at = %s WHERE project_id = %s AND id = %s
"""


async def list_files(tx: ReadSession, project_id: int, first: int) -> list[FileRow]:
    """Answer the files of a project, newest first."""
    about = {"project": project_id, "uid": None, "sha": None, "kind": None, "first": first}
    return await tx.fetch_all(_SELECT, about, into=FileRow)


async def find_file(tx: ReadSession, project_id: int, uid: UUID | None) -> FileRow:
    """Answer a file. Raises NotFound."""
    about = {"project": project_id, "uid": uid, "sha": None, "kind": None, "first": 1}
    found = None if uid is None else await tx.fetch_one(_SELECT, about, into=FileRow)
    if found is None:
        raise NotFound(kind="import")
    return found


async def check_file(
    database: Opens,
    project_id: int,
    zone: str,
    named: tuple[str, str],
    content: bytes,
    asker: Asker,
    now: datetime,
) -> FileRow:
    """Look at a file (`named`: its kind and name) and keep it to be applied; nothing else changes.

    A file that was applied already is answered as it was. Raises InvalidInput for no such file.
    """
    kind, name = named
    if kind not in KINDS:
        raise InvalidInput("import_kind", known=", ".join(KINDS))
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput("import_name", most=LONGEST_NAME)
    sha = hashlib.sha256(content).hexdigest()
    async with database.read(project_id) as tx:
        applied = await _applied(tx, project_id, kind, sha)
    if applied is not None:
        return applied
    found = await _planned(database, project_id, zone, kind, content, now)
    uid = new_uuid(now)
    async with database.project(project_id) as writing:
        await writing.execute(_FORGET, (project_id, now - KEPT, project_id, MOST_WAITING - 1))
        await writing.execute(
            _INSERT,
            (
                project_id, uid, kind, name, sha, content, _stored(found),
                asker.person_id, now,
            ),
        )  # fmt: skip
        return await find_file(writing, project_id, uid)


async def apply_file(
    database: Opens,
    project_id: int,
    zone: str,
    uid: UUID | None,
    mode: Mode,
    asker: Asker,
    now: datetime,
) -> FileRow:
    """Apply a file that was looked at; it is looked at again, since things may have changed.

    A file that was applied already is answered as it was. Raises NotFound, and Conflict with the
    number of faulty rows where everything or nothing was wanted.
    """
    async with database.project(project_id) as tx:
        row = await find_file(tx, project_id, uid)
        content = await _content(tx, project_id, row)
        done = await _applied(tx, project_id, row.kind, row.sha256)
        if done is not None or content is None:
            return done or row
        look = await read_look(tx, project_id, zone, now)
        found = await asyncio.to_thread(lambda: plan(read_sheet(content), row.kind, look))
        if mode is Mode.ALL and not found.clean:
            raise Conflict(
                "import_faulty", rows=found.faulty, columns=", ".join(found.unknown) or "-"
            )
        if not found.good:
            raise Conflict("import_nothing")
        await apply_plan(tx, project_id, found, row.id, asker.person_id, now)
        await tx.execute(
            _APPLIED,
            (
                _stored(found), mode.value, len(found.good), asker.person_id, now,
                project_id, row.id,
            ),
        )  # fmt: skip
        await _note(tx, project_id, row, found, mode, asker, now)
        return await find_file(tx, project_id, row.uid)


async def _planned(
    database: Opens, project_id: int, zone: str, kind: str, content: bytes, now: datetime
) -> Plan:
    sheet = await asyncio.to_thread(read_sheet, content)
    async with database.read(project_id) as tx:
        look = await read_look(tx, project_id, zone, now)
    return await asyncio.to_thread(plan, sheet, kind, look)


async def _applied(tx: ReadSession, project_id: int, kind: str, sha: str) -> FileRow | None:
    about = {"project": project_id, "uid": None, "sha": sha, "kind": kind, "first": 1}
    return await tx.fetch_one(_SELECT, about, into=FileRow)


async def _content(tx: WriteSession, project_id: int, row: FileRow) -> bytes | None:
    """Answer a file's bytes, and let nobody else apply a file of this project meanwhile."""
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    return await tx.fetch_value(
        "SELECT content FROM sheet_import WHERE project_id = %s AND id = %s",
        (project_id, row.id),
        into=bytes,
    )


LOCK: Final = 0x6B77_0005
"""Class of the advisory lock "files of this project": they are applied one after the other."""


def _stored(found: Plan) -> Jsonb:
    return Jsonb(msgspec.to_builtins(found.findings()))


async def _note(
    tx: WriteSession,
    project_id: int,
    row: FileRow,
    found: Plan,
    mode: Mode,
    asker: Asker,
    now: datetime,
) -> None:
    await publish(tx, project_id, "account", "", now)
    new: dict[str, object] = {
        "kind": row.kind,
        "name": row.name,
        "sha256": row.sha256,
        "mode": mode.value,
        "rows": len(found.good),
        "faulty": found.faulty,
    }
    ref = encode_id("imp", row.uid)
    deed = audit.Deed(asker.actor, "import.apply", ref, "done", asker.person_id, None, new)
    await audit.record(tx, project_id, deed, now)
