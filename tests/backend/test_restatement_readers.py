"""While a version is being applied every reader sees the one before, as a whole."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.rollup import Scope
from backend.aggregation.sheets import Asked, read_sheet
from backend.aggregation.stale import mark_again
from backend.core.db import Database
from backend.service.balance.node_balance import Span, node_balance
from backend.service.plant.comprehensive import comprehensive
from backend.service.quality.balanced import read_verdicts
from backend.service.restatement.work import Step
from tests.backend.restatement_desk import Desk, make_desk
from tests.postgres import NOW, MakePerson, MakeProject

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
DAY = timedelta(days=1)


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
