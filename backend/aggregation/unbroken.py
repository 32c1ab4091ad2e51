"""Curves in steps of one length whose accounts follow each other without a hole: the usual case.

Nothing is laid over anything then: the accounts in the order of their key are the curve, and what
is before the first and after the last of them is null. A year of hours costs a third of what laying
steps and accounts over each other costs (`series`). Every answer is proved: as many accounts as
steps fit between their ends, each of one step and on the calendar's own steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import Period
from backend.aggregation.measures import Measure, json_number
from backend.core.db import ReadSession
from gateway.contract.quality import Quality

SECONDS: Final[Mapping[Period, int]] = {Period.QUARTER_HOUR: 900, Period.HOUR: 3600}
"""The periods that have one length."""

# Of the first and the last step that touch the span; quarter hours are arithmetic on UTC.
_ENDS: Final[Mapping[Period, str]] = {
    Period.QUARTER_HOUR: "SELECT %(start)s::timestamptz AS first, %(end)s::timestamptz AS last",
    Period.HOUR: """
        SELECT (SELECT c.start_ts FROM calendar_period c
                WHERE c.project_id = %(project)s AND c.period = %(period)s
                  AND c.end_ts > %(start)s ORDER BY c.end_ts LIMIT 1) AS first,
               (SELECT c.end_ts FROM calendar_period c
                WHERE c.project_id = %(project)s AND c.period = %(period)s
                  AND c.start_ts < %(end)s ORDER BY c.start_ts DESC LIMIT 1) AS last
    """,
}
_UNBROKEN: Final = """
SELECT id, first, last, min(start_ts) AS start, max(end_ts) AS end, count(*) AS parts,
       {total} AS total, string_agg({value}, ',') AS values,
       CASE WHEN min(quality) = max(quality)
            THEN repeat(min(quality) || ',', count(*)::int - 1) || min(quality)
            ELSE array_to_string(array_agg(quality), ',') END AS quality
FROM (SELECT a.scope_id AS id, a.start_ts, a.end_ts, {amount} AS amount, {per} AS per, a.quality
      FROM account a
      WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.scope_id = ANY(%(ids)s)
        AND a.energy = %(energy)s AND a.period = %(period)s
        AND a.start_ts > %(start)s::timestamptz - interval '{step}'
        AND a.start_ts < least(%(end)s::timestamptz, %(until)s::timestamptz)
      ORDER BY a.scope_id, a.start_ts) a
CROSS JOIN ({ends}) ends
GROUP BY id, first, last
HAVING bool_and(end_ts = start_ts + interval '{step}')
   AND bool_and(start_ts = date_bin('{step}', start_ts, first))
   AND max(end_ts) - min(start_ts) = count(*) * interval '{step}'
"""


def _statement(measure: Measure, period: Period) -> bytes:
    formula = measure.value
    return _UNBROKEN.format(
        total=formula.total,
        value=json_number(formula.shown("amount", "per")),
        amount=formula.amount,
        per=formula.per,
        step=f"{SECONDS[period]} seconds",
        ends=_ENDS[period],
    ).encode()


_STATEMENTS: Final = {
    (measure, period): _statement(measure, period) for measure in Measure for period in SECONDS
}


@dataclass(frozen=True, slots=True)
class Unbroken:
    """A curve of one scope over [first, last): `lead` and `trail` steps of it are null.

    `values` and `quality` are JSON arrays, `total` is the exact sum.
    """

    id: int
    first: datetime
    last: datetime
    total: Decimal | None
    values: str
    quality: str


async def unbroken(
    tx: ReadSession, measure: Measure, period: Period, params: Mapping[str, object]
) -> Iterator[Unbroken]:
    """Answer the curves of those scopes that have no hole; the parameters are those of `series`."""
    rows = await tx.fetch_all(_STATEMENTS[measure, period], params, into=_Row)
    return (row.padded(SECONDS[period]) for row in rows)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    first: datetime
    last: datetime
    start: datetime
    end: datetime
    parts: int
    total: Decimal | None
    values: str
    quality: str

    def padded(self, step_s: int) -> Unbroken:
        """Answer it with the steps before and after that nothing is known of."""
        lead = int((self.start - self.first).total_seconds()) // step_s
        trail = int((self.last - self.end).total_seconds()) // step_s
        return Unbroken(
            self.id,
            self.first,
            self.last,
            self.total,
            _array(self.values, "null", lead, trail),
            _array(self.quality, str(int(Quality.MISSING)), lead, trail),
        )


def _array(known: str, nothing: str, lead: int, trail: int) -> str:
    parts: Sequence[str] = [*[nothing] * lead, known, *[nothing] * trail]
    return f"[{','.join(parts)}]"
