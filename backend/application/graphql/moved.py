"""The rows of a restatement's difference, as the schema tells them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import strawberry

from backend.aggregation.calendar import plant_time
from backend.aggregation.rollup import Scope
from backend.application.directory import Directory
from backend.application.graphql.context import Door
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import BigInt
from backend.core.ids import encode_id
from gateway.contract.energy import energy_type


@strawberry.type
class RestatedFigures:
    """A month's quantity and what it means; every number exact."""

    quantity: BigInt = strawberry.field(description="In the energy's smallest unit.")
    value: Decimal = strawberry.field(description="In the display unit.")
    kgce: Decimal | None
    kgco2: Decimal | None
    cost: Decimal | None


@strawberry.type
class Moved:
    """A month of a node or meter that changes; `old` or `new` null where there is no account."""

    scope: strawberry.ID
    name: Name
    meter: bool = strawberry.field(description="Whether it is a meter's month, not a node's.")
    energy: str
    unit: str
    month: str = strawberry.field(description="In the plant's calendar, 2026-03.")
    start: datetime
    end: datetime
    old: RestatedFigures | None
    new: RestatedFigures | None


async def moved_rows(door: Door, stored: Sequence[Mapping[str, object]]) -> list[Moved]:
    """Answer the stored rows with the names of today; what is gone from the model is left out."""
    directory = await door.directory()
    zone = plant_time(door.project.zone, door.project.day_start_minute)
    found = []
    for one in stored:
        named = _named(directory, int(str(one["scope"])), int(str(one["id"])))
        if named is None:
            continue
        scope, name = named
        start = datetime.fromisoformat(str(one["start"]))
        kind = energy_type(str(one["energy"]))
        found.append(
            Moved(
                scope=strawberry.ID(scope),
                name=name,
                meter=one["scope"] == Scope.METER,
                energy=kind.code,
                unit=kind.unit.code,
                month=f"{zone.day_of(start):%Y-%m}",
                start=start,
                end=datetime.fromisoformat(str(one["end"])),
                old=_figures(kind.code, one["old"]),
                new=_figures(kind.code, one["new"]),
            )
        )
    return found


def _named(directory: Directory, scope: int, number: int) -> tuple[str, Name] | None:
    kind = "mtr" if scope == Scope.METER else "node"
    row = directory.meters.get(number) if kind == "mtr" else directory.nodes.get(number)
    return None if row is None else (encode_id(kind, row.uid), Name.of(row.name, row.slug))


def _figures(energy: str, stored: object) -> RestatedFigures | None:
    if not isinstance(stored, Mapping):
        return None
    kgce, kgco2, cost = (
        None if stored[name] is None else Decimal(str(stored[name]))
        for name in ("kgce", "kgco2", "cost")
    )
    qty = int(stored["qty"])
    return RestatedFigures(
        quantity=BigInt(qty), value=energy_type(energy).display(qty),
        kgce=kgce, kgco2=kgco2, cost=cost,
    )  # fmt: skip
