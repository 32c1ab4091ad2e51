"""One transaction of accounting: claim dirty ranges, recompute, write, pass upward.

Claim and result are committed together, so a crash loses nothing and doubles nothing. A project is
accounted by one worker at a time (a transaction's advisory lock), because a node's bucket is a sum
over meters: two workers with one meter each would overwrite each other's sum. Other projects go on.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.aggregation import counters
from backend.aggregation.calendar import AHEAD, BACK, PlantTime, keep_calendar, read_plant_time
from backend.aggregation.cells import Changed
from backend.aggregation.chunks import Chunk, DirtyRow, newest
from backend.aggregation.dirty import mark_points
from backend.aggregation.keeper import EVERY, Keeper, keeper
from backend.aggregation.mapping import points_of
from backend.aggregation.metering import (
    instant,
    read_registers,
    recompute_stretches,
    shared_out,
    write_judgements,
)
from backend.aggregation.pricing import read_pricing
from backend.aggregation.progress import count_rows, debounced
from backend.aggregation.quarters import holes_of, quarters_of, write_quarters
from backend.aggregation.regroup import regroup
from backend.aggregation.rollup import LEVELS, Levels, Scope
from backend.aggregation.shift_rows import keep_shifts
from backend.aggregation.stale import Claimed, Pending, claim, mark_again, put
from backend.aggregation.tariff import TariffError, keep_slots
from backend.aggregation.upward import look_up, make_pending, raise_meters, span_of
from backend.aggregation.waiting import consume
from backend.core.db import ReadSession, WriteSession

log = logging.getLogger(__name__)

LOCK: Final = 0x6B77
"""Class of the advisory lock "accounts of this project"."""
CLAIM: Final = 2_000
"""Dirty rows looked at in one transaction, the newest first."""
_BY_INDEX: Final = (
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY["
    "'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit']) AS name"
)
"""Every join of accounting is a few keys against a table by its primary key. A planner without
fresh statistics (the first minutes of an import) would scan whole tables for each of them.
"""
NODES: Final = 4
"""How much longer stretches of nodes are than those of registers: a node's hour costs less."""
SETTLING: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What for accounts are made: which periods are summed, and which of them are kept.

    Kept is what is replaced while a version is being applied.
    """

    levels: Levels = LEVELS
    kept: Collection[int] = EVERY


FOR_GOOD: Final = Purpose()


@dataclass(frozen=True, slots=True)
class Done:
    """What one transaction did. `busy`: another worker holds the project; `rows`: claimed;
    `stretches` of registers were recomputed, `buckets` quarter hours in them.
    """

    busy: bool = False
    rows: int = 0
    stretches: int = 0
    buckets: int = 0
    more: bool = False
    changed: bool = False
    newest: datetime | None = None


async def account(
    tx: WriteSession,
    project_id: int,
    now: datetime,
    span: timedelta,
    purpose: Purpose = FOR_GOOD,
) -> Done:
    """Account the newest dirty stretch of each register, none longer than `span`.

    Virtual meters and nodes follow in the same transaction, but under a backlog only when what
    waits of them has waited long enough. Without a backlog it sums a bite of what was regrouped.
    """
    if not await tx.fetch_value(
        "SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK, project_id), into=bool
    ):
        return Done(busy=True)
    await tx.execute(_BY_INDEX)
    keep = await keeper(tx, project_id, purpose.kept)
    rows = await _claimed(tx, project_id)
    chunk = newest(rows, span // timedelta(microseconds=1)) if rows else Chunk()
    changed, buckets = await _recomputed(tx, project_id, chunk, keep, now)
    more = len(rows) > len(chunk.finished)
    held = more and not await debounced(tx, project_id)
    pending = Pending()
    taken = Claimed() if held else await claim(tx, project_id, pending, NODES * span)
    await _pass(tx, project_id, pending, changed, keep, held=held, now=now, levels=purpose.levels)
    more = more or taken.more
    regrouped = not (more or keep.applying) and await regroup(tx, project_id, pass_upward, now)
    return Done(
        rows=len(rows) + taken.rows,
        stretches=len(chunk.stretches),
        buckets=buckets,
        more=more or regrouped,
        changed=bool(changed.cells) or taken.rows > 0 or regrouped,
        newest=instant(max(one.last for one in chunk.stretches)) if rows else None,
    )


async def _claimed(tx: WriteSession, project_id: int) -> list[DirtyRow]:
    found = await tx.fetch_tuples(
        "SELECT id, point_id, (extract(epoch FROM first_ts) * 1000000)::bigint,"
        " (extract(epoch FROM last_ts) * 1000000)::bigint FROM dirty WHERE project_id = %s"
        " ORDER BY last_ts DESC LIMIT %s FOR UPDATE SKIP LOCKED",
        (project_id, CLAIM),
    )
    return [DirtyRow(*row) for row in found]


async def _recomputed(
    tx: WriteSession, project_id: int, chunk: Chunk, keep: Keeper, now: datetime
) -> tuple[Changed, int]:
    """Recompute and write the quarter hours of registers; answer also how many."""
    if not chunk.stretches:
        return Changed(set(), vanished=False), 0
    await consume(tx, project_id, "dirty", chunk)
    registers = await read_registers(tx, project_id, [one.point for one in chunk.stretches])
    done = await recompute_stretches(tx, project_id, registers, chunk.stretches)
    if not done:
        return Changed(set(), vanished=False), 0
    counters.stretches.inc(len(done))
    buckets = sum(len(result.buckets) for _, result in done)
    counters.buckets.inc(buckets)
    await count_rows(tx, project_id, buckets)
    await write_judgements(tx, project_id, done)
    first = instant(min(result.low for _, result in done))
    last = instant(max(result.high for _, result in done))
    pricing = await read_pricing(tx, project_id, first, last)
    shared = shared_out(done)
    parts = quarters_of(shared), holes_of(shared)
    return await write_quarters(tx, project_id, *parts, pricing, now, keep), buckets


async def _pass(
    tx: WriteSession,
    project_id: int,
    pending: Pending,
    changed: Changed,
    keep: Keeper,
    *,
    held: bool,
    now: datetime,
    levels: Levels,
) -> None:
    """Pass on what changed and what is pending; `held`: virtual meters and nodes wait."""
    meters, nodes = pending.cells[Scope.METER], pending.cells[Scope.NODE]
    span = span_of(changed.cells | meters | nodes)
    if span is None:
        return
    counted = {cell.scope_id for cell in changed.cells | meters}
    above = await look_up(tx, project_id, counted, span, now, keep, levels)
    await raise_meters(tx, above, changed, pending)
    if held:
        await put(tx, project_id, pending.spans())
    else:
        await make_pending(tx, above, pending)


async def pass_upward(
    tx: WriteSession,
    project_id: int,
    changed: Changed,
    span: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Pass changed quarter hours of meters, all within `span`, to every account above, at once.

    For meters that no register feeds. The caller holds the project's accounts (LOCK).
    """
    pending = Pending()
    keep = await keeper(tx, project_id)
    counted = {cell.scope_id for cell in changed.cells}
    above = await look_up(tx, project_id, counted, span, now, keep)
    await raise_meters(tx, above, changed, pending)
    await make_pending(tx, above, pending)


async def mark_dirty(
    tx: WriteSession, project_id: int, energy: str, first: datetime, last: datetime
) -> int:
    """Have all accounts of an energy recomputed in [first, last]: a price or a factor changed."""
    found = await tx.fetch_tuples(
        "SELECT id, source FROM meter WHERE project_id = %s AND energy = %s", (project_id, energy)
    )
    virtual = [meter for meter, source in found if source == "virtual"]
    if virtual:
        await mark_again(tx, project_id, 1, virtual, first, last)
    points = await points_of(tx, project_id, [meter for meter, _ in found])
    await mark_points(tx, project_id, points, first, last)
    return len(points)


async def keep_ahead(tx: WriteSession, project_id: int, now: datetime) -> None:
    """Have calendar, shifts and prices around `now`; what was priced otherwise is recomputed."""
    plant = await read_plant_time(tx, project_id)
    await keep_calendar(tx, project_id, plant, now - BACK, now + AHEAD)
    await keep_shifts(tx, project_id, plant, now - BACK, now + AHEAD)
    for energy, (first, last) in (await _slots(tx, project_id, plant, now)).items():
        if first <= now:
            await mark_dirty(tx, project_id, energy, first, min(last + SETTLING, now))


async def _slots(
    tx: WriteSession, project_id: int, plant: PlantTime, now: datetime
) -> dict[str, tuple[datetime, datetime]]:
    start, end = (plant.start_of(plant.day_of(at)) for at in (now - BACK, now + AHEAD))
    try:
        return await keep_slots(tx, project_id, plant.zone, start, end)
    except TariffError as error:
        log.error("Project %s has no prices until its tariff is put right: %s", project_id, error)  # noqa: TRY400 - the sentence says all
        return {}


async def tariffs_seen(tx: ReadSession, project_id: int) -> str:
    """Answer a mark that changes with the project's tariffs and with its local day."""
    found = await tx.fetch_value(
        "SELECT coalesce(string_agg(md5(t::text), ',' ORDER BY t.id), '') FROM tariff t"
        " WHERE t.project_id = %s",
        (project_id,),
        into=str,
    )
    return found or ""
