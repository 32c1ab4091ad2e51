"""What the accounts of a project have to be, from its meters' quarter hours alone.

Written from the definition: it reads whole tables and shares no code and no SQL with the rollup.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from tests.backend.plant_accounts import Plant

QUARTER, HOUR, DAY, MONTH, YEAR, WEEK, SHIFT = 1, 2, 3, 4, 5, 6, 7
BELOW = {HOUR: QUARTER, DAY: HOUR, WEEK: DAY, MONTH: DAY, YEAR: MONTH, SHIFT: QUARTER}


class Key(NamedTuple):
    """Whose account of what, in which periods."""

    scope: int
    scope_id: int
    energy: str
    period: int


class Figures(NamedTuple):
    """What a row says: its end, and what is summed."""

    end: datetime
    qty: int
    estimated: int
    measured_s: int
    expected_s: int


class Member(NamedTuple):
    """A membership."""

    node: int
    meter: int
    energy: str
    coefficient: Fraction
    first: datetime
    last: datetime | None


Rows = dict[Key, dict[datetime, Figures]]


async def read_rows(plant: Plant) -> Rows:
    """Every account of a project."""
    rows: Rows = {}
    async with plant.database.read(plant.project) as tx:
        for row in await tx.fetch_tuples(
            "SELECT scope, scope_id, energy, period, start_ts, end_ts, qty, estimated_qty,"
            " measured_s, expected_s FROM account WHERE project_id = %s",
            (plant.project,),
        ):
            rows.setdefault(Key(*row[:4]), {})[row[4]] = Figures(*row[5:])
    return rows


async def read_members(plant: Plant) -> list[Member]:
    """Every membership of a project."""
    async with plant.database.read(plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT nm.node_id, nm.meter_id, m.energy, nm.coefficient, nm.valid_from, nm.valid_to"
            " FROM node_meter nm JOIN meter m ON m.project_id = nm.project_id"
            " AND m.id = nm.meter_id WHERE nm.project_id = %s",
            (plant.project,),
        )
    return [
        Member(node, meter, energy, Fraction(share), first, last)
        for node, meter, energy, share, first, last in rows
    ]


def levels_agree(rows: Rows) -> None:
    """Every row of every level is the sum of the level below inside its bounds, and none lacks."""
    for key, found in rows.items():
        if key.period == QUARTER:
            continue
        below = rows.get(key._replace(period=BELOW[key.period]), {})
        for start, row in found.items():
            inside = [one for at, one in below.items() if start <= at < row.end]
            assert inside, (key, start)
            assert row[1:] == _sum(inside), (key, start)
        if key.period != SHIFT:
            assert _sum(found.values()) == _sum(below.values()), key
    for key in {key for key in rows if key.period == QUARTER}:
        for period in (HOUR, DAY, WEEK, MONTH, YEAR):
            assert key._replace(period=period) in rows


def shifts_agree(rows: Rows, nodes: Iterable[int]) -> None:
    """The shifts of these nodes sum to every day that begins and ends at a shift's border."""
    compared = 0
    for key, shifts in rows.items():
        if key.period != SHIFT or key.scope != 2 or key.scope_id not in nodes:
            continue
        for start, day in rows[key._replace(period=DAY)].items():
            inside = [one for at, one in shifts.items() if start <= at < day.end]
            if min(at for at in shifts if at >= start) >= day.end:
                continue
            assert day[1:] == _sum(inside), (key, start)
            compared += 1
    assert compared


def nodes_agree(rows: Rows, members: Iterable[Member]) -> None:
    """Every node's quarter hour is the share-wise sum of its members', rounded half even."""
    sums: dict[tuple[int, str, datetime], list[Fraction]] = {}
    for member in members:
        key = Key(1, member.meter, member.energy, QUARTER)
        for start, row in rows.get(key, {}).items():
            if member.first <= start and (member.last is None or start < member.last):
                total = sums.setdefault((member.node, member.energy, start), [Fraction(0)] * 2)
                total[0] += member.coefficient * row.qty
                total[1] += member.coefficient * row.estimated
    found = {
        (key.scope_id, key.energy, start): (row.qty, row.estimated)
        for key, lines in rows.items()
        if key.scope == 2 and key.period == QUARTER
        for start, row in lines.items()
    }
    assert found == {key: (round(qty), round(est)) for key, (qty, est) in sums.items()}


def losses_agree(rows: Rows, parents: Mapping[int, int | None]) -> int:
    """Loss (parent - children) of every period is the sum of its quarter hours' losses.

    So children + loss = parent at every level. Answers how many losses were compared.
    """
    compared = 0
    for parent in {p for p in parents.values() if p is not None}:
        children = [node for node, above in parents.items() if above == parent]
        for key in [k for k in rows if k.scope == 2 and k.scope_id == parent]:
            quarters = _losses(rows, key._replace(period=QUARTER), children)
            for start, row in rows[key].items():
                loss = row.qty - sum(
                    one.qty
                    for child in children
                    for at, one in rows.get(key._replace(scope_id=child), {}).items()
                    if at == start
                )
                assert loss == sum(q for at, q in quarters.items() if start <= at < row.end), key
                compared += 1
    return compared


def _losses(rows: Rows, key: Key, children: Iterable[int]) -> dict[datetime, int]:
    losses = {start: row.qty for start, row in rows[key].items()}
    for child in children:
        for start, row in rows.get(key._replace(scope_id=child), {}).items():
            losses[start] = losses.get(start, 0) - row.qty
    return losses


def _sum(rows: Iterable[Figures]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(row[1:] for row in rows), strict=True)))
