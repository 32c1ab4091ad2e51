"""Curves, rankings and the periods of the plant's calendar."""

from datetime import datetime
from decimal import Decimal

import orjson
import strawberry

from backend.aggregation import figures
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Curve
from backend.application.curves import Asked, Drawn, check_span, known_energy, read_curves, scope_of
from backend.application.graphql.context import Door
from backend.application.graphql.enums import Against, Measure, Period
from backend.application.graphql.figures import Figures
from backend.application.graphql.plant import Node
from backend.application.graphql.scalars import BigInt, Instants, Values, encode_instants
from backend.application.lengths import list_length
from backend.core.errors import InvalidInput, NotFound
from backend.service.plant.rows import SUPPLY

MOST_ROWS = 100


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
    scope: strawberry.ID | None = None
    total: Decimal | None = strawberry.field(
        default=None,
        description="The exact sum of the values, for powers and shares that of the whole span;"
        " null where nothing is known.",
    )
    low: Values | None = strawberry.field(
        default=None, description="The lowest step in each value, where `width` put steps together."
    )
    high: Values | None = None
    compared: "Series | None" = strawberry.field(
        default=None, description="What it is compared with, step by step."
    )

    @classmethod
    def drawn(cls, found: Drawn) -> "Series":
        """Answer a curve with its scope and what it is compared with."""
        answer = cls.of(found.curve, found.unit)
        answer.scope = strawberry.ID(found.scope)
        if found.compared is not None:
            answer.compared = cls.of(found.compared, found.unit)
        return answer

    @classmethod
    def of(cls, curve: Curve, unit: str) -> "Series":
        """Answer a curve that the database has encoded already."""
        calendar = curve.step_s is None
        return cls(
            total=curve.total,
            low=None if curve.lows is None else Values(orjson.Fragment(curve.lows)),
            high=None if curve.highs is None else Values(orjson.Fragment(curve.highs)),
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


@strawberry.input
class SeriesInput:
    """Which curves: of some nodes and meters, one energy and measure, in steps of one period."""

    scopes: list[strawberry.ID]
    energy: str
    period: Period
    start: datetime
    end: datetime
    measure: Measure = Measure.QUANTITY
    width: int | None = strawberry.field(
        default=None, description="At most so many values: whole steps are put together exactly."
    )
    compare: Against | None = None
    to_date: bool = strawberry.field(
        default=False, description="Leave out the step that still runs, on both sides."
    )
    as_of: BigInt | None = strawberry.field(
        default=None, description="As it was at a version of the accounts; null = now."
    )


async def list_series(door: Door, wanted: SeriesInput) -> list[Series]:
    """Answer curves of some nodes and meters, in the order asked for."""
    asked = Asked(
        scopes=wanted.scopes,
        energy=wanted.energy,
        measure=wanted.measure,
        period=wanted.period,
        start=wanted.start,
        end=wanted.end,
        width=wanted.width,
        compare=wanted.compare,
        to_date=wanted.to_date,
        as_of=wanted.as_of,
    )
    return [Series.drawn(found) for found in await read_curves(door, asked)]


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
    asked = Asked([scope], energy, measure, period, start, end, as_of=as_of)
    return Series.drawn((await read_curves(door, asked))[0])


async def read_periods(
    door: Door, period: Period, start: datetime, end: datetime
) -> list[CalendarPeriod]:
    """Answer business periods that touch [start, end), oldest first."""
    check_span(period, start, end)
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
    list_length(first, MOST_ROWS)
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
