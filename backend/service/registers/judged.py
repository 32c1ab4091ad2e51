"""How readings of a meter's registers were judged, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class Judged:
    """One episode: values in the point's unit; no end while it is held."""

    kind: str
    start: datetime
    end: datetime | None
    before: Decimal
    after: Decimal
    added: Decimal
    unit: str


async def judgements(
    tx: ReadSession, project_id: int, points: Sequence[int], first: int
) -> list[Judged]:
    """Answer the newest judgements of points."""
    return await tx.fetch_all(
        "SELECT j.kind, j.ts AS start, j.until_ts AS end, j.before_value AS before,"
        " j.after_value AS after, j.offset_value AS added, p.unit FROM register_judgement j"
        " JOIN point p ON p.project_id = %(project)s AND p.id = j.point_id"
        " WHERE j.project_id = %(project)s AND j.point_id = ANY(%(points)s)"
        " ORDER BY j.ts DESC LIMIT %(first)s",
        {"project": project_id, "points": list(points), "first": first},
        into=Judged,
    )
