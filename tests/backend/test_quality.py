"""Data quality of accounts on a real PostgreSQL: five shares with their counts, and stretches."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from backend.core.db import Database
from backend.core.errors import InvalidInput
from backend.core.ids import new_uuid
from backend.service.quality.measured import Found, measured
from backend.service.quality.score import Aspect, Share, score
from backend.service.quality.stretches import Cause, Gap, Stretch
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.postgres import NOW, MakeProject

QUARTER = timedelta(minutes=15)
START = datetime(2026, 3, 12, 16, tzinfo=UTC)
"""Midnight of 13 March in Shanghai."""
END = START + DAY


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def known_since(plant: Plant, moment: datetime) -> None:
    """The platform has known all devices since then."""
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE device SET uid = %s WHERE project_id = %s", (new_uuid(moment), plant.project)
        )


async def found(plant: Plant, *meters: Metered, end: datetime = END, now: datetime = NOW) -> Found:
    async with plant.database.read(plant.project) as tx:
        return await measured(tx, plant.project, [m.id for m in meters], START, end, now)


async def test_a_day_with_a_gap_a_held_register_and_a_balance(plant: Plant) -> None:
    whole, part, other = [await plant.meter() for _ in range(3)]
    await known_since(plant, START)
    site = await plant.node({whole: 1})
    await plant.node({part: 1}, site)
    await plant.node({other: 1}, site)
    before = every(START - DAY, QUARTER, [float(n) for n in range(96)])
    for meter, each in ((whole, 10), (part, 6), (other, 4)):
        values = [200.0 + each * n for n in range(97)]
        if meter is part:  # two hours of silence
            rows = [r for n, r in enumerate(every(START, QUARTER, values)) if not 40 < n < 48]
        else:
            rows = every(START, QUARTER, values)
        await plant.store(meter, [*before, *rows])
    await plant.settle()
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET calibrated_until = %s WHERE project_id = %s AND id = %s",
            (date(2026, 12, 31), plant.project, part.id),
        )
        # The history came late: all but the last four quarter hours were accounted after an hour.
        await tx.execute(
            "UPDATE account SET updated_at = end_ts WHERE project_id = %s AND start_ts >= %s",
            (plant.project, END - 4 * QUARTER),
        )
    seen = await found(plant, part, other)
    assert [one.meter_id for one in seen.meters] == [part.id, other.id]
    assert seen.meters[0].shares == {
        Aspect.COMPLETENESS: Share(86_400 - 7_200, 86_400),
        Aspect.TIMELINESS: Share(4, 96),
        Aspect.PLAUSIBLE: Share(96, 96),
        Aspect.CALIBRATION: Share(1, 1),
        Aspect.BALANCE: Share(1, 1),
    }
    assert score(seen.meters[0].shares) == Decimal("77.5")
    assert seen.meters[1].shares[Aspect.CALIBRATION] == Share(0, 1)
    assert seen.stretches == [Stretch(part.id, Gap.ESTIMATED, Cause.DEVICE, 40, 48)]
    assert seen.start == START


async def test_what_is_missing_counts_from_the_first_account_on(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START + 4 * QUARTER, QUARTER, [0.0, 1.0, 2.0]))
    await plant.settle()
    seen = await found(plant, meter, end=START + 10 * QUARTER)
    assert seen.meters[0].shares[Aspect.COMPLETENESS] == Share(1800, 6 * 900)
    assert seen.meters[0].shares[Aspect.BALANCE] == Share(0, 0)
    assert seen.stretches == [Stretch(meter.id, Gap.MISSING, Cause.DEVICE, 6, 10)]
    running = await found(plant, meter, now=START + 7 * QUARTER + timedelta(minutes=1))
    assert running.meters[0].shares[Aspect.COMPLETENESS] == Share(1800, 1800), "still settling"
    nothing = await found(plant, await plant.meter())
    assert nothing.meters[0].shares[Aspect.COMPLETENESS] == Share(0, 0)
    assert nothing.stretches == []


async def test_a_gap_of_more_than_5_percent_is_no_balance(plant: Plant) -> None:
    whole, part = await plant.meter(), await plant.meter()
    site = await plant.node({whole: 1})
    await plant.node({part: 1}, site)
    for meter, each in ((whole, 100), (part, 95)):
        await plant.store(meter, every(START, QUARTER, [0.0 + each * n for n in range(97)]))
    await plant.settle()
    assert (await found(plant, part)).meters[0].shares[Aspect.BALANCE] == Share(1, 1)
    await plant.delete(part, END, END)
    await plant.store(part, [(END, 95 * 96 - 1.0)])
    await plant.settle()
    assert (await found(plant, part, whole)).meters[0].shares[Aspect.BALANCE] == Share(0, 1)


async def test_a_balance_whose_part_has_no_figure_yet_says_nothing(plant: Plant) -> None:
    whole, part = await plant.meter(), await plant.meter()
    site = await plant.node({whole: 1})
    await plant.node({part: 1}, site)
    await plant.store(whole, every(START, QUARTER, [100.0 * n for n in range(97)]))
    await plant.settle()
    assert (await found(plant, whole)).meters[0].shares[Aspect.BALANCE] == Share(0, 0)


async def test_recorded_causes_and_planned_time(plant: Plant) -> None:
    meter = await plant.meter(nameplate=100)
    node = await plant.node({meter: 1})
    values = [10.0 * n for n in range(97)]
    values[20] = 5000.0
    await plant.store(meter, every(START, QUARTER, values))
    await plant.settle()
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO operating_state (project_id, uid, node_id, state, start_ts, end_ts,"
            " de_energised, created_at)"
            " VALUES (%s, gen_random_uuid(), %s, 'stop', %s, %s, true, %s)",
            (plant.project, node, START + 60 * QUARTER, START + 64 * QUARTER, NOW),
        )
        await tx.execute(
            "INSERT INTO register_event (project_id, point_id, ts, until_ts, kind, recorded_at)"
            " VALUES (%s, %s, %s, %s, 'exclude', %s)",
            (plant.project, meter.point, START + 30 * QUARTER, START + 31 * QUARTER, NOW),
        )
        await tx.execute(
            "UPDATE account SET quality = 4 WHERE project_id = %s AND scope = 1 AND period = 1"
            " AND start_ts = %s",
            (plant.project, START + 30 * QUARTER),
        )
    seen = await found(plant, meter)
    assert [one for one in seen.stretches if one.gap is not Gap.ESTIMATED] == [
        Stretch(meter.id, Gap.SUSPECT, Cause.EXCLUDED, 30, 31),
        Stretch(meter.id, Gap.PLANNED, None, 60, 64),
    ]
    # The spike was judged: its quarter hours and the suspect one are not plausible.
    judged = seen.meters[0].shares[Aspect.PLAUSIBLE]
    assert judged.denominator == 96
    assert judged.numerator == 94


async def test_a_gateway_whose_meters_are_all_silent_is_the_cause(plant: Plant) -> None:
    one, two, other = [await plant.meter() for _ in range(3)]
    silent = {one: range(10, 14), two: range(8, 12), other: range(0)}
    for meter, gone in silent.items():
        rows = every(START, QUARTER, [float(n) for n in range(97)])
        await plant.store(meter, [row for n, row in enumerate(rows) if n not in gone])
    await plant.settle()
    assert {one.cause for one in (await found(plant, one)).stretches} == {Cause.DEVICE}
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE device SET gateway_id = 2 WHERE project_id = %s AND slug = 'd3'",
            (plant.project,),
        )
    assert (await found(plant, one)).stretches == [
        Stretch(one.id, Gap.ESTIMATED, Cause.GATEWAY, 9, 12),
        Stretch(one.id, Gap.ESTIMATED, Cause.DEVICE, 12, 14),
    ]


async def test_a_question_has_bounds(plant: Plant) -> None:
    meter = await plant.meter()
    for end, code in ((START, "span_empty"), (START + 2500 * DAY, "span_too_long")):
        with pytest.raises(InvalidInput) as refused:
            await found(plant, meter, end=end, now=START + 3000 * DAY)
        assert refused.value.error_code == code


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        ("UPDATE account SET updated_at = start_ts WHERE project_id = %s", Share(96, 96)),
        ("UPDATE account SET quality = 3 WHERE project_id = %s", Share(0, 0)),
        ("UPDATE meter SET source = 'manual' WHERE project_id = %s", Share(0, 0)),
        ("UPDATE meter SET source = 'virtual' WHERE project_id = %s", Share(0, 96)),
        ("UPDATE meter SET device_id = NULL WHERE project_id = %s", Share(0, 0)),
    ],
)
async def test_only_what_a_device_tells_can_be_late(
    plant: Plant, changed: str, share: Share
) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START, QUARTER, [float(n) for n in range(97)]))
    await plant.settle()
    await known_since(plant, START)
    assert (await found(plant, meter)).meters[0].shares[Aspect.TIMELINESS] == Share(0, 96)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(changed.encode(), (plant.project,))
    assert (await found(plant, meter)).meters[0].shares[Aspect.TIMELINESS] == share


async def test_what_was_before_the_device_was_imported(plant: Plant) -> None:
    meter = await plant.meter()
    await plant.store(meter, every(START, QUARTER, [float(n) for n in range(97)]))
    await plant.settle()
    await known_since(plant, START + 90 * QUARTER + timedelta(seconds=1))
    assert (await found(plant, meter)).meters[0].shares[Aspect.TIMELINESS] == Share(0, 5)
