"""Taking an alarm: idempotent, allowed offline, the earliest effective time wins (cases.md 19)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.core.db import ReadSession, WriteSession
from backend.core.errors import NotFound
from backend.core.events import publish
from backend.service.alarms.states import Cause
from backend.service.alarms.store import Occurrence, add_step, newest_of, occurrence_by_uid


class AckResult(StrEnum):
    """What an acknowledgement did: took it, came after another, met an older occurrence."""

    FIRST = "first"
    LATER = "later"
    LATE_OCCURRENCE = "late_occurrence"


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap of "I take it" as the device saw it; `offset_ms` = device minus server clock."""

    key: uuid.UUID
    device_time: datetime
    offset_ms: int
    channel: str

    @property
    def corrected(self) -> datetime:
        """When it was by the server's clock, as far as the device knew."""
        return self.device_time - timedelta(milliseconds=self.offset_ms)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One recorded acknowledgement; the first of a list is the one that counts."""

    person_id: int
    device_time: datetime
    effective_at: datetime
    received_at: datetime
    channel: str
    result: AckResult


def effective_time(tap: Tap, raised_at: datetime, received_at: datetime) -> datetime:
    """Device time corrected by its measured offset, clamped to [raised, received]."""
    return min(max(tap.corrected, raised_at), received_at)


async def acknowledge(
    tx: WriteSession, project_id: int, uid: uuid.UUID, person_id: int, tap: Tap, now: datetime
) -> tuple[Occurrence, Acknowledgement]:
    """Record a tap; sent twice (same key) it counts once and gets the same answer.

    Raises NotFound for an occurrence that is not of this project.
    """
    await tx.execute(
        "SELECT 1 FROM alarm_occurrence WHERE project_id = %s AND uid = %s FOR UPDATE",
        (project_id, uid),
    )
    occurrence = await occurrence_by_uid(tx, project_id, uid)
    if occurrence is None:
        raise NotFound(kind="alarm")
    known = await _by_key(tx, project_id, tap.key, occurrence.id)
    if known is not None:
        return occurrence, known
    effective = effective_time(tap, occurrence.raised_at, now)
    result = await _judge(tx, project_id, occurrence)
    written = await tx.execute(
        """
        INSERT INTO alarm_ack (project_id, key, occurrence_id, person_id, device_time, offset_ms,
                               effective_at, received_at, result, channel)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (project_id, key) DO NOTHING
        """,
        (
            project_id,
            tap.key,
            occurrence.id,
            person_id,
            tap.device_time,
            tap.offset_ms,
            effective,
            now,
            result,
            tap.channel,
        ),
    )
    if written == 0:
        raise NotFound(kind="alarm")
    if result is AckResult.FIRST:
        await add_step(tx, project_id, occurrence, Cause.ACK, effective, now, person_id=person_id)
    else:
        await publish(tx, project_id, "alarm", str(uid), now)
    after_step = await occurrence_by_uid(tx, project_id, uid)
    assert after_step is not None  # noqa: S101 - it was locked above
    return after_step, Acknowledgement(
        person_id, tap.device_time, effective, now, tap.channel, result
    )


async def _judge(tx: ReadSession, project_id: int, occurrence: Occurrence) -> AckResult:
    newest = await newest_of(tx, project_id, occurrence.definition_id)
    if newest is not None and newest.number != occurrence.number:
        return AckResult.LATE_OCCURRENCE
    return AckResult.FIRST if occurrence.state.wants_ack else AckResult.LATER


async def _by_key(
    tx: ReadSession, project_id: int, key: uuid.UUID, occurrence_id: int
) -> Acknowledgement | None:
    row = await tx.fetch_one(
        """
        SELECT person_id, device_time, effective_at, received_at, channel, result FROM alarm_ack
        WHERE project_id = %s AND key = %s AND occurrence_id = %s
        """,
        (project_id, key, occurrence_id),
    )
    return None if row is None else Acknowledgement(**{**row, "result": AckResult(row["result"])})


async def acknowledgements(
    tx: ReadSession, project_id: int, occurrences: Sequence[Occurrence]
) -> dict[int, list[Acknowledgement]]:
    """All acknowledgements by occurrence id, the one that counts (earliest effective) first."""
    rows = await tx.fetch_all(
        """
        SELECT occurrence_id, person_id, device_time, effective_at, received_at, channel, result
        FROM alarm_ack WHERE project_id = %s AND occurrence_id = ANY(%s)
        ORDER BY occurrence_id, (result = 'late_occurrence'), effective_at, received_at, key
        """,
        (project_id, [occurrence.id for occurrence in occurrences]),
    )
    found: dict[int, list[Acknowledgement]] = {occurrence.id: [] for occurrence in occurrences}
    for row in rows:
        found[row.pop("occurrence_id")].append(
            Acknowledgement(**{**row, "result": AckResult(row["result"])})
        )
    return found
