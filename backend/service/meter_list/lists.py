"""Meter lists in the database: looked at, applied as a whole, rolled back.

Whatever is applied is applied in one transaction: meters, places and documents, or nothing.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.imports.sheet import read_sheet
from backend.service.meter_list.apply import apply_plan
from backend.service.meter_list.findings import Findings, read_findings
from backend.service.meter_list.look import Look, read_look
from backend.service.meter_list.plan import Plan, plan
from backend.service.meter_list.undo import Undo, take_back
from backend.service.meter_list.workbook import write_workbook
from backend.service.people.asker import Asker
from backend.service.plant.editing import begin

KEPT: Final = timedelta(days=7)
"""A list that was looked at and not applied is forgotten after this."""
MOST_WAITING: Final = 20
LONGEST_NAME: Final = 200
CHECKED, APPLIED, BACK = "checked", "applied", "rolled_back"


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list as it stands; `state`: checked, applied, rolled_back."""

    id: int
    uid: UUID
    name: str
    sha256: str
    state: str
    findings: dict[str, object]
    undo: dict[str, object] | None
    created_by: int
    created_at: datetime
    applied_at: datetime | None
    rolled_back_at: datetime | None

    @property
    def found(self) -> Findings:
        """What was found in it."""
        return read_findings(self.findings)


_SELECT: Final = """
SELECT id, uid, name, sha256, state, findings, undo, created_by, created_at, applied_at,
       rolled_back_at
FROM meter_list WHERE project_id = %s
"""
_INSERT: Final = """
INSERT INTO meter_list (project_id, uid, name, sha256, state, content, findings, created_by,
    created_at) VALUES (%s, %s, %s, %s, 'checked', %s, %s, %s, %s)
"""
_FORGET: Final = """
DELETE FROM meter_list WHERE project_id = %s AND state = 'checked' AND (created_at < %s
    OR id NOT IN (SELECT id FROM meter_list WHERE project_id = %s AND state = 'checked'
                  ORDER BY id DESC LIMIT %s))
"""
_APPLIED: Final = """
UPDATE meter_list SET state = 'applied', content = NULL, findings = %s, undo = %s,
    applied_by = %s, applied_at = %s WHERE project_id = %s AND id = %s
"""
_BACK: Final = """
UPDATE meter_list SET state = 'rolled_back', rolled_back_by = %s, rolled_back_at = %s
WHERE project_id = %s AND id = %s
"""


async def list_lists(tx: ReadSession, project_id: int, first: int) -> list[ListRow]:
    """Answer the lists of a project, newest first."""
    return await tx.fetch_all(
        f"{_SELECT} ORDER BY id DESC LIMIT %s", (project_id, first), into=ListRow
    )


async def find_list(tx: ReadSession, project_id: int, uid: UUID | None) -> ListRow:
    """Answer a list. Raises NotFound."""
    found = await tx.fetch_one(f"{_SELECT} AND uid = %s", (project_id, uid), into=ListRow)
    if found is None:
        raise NotFound(kind="meter_list")
    return found


async def export_list(
    tx: WriteSession, project_id: int, locale: str, asker: Asker, now: datetime
) -> bytes:
    """Answer the meters of a project as XLSX; that somebody took it is written down."""
    look = await read_look(tx, project_id, now)
    content = await asyncio.to_thread(
        write_workbook, list(look.meters.values()), list(look.trees), locale
    )
    deed = audit.Deed(
        asker.actor, "meter_list.export", "meter_list", "done", asker.person_id, None,
        {"meters": len(look.meters)},
    )  # fmt: skip
    await audit.record(tx, project_id, deed, now)
    return content


async def check_list(
    tx: WriteSession, project_id: int, name: str, content: bytes, asker: Asker, now: datetime
) -> ListRow:
    """Look at a list and keep it to be applied; nothing else changes. Raises InvalidInput."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput("import_name", most=LONGEST_NAME)
    found = await _planned(content, await read_look(tx, project_id, now))
    uid = new_uuid(now)
    await tx.execute(_FORGET, (project_id, now - KEPT, project_id, MOST_WAITING - 1))
    digest = hashlib.sha256(content).hexdigest()
    kept = (project_id, uid, name, digest, content, _stored(found), asker.person_id, now)
    await tx.execute(_INSERT, kept)
    return await find_list(tx, project_id, uid)


async def apply_list(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> ListRow:
    """Apply a list that was looked at; it is looked at again, since things may have changed.

    One that was applied already is answered as it was. Raises NotFound, and Conflict for one in
    which anything is wrong.
    """
    edit = await begin(tx, project_id, asker, now)
    row = await find_list(tx, project_id, uid)
    content = await tx.fetch_value(
        "SELECT content FROM meter_list WHERE project_id = %s AND id = %s",
        (project_id, row.id),
        into=bytes,
    )
    if row.state != CHECKED or content is None:
        return row
    look = await read_look(tx, project_id, now)
    found = await _planned(content, look)
    if not found.findings.clean:
        raise Conflict("meter_list_faulty", faults=found.findings.faulty)
    undo = await apply_plan(edit, found, look, row.name)
    await tx.execute(
        _APPLIED,
        (
            _stored(found), Jsonb(msgspec.to_builtins(undo)), asker.person_id, now, project_id,
            row.id,
        ),
    )  # fmt: skip
    await _note(tx, project_id, row, found.findings, "apply", asker, now)
    return await find_list(tx, project_id, row.uid)


async def roll_back_list(
    tx: WriteSession, project_id: int, uid: UUID | None, asker: Asker, now: datetime
) -> ListRow:
    """Have meters and documents be as they were before a list, from now on.

    One that was rolled back already is answered as it was. Raises NotFound, and Conflict for one
    that was never applied or where a document was changed since.
    """
    edit = await begin(tx, project_id, asker, now)
    row = await find_list(tx, project_id, uid)
    if row.state == BACK:
        return row
    if row.state != APPLIED or row.undo is None:
        raise Conflict("meter_list_not_applied")
    await take_back(edit, msgspec.convert(row.undo, Undo), f"- {row.name}"[:LONGEST_NAME])
    await tx.execute(_BACK, (asker.person_id, now, project_id, row.id))
    await _note(tx, project_id, row, row.found, "roll_back", asker, now)
    return await find_list(tx, project_id, row.uid)


async def _planned(content: bytes, look: Look) -> Plan:
    return await asyncio.to_thread(lambda: plan(read_sheet(content), look))


def _stored(found: Plan) -> Jsonb:
    return Jsonb(msgspec.to_builtins(found.findings))


async def _note(
    tx: WriteSession,
    project_id: int,
    row: ListRow,
    found: Findings,
    deed: str,
    asker: Asker,
    now: datetime,
) -> None:
    new: dict[str, object] = {
        "name": row.name,
        "sha256": row.sha256,
        "meters": len(found.meters),
        "gateways": [one.gateway for one in found.gateways],
    }
    ref = encode_id("mls", row.uid)
    told = audit.Deed(asker.actor, f"meter_list.{deed}", ref, "done", asker.person_id, None, new)
    await audit.record(tx, project_id, told, now)
