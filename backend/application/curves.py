"""Curves for GraphQL and REST: what may be asked for, whose it is, and what it is compared with.

Both interfaces come through here, so that both see the same limits, the same authorisation (the
project's door) and the same figures. Any number of scopes is one statement for nodes, one for
meters, and as many again for what they are compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from backend.aggregation import series
from backend.aggregation.calendar import Period as Stored
from backend.aggregation.calendar import period_of, read_plant_time
from backend.aggregation.earlier import Against, back
from backend.aggregation.measures import Measure
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Curve, Span
from backend.application.graphql.context import Door, outside_uid
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from gateway.contract.energy import EnergyType, energy_types

MOST_POINTS = 40_000
MOST_VALUES = 400_000
MOST_SCOPES = 100
MOST_WIDTH = 4_000


class Period(Enum):
    """Lengths of accounts."""

    QUARTER = "QUARTER"
    HOUR = "HOUR"
    SHIFT = "SHIFT"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"

    @property
    def stored(self) -> Stored:
        """The number in the database."""
        return Stored.QUARTER_HOUR if self is Period.QUARTER else Stored[self.value]


@dataclass(frozen=True, slots=True)
class Asked:
    """Curves of some scopes over [start, end), at most `width` values each where it is given.

    `to_date` leaves out the step that still runs, on both sides of a comparison; `as_of` is a
    version of the accounts, None: as they are now.
    """

    scopes: Sequence[str]
    energy: str
    measure: Measure
    period: Period
    start: datetime
    end: datetime
    width: int | None = None
    compare: Against | None = None
    to_date: bool = False
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The curve of one scope (outside identity), and the one that it is compared with."""

    scope: str
    unit: str
    curve: Curve
    compared: Curve | None


def known_energy(code: str) -> EnergyType:
    """Answer an energy type; InvalidInput for a code there is none of."""
    found = energy_types().get(code)
    if found is None:
        raise InvalidInput("energy_unknown", energy=code[:40])
    return found


def unit_of(door: Door, energy: EnergyType, measure: Measure) -> str:
    """Answer the unit of a measure; a share has the unit 1."""
    units = {
        Measure.KGCE: "kgce",
        Measure.KGCO2: "kgCO2",
        Measure.COST: door.project.currency,
        Measure.POWER: _per_hour(energy.unit.code),
        Measure.MEASURED: "1",
    }
    return units.get(measure, energy.unit.code)


def _per_hour(unit: str) -> str:
    """Answer kW for kWh, m3/h for m3."""
    return unit.removesuffix("h") if unit.endswith("Wh") else f"{unit}/h"


async def scope_of(door: Door, id: str) -> tuple[Scope, int]:
    """Answer what an outside identity of a node or meter stands for; NotFound for any other."""
    directory = await door.directory()
    node, meter = outside_uid("node", id), outside_uid("mtr", id)
    if node is not None and node in directory.node_ids:
        return Scope.NODE, directory.node_ids[node]
    if meter is not None and meter in directory.meter_ids:
        return Scope.METER, directory.meter_ids[meter]
    raise NotFound(kind="scope")


def check_span(period: Period, start: datetime, end: datetime, scopes: int = 1) -> None:
    """Raise InvalidInput for a span that is empty or has too many steps."""
    if end <= start:
        raise InvalidInput("span_empty")
    seconds = {Period.QUARTER: 900, Period.HOUR: 3600}.get(period, 86_400)
    steps = (end - start).total_seconds() / seconds
    if steps > MOST_POINTS or steps * scopes > MOST_VALUES:
        raise InvalidInput("span_too_long", most=min(MOST_POINTS, MOST_VALUES // max(1, scopes)))


def _check(asked: Asked) -> None:
    if not 1 <= len(asked.scopes) <= MOST_SCOPES:
        raise InvalidInput("list_length", least=1, most=MOST_SCOPES)
    if asked.width is not None and not 1 <= asked.width <= MOST_WIDTH:
        raise InvalidInput("list_length", least=1, most=MOST_WIDTH)
    check_span(asked.period, asked.start, asked.end, len(asked.scopes))


async def read_curves(door: Door, asked: Asked) -> list[Drawn]:
    """Answer one curve a scope, in the order asked for. NotFound for a scope of nobody's."""
    energy = known_energy(asked.energy)
    _check(asked)
    places = {id: await scope_of(door, id) for id in asked.scopes}
    span = Span(
        scope=Scope.NODE,
        scope_id=0,
        energy=energy,
        measure=asked.measure,
        period=asked.period.stored,
        start=asked.start,
        end=asked.end,
        width=asked.width,
        as_of=asked.as_of,
    )
    now = door.process.platform.clock.now()
    compared: dict[tuple[Scope, int], Curve] = {}
    async with door.read() as tx:
        if asked.to_date:
            span = replace(span, end=await _last_end(tx, door.project.id, span, now))
        drawn = await _draw(tx, door.project.id, span, set(places.values()), now)
        if asked.compare is not None:
            plant = await read_plant_time(tx, door.project.id)
            step = back(plant, asked.start, asked.end, asked.compare)
            earlier = replace(span, start=step.of(plant, span.start), end=step.of(plant, span.end))
            compared = await _draw(tx, door.project.id, earlier, set(places.values()), now)
    unit = unit_of(door, energy, asked.measure)
    return [Drawn(id, unit, drawn[place], compared.get(place)) for id, place in places.items()]


async def _draw(
    tx: ReadSession, project_id: int, span: Span, places: set[tuple[Scope, int]], now: datetime
) -> dict[tuple[Scope, int], Curve]:
    drawn: dict[tuple[Scope, int], Curve] = {}
    for scope in Scope:
        ids = sorted(number for kind, number in places if kind is scope)
        if ids:
            found = await series.curves(tx, project_id, replace(span, scope=scope), ids, now)
            drawn |= {(scope, id): curve for id, curve in found.items()}
    return drawn


async def _last_end(tx: ReadSession, project_id: int, span: Span, now: datetime) -> datetime:
    """Answer where the last step of a span that is over by now ends."""
    if span.end <= now:
        return span.end
    running = await period_of(tx, project_id, span.period, now)
    return span.end if running is None else max(span.start, min(span.end, running[0]))
