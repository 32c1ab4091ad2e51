"""One transaction of accounting: claim dirty ranges, recompute, write, pass upward.

Claim and result are committed together, so a crash loses nothing and doubles nothing. A project is
accounted by one worker at a time (a transaction's advisory lock), because a node's bucket is a sum
over meters: two workers with one meter each would overwrite each other's sum. Other projects go on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.aggregation import counters
from backend.aggregation.calendar import AHEAD, BACK, PlantTime, keep_calendar, read_plant_time
from backend.aggregation.cells import Changed
from backend.aggregation.chunks import Chunk, DirtyRow, Stretch, newest
from backend.aggregation.metering import (
    Register,
    instant,
    read_registers,
    recompute_stretches,
    write_judgements,
)
from backend.aggregation.nodes import cells_above, read_terms, write_nodes
from backend.aggregation.periods import read_calendar
from backend.aggregation.pricing import read_pricing
from backend.aggregation.quarters import holes_of, quarters_of, write_quarters
from backend.aggregation.regroup import regroup
from backend.aggregation.rollup import Scope, roll_up
from backend.aggregation.shift_rows import keep_shifts
from backend.aggregation.tariff import TariffError, keep_slots
from backend.aggregation.versions import keeping
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
SETTLING: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Done:
    """What one transaction did. `busy`: another worker holds the project; `rows`: claimed."""

    busy: bool = False
    rows: int = 0
    more: bool = False
    changed: bool = False
    newest: datetime | None = None


async def account(tx: WriteSession, project_id: int, now: datetime, span: timedelta) -> Done:
    """Account the newest dirty stretch of each register, none longer than `span`.

    Without a backlog it sums a bite of what was regrouped anew.
    """
    if not await tx.fetch_value(
        "SELECT pg_try_advisory_xact_lock(%s, %s)", (LOCK, project_id), into=bool
    ):
        return Done(busy=True)
    await tx.execute(_BY_INDEX)
    rows = await _claimed(tx, project_id)
    if not rows:
        regrouped = await regroup(tx, project_id, pass_upward, now)
        return Done(more=regrouped, changed=regrouped)
    chunk = newest(rows, span // timedelta(microseconds=1))
    await _consume(tx, project_id, chunk)
    registers = await read_registers(tx, project_id, [one.point for one in chunk.stretches])
    changed = await _write(tx, project_id, registers, chunk.stretches, now)
    more = len(rows) > len(chunk.finished)
    regrouped = not more and await regroup(tx, project_id, pass_upward, now)
    return Done(
        rows=len(rows),
        more=more or regrouped,
        changed=changed or regrouped,
        newest=instant(max(one.last for one in chunk.stretches)),
    )


async def _claimed(tx: WriteSession, project_id: int) -> list[DirtyRow]:
    found = await tx.fetch_tuples(
        "SELECT id, point_id, (extract(epoch FROM first_ts) * 1000000)::bigint,"
        " (extract(epoch FROM last_ts) * 1000000)::bigint FROM dirty WHERE project_id = %s"
        " ORDER BY last_ts DESC LIMIT %s FOR UPDATE SKIP LOCKED",
        (project_id, CLAIM),
    )
    return [DirtyRow(*row) for row in found]


async def _consume(tx: WriteSession, project_id: int, chunk: Chunk) -> None:
    await tx.execute(
        "DELETE FROM dirty WHERE project_id = %s AND id = ANY(%s)", (project_id, chunk.finished)
    )
    if chunk.shortened:
        ids, ends = zip(*chunk.shortened, strict=True)
        await tx.execute(
            "UPDATE dirty d SET last_ts = s.last_ts FROM unnest(%s::bigint[], %s::timestamptz[])"
            " AS s (id, last_ts) WHERE d.project_id = %s AND d.id = s.id",
            (list(ids), [instant(end) for end in ends], project_id),
        )


async def _write(
    tx: WriteSession,
    project_id: int,
    registers: dict[int, Register],
    stretches: Sequence[Stretch],
    now: datetime,
) -> bool:
    """Recompute and write; answer whether any account changed."""
    done = await recompute_stretches(tx, project_id, registers, stretches)
    if not done:
        return False
    counters.stretches.inc(len(done))
    counters.buckets.inc(sum(len(result.buckets) for _, result in done))
    await write_judgements(tx, project_id, done)
    first = instant(min(result.low for _, result in done))
    last = instant(max(result.high for _, result in done))
    pricing = await read_pricing(tx, project_id, first, last)
    meters = sorted({meter for register, _ in done for meter in register.meters})
    async with keeping(tx, project_id, meters, first, last):
        quarters, holes = quarters_of(done), holes_of(done)
        changed = await write_quarters(tx, project_id, quarters, holes, pricing, now)
        if changed.cells:
            await pass_upward(tx, project_id, changed, (first, last), now)
    return bool(changed.cells)


async def pass_upward(
    tx: WriteSession,
    project_id: int,
    changed: Changed,
    span: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Pass changed quarter hours of meters, all within `span`, to every account above them."""
    plant = await read_plant_time(tx, project_id)
    await keep_calendar(tx, project_id, plant, *span)
    await keep_shifts(tx, project_id, plant, *span)
    terms = await read_terms(tx, project_id)
    calendar = await read_calendar(tx, project_id, terms, *span)
    await roll_up(tx, project_id, Scope.METER, changed, calendar, now)
    above = cells_above(changed.cells, terms)
    nodes = await write_nodes(tx, project_id, above, vanished=changed.vanished, now=now)
    await roll_up(tx, project_id, Scope.NODE, nodes, calendar, now)


async def mark_dirty(
    tx: WriteSession, project_id: int, energy: str, first: datetime, last: datetime
) -> int:
    """Have all accounts of an energy recomputed in [first, last]: a price or a factor changed."""
    return await tx.execute(
        "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
        " SELECT DISTINCT %(project)s, p.id, %(first)s::timestamptz, %(last)s::timestamptz"
        " FROM meter m JOIN point p ON p.project_id = %(project)s"
        " AND p.device_id = m.device_id AND p.name = m.register_name"
        " WHERE m.project_id = %(project)s AND m.energy = %(energy)s",
        {"project": project_id, "energy": energy, "first": first, "last": last},
    )


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


async def count_waiting(tx: ReadSession, project_id: int) -> int:
    """Answer how many dirty ranges wait."""
    return (
        await tx.fetch_value(
            "SELECT count(*) FROM dirty WHERE project_id = %s", (project_id,), into=int
        )
        or 0
    )
