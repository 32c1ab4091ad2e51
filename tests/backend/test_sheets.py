"""Reading sheets on a real PostgreSQL: what they add up to is what the account says."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.reading_sheet import Why
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, Sheet, read_sheet
from backend.core.db import Database
from tests.backend.plant_accounts import DAY, Plant, every
from tests.postgres import MakeProject

KWH = 10**6
MIN = timedelta(minutes=1)
START = datetime.fromisoformat("2026-03-08T00:00:00+08:00")


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def sheet(plant: Plant, scope: Scope, scope_id: int, period: Period, at: datetime) -> Sheet:
    """The sheet of the account that begins at an instant."""
    async with plant.database.read(plant.project) as tx:
        [(start, end)] = await tx.fetch_tuples(
            "SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %s AND period = %s"
            " AND start_ts = %s",
            (plant.project, int(period), at),
        )
        asked = Asked(scope, scope_id, "electricity", period, start, end)
        return await read_sheet(tx, plant.project, asked)


async def test_every_sheet_of_a_random_history_is_its_account(plant: Plant) -> None:
    random = Random(3)
    meter = await plant.meter(resolution=0.01, modulus=1000, nameplate=100)
    rows, value, at, reset = [], 950.0, START + 7 * MIN, START + 60 * 60 * MIN
    while at < START + 5 * DAY:
        value = (value + random.uniform(0, 6)) % 1000
        if at > reset:
            value, reset = 20.0, START + 9 * DAY
        rows.append((at, value if random.random() > 0.02 else value * 0.5))
        at += random.choice((MIN, 15 * MIN, 15 * MIN, 200 * MIN))
    await plant.store(meter, rows)
    async with plant.database.project(plant.project) as tx:
        for kind, first, last, factor in (
            ("ratio", START + DAY + 7 * MIN, START + 2 * DAY, "4/3"),
            ("exclude", START + 3 * DAY, START + 3 * DAY + 50 * MIN, None),
        ):
            await tx.execute(
                "INSERT INTO register_event (project_id, point_id, ts, until_ts, kind, factor,"
                " recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (plant.project, meter.point, first, last, kind, factor, START),
            )
    await plant.settle()
    seen: set[Why] = set()
    for period in (Period.HOUR, Period.DAY, Period.MONTH):
        for start, qty, estimated, _ in await plant.accounts(1, meter.id, period):
            found = await sheet(plant, Scope.METER, meter.id, period, start)
            assert found.register is not None
            assert found.register.total == qty
            assert found.account is not None
            assert (found.account.qty, found.account.estimated_qty) == (qty, estimated)
            seen |= {one.why for one in found.register.adjustments}
            seen |= {one.why for one in found.register.remarks}
    assert seen >= {Why.WRAP, Why.RESET, Why.RATIO, Why.EXCLUDED, Why.ESTIMATED}


async def test_a_nodes_sheet_lists_its_terms(plant: Plant) -> None:
    one, two = await plant.meter(), await plant.meter()
    node = await plant.node({one: 1, two: -1})
    for meter, step in ((one, 1.0), (two, 0.3)):
        await plant.store(meter, every(START, 15 * MIN, [100 + i * step for i in range(97)]))
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE node_meter SET coefficient = -0.5, valid_from = %s WHERE project_id = %s"
            " AND node_id = %s AND meter_id = %s",
            (START + DAY / 2, plant.project, node, two.id),
        )
    await plant.settle()
    found = await sheet(plant, Scope.NODE, node, Period.DAY, START)
    assert found.register is None
    assert [(t.meter_id, t.coefficient, t.end - t.start, t.qty) for t in found.terms] == [
        (one.id, Decimal(1), DAY, 96 * KWH),
        (two.id, Decimal("-0.5"), DAY / 2, 48 * 3 * KWH // 10),
    ]
    assert found.account is not None
    assert found.account.qty == 96 * KWH - 24 * 3 * KWH // 10
    assert found.rounding == 0
