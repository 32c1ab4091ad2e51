"""Stock meters' quarter hours: read, computed anew as a whole, and only what differs is written.

A document of the past moves batches of every later interval, but quantities of its own only; a
comparison with what is stored finds exactly what it touched, so nothing else is passed upward. The
same holds for a factor, a profile's meter or a standing estimate: `settle_stock` may be called at
any time and is idempotent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from backend.aggregation.accounts import LOCK, pass_upward
from backend.aggregation.calorific import kgce_per_smallest, power_of_ten
from backend.aggregation.cells import INSERT, UPSERT, Cell, Changed, array
from backend.aggregation.keeper import Keeper, keeper
from backend.aggregation.metering import EPOCH, instant
from backend.aggregation.pricing import Pricing, read_pricing
from backend.aggregation.stock import (
    QUARTER_S,
    Document,
    Standing,
    Value,
    Weigh,
    by_profile,
    by_work,
    consumption,
    evenly,
    value_of,
)
from backend.core.db import ReadSession, WriteSession
from gateway.contract.energy import EnergyType, energy_type
from gateway.contract.quality import Quality

EVEN: Final = "even"
WORKING: Final = "working"
PROFILE: Final = "profile"
RULES: Final = (EVEN, WORKING, PROFILE)

_DOCUMENTS: Final = """
SELECT d.id, d.kind, extract(epoch FROM d.ts)::bigint AS ts, d.quantity, d.unit, d.qty, d.price,
       d.calorific_value, d.calorific_unit
FROM stock_document d
WHERE d.project_id = %(project)s AND d.meter_id = %(meter)s AND d.reverses_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM stock_document r
                  WHERE r.project_id = %(project)s AND r.reverses_id = d.id)
ORDER BY d.ts, d.id
"""
_STORED: Final = """
SELECT extract(epoch FROM start_ts)::bigint, qty, kgce, kgco2, cost FROM account
WHERE project_id = %s AND scope = 1 AND scope_id = %s AND energy = %s AND period = 1
"""
_WORK: Final = """
WITH RECURSIVE above (id, parent_id, height) AS (
    SELECT id, parent_id, 0 FROM node WHERE project_id = %(project)s AND id = %(node)s
    UNION ALL
    SELECT n.id, n.parent_id, a.height + 1 FROM node n JOIN above a ON n.id = a.parent_id
    WHERE n.project_id = %(project)s AND a.height < 64
), own AS (
    SELECT a.id FROM above a WHERE EXISTS (SELECT 1 FROM shift_period s
        WHERE s.project_id = %(project)s AND s.node_id = a.id) ORDER BY a.height LIMIT 1
)
SELECT extract(epoch FROM s.start_ts)::bigint, extract(epoch FROM s.end_ts)::bigint
FROM shift_period s JOIN own ON own.id = s.node_id
WHERE s.project_id = %(project)s AND s.shift <> ''
"""
"""Worked shifts of a node or of the nearest one above it that has any; `''` is time off."""
_WRITE: Final = f"""
{INSERT}
SELECT %(project)s, 1, %(meter)s, %(energy)s, 1, q.start_ts, q.start_ts + interval '15 minutes',
       q.qty, q.qty, {int(Quality.ESTIMATED)}, q.kgce, q.kgco2, q.cost, 0, {QUARTER_S}, %(now)s
FROM (SELECT u.*, timestamptz 'epoch' + start * interval '1 second' AS start_ts
      FROM unnest(%(starts)s::bigint[], %(qtys)s::bigint[], %(kgce)s::numeric[],
                  %(kgco2)s::numeric[], %(cost)s::numeric[])
           AS u (start, qty, kgce, kgco2, cost)) AS q
{UPSERT}
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """How consumption is spread; `per_day` in the smallest unit goes on after the last count."""

    rule: str = EVEN
    node_id: int | None = None
    profile_id: int | None = None
    per_day: int | None = None


class Row(NamedTuple):
    """What one quarter hour of a stock's account holds."""

    qty: int
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


async def read_documents(
    tx: ReadSession, project_id: int, meter_id: int, energy: EnergyType
) -> list[Document]:
    """Answer the documents of a stock that count: none that was taken back."""
    rows = await tx.fetch_all(_DOCUMENTS, {"project": project_id, "meter": meter_id})
    return [_document(row, energy) for row in rows]


def _document(row: Mapping[str, object], energy: EnergyType) -> Document:
    price, value = row["price"], row["calorific_value"]
    return Document(
        int(str(row["id"])),
        str(row["kind"]),
        int(str(row["ts"])),
        int(str(row["qty"])),
        price_per_smallest(price, str(row["unit"]), energy) if isinstance(price, Decimal) else None,
        kgce_per_smallest(value, str(row["calorific_unit"]), energy)
        if isinstance(value, Decimal)
        else None,
    )


def price_per_smallest(price: Decimal, unit: str, energy: EnergyType) -> Decimal:
    """Answer the price of one smallest unit, exactly; `price` is of one `unit`.

    Raises ValueError for a unit that is no power of ten of the accounted one.
    """
    tens = power_of_ten(energy.per_point_unit(unit))
    if tens is None:
        raise ValueError(f"{unit} is no power of ten of {energy.smallest_unit}")
    return price.scaleb(-tens)


async def read_rule(tx: ReadSession, project_id: int, meter_id: int) -> Rule:
    """Answer how a stock's consumption is spread; evenly where nobody chose."""
    found = await tx.fetch_one(
        "SELECT rule, node_id, profile_id, per_day FROM stock_rule"
        " WHERE project_id = %s AND meter_id = %s",
        (project_id, meter_id),
        into=Rule,
    )
    return found or Rule()


async def settle_stock(tx: WriteSession, project_id: int, meter_id: int, now: datetime) -> bool:
    """Have a stock meter's accounts follow from its documents; answer whether any changed.

    Waits for whoever accounts the project. Raises LookupError where there is no such meter.
    """
    code = await tx.fetch_value(
        "SELECT energy FROM meter WHERE project_id = %s AND id = %s AND source = 'stock'",
        (project_id, meter_id),
        into=str,
    )
    if code is None:
        raise LookupError(f"meter {meter_id} of project {project_id} has no stock")
    await tx.fetch_tuples("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK, project_id))
    energy = energy_type(code)
    wanted = await _wanted(tx, project_id, meter_id, energy, now)
    stored = {
        start: Row(*rest)
        for start, *rest in await tx.fetch_tuples(_STORED, (project_id, meter_id, code))
    }
    starts = [at for at in {*wanted, *stored} if wanted.get(at) != stored.get(at)]
    if not starts:
        return False
    span = (instant(min(starts) * 1_000_000), instant((max(starts) + QUARTER_S) * 1_000_000))
    keep = await keeper(tx, project_id)
    changed = await _replace(keep, (project_id, meter_id, code), wanted, stored, now)
    await pass_upward(tx, project_id, changed, span, now)
    return True


async def settle_stocks_of(tx: WriteSession, project_id: int, energy: str, now: datetime) -> None:
    """Have the accounts of every stock of an energy follow, because a factor changed."""
    rows = await tx.fetch_tuples(
        "SELECT id FROM meter WHERE project_id = %s AND energy = %s AND source = 'stock'"
        " ORDER BY id",
        (project_id, energy),
    )
    for (meter,) in rows:
        await settle_stock(tx, project_id, meter, now)


async def _wanted(
    tx: ReadSession, project_id: int, meter_id: int, energy: EnergyType, now: datetime
) -> dict[int, Row]:
    """Answer every quarter hour that the documents make."""
    documents = await read_documents(tx, project_id, meter_id, energy)
    rule = await read_rule(tx, project_id, meter_id)
    weigh = await weigh_of(tx, project_id, rule)
    until = int((now - EPOCH).total_seconds()) // QUARTER_S * QUARTER_S
    standing = None if rule.per_day is None else Standing(rule.per_day, until)
    quarters = consumption(documents, weigh, standing)
    if not quarters:
        return {}
    first, last = quarters[0].start, quarters[-1].start + QUARTER_S
    pricing = await read_pricing(
        tx, project_id, instant(first * 1_000_000), instant(last * 1_000_000)
    )
    return {
        one.start: Row(one.qty, *_valued(value_of(one, *_factors(pricing, energy, one.start))))
        for one in quarters
    }


def _factors(
    pricing: Pricing, energy: EnergyType, start: int
) -> tuple[Decimal | None, Decimal | None]:
    rates = pricing.rates(energy.code, start)
    return rates.kgce, rates.kgco2


def _valued(value: Value) -> Iterable[Decimal | None]:
    # numeric keeps trailing zeros: written and read back, two equal numbers are equal anyway.
    return (value.kgce, value.kgco2, value.cost)


async def weigh_of(tx: ReadSession, project_id: int, rule: Rule) -> Weigh:
    """Answer the weights of quarter hours by which a rule spreads."""
    if rule.rule == WORKING:
        spans = await tx.fetch_tuples(_WORK, {"project": project_id, "node": rule.node_id})
        return by_work((first, last) for first, last in spans)
    if rule.rule == PROFILE:
        rows = await tx.fetch_tuples(
            "SELECT extract(epoch FROM start_ts)::bigint, qty FROM account WHERE project_id = %s"
            " AND scope = 1 AND scope_id = %s AND period = 1",
            (project_id, rule.profile_id),
        )
        return by_profile(dict(rows))
    return evenly


async def _replace(
    keep: Keeper,
    key: tuple[int, int, str],
    wanted: Mapping[int, Row],
    stored: Mapping[int, Row],
    now: datetime,
) -> Changed:
    """Write the quarter hours that differ from what is stored and delete those beyond them."""
    project_id, meter_id, energy = key
    about = {"project": project_id, "meter": meter_id, "energy": energy, "now": now}
    news = {start: row for start, row in wanted.items() if stored.get(start) != row}
    gone = {_cell(meter_id, energy, start) for start in stored if start not in wanted}
    cells: set[Cell] = set()
    if news:
        qtys, kgce, kgco2, cost = (array(column) for column in zip(*news.values(), strict=True))
        columns = {"starts": array(news), "qtys": qtys, "kgce": kgce, "kgco2": kgco2, "cost": cost}
        written = {_cell(meter_id, energy, start) for start in news}
        cells = await keep.write(1, 1, written, _WRITE, about | columns)
    await keep.delete(1, 1, gone)
    return Changed(cells | gone, vanished=bool(gone))


def _cell(meter_id: int, energy: str, start: int) -> Cell:
    return Cell(meter_id, energy, start, start + QUARTER_S)


async def stock_meters(tx: ReadSession, project_id: int) -> list[int]:
    """Answer the meters of a project that have a stock."""
    rows = await tx.fetch_tuples(
        "SELECT id FROM meter WHERE project_id = %s AND source = 'stock' ORDER BY id",
        (project_id,),
    )
    return [number for (number,) in rows]
