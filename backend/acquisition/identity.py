"""A device that says another serial number or ratio than before: a register event `changed`.

Its registers' accounts are suspect from their last reading before the birth on, until a person
answers with an exchange or a ratio, or revokes the event.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.acquisition.born import BornDevice
from backend.core.db import WriteSession

_IDENTITY: Final = """
SELECT id, serial, ratio FROM device
WHERE project_id = %s AND gateway_id = %s AND slug = %s FOR UPDATE
"""
_CHANGED: Final = """
INSERT INTO register_event (project_id, point_id, ts, kind, note, recorded_at)
SELECT %(project)s, p.id, least(coalesce(v.ts, %(now)s), %(now)s), 'changed', %(note)s, %(now)s
FROM point p
LEFT JOIN last_value v ON v.project_id = %(project)s AND v.point_id = p.id
WHERE p.project_id = %(project)s AND p.device_id = %(device)s AND p.kind = 'register'
"""
_DIRTY: Final = """
INSERT INTO dirty (project_id, point_id, first_ts, last_ts)
SELECT %(project)s, p.id, least(coalesce(v.ts, %(now)s), %(now)s), %(now)s
FROM point p
LEFT JOIN last_value v ON v.project_id = %(project)s AND v.point_id = p.id
WHERE p.project_id = %(project)s AND p.device_id = %(device)s AND p.kind = 'register'
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device's last birth said of itself."""

    id: int
    serial: str | None
    ratio: str | None


async def read_identity(
    tx: WriteSession, project_id: int, gateway_id: int, slug: str
) -> Identity | None:
    """Answer what is known of a device before its birth is written; None for a new one."""
    return await tx.fetch_one(_IDENTITY, (project_id, gateway_id, slug), into=Identity)


async def record_change(
    tx: WriteSession, project_id: int, before: Identity | None, born: BornDevice, now: datetime
) -> None:
    """Record that a device is another one or counts otherwise, if it says so."""
    note = change(before, born)
    if note is None or before is None:
        return
    words = {"project": project_id, "device": before.id, "note": note, "now": now}
    await tx.execute(_CHANGED, words)
    await tx.execute(_DIRTY, words)
    await tx.execute("SELECT pg_notify('kw_dirty', %s)", (str(project_id),))


def change(before: Identity | None, born: BornDevice) -> str | None:
    """Answer what is another now than before; None when nothing is, or was ever known."""
    if before is None:
        return None
    pairs = (("serial", before.serial, born.serial), ("ratio", before.ratio, born.ratio))
    told = [f"{what} {old} -> {new}" for what, old, new in pairs if old and new and old != new]
    return ", ".join(told) or None
