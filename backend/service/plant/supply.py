"""Where a plant's electricity comes from and goes to, by the roles of its settlement meters.

At every quarter hour: consumption = import + photovoltaics + own generation + discharge - charge -
export, in integers of the energy's smallest unit. A quarter hour that lacks a settlement meter is
in no sum but counted as missing: a part of it would look like the whole. Shares are exact, by the
usual definitions: self-use = what was made on site and not sold in the same quarter hour, of what
was made; self-sufficiency = what was not bought, of the consumption.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from psycopg.rows import TupleRow

from backend.aggregation.calendar import QUARTER, Period, quarter_of
from backend.aggregation.figures import main_energy
from backend.aggregation.versions import shown
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput

ROLES: Final[Mapping[str, int]] = {
    "grid_import": 1,
    "grid_export": -1,
    "pv": 1,
    "generation": 1,
    "storage_discharge": 1,
    "storage_charge": -1,
}
"""Roles of a settlement meter with the sign of its part in the consumption."""
MADE: Final = ("pv", "generation")
"""Roles of what is made on site."""
LONGEST: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Balance:
    """What flowed in [start, end), by role and without a sign; `sold` is of what was made.

    `missing` of the `slots` quarter hours that are over lack a meter and are in no quantity.
    """

    start: datetime
    end: datetime
    slots: int
    missing: int
    parts: Mapping[str, int]
    sold: int

    @property
    def consumption(self) -> int:
        """What the plant took."""
        return sum(sign * self.parts.get(role, 0) for role, sign in ROLES.items())

    @property
    def made(self) -> int:
        """What was made on site."""
        return sum(self.parts.get(role, 0) for role in MADE)

    @property
    def self_use(self) -> Fraction | None:
        """Share of what was made that stayed on site; None where nothing was made."""
        return Fraction(self.made - self.sold, self.made) if self.made > 0 else None

    @property
    def self_sufficiency(self) -> Fraction | None:
        """Share of the consumption that was not bought; None where nothing was consumed.

        What fills a storage counts when it is bought: the share is never below nothing.
        """
        if self.consumption <= 0:
            return None
        bought = self.parts.get("grid_import", 0)
        return max(Fraction(0), 1 - Fraction(bought, self.consumption))


@dataclass(frozen=True, slots=True)
class _Settlement:
    """A settlement meter and when it is there."""

    id: int
    role: str
    valid_from: datetime | None
    valid_to: datetime | None


_METERS: Final = """
SELECT id, role, valid_from, valid_to FROM meter
WHERE project_id = %s AND energy = %s AND level = 1 AND role IS NOT NULL ORDER BY id
"""
_PARTS: Final = ", ".join(
    f"coalesce(sum(a.qty) FILTER (WHERE m.role = '{role}'), 0) AS {role}" for role in ROLES
)
_SUMS: Final = ", ".join(
    f"coalesce(sum(q.{role}) FILTER (WHERE q.whole), 0)::bigint AS {role}" for role in ROLES
)
_BALANCES: Final = f"""
SELECT p.start_ts, p.end_ts, k.* FROM calendar_period p
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE q.whole) AS whole, {_SUMS},
           coalesce(sum(least({" + ".join(f"q.{role}" for role in MADE)}, q.grid_export))
                    FILTER (WHERE q.whole), 0)::bigint AS sold
    FROM (
        SELECT a.start_ts, {_PARTS}, count(*) = (
            SELECT count(*)
            FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) AS s (since, until)
            WHERE (s.since IS NULL OR s.since <= a.start_ts)
              AND (s.until IS NULL OR s.until > a.start_ts)) AS whole
        FROM unnest(%(ids)s::bigint[], %(roles)s::text[]) AS m (id, role)
        JOIN {{accounts}} a ON a.project_id = %(project)s AND a.scope = 1 AND a.scope_id = m.id
             AND a.energy = %(energy)s AND a.period = 1
             AND a.start_ts >= p.start_ts AND a.start_ts < least(p.end_ts, %(running)s)
        GROUP BY a.start_ts
    ) AS q
) AS k
WHERE p.project_id = %(project)s AND p.period = %(period)s
  AND p.end_ts > %(start)s AND p.start_ts < %(end)s AND p.start_ts < %(now)s
ORDER BY p.start_ts
"""


async def balances(
    tx: ReadSession,
    project_id: int,
    period: Period,
    span: tuple[datetime, datetime],
    now: datetime,
) -> list[Balance]:
    """Answer a balance for each period that touches the span and has begun, oldest first.

    None where no settlement meter has a role.
    """
    start, end = span
    if end <= start:
        raise InvalidInput("span_empty")
    if end - start > LONGEST:
        raise InvalidInput("span_too_long")
    energy = main_energy().code
    meters = await tx.fetch_all(_METERS, (project_id, energy), into=_Settlement)
    if not meters:
        return []
    running = quarter_of(now)
    where = await shown(tx, project_id)
    rows = await tx.fetch_tuples(
        where.sql(_BALANCES),
        {
            "project": project_id,
            "as_of": where.as_of,
            "energy": energy,
            "period": int(period),
            "start": start,
            "end": end,
            "now": now,
            "running": running,
            "ids": [one.id for one in meters],
            "roles": [one.role for one in meters],
            "since": [one.valid_from for one in meters],
            "until": [one.valid_to for one in meters],
        },
    )
    return [_balance(row, running) for row in rows]


def _balance(row: TupleRow, running: datetime) -> Balance:
    first, last, whole, *parts, sold = row
    slots = (min(last, running) - first) // QUARTER
    return Balance(first, last, slots, slots - whole, dict(zip(ROLES, parts, strict=True)), sold)
