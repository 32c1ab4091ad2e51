"""What stands on quarter hours of meters: their longer periods, virtual meters, and nodes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from backend.aggregation.calendar import keep_calendar, read_plant_time
from backend.aggregation.cells import QUARTER_S, Cell, Changed
from backend.aggregation.keeper import Keeper
from backend.aggregation.metering import instant
from backend.aggregation.nodes import Term, cells_above, read_terms, write_nodes
from backend.aggregation.periods import Calendar, read_calendar
from backend.aggregation.pricing import read_pricing
from backend.aggregation.quarters import write_quarters
from backend.aggregation.rollup import LEVELS, Levels, Scope, clear_foreign, roll_up
from backend.aggregation.shift_rows import keep_shifts
from backend.aggregation.stale import MICROS, Pending
from backend.aggregation.virtual import Formulas, Virtual, compute, read_formulas, read_rows
from backend.core.db import WriteSession


@dataclass(frozen=True, slots=True)
class Above:
    """What a project has above the quarter hours of some meters, for a stretch of time."""

    project_id: int
    now: datetime
    span: tuple[datetime, datetime]
    formulas: Formulas
    terms: Mapping[int, Sequence[Term]]
    calendar: Calendar
    levels: Levels
    keep: Keeper


def span_of(cells: Iterable[Cell]) -> tuple[datetime, datetime] | None:
    """Answer the stretch that holds all these quarter hours; None without any."""
    starts = {start for _, _, start, _ in cells}
    if not starts:
        return None
    return instant(min(starts) * MICROS), instant((max(starts) + QUARTER_S) * MICROS)


async def look_up(
    tx: WriteSession,
    project_id: int,
    meters: Iterable[int],
    span: tuple[datetime, datetime],
    now: datetime,
    keep: Keeper,
    levels: Levels = LEVELS,
) -> Above:
    """Answer what stands above some meters within a stretch, up to the periods of `levels`."""
    plant = await read_plant_time(tx, project_id)
    await keep_calendar(tx, project_id, plant, *span)
    await keep_shifts(tx, project_id, plant, *span)
    formulas = await read_formulas(tx, project_id)
    terms = await read_terms(tx, project_id, {*meters, *(one.meter.id for one in formulas.ordered)})
    calendar = await read_calendar(tx, project_id, terms, *span)
    return Above(project_id, now, span, formulas, terms, calendar, levels, keep)


async def raise_meters(tx: WriteSession, above: Above, changed: Changed, pending: Pending) -> None:
    """Sum changed quarter hours of meters up; what stands on them is pending."""
    if not changed.cells:
        return
    await _roll_up(tx, above, Scope.METER, changed)
    pending.add(Scope.METER, above.formulas.above(changed.cells))
    pending.add(Scope.NODE, cells_above(changed.cells, above.terms))
    pending.vanished |= changed.vanished


async def _roll_up(tx: WriteSession, above: Above, scope: Scope, changed: Changed) -> None:
    await roll_up(
        tx,
        above.project_id,
        scope,
        changed,
        above.calendar,
        above.now,
        above.keep,
        above.levels,
    )


async def make_pending(tx: WriteSession, above: Above, pending: Pending) -> None:
    """Compute virtual meters, each after those it is over, then sum nodes."""
    for _, virtuals in groupby(above.formulas.ordered, key=lambda one: one.depth):
        await _compute(tx, above, list(virtuals), pending)
    await _again(tx, above, pending)
    nodes = await write_nodes(
        tx,
        above.project_id,
        pending.cells[Scope.NODE],
        vanished=pending.vanished,
        now=above.now,
        keep=above.keep,
    )
    await _roll_up(tx, above, Scope.NODE, nodes)
    for scope in Scope:
        mine = [one for one in pending.whole if one.whose.scope == scope]
        await clear_foreign(tx, above.project_id, scope, mine, above.calendar, above.keep)


async def _compute(
    tx: WriteSession, above: Above, virtuals: Sequence[Virtual], pending: Pending
) -> None:
    wanted = _starts(pending.cells[Scope.METER], {one.meter.id for one in virtuals})
    if not wanted:
        return
    rows = await read_rows(tx, above.project_id, virtuals, wanted)
    quarters, holes = compute(virtuals, wanted, rows)
    pricing = await read_pricing(tx, above.project_id, *above.span)
    written = await write_quarters(
        tx, above.project_id, quarters, holes, pricing, above.now, above.keep
    )
    again = {cell for cell in pending.cells[Scope.METER] if cell.scope_id in wanted}
    again = {cell for cell in again if pending.is_whole(Scope.METER, cell)}
    changed = Changed(written.cells | again, written.vanished or bool(again))
    await raise_meters(tx, above, changed, pending)


async def _again(tx: WriteSession, above: Above, pending: Pending) -> None:
    """Sum the periods of other meters again: their quarter hours stand."""
    virtual = {one.meter.id for one in above.formulas.ordered}
    cells = {cell for cell in pending.cells[Scope.METER] if cell.scope_id not in virtual}
    if cells:
        changed = Changed(cells, vanished=True)
        await _roll_up(tx, above, Scope.METER, changed)


def _starts(cells: Iterable[Cell], meters: set[int]) -> dict[int, set[int]]:
    starts: dict[int, set[int]] = {}
    for cell in cells:
        if cell.scope_id in meters:
            starts.setdefault(cell.scope_id, set()).add(cell.start)
    return starts
