"""Tariff registers against their total: what one count explains, and what it does not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.acquisition.cold import compact
from backend.core.db import Database
from backend.service.registers.judged import Judged, band_judgements
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import MakeProject

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FIRST = datetime(2026, 3, 9, 16, tzinfo=UTC)
"""Midnight in Shanghai, the begin of Tuesday the 10th."""
NOW = FIRST + 3 * DAY + HOUR


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def with_bands(plant: Plant) -> tuple[Metered, dict[str, Metered]]:
    """A meter with a total and two tariff registers of a tenth of a kWh."""
    meter = await plant.meter(resolution=0.1, max_gap_s=3600)
    bands = {}
    for name in ("ep_imp_peak", "ep_imp_valley", "ep_exp", "ep_imp_other"):
        point = await plant.one(
            "INSERT INTO point (project_id, device_id, name, kind, unit, resolution, max_gap_s)"
            " SELECT %s, device_id, %s, 'register', 'kWh', 0.1, 3600 FROM point WHERE id = %s"
            " RETURNING id",
            name,
            meter.point,
        )
        bands[name] = Metered(meter.id, point)
    return meter, bands


async def judged(plant: Plant, meter: Metered) -> list[Judged]:
    """What is told of the meter's last days."""
    async with plant.database.read(plant.project) as tx:
        return await band_judgements(tx, plant.project, meter.id, NOW)


@pytest.mark.parametrize("compacted", [False, True])
async def test_days_whose_bands_are_not_the_total_are_told(plant: Plant, compacted: bool) -> None:
    meter, bands = await with_bands(plant)
    hours = range(3 * 24 + 1)
    await plant.store(meter, every(FIRST, HOUR, [100.0 + 1.0 * h for h in hours]))
    # Half of it each; on the second day the valley register stands still for five hours.
    peak = [10.0 + 0.5 * h for h in hours]
    valley = [20.0 + 0.5 * (h if h < 30 else max(30, h - 5)) for h in hours]
    await plant.store(bands["ep_imp_peak"], every(FIRST, HOUR, peak))
    await plant.store(bands["ep_imp_valley"], every(FIRST, HOUR, valley))
    await plant.store(bands["ep_exp"], every(FIRST, HOUR, [7.0 * h for h in hours]))
    await plant.store(bands["ep_imp_other"], every(FIRST, HOUR, [9.0 * h for h in hours]))
    if compacted:
        assert await compact(plant.database, plant.project, NOW + 60 * DAY) == 5 * 73
    assert await judged(plant, meter) == [
        Judged(
            "bands",
            FIRST + DAY,
            FIRST + 2 * DAY,
            Decimal(24),
            Decimal("21.5"),
            Decimal("2.5"),
            "kWh",
        )
    ]


async def test_one_count_of_each_register_is_no_mismatch(plant: Plant) -> None:
    meter, bands = await with_bands(plant)
    await plant.store(meter, [(FIRST, 100.0), (FIRST + DAY, 100.5), (FIRST + 2 * DAY, 101.1)])
    # 0.3 less on the first day (three registers), 0.4 on the second.
    await plant.store(
        bands["ep_imp_peak"], [(FIRST, 0.0), (FIRST + DAY, 0.1), (FIRST + 2 * DAY, 0.2)]
    )
    await plant.store(
        bands["ep_imp_valley"], [(FIRST, 0.0), (FIRST + DAY, 0.1), (FIRST + 2 * DAY, 0.2)]
    )
    assert [(one.start, one.added) for one in await judged(plant, meter)] == [
        (FIRST + DAY, Decimal("0.4"))
    ]


async def test_a_wrap_is_followed_and_what_is_not_covered_is_not_judged(plant: Plant) -> None:
    meter, bands = await with_bands(plant)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE point SET modulus = 1000 WHERE project_id = %s AND id = %s",
            (plant.project, meter.point),
        )
    await plant.store(meter, [(FIRST, 999.0), (FIRST + DAY, 1.0), (FIRST + 2 * DAY, 9.0)])
    await plant.store(bands["ep_imp_peak"], [(FIRST, 5.0), (FIRST + DAY, 7.0)])
    assert await judged(plant, meter) == []
    await plant.store(bands["ep_imp_valley"], [(FIRST + DAY, 0.0), (FIRST + 2 * DAY, 0.0)])
    assert await judged(plant, meter) == []
    lonely = await plant.meter()
    await plant.store(lonely, every(FIRST, DAY, [1.0, 2.0, 3.0]))
    assert await judged(plant, lonely) == []
