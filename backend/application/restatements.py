"""Restatements for GraphQL and REST: whose they are, how many at once, what they moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.aggregation.calendar import plant_time
from backend.aggregation.rollup import Scope
from backend.application.graphql.context import Door, outside_uid
from backend.application.lengths import list_length
from backend.core.ids import encode_id
from backend.service.restatement import rows
from backend.service.restatement.rows import Row, State
from gateway.contract.energy import EnergyType, energy_type

MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Side:
    """A month's account: quantity in the smallest unit, and what it means; exact."""

    qty: int
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class MovedMonth:
    """A month of a node or meter that changes; a side is None where there is no account."""

    scope: str
    name: dict[str, str]
    slug: str
    meter: bool
    energy: EnergyType
    month: str
    start: datetime
    end: datetime
    old: Side | None
    new: Side | None


async def list_rows(door: Door, first: int, before: str | None) -> list[Row]:
    """Answer restatements, newest first; at most `MOST`, older ones after the one `before`.

    Raises InvalidInput and NotFound.
    """
    list_length(first, MOST)
    async with door.read() as tx:
        edge = None
        if before is not None:
            uid = outside_uid("rst", before)
            edge = (await rows.find_restatement(tx, door.project.id, uid)).id
        return await rows.list_restatements(tx, door.project.id, first, edge)


async def find_row(door: Door, id: str) -> Row | None:
    """Answer one; None when this project has none of that identity."""
    uid = outside_uid("rst", id)
    if uid is None:
        return None
    async with door.read() as tx:
        return await rows.look_up(tx, door.project.id, uid)


async def progress(door: Door, row: Row) -> float:
    """Answer how much of a restatement is recomputed, 0 to 1."""
    if row.state is not State.APPLYING:
        return float(row.state is State.APPLIED)
    async with door.read() as tx:
        return await rows.progress(tx, door.project.id, row)


async def moved_months(door: Door, stored: Sequence[Mapping[str, object]]) -> list[MovedMonth]:
    """Answer a difference with the names of today; what is gone from the model is left out."""
    directory = await door.directory()
    zone = plant_time(door.project.zone, door.project.day_start_minute)
    found = []
    for one in stored:
        meter = one["scope"] == Scope.METER
        number = int(str(one["id"]))
        row = directory.meters.get(number) if meter else directory.nodes.get(number)
        if row is None:
            continue
        start = datetime.fromisoformat(str(one["start"]))
        found.append(
            MovedMonth(
                scope=encode_id("mtr" if meter else "node", row.uid),
                name=row.name,
                slug=row.slug,
                meter=meter,
                energy=energy_type(str(one["energy"])),
                month=f"{zone.day_of(start):%Y-%m}",
                start=start,
                end=datetime.fromisoformat(str(one["end"])),
                old=_side(one["old"]),
                new=_side(one["new"]),
            )
        )
    return found


def _side(stored: object) -> Side | None:
    if not isinstance(stored, Mapping):
        return None
    kgce, kgco2, cost = (
        None if stored[name] is None else Decimal(str(stored[name]))
        for name in ("kgce", "kgco2", "cost")
    )
    return Side(int(stored["qty"]), kgce, kgco2, cost)
