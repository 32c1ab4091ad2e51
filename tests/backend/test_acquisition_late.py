"""Samples older than the hot window: acknowledged, on their way once, then in their days."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

from backend.acquisition.bulk_import import import_path
from backend.acquisition.cold import compact, join_late
from backend.core.platform import Platform
from backend.service.gateways.gaps import GapRow, Span, gap_ledger
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    make_gateway,
    sample,
    until_leased,
    working,
)
from tests.backend.plant_accounts import Plant, every
from tests.backend.test_acquisition_import import HEADER
from tests.postgres import NOW, MakeProject

DAY = timedelta(days=1)
DAY_MS = 86_400_000


async def test_a_gateway_back_after_months_is_acknowledged_and_its_days_are_whole(
    platform: Platform, broker: RunningBroker, make_project: MakeProject
) -> None:
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    tenant = await make_project("a")
    gateway = await make_gateway(wired.database, tenant, "g1", "secret of a")
    old = NOW_MS - 100 * DAY_MS
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        for record in (1, 2):
            edge.send(
                sample(1, old, 5.0), sample(1, old + 900_000, 6.0), sample(1, NOW_MS, 9.0),
                record=record,
            )  # fmt: skip
        await edge.until_committed(1, 2)
    async with wired.database.project(tenant.id) as tx:
        moved = await join_late(tx, tenant.id)
    assert (moved.samples, moved.more) == (2, False)
    async with wired.database.read(tenant.id) as tx:
        assert await tx.fetch_tuples(
            "SELECT day, count, base, divisor, values_2 FROM reading_day WHERE project_id = %s",
            (tenant.id,),
        ) == [((NOW - 100 * DAY).date(), 2, 5, 1.0, [0, 1])]
        assert await tx.fetch_tuples("SELECT value FROM reading") == [(9.0,)]
        dirty = await tx.fetch_tuples("SELECT DISTINCT first_ts, last_ts FROM dirty ORDER BY 1")
    assert (NOW - 100 * DAY, NOW - 100 * DAY + timedelta(minutes=15)) in dirty


async def test_a_file_of_old_readings_becomes_arrays_once(
    platform: Platform, make_project: MakeProject, tmp_path: Path
) -> None:
    tenant = await make_project("a")
    await make_gateway(platform.database, tenant, "g1", "y")
    rows = [[7, NOW_MS - n * DAY_MS // 4, 100.0 - n / 4, 0] for n in range(400 * 4)]
    file = tmp_path / "years.ndjson"
    file.write_text("\n".join(json.dumps(row) for row in (HEADER, *rows)) + "\n")
    for new in (1600, 0):
        job = await import_path(platform, file, "a")
        assert (job.state, job.rows_done, job.rows_new, job.rows_rejected) == ("done", 1600, new, 0)
    async with platform.database.read(tenant.id) as tx:
        found = await tx.fetch_tuples(
            "SELECT (SELECT count(*) FROM reading), (SELECT sum(count) FROM reading_day)"
        )
    # 35 whole days before today's midnight, today's readings at 04:00 and the first of midnight.
    assert found == [(35 * 4 + 1, 1600 - 35 * 4 - 1)]


async def test_the_gap_ledger_sees_compacted_days(
    platform: Platform, make_project: MakeProject
) -> None:
    plant = Plant(platform.database, await make_project("a"))
    await make_gateway(platform.database, plant.tenant, "g1", "y")
    meter = await plant.meter()
    start = (NOW - 50 * DAY).replace(hour=0)
    rows = every(start, timedelta(minutes=15), [float(n) for n in range(96)])
    await plant.store(meter, [row for n, row in enumerate(rows) if not 30 <= n < 37])

    async def ledger() -> list[GapRow]:
        async with platform.database.read(plant.project) as tx:
            return list(await gap_ledger(tx, plant.project, Span(start, start + DAY), NOW))

    before = await ledger()
    assert sum(row.missing for row in before) == 7
    assert await compact(platform.database, plant.project, NOW) == 89
    assert await ledger() == before
