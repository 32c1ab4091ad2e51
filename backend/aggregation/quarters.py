"""Quarter hours of meters, whatever they come from: written, priced and converted.

kgce, kgCO2 and cost are exact numeric products of the quantity; null where no factor or price is in
force.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from backend.aggregation.cells import (
    INSERT,
    QUARTER_S,
    UPSERT,
    Cell,
    Changed,
    array,
)
from backend.aggregation.fresh import BULK, is_fresh, there
from backend.aggregation.keeper import Keeper
from backend.aggregation.metering import Register, instant
from backend.aggregation.pricing import Pricing
from backend.aggregation.window import Recomputed
from backend.core.db import WriteSession


class Quarter(NamedTuple):
    """One quarter hour of a meter: from a Unix second on, in the energy's smallest unit.

    `measured_s` of its 900 seconds stand on readings.
    """

    meter: int
    energy: str
    start: int
    qty: int
    estimated: int
    quality: int
    measured_s: int


_Row = tuple[int, str, int, int, int, int, int, Decimal | None, Decimal | None, Decimal | None]
"""A quarter hour with its kgce, kgCO2 and cost per smallest unit."""


class Hole(NamedTuple):
    """A stretch of a meter, in microseconds, that has no account (any more)."""

    meter: int
    energy: str
    low: int
    high: int


_FRESH: Final = f"""
{INSERT}
SELECT %(project)s, 1, q.meter, q.energy, 1, q.start_ts, q.start_ts + interval '15 minutes', q.qty,
       q.estimated, q.quality, q.qty * q.kgce, q.qty * q.kgco2, q.qty * q.cost, q.measured,
       {QUARTER_S}, %(now)s
FROM (SELECT u.*, timestamptz 'epoch' + start * interval '1 second' AS start_ts
      FROM unnest(%(meters)s::bigint[], %(energies)s::text[], %(starts)s::bigint[],
                  %(qtys)s::bigint[], %(estimated)s::bigint[], %(qualities)s::smallint[],
                  %(measured)s::bigint[], %(kgce)s::numeric[], %(kgco2)s::numeric[],
                  %(cost)s::numeric[])
           AS u (meter, energy, start, qty, estimated, quality, measured, kgce, kgco2, cost)) AS q
"""
_QUARTERS: Final = f"{_FRESH}{UPSERT}"
_COLUMNS: Final = (
    "meters", "energies", "starts", "qtys", "estimated", "qualities", "measured", "kgce", "kgco2",
    "cost",
)  # fmt: skip
_VANISHED: Final = """
SELECT k.scope_id, k.energy, extract(epoch FROM k.start_ts)::bigint,
       extract(epoch FROM k.end_ts)::bigint
FROM (SELECT * FROM unnest(%(meters)s::bigint[], %(energies)s::text[], %(lows)s::timestamptz[],
      %(highs)s::timestamptz[]) AS u (meter, energy, low, high) OFFSET 0) AS d
CROSS JOIN LATERAL (
    SELECT * FROM account a WHERE a.project_id = %(project)s AND a.scope = 1
    AND a.scope_id = d.meter AND a.energy = d.energy AND a.period = 1
    AND a.start_ts >= d.low AND a.start_ts < d.high OFFSET 0
) AS k
"""


async def write_quarters(
    tx: WriteSession,
    project_id: int,
    quarters: Iterable[Quarter],
    holes: Sequence[Hole],
    pricing: Pricing,
    now: datetime,
    keep: Keeper,
) -> Changed:
    """Write quarter hours of meters and delete those in holes; answer what changed.

    Those who write go through `accounts.pass_upward` with what they get.
    """
    rows = [(*one, *pricing.rates(one.energy, one.start)) for one in quarters]
    changed = await _write(tx, project_id, rows, now, keep)
    if not holes:
        return Changed(changed, vanished=False)
    meters, energies, lows, highs = (list(column) for column in zip(*holes, strict=True))
    found = await tx.fetch_tuples(
        _VANISHED,
        {
            "project": project_id,
            "meters": meters,
            "energies": energies,
            "lows": [instant(low) for low in lows],
            "highs": [instant(high) for high in highs],
        },
    )
    gone = set(map(Cell._make, found))
    await keep.delete(1, 1, gone)
    return Changed(changed | gone, vanished=bool(gone))


async def _write(
    tx: WriteSession, project_id: int, rows: Sequence[_Row], now: datetime, keep: Keeper
) -> set[Cell]:
    """Write quarter hours with what they cost and stand for; answer those that changed."""
    new, others = await _apart(tx, project_id, rows)
    keys: dict[str, object] = {"project": project_id, "now": now}
    changed = _cells(new)
    if new:
        await keep.before(1, 1, changed)
        await tx.execute(_FRESH.encode(), _columns(new) | keys)
        await keep.after(1, 1, changed, changed)
    if others:
        changed |= await keep.write(1, 1, _cells(others), _QUARTERS, _columns(others) | keys)
    return changed


def _cells(rows: Iterable[_Row]) -> set[Cell]:
    return {Cell(row[0], row[1], row[2], row[2] + QUARTER_S) for row in rows}


async def _apart(
    tx: WriteSession, project_id: int, rows: Sequence[_Row]
) -> tuple[Sequence[_Row], Sequence[_Row]]:
    """Answer rows that there are surely none of yet, and the others."""
    if len(rows) < BULK:
        return (), rows
    starts: dict[tuple[int, str], set[int]] = {}
    for row in rows:
        starts.setdefault((row[0], row[1]), set()).add(row[2])
    known = await there(tx, project_id, 1, 1, starts)
    new = [row for row in rows if is_fresh(known, (row[0], row[1]), row[2])]
    if not known:
        return new, ()
    return new, [row for row in rows if not is_fresh(known, (row[0], row[1]), row[2])]


def _columns(rows: Sequence[_Row]) -> dict[str, object]:
    written = (array(column) for column in zip(*rows, strict=True))
    return dict(zip(_COLUMNS, written, strict=True))


def quarters_of(done: Iterable[tuple[Register, Recomputed]]) -> Iterable[Quarter]:
    """Answer the quarter hours of the meters of registers that were recomputed."""
    for register, result in done:
        energy = register.energy.code
        for start, _, qty, estimated, quality, measured_s in result.buckets:
            second = start // 1_000_000
            for meter in register.meters:
                yield Quarter(meter, energy, second, qty, estimated, int(quality), measured_s)


def holes_of(done: Iterable[tuple[Register, Recomputed]]) -> list[Hole]:
    """Answer the parts of recomputed stretches that have no account: buckets are one run."""
    return [
        Hole(meter, register.energy.code, low, high)
        for register, result in done
        for meter in register.meters
        for low, high in _around(result)
    ]


def _around(result: Recomputed) -> Iterable[tuple[int, int]]:
    if not result.buckets:
        yield result.low, result.high
        return
    if result.low < result.buckets[0].start:
        yield result.low, result.buckets[0].start
    if result.buckets[-1].end < result.high:
        yield result.buckets[-1].end, result.high
