"""Curves without holes are read from the accounts alone, and are what laying them out answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from backend.aggregation import series, unbroken
from backend.aggregation.calendar import Period, keep_calendar, read_plant_time
from backend.aggregation.measures import Measure
from backend.aggregation.rollup import Scope
from backend.aggregation.series import Curve, Span, curves
from backend.core.db import Database
from gateway.contract.energy import energy_type
from tests.postgres import NOW, MakeProject

HOUR = timedelta(hours=1)
START = datetime(2026, 2, 19, 16, tzinfo=UTC)
STEPS = {Period.HOUR: HOUR, Period.QUARTER_HOUR: HOUR / 4}
COUNT = 60
END = {period: START + COUNT * step for period, step in STEPS.items()}

WHOLE, LATE, ENDED, HOLE, TWICE, OTHER_GRID, LONG, EMPTY = range(1, 9)
"""Meters: accounts everywhere; none at first; none at last; a hole inside; a hole and one account
too many between two steps; all beside the steps; one of another length; none at all."""
UNBROKEN = {WHOLE, LATE, ENDED}


def starts_of(meter: int, step: timedelta) -> Sequence[datetime]:
    """When the accounts of a meter begin."""
    every = [START + n * step for n in range(COUNT)]
    beside = [at + step / 3 for at in every]
    return {
        WHOLE: every,
        LATE: every[7:],
        ENDED: every[:-5],
        HOLE: every[:20] + every[21:],
        TWICE: [*every[:20], beside[30], *every[21:]],
        OTHER_GRID: beside[:-1],
        LONG: every,
        EMPTY: [],
    }[meter]


async def fill(database: Database, project: int) -> None:
    """Accounts of all meters, some without cost, with every quality; a calendar around them."""
    random = Random(5)
    rows = []
    for period, step in STEPS.items():
        for meter in range(1, 9):
            for n, start in enumerate(starts_of(meter, step)):
                end = start + step * (2 if meter == LONG and n == 30 else 1)
                quality = random.randrange(5) if meter != ENDED else 0
                cost = None if random.random() < 0.2 else Decimal(random.randrange(10**6)) / 10**4
                qty, seconds = random.randrange(10**9), int(step.total_seconds())
                measured = random.randrange(seconds)
                rows.append((project, meter, int(period), start, end, qty, quality, cost, cost,
                             measured, seconds, NOW))  # fmt: skip
    async with database.project(project) as tx:
        plant = await read_plant_time(tx, project)
        await keep_calendar(tx, project, plant, START - timedelta(days=3), NOW)
        await tx.execute_many(
            "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts,"
            " qty, quality, cost, kgco2, measured_s, expected_s, updated_at)"
            " VALUES (%s, 1, %s, 'electricity', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


async def test_they_are_what_laying_steps_and_accounts_over_each_other_answers(
    database: Database, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each measure, also where the end lies ahead and where the span begins within a step."""
    project = (await make_project("works")).id
    await fill(database, project)
    asked = [
        (period, measure, span, now)
        for period in STEPS
        for measure in Measure
        for span, now in (
            ((START, END[period]), NOW),
            ((START + HOUR / 2, END[period] - HOUR / 2), NOW),
            ((START - 5 * HOUR, END[period] + 5 * HOUR), END[period] - 7 * HOUR),
        )
    ]

    async def drawn() -> list[dict[int, Curve]]:
        async with database.read(project) as tx:
            return [
                await curves(
                    tx,
                    project,
                    Span(Scope.METER, 0, energy_type("electricity"), measure, period, *span),
                    range(1, 9),
                    now,
                )
                for period, measure, span, now in asked
            ]

    found = await drawn()
    monkeypatch.setattr(series, "unbroken", nothing)
    assert found == await drawn()


async def nothing(*_: object) -> list[unbroken.Unbroken]:
    """As if every curve had a hole."""
    return []


async def test_only_what_has_no_hole_is_taken_from_the_accounts_alone(
    database: Database, make_project: MakeProject
) -> None:
    """As many accounts as steps are not enough: each must be a step."""
    project = (await make_project("works")).id
    await fill(database, project)
    for period in STEPS:
        params = {
            "project": project,
            "scope": 1,
            "ids": list(range(1, 9)),
            "energy": "electricity",
            "period": int(period),
            "per_unit": 1_000_000,
            "start": START,
            "end": END[period],
            "until": NOW,
        }
        async with database.read(project) as tx:
            found = await unbroken.unbroken(tx, Measure.QUANTITY, period, params)
        assert {one.id for one in found} == UNBROKEN
