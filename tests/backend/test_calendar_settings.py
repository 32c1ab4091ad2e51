"""A calendar that changes regroups the past: every period is the sum of its quarter hours again."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import TypeVar

import msgspec
import pytest

from backend.aggregation.calendar import Period
from backend.aggregation.operating import State
from backend.aggregation.regroup import waiting
from backend.aggregation.shifts import ready_made
from backend.core.db import Database
from backend.core.errors import KilowiseError
from backend.core.ids import new_uuid
from backend.service.calendar import effects, patterns, settings, states
from backend.service.calendar.effects import Change
from backend.service.calendar.settings import Settings
from backend.service.calendar.states import Span, Wanted
from backend.service.people.asker import Asker
from tests.backend.plant_accounts import Metered, Plant, every
from tests.backend.test_shift_rows import rows_of
from tests.postgres import NOW, MakeProject

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
T = TypeVar("T")
ASKER = Asker(1, new_uuid(NOW))
DEFAULT = Settings(0, 1, 1, 1, None, [6, 7])


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def changing(plant: Plant, work: Callable[[Change], Awaitable[T]]) -> T:
    async with plant.database.project(plant.project) as tx:
        return await work(await effects.begin(tx, plant.project, NOW))


async def set_to(plant: Plant, wanted: Settings) -> Settings:
    return await changing(plant, lambda c: settings.change_settings(c, wanted, ASKER))


async def refused(plant: Plant, wanted: Settings) -> str:
    """The code of the error that a calendar is refused with."""
    with pytest.raises(KilowiseError) as error:
        await set_to(plant, wanted)
    return error.value.error_code


async def rota(plant: Plant, node: int) -> None:
    """Have a node work on three shifts, every day that nothing stops."""
    rule = msgspec.to_builtins(ready_made()["four-teams-three-shifts"][1])
    name, since = {"en": "Rota"}, date(2026, 1, 1)
    await changing(plant, lambda c: patterns.put(c, node, name, rule, since, ASKER))
    await settled(plant)


async def twenty_days(plant: Plant) -> tuple[Metered, int]:
    """A meter that counts 1 kWh an hour in the first hour of a day, 2 in the second, and so on."""
    meter = await plant.meter(resolution=1.0, max_gap_s=7200)
    node = await plant.node({meter: 1})
    start = datetime(2026, 2, 20, 16, tzinfo=UTC)
    values, count = [0.0], 0.0
    for hour in range(20 * 24):
        count += hour % 24 + 1
        values.append(count)
    await plant.store(meter, every(start, HOUR, values))
    await plant.settle()
    return meter, node


async def sums(plant: Plant, scope: int, id: int) -> None:
    """Every longer account is the sum of the quarter hours in its bounds, and they tile time."""
    quarters = await plant.accounts(scope, id, 1)
    starts = [row[0] for row in quarters]
    counted = [0, *accumulate(row[1] for row in quarters)]
    async with plant.database.read(plant.project) as tx:
        assert await waiting(tx, plant.project) == timedelta(0)
        for period in (2, 3, 4, 5, 6, 7):
            rows = await tx.fetch_tuples(
                "SELECT start_ts, end_ts, qty FROM account WHERE project_id = %s AND scope = %s"
                " AND scope_id = %s AND period = %s ORDER BY start_ts",
                (plant.project, scope, id, period),
            )
            assert sum(row[2] for row in rows) == counted[-1], period
            for start, end, qty in rows:
                low, high = bisect_left(starts, start), bisect_left(starts, end)
                assert qty == counted[high] - counted[low], period
            bounds = await tx.fetch_tuples(
                "SELECT start_ts, end_ts FROM calendar_period WHERE project_id = %s"
                " AND period = %s",
                (plant.project, period),
            )
            assert period == Period.SHIFT or {row[:2] for row in rows} <= set(bounds)


async def settled(plant: Plant) -> None:
    """Account until nothing waits."""
    while (await plant.work()).more:
        pass


@pytest.mark.parametrize(
    "wanted",
    [
        replace(DEFAULT, day_start_minute=480),
        replace(DEFAULT, week_start=7, month_start_day=26, year_start_month=4),
        replace(DEFAULT, rest_weekdays=[7], calendar="cn"),
    ],
)
async def test_other_beginnings_regroup_the_past(plant: Plant, wanted: Settings) -> None:
    meter, node = await twenty_days(plant)
    await rota(plant, node)
    await sums(plant, 1, meter.id)
    before = {period: await plant.accounts(2, node, period) for period in (3, 4, 5, 6, 7)}
    assert await set_to(plant, wanted) == wanted
    await settled(plant)
    for scope, id in ((1, meter.id), (2, node)):
        await sums(plant, scope, id)
    moved = settings.moved_periods(DEFAULT, wanted) - {Period.SHIFT}
    for period, accounts in before.items():
        if period in {int(one) for one in moved}:
            assert await plant.accounts(2, node, period) != accounts
    await set_to(plant, DEFAULT)
    await settled(plant)
    for period, accounts in before.items():
        assert await plant.accounts(2, node, period) == accounts


async def test_what_cannot_be_done_is_refused_and_nothing_changes(plant: Plant) -> None:
    await twenty_days(plant)
    for wanted, code in (
        (replace(DEFAULT, day_start_minute=7), "calendar_begin"),
        (replace(DEFAULT, month_start_day=31), "calendar_begin"),
        (replace(DEFAULT, calendar="mars"), "calendar_unknown"),
        (replace(DEFAULT, rest_weekdays=[1, 2, 3, 4, 5, 6, 7]), "calendar_rest"),
        (replace(DEFAULT, rest_weekdays=[0]), "calendar_rest"),
    ):
        assert await refused(plant, wanted) == code
    assert await refused(plant, replace(DEFAULT, day_start_minute=30)) == "calendar_hours"
    later = replace(DEFAULT, week_start=7)
    await set_to(plant, later)
    assert await refused(plant, DEFAULT) == "calendar_regrouping"
    async with plant.database.read(plant.project) as tx:
        assert await settings.read(tx, plant.project) == later


async def test_a_state_by_days_takes_its_shifts_and_gives_them_back(plant: Plant) -> None:
    meter, node = await twenty_days(plant)
    await rota(plant, node)
    rows, accounts = await rows_of(plant, node), await plant.accounts(2, node, 7)
    stop = Wanted(node, State.STOP, Span(date(2026, 3, 2), date(2026, 3, 3)))
    row = await changing(plant, lambda c: states.enter(c, stop, ASKER))
    await settled(plant)
    off = [
        one for one in await rows_of(plant, node) if one[4] in (date(2026, 3, 2), date(2026, 3, 3))
    ]
    assert [(one[2], one[1] - one[0]) for one in off] == [("", DAY), ("", DAY)]
    await sums(plant, 1, meter.id)
    days = await plant.accounts(2, node, 7)
    assert [one[1] for one in days if one[0] == off[0][0]] == [300 * 10**6]
    await changing(plant, lambda c: states.remove(c, row.uid, ASKER))
    await settled(plant)
    assert (await rows_of(plant, node), await plant.accounts(2, node, 7)) == (rows, accounts)


async def test_a_dead_feeder_is_recomputed(plant: Plant) -> None:
    meter, node = await twenty_days(plant)
    start = datetime(2026, 3, 2, 0, tzinfo=UTC)
    wanted = Wanted(node, State.STOP, Span(start=start, end=start + 4 * HOUR), de_energised=True)
    row = await changing(plant, lambda c: states.enter(c, wanted, ASKER))
    assert await dirty(plant, meter) == [(start, start + 4 * HOUR)]
    await settled(plant)
    longer = replace(wanted, span=Span(start=start, end=start + 6 * HOUR))
    await changing(plant, lambda c: states.alter(c, row.uid, longer, ASKER))
    assert (start, start + 6 * HOUR) in await dirty(plant, meter)
    await settled(plant)
    await changing(plant, lambda c: states.remove(c, row.uid, ASKER))
    assert await dirty(plant, meter) == [(start, start + 6 * HOUR)]


async def dirty(plant: Plant, meter: Metered) -> list[tuple[datetime, datetime]]:
    async with plant.database.read(plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT first_ts, last_ts FROM dirty WHERE project_id = %s AND point_id = %s"
            " ORDER BY id",
            (plant.project, meter.point),
        )
    return [(row[0], row[1]) for row in rows]
