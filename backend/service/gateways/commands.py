"""Commands as people give them and look at them; ingest sends them and stores what became of them.

A command is known by the asker's own key: sent twice it is one command. Each is audited when it is
given, and again with its result.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.people.asker import Asker

CHANNEL = "kw_command"
"""Whom ingest listens to."""
LONGEST = timedelta(days=1)
WRITE = "command.write"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a point is to be set to: `value` in its unit, refused when it is not `expected` now."""

    device: UUID
    point: str
    value: float
    expected: float | None
    within: timedelta


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command and how far it is; times of `state_at` are the gateway's."""

    id: int
    uid: UUID
    gateway_uid: UUID
    device_uid: UUID | None
    device_slug: str | None
    kind: str
    point: str | None
    unit: str | None
    value: float | None
    expected: float | None
    not_after: datetime
    person_id: int
    created_at: datetime
    sent_at: datetime | None
    state: str
    code: str | None
    old_value: float | None
    read_value: float | None
    state_at: datetime | None
    finished_at: datetime | None


_SELECT = """
SELECT c.id, c.uid, g.uid AS gateway_uid, d.uid AS device_uid, d.slug AS device_slug, c.kind,
       c.point, p.unit, c.value, c.expected, c.not_after, c.person_id, c.created_at, c.sent_at,
       c.state, c.code, c.old_value, c.read_value, c.state_at, c.finished_at
FROM command c
JOIN gateway g ON g.project_id = c.project_id AND g.id = c.gateway_id
LEFT JOIN device d ON d.project_id = c.project_id AND d.id = c.device_id
LEFT JOIN point p ON p.project_id = c.project_id AND p.device_id = c.device_id AND p.name = c.point
WHERE c.project_id = %(project)s AND c.kind = 'write'
"""
_TARGET = """
SELECT d.id AS device_id, d.gateway_id
FROM device d
JOIN point p ON p.project_id = d.project_id AND p.device_id = d.id
WHERE d.project_id = %s AND p.project_id = %s AND d.uid = %s AND p.name = %s
"""
_INSERT = """
INSERT INTO command (project_id, uid, gateway_id, kind, device_id, point, value, expected,
                     not_after, person_id, actor, created_at)
VALUES (%(project)s, %(uid)s, %(gateway)s, 'write', %(device)s, %(point)s, %(value)s,
        %(expected)s, %(not_after)s, %(person)s, %(actor)s, %(now)s)
ON CONFLICT (project_id, uid) DO NOTHING
"""


async def write_point(
    tx: WriteSession, project_id: int, key: UUID, setting: Setting, asker: Asker, now: datetime
) -> CommandRow:
    """Give a command to set a point, or answer the one that was given by this key before.

    Whether the point may be set is the gateway's to say, by its profile. InvalidInput for a value
    that is no number or a time out of bounds, NotFound for a device or point that is not here,
    Conflict when the key was another command's.
    """
    if not math.isfinite(setting.value):
        raise InvalidInput("command_value")
    if not timedelta(seconds=1) <= setting.within <= LONGEST:
        raise InvalidInput("command_within", least=1, most=LONGEST // timedelta(seconds=1))
    asked = (project_id, project_id, setting.device, setting.point)
    # PostgreSQL's texts know no NUL, so no point's name has one.
    target = None if "\0" in setting.point else await tx.fetch_one(_TARGET, asked)
    if target is None:
        raise NotFound(kind="point")
    actor = encode_id("per", asker.uid)
    inserted = await tx.execute(
        _INSERT,
        {
            "project": project_id,
            "uid": key,
            "gateway": target["gateway_id"],
            "device": target["device_id"],
            "point": setting.point,
            "value": setting.value,
            "expected": setting.expected,
            "not_after": now + setting.within,
            "person": asker.person_id,
            "actor": actor,
            "now": now,
        },
    )
    row = await find_command(tx, project_id, key)
    if row is None:
        raise NotFound(kind="command")
    if not inserted:
        return _same(row, setting)
    about = {"device": row.device_slug, "point": setting.point}
    deed = audit.Deed(
        actor,
        WRITE,
        encode_id("cmd", key),
        row.state,
        asker.person_id,
        {**about, "value": setting.expected},
        {**about, "value": setting.value, "notAfter": row.not_after.isoformat()},
    )
    await publish(tx, project_id, "command", str(key), now)
    await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
    await audit.record(tx, project_id, deed, now)
    return row


def _same(row: CommandRow, setting: Setting) -> CommandRow:
    given = (row.device_uid, row.point, row.value, row.expected)
    if given != (setting.device, setting.point, setting.value, setting.expected):
        raise Conflict("command_key")
    return row


async def find_command(tx: ReadSession, project_id: int, uid: UUID) -> CommandRow | None:
    """Answer one command; None when the project has none of that identity."""
    return await tx.fetch_one(
        f"{_SELECT} AND c.uid = %(uid)s", {"project": project_id, "uid": uid}, into=CommandRow
    )


async def list_commands(
    tx: ReadSession,
    project_id: int,
    *,
    before: datetime | None,
    first: int,
    device: UUID | None = None,
) -> list[CommandRow]:
    """Answer commands, or those of one device, newest first."""
    return await tx.fetch_all(
        f"{_SELECT} AND (%(before)s::timestamptz IS NULL OR c.created_at < %(before)s)"
        " AND (%(device)s::uuid IS NULL OR d.uid = %(device)s)"
        " ORDER BY c.id DESC LIMIT %(first)s",
        {"project": project_id, "before": before, "first": first, "device": device},
        into=CommandRow,
    )
