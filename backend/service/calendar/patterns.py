"""Shift patterns of nodes as people set them: from a day on, until another one or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from backend.aggregation.shifts import Pattern, PatternError, read_pattern
from backend.core import audit
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.calendar import effects
from backend.service.calendar.effects import Change
from backend.service.people.asker import Asker

MAX_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class PatternRow:
    """A node's pattern on the days [valid_from, valid_to)."""

    id: int
    uid: UUID
    node_id: int
    name: dict[str, str]
    rule: dict[str, object]
    valid_from: date
    valid_to: date | None
    created_at: datetime


_COLUMNS: Final = "id, uid, node_id, name, rule, valid_from, valid_to, created_at"


def document_of(pattern: Pattern, anchor: date | None) -> object:
    """Answer a pattern as it is stored, its cycle from `anchor` on if that is named."""
    named = pattern if anchor is None else msgspec.structs.replace(pattern, anchor=anchor)
    return msgspec.to_builtins(named)


async def put(
    change: Change,
    node: int,
    name: Mapping[str, str],
    rule: object,
    valid_from: date,
    asker: Asker,
) -> PatternRow:
    """Make a pattern that of a node from a day on, until the next one that it has already.

    One that begins on the same day is replaced. InvalidInput for a rule that cannot be.
    """
    effects.known_day(valid_from, "validFrom")
    if not all(0 < len(one) <= MAX_NAME for one in name.values()):
        raise InvalidInput("pattern_name", most=MAX_NAME)
    try:
        pattern = read_pattern(rule)
    except PatternError as error:
        raise InvalidInput("pattern_rule", told=str(error)) from error
    tx, project_id = change.tx, change.project_id
    there = await of_node(tx, project_id, node)
    await tx.execute(
        "DELETE FROM shift_pattern WHERE project_id = %s AND node_id = %s AND valid_from = %s",
        (project_id, node, valid_from),
    )
    await tx.execute(
        "UPDATE shift_pattern SET valid_to = %s WHERE project_id = %s AND node_id = %s"
        " AND valid_from < %s AND (valid_to IS NULL OR valid_to > %s)",
        (valid_from, project_id, node, valid_from, valid_from),
    )
    following = min((one.valid_from for one in there if one.valid_from > valid_from), default=None)
    uid = new_uuid(change.now)
    await tx.execute(
        "INSERT INTO shift_pattern (project_id, uid, node_id, name, rule, valid_from, valid_to,"
        " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            project_id,
            uid,
            node,
            Jsonb(dict(name)),
            Jsonb(msgspec.to_builtins(pattern)),
            valid_from,
            following,
            change.now,
        ),
    )
    row = await find(tx, project_id, uid)
    await _follow(change, node, valid_from)
    await _record(change, asker, "pattern.put", None, row)
    return row


async def end(change: Change, uid: UUID | None, last: date, asker: Asker) -> PatternRow:
    """End a pattern before a day: from then on the node works by the one above it.

    InvalidInput when it ends before it begins or after it ended already.
    """
    before = await find(change.tx, change.project_id, uid)
    effects.known_day(last, "validTo")
    if last <= before.valid_from or (before.valid_to is not None and last > before.valid_to):
        raise InvalidInput("pattern_end", first=str(before.valid_from), last=str(last))
    await change.tx.execute(
        "UPDATE shift_pattern SET valid_to = %s WHERE project_id = %s AND id = %s",
        (last, change.project_id, before.id),
    )
    row = await find(change.tx, change.project_id, uid)
    await _follow(change, before.node_id, last)
    await _record(change, asker, "pattern.end", before, row)
    return row


async def remove(change: Change, uid: UUID | None, asker: Asker) -> None:
    """Remove a pattern, as if it had never been; NotFound when there is none."""
    before = await find(change.tx, change.project_id, uid)
    nodes = await effects.nodes_with_patterns(change, before.node_id)
    await change.tx.execute(
        "DELETE FROM shift_pattern WHERE project_id = %s AND id = %s",
        (change.project_id, before.id),
    )
    await effects.shifts_changed(change, nodes, before.valid_from)
    await effects.tell(change)
    await _record(change, asker, "pattern.remove", before, None)


async def of_node(tx: ReadSession, project_id: int, node: int) -> list[PatternRow]:
    """Answer a node's own patterns, oldest first."""
    return await tx.fetch_all(
        f"SELECT {_COLUMNS} FROM shift_pattern WHERE project_id = %s AND node_id = %s"
        " ORDER BY valid_from",
        (project_id, node),
        into=PatternRow,
    )


async def find(tx: ReadSession, project_id: int, uid: UUID | None) -> PatternRow:
    """Answer a pattern by its identity; NotFound when there is none."""
    row = await tx.fetch_one(
        f"SELECT {_COLUMNS} FROM shift_pattern WHERE project_id = %s AND uid = %s",
        (project_id, uid),
        into=PatternRow,
    )
    if row is None:
        raise NotFound(kind="pattern")
    return row


async def _follow(change: Change, node: int, first: date) -> None:
    nodes = await effects.nodes_with_patterns(change, node)
    await effects.shifts_changed(change, nodes, first)
    await effects.tell(change)


async def _record(
    change: Change, asker: Asker, action: str, old: PatternRow | None, new: PatternRow | None
) -> None:
    row = new or old
    deed = audit.Deed(
        encode_id("per", asker.uid),
        action,
        "" if row is None else encode_id("shpt", row.uid),
        "done",
        asker.person_id,
        None if old is None else _told(old),
        None if new is None else _told(new),
    )
    await audit.record(change.tx, change.project_id, deed, change.now)


def _told(row: PatternRow) -> dict[str, object]:
    return {
        "node": row.node_id,
        "name": row.name,
        "rule": row.rule,
        "validFrom": str(row.valid_from),
        "validTo": None if row.valid_to is None else str(row.valid_to),
    }
