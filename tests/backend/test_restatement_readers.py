"""While a version is being applied every reader sees the one before, as a whole."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, read_sheet
from backend.aggregation.stale import mark_again
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.service.balance.flows import Span
from backend.service.balance.node_balance import node_balance
from backend.service.plant.comprehensive import comprehensive
from backend.service.quality.balanced import read_verdicts
from backend.service.quality.measured import measured
from backend.service.quality.score import Aspect, Share
from backend.service.restatement.work import Step
from tests.backend.furnace import furnace, hours, keep
from tests.backend.restatement_desk import Desk, make_desk
from tests.postgres import NOW, MakePerson, MakeProject

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
async def desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant with a month's end in its readings, and two people."""
    return await make_desk(database, make_project, make_person)


async def read(desk: Desk, site: int, part: int) -> Mapping[str, object]:
    """What each reader says of 1 March."""
    project, meter = desk.plant.project, desk.meters[1]
    asked = Asked(Scope.NODE, part, "electricity", Period.DAY, MARCH, MARCH + DAY)
    async with desk.plant.database.read(project) as tx:
        balance = await node_balance(
            tx, project, Span(site, "electricity", MARCH, MARCH + DAY), NOW
        )
        sheet = await read_sheet(tx, project, asked)
        verdicts = await read_verdicts(tx, project, MARCH, MARCH + DAY)
        whole = await comprehensive(tx, project, part, MARCH, MARCH + DAY)
    assert balance is not None
    assert sheet.account is not None
    return {
        "balance": (balance.quantity, balance.loss, balance.parts[0].quantity),
        "sheet": (sheet.account.qty, sheet.terms[0].qty),
        "verdict": verdicts.of(meter.id),
        "comprehensive": [term.kgce for term in whole.terms],
    }


async def test_no_reader_sees_a_part_of_a_version(desk: Desk) -> None:
    site = await desk.plant.node({desk.meters[0]: 1})
    part = await desk.plant.node({desk.meters[1]: 1}, site)
    async with desk.plant.database.project(desk.plant.project) as tx:
        await mark_again(tx, desk.plant.project, Scope.NODE, [site, part], MARCH - DAY, NOW)
    await desk.plant.settle()
    ratio = {
        "meter": await desk.meter_id(desk.meters[1]), "wrong_ct": "150/5", "right_ct": "200/5",
        "since": MARCH.isoformat(),
    }  # fmt: skip
    row = await desk.measured(await desk.propose("ratio", ratio))
    await desk.approve(row)
    before = await read(desk, site, part)
    assert await desk.step() is Step.DONE
    while (await desk.plant.work(span=timedelta(hours=12))).rows:
        assert await read(desk, site, part) == before
    assert await desk.step() is Step.DONE
    after = await read(desk, site, part)
    assert [name for name in before if after[name] == before[name]] == []


async def quality(desk: Desk) -> Mapping[Aspect, Share]:
    """The data quality of 1 March of the meter that is restated."""
    project, meter = desk.plant.project, desk.meters[1].id
    async with desk.plant.database.read(project) as tx:
        found = await measured(tx, project, [meter], MARCH, MARCH + DAY, NOW)
    return found.meters[0].shares


async def test_the_data_quality_is_that_of_the_version_before(desk: Desk) -> None:
    async with desk.plant.database.project(desk.plant.project) as tx:
        await tx.execute(
            "UPDATE device SET uid = %s WHERE project_id = %s",
            (new_uuid(MARCH - 30 * DAY), desk.plant.project),
        )
        await tx.execute(
            "UPDATE account SET updated_at = end_ts WHERE project_id = %s", (desk.plant.project,)
        )
    hour = {
        "meter": await desk.meter_id(desk.meters[1]), "since": (MARCH + 360 * MINUTE).isoformat(),
        "until": (MARCH + 420 * MINUTE).isoformat(),
    }  # fmt: skip
    row = await desk.measured(await desk.propose("exclude", hour))
    await desk.approve(row)
    before = await quality(desk)
    assert before[Aspect.COMPLETENESS] == Share(86_400, 86_400)
    assert before[Aspect.TIMELINESS] == Share(96, 96)
    assert await desk.step() is Step.DONE
    await desk.plant.settle()
    assert await quality(desk) == before
    assert await desk.step() is Step.DONE
    after = await quality(desk)
    # Five quarter hours have a border without a reading; what they are came after their hour.
    assert after[Aspect.COMPLETENESS] == Share(86_400 - 5 * 900, 86_400)
    assert after[Aspect.TIMELINESS] == Share(91, 96)


async def test_hours_of_equipment_wait_until_a_version_is_applied(desk: Desk) -> None:
    plant = desk.plant
    node, meter, power = await furnace(plant, desk.meters[1])
    await plant.store(power, [(MARCH + n * MINUTE, 100.0) for n in range(0, 120, 10)])
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE account SET updated_at = end_ts WHERE project_id = %s", (plant.project,)
        )
    await keep(plant)
    before = await hours(plant, node)
    assert [row[1:4] for row in before if row[0] == MARCH] == [(0, 0, 3600)]
    ratio = {
        "meter": await desk.meter_id(meter), "wrong_ct": "150/5", "right_ct": "200/5",
        "since": MARCH.isoformat(),
    }  # fmt: skip
    row = await desk.measured(await desk.propose("ratio", ratio))
    await desk.approve(row)
    assert await desk.step() is Step.DONE
    await plant.store(power, [(MARCH + 5 * MINUTE, 0.0)])
    await plant.settle()
    await keep(plant)
    assert await hours(plant, node) == before
    assert await desk.step() is Step.DONE
    await keep(plant)
    first = next(row for row in await hours(plant, node) if row[0] == MARCH)
    assert first[1:4] == (300, 0, 3300)
