"""How readings of a meter's registers were judged, newest first.

Beside what the register engine judged stand the days on which a meter's tariff registers did not
sum to its total (kind `bands`): `before` is the total, `after` their sum, `added` what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from backend.aggregation.bands import check_bands
from backend.aggregation.calendar import DAY, read_plant_time
from backend.aggregation.metering import instant
from backend.core.db import ReadSession

DAYS: Final = 7
"""Closed days of which bands are compared with the total."""


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


async def band_judgements(
    tx: ReadSession, project_id: int, meter: int, now: datetime
) -> list[Judged]:
    """Answer on which of the last days a meter's bands were not its total."""
    plant = await read_plant_time(tx, project_id)
    today = plant.day_of(now)
    edges = [plant.start_of(today - (DAYS - n) * DAY) for n in range(DAYS + 1)]
    unit, found = await check_bands(tx, project_id, meter, edges)
    return [
        Judged(
            "bands",
            instant(one.start),
            instant(one.end),
            _decimal(one.total),
            _decimal(one.bands),
            _decimal(one.total - one.bands),
            unit,
        )
        for one in found
    ]


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
