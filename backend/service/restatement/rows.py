"""Restatements as they are stored, and how far one is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from backend.core.db import ReadSession
from backend.core.errors import NotFound


class State(StrEnum):
    """How far a restatement is; stored."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """A restatement. `change` is its kind and parameters; `work` what is recomputed (apply.py),
    `undo` what its kind needs to take it back."""

    id: int
    uid: UUID
    version: int | None
    state: State
    change: Mapping[str, object]
    reason: str
    first_ts: datetime
    last_ts: datetime
    difference: Sequence[Mapping[str, object]] | None
    proposed_by: int
    proposed_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    answer: str | None
    started_at: datetime | None
    applied_at: datetime | None
    fault: Mapping[str, object] | None
    work: Mapping[str, object] | None
    undo: Mapping[str, object] | None

    def __post_init__(self) -> None:
        """Take the state's text as a state."""
        object.__setattr__(self, "state", State(self.state))

    @property
    def kind(self) -> str:
        """The kind of change."""
        return str(self.change["kind"])

    @property
    def measured(self) -> bool:
        """Whether the difference is known, so that it can be decided."""
        return self.difference is not None


COLUMNS: Final = (
    "id, uid, version, state, change, reason, first_ts, last_ts, difference, proposed_by,"
    " proposed_at, decided_by, decided_at, answer, started_at, applied_at, fault, work, undo"
)
_LIST: Final = f"""
SELECT {COLUMNS} FROM restatement
WHERE project_id = %s AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC LIMIT %s
"""
_FIND: Final = f"SELECT {COLUMNS} FROM restatement WHERE project_id = %s AND uid = %s"
_WAITING: Final = """
SELECT coalesce(sum(extract(epoch FROM last_ts - first_ts) + 900), 0)::bigint FROM (
    SELECT first_ts, last_ts FROM dirty WHERE project_id = %(project)s AND id <= %(through)s
      AND point_id = ANY(%(points)s)
    UNION ALL
    SELECT first_ts, last_ts FROM stale WHERE project_id = %(project)s AND id <= %(stale)s
) AS waiting
"""


async def list_restatements(
    tx: ReadSession, project_id: int, first: int, before: int | None = None
) -> list[Row]:
    """Answer restatements, newest first; `before` is a row's number."""
    return await tx.fetch_all(_LIST, (project_id, before, before, first), into=Row)


async def look_up(tx: ReadSession, project_id: int, uid: UUID) -> Row | None:
    """Answer one; None without it."""
    return await tx.fetch_one(_FIND.encode(), (project_id, uid), into=Row)


async def find_restatement(
    tx: ReadSession, project_id: int, uid: UUID | None, *, lock: bool = False
) -> Row:
    """Answer one; locked until the commit if wanted. Raises NotFound."""
    sql = f"{_FIND} FOR UPDATE" if lock else _FIND
    found = await tx.fetch_one(sql.encode(), (project_id, uid), into=Row)
    if found is None:
        raise NotFound(kind="restatement")
    return found


async def progress(tx: ReadSession, project_id: int, row: Row) -> float:
    """Answer how much of an applying restatement is recomputed, 0 to 1."""
    if row.state is State.APPLIED:
        return 1.0
    if row.state is not State.APPLYING or row.work is None:
        return 0.0
    waiting = await tx.fetch_value(_WAITING, dict(row.work) | {"project": project_id}, into=int)
    whole = int(str(row.work["seconds"]))
    return 1.0 - min(1.0, (waiting or 0) / whole) if whole else 1.0
