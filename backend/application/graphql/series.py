"""Curves, rankings and the periods of the plant's calendar."""

from datetime import datetime
from enum import Enum

import orjson
import strawberry

from backend.aggregation import figures, series
from backend.aggregation.calendar import Period as Stored
from backend.aggregation.rollup import Scope
from backend.application.graphql.context import Door, outside_uid
from backend.application.graphql.figures import Figures
from backend.application.graphql.plant import Node
from backend.application.graphql.scalars import Instants, Values, encode_instants
from backend.core.errors import InvalidInput, NotFound
from backend.service.plant.rows import SUPPLY
from gateway.contract.energy import EnergyType, energy_types

MOST_POINTS = 40_000
MOST_ROWS = 100


@strawberry.enum
class Period(Enum):
    """Lengths of accounts."""

    QUARTER = "QUARTER"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"

    @property
    def stored(self) -> Stored:
        """The number in the database."""
        return Stored.QUARTER_HOUR if self is Period.QUARTER else Stored[self.value]


@strawberry.enum
class Measure(Enum):
    """What a curve shows."""

    QUANTITY = "QUANTITY"
    KGCE = "KGCE"
    KGCO2 = "KGCO2"
    COST = "COST"


@strawberry.type
class Series:
    """A curve; `starts` is null for steps up to one hour (`start` + n * `step` seconds)."""

    start: datetime
    end: datetime
    step: int | None
    starts: Instants | None
    unit: str
    values: Values
    quality: Values = strawberry.field(description="A `Quality` number per value.")
    labels: list[str] | None = strawberry.field(
        description="Labels of calendar steps in the plant's zone (2026-11-23, 2026-11)."
    )

    @classmethod
    def of(cls, curve: series.Curve, unit: str) -> "Series":
        """Answer a curve that the database has encoded already."""
        calendar = curve.step_s is None
        return cls(
            start=curve.start,
            end=curve.end,
            step=curve.step_s,
            starts=encode_instants(curve.starts) if calendar else None,
            unit=unit,
            values=Values(orjson.Fragment(curve.values)),
            quality=Values(orjson.Fragment(curve.quality)),
            labels=list(curve.labels) if calendar else None,
        )


@strawberry.type
class CalendarPeriod:
    """A business period as the plant's calendar has it."""

    start: datetime
    end: datetime
    label: str


@strawberry.type
class RankingRow:
    """A node's quantity in a period, and its share of the parent's."""

    node: Node
    figures: Figures
    share: float


def known_energy(code: str) -> EnergyType:
    """Answer an energy type; InvalidInput for a code there is none of."""
    found = energy_types().get(code)
    if found is None:
        raise InvalidInput("energy_unknown", energy=code[:40])
    return found


def unit_of(door: Door, energy: EnergyType, measure: Measure) -> str:
    """Answer the unit of a measure."""
    units = {Measure.KGCE: "kgce", Measure.KGCO2: "kgCO2", Measure.COST: door.project.currency}
    return units.get(measure, energy.unit.code)


async def scope_of(door: Door, id: str) -> tuple[Scope, int]:
    """Answer what an outside identity of a node or meter stands for; NotFound for any other."""
    directory = await door.directory()
    node, meter = outside_uid("node", id), outside_uid("mtr", id)
    if node is not None and node in directory.node_ids:
        return Scope.NODE, directory.node_ids[node]
    if meter is not None and meter in directory.meter_ids:
        return Scope.METER, directory.meter_ids[meter]
    raise NotFound(kind="scope")


async def read_series(
    door: Door,
    scope: str,
    energy: str,
    measure: Measure,
    period: Period,
    start: datetime,
    end: datetime,
    as_of: int | None = None,
) -> Series:
    """Answer a curve of a node or meter, as of a version or as it is now."""
    kind = known_energy(energy)
    _check_span(period, start, end)
    which, number = await scope_of(door, scope)
    stored = series.Measure[measure.name]
    span = series.Span(which, number, kind, stored, period.stored, start, end, as_of)
    async with door.read() as tx:
        found = await series.curve(tx, door.project.id, span, door.process.platform.clock.now())
    return Series.of(found, unit_of(door, kind, measure))


def _check_span(period: Period, start: datetime, end: datetime) -> None:
    if end <= start:
        raise InvalidInput("span_empty")
    seconds = {Period.QUARTER: 900, Period.HOUR: 3600}.get(period, 86_400)
    if (end - start).total_seconds() / seconds > MOST_POINTS:
        raise InvalidInput("span_too_long", most=MOST_POINTS)


async def read_periods(
    door: Door, period: Period, start: datetime, end: datetime
) -> list[CalendarPeriod]:
    """Answer business periods that touch [start, end), oldest first."""
    _check_span(period, start, end)
    if period is Period.QUARTER:
        raise InvalidInput("period_not_in_calendar", period=period.value)
    async with door.read() as tx:
        rows = await tx.fetch_all(
            'SELECT start_ts AS start, end_ts AS "end", label FROM calendar_period'
            " WHERE project_id = %s AND period = %s AND end_ts > %s AND start_ts < %s"
            " ORDER BY start_ts",
            (door.project.id, int(period.stored), start, end),
        )
    return [CalendarPeriod(**row) for row in rows]


async def read_ranking(
    door: Door,
    parent: str | None,
    energy: str,
    period: Period,
    at: datetime,
    first: int,
    as_of: int | None = None,
) -> list[RankingRow]:
    """Answer the consumers below `parent` (the site by default), greatest quantity first."""
    kind = known_energy(energy)
    if not 1 <= first <= MOST_ROWS:
        raise InvalidInput("list_length", least=1, most=MOST_ROWS)
    directory = await door.directory()
    above = await _parent(door, parent)
    if above is None:
        return []
    children = {row.id: row for row in directory.children.get(above, []) if row.kind != SUPPLY}
    async with door.read() as tx:
        found = await figures.ranking(
            tx, door.project.id, above, list(children), period.stored, at, kind.code, as_of
        )
    if found is None:
        return []
    return [
        RankingRow(
            node=Node(door=door, row=children[row.scope_id]),
            figures=Figures.of(kind.code, found.start, found.end, row),
            share=row.qty / found.whole if found.whole else 0.0,
        )
        for row in found.rows[:first]
    ]


async def _parent(door: Door, id: str | None) -> int | None:
    if id is not None:
        scope, number = await scope_of(door, id)
        if scope is not Scope.NODE:
            raise NotFound(kind="node")
        return number
    site = (await door.directory()).site
    return None if site is None else site.id
