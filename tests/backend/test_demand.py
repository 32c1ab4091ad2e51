"""The demand window read from real rows: two incomers, a contract, a shed list."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.demand import maximum
from backend.core.clock import ManualClock
from backend.core.db import Database, WriteSession
from backend.core.ids import new_uuid
from backend.service.demand import Stretch, contract_in_force, demand_window, peak_demands
from tests.postgres import Actor

MINUTE = timedelta(minutes=1)


async def add_node(tx: WriteSession, project: int, slug: str, now: datetime) -> int:
    """A node; its id."""
    number = await tx.fetch_value(
        "INSERT INTO node (project_id, uid, slug, kind, name, position)"
        " VALUES (%s, %s, %s, 'site', %s, 0) RETURNING id",
        (
            project,
            new_uuid(now),
            slug,
            Jsonb({"en": slug}),
        ),
        into=int,
    )
    assert number is not None
    return number


async def incomer(
    database: Database, project: int, node: int, slug: str, powers: list[float], now: datetime
) -> None:
    """A meter of the node read once a minute up to `now`; power in kW per minute."""
    async with database.ingest() as tx:
        device = await tx.fetch_value(
            "INSERT INTO device (project_id, uid, gateway_id, slug, verified, online)"
            " VALUES (%s, %s, 1, %s, true, true) RETURNING id",
            (project, new_uuid(now), slug),
            into=int,
        )
        points = {}
        for name, kind, unit in (("ep_imp", "register", "kWh"), ("p", "gauge", "kW")):
            points[name] = await tx.fetch_value(
                "INSERT INTO point (project_id, device_id, name, kind, unit)"
                " VALUES (%s, %s, %s, %s, %s) RETURNING id",
                (project, device, name, kind, unit),
                into=int,
            )
        energy, start = 5_000.0, now - len(powers) * MINUTE
        rows: list[tuple[object, ...]] = [(project, points["ep_imp"], start, energy)]
        for number, power in enumerate(powers, start=1):
            energy += power / 60
            rows.append((project, points["ep_imp"], start + number * MINUTE, energy))
        await tx.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value) VALUES (%s, %s, %s, %s)", rows
        )
        await tx.execute(
            "INSERT INTO last_value (project_id, point_id, ts, value) VALUES (%s, %s, %s, %s)",
            (project, points["p"], now, powers[-1]),
        )
    async with database.project(project) as write:
        meter = await write.fetch_value(
            "INSERT INTO meter (project_id, uid, slug, name, energy, device_id, register_name,"
            " power_name, level) VALUES (%s, %s, %s, %s, 'electricity', %s, 'ep_imp', 'p', 1)"
            " RETURNING id",
            (project, new_uuid(now), slug, Jsonb({"en": slug}), device),
            into=int,
        )
        await write.execute(
            "INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)"
            " VALUES (%s, %s, %s, 1)",
            (project, node, meter),
        )


async def plant(
    database: Database, alice: Actor, now: datetime, first: list[float], second: list[float]
) -> None:
    """A site with two incomers, 4,200 kW of contract and one item to shed."""
    project = alice.tenant.id
    async with database.project(project) as tx:
        site = await add_node(tx, project, "site", now)
        oven = await add_node(tx, project, "oven-2", now)
        await tx.execute(
            "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
            " window_minutes, step_minutes, demand_price, valid_from)"
            " VALUES (%s, %s, 4200, 7650, 15, 1, 38.4, %s)",
            (project, site, now - timedelta(days=90)),
        )
        await tx.execute(
            "INSERT INTO shed_item (project_id, node_id, position, power_kw, max_minutes)"
            " VALUES (%s, %s, 1, 420, 15)",
            (project, oven),
        )
    await incomer(database, project, site, "inc-1", first, now)
    await incomer(database, project, site, "inc-2", second, now)


async def test_both_incomers_make_the_demand(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """Twenty minutes at 2,000 + 1,600 kW: 3,600 now; nothing to shed at this load."""
    now, project = clock.now(), alice.tenant.id
    await plant(database, alice, now, [2000.0] * 20, [1600.0] * 20)
    async with database.read(project) as tx:
        window = await demand_window(tx, project, now + timedelta(seconds=20))
    assert window is not None
    told = window.forecast()
    assert told is not None
    assert window.at == now
    assert told.current_kw == pytest.approx(3600.0)
    assert told.forecast_kw == pytest.approx(3600.0)
    assert (told.minutes_to_limit, told.shed_kw, window.to_shed(0.0)) == (None, 0.0, [])


async def test_the_load_that_runs_over_names_the_oven(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """The second incomer jumps by 1,200 kW two minutes ago: 4,800 forecast, 390 kW too much."""
    now, project = clock.now(), alice.tenant.id
    await plant(database, alice, now, [2000.0] * 20, [1600.0] * 18 + [2800.0] * 2)
    async with database.read(project) as tx:
        window = await demand_window(tx, project, now)
    assert window is not None
    told = window.forecast()
    assert told is not None
    # 3,600 + 1,200 x 2/15 now; each minute adds 80 kW; 4,410 is passed after 9 minutes.
    assert told.current_kw == pytest.approx(3760.0)
    assert told.forecast_kw == pytest.approx(4800.0)
    assert told.minutes_to_limit == pytest.approx(9.0)
    assert [item.name["en"] for item in window.to_shed(told.shed_kw)] == ["oven-2"]


async def test_stale_or_missing_samples_say_nothing(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """An incomer that fell silent gives no demand: half a sum would look like a low one."""
    now, project = clock.now(), alice.tenant.id
    await plant(database, alice, now, [2000.0] * 20, [1600.0] * 20)
    async with database.read(project) as tx:
        assert await demand_window(tx, project, now + 5 * MINUTE) is None
    async with database.ingest() as ingest:
        await ingest.execute(
            "UPDATE point SET unit = 'MWh' WHERE project_id = %s AND id ="
            " (SELECT max(id) FROM point WHERE project_id = %s AND unit = 'kWh')",
            (project, project),
        )
    async with database.read(project) as tx:
        assert await demand_window(tx, project, now) is None


async def test_the_peak_of_a_past_hour(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """A surge of 900 kW for ten minutes lifts the sliding maximum by 600."""
    now, project = clock.now(), alice.tenant.id
    surge = [2000.0] * 30 + [2900.0] * 10 + [2000.0] * 40
    await plant(database, alice, now, surge, [1600.0] * 80)
    async with database.read(project) as tx:
        contract = await contract_in_force(tx, project, now)
        assert contract is not None
        hour, before, young = await peak_demands(
            tx,
            project,
            [
                Stretch(contract, now - 60 * MINUTE, now),
                Stretch(contract, now - 500 * MINUTE, now - 400 * MINUTE),
                Stretch(contract, now - MINUTE / 3, now + MINUTE / 2),
            ],
            or_current=True,
        )
        nothing = await peak_demands(tx, project, [Stretch(contract, now, now + MINUTE / 2)])
    # The surge ended 40 minutes ago; the windows that end within five minutes from then hold it.
    assert hour is not None
    assert hour[0] == now - 40 * MINUTE
    assert hour[1] == pytest.approx(4200.0)
    assert before is None
    assert young is not None
    assert young[0] == now
    assert young[1] == pytest.approx(3600.0)
    assert nothing == [None]


async def test_seconds_are_read_in_part_and_give_the_exact_demand(
    database: Database, alice: Actor, clock: ManualClock
) -> None:
    """First and last sample of each half minute are enough: as from all samples, by hand.

    No sample lies at a full or half minute, and power is never the same for two seconds.
    """
    now, project = clock.now() + timedelta(seconds=7), alice.tenant.id
    powers = [float(1000 + minute * 37 % 500) for minute in range(40)]
    async with database.project(project) as tx:
        site = await add_node(tx, project, "site", now)
        await tx.execute(
            "INSERT INTO supply_contract (project_id, node_id, contract_demand_kw, capacity_kva,"
            " window_minutes, step_minutes, demand_price, valid_from)"
            " VALUES (%s, %s, 4200, 7650, 15, 1, 38.4, %s)",
            (project, site, now - timedelta(days=90)),
        )
    await incomer(database, project, site, "inc-1", powers, now)
    async with database.read(project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT ts, value, point_id FROM reading WHERE project_id = %s ORDER BY ts", (project,)
        )
    samples: list[tuple[datetime, float]] = []
    for (start, low, _), (_, high, _) in pairwise(rows):
        samples += [
            (start + timedelta(seconds=second), low + (high - low) * (second / 60) ** 2)
            for second in range(60)
            if second not in (23, 53)
        ]
    samples.append((rows[-1][0], rows[-1][1]))
    async with database.ingest() as ingest:
        await ingest.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(project, rows[0][2], ts, value) for ts, value in samples],
        )
    async with database.read(project) as tx:
        contract = await contract_in_force(tx, project, now)
        assert contract is not None
        [peak] = await peak_demands(tx, project, [Stretch(contract, now - 20 * MINUTE, now)])
    expected = maximum(samples, now - 20 * MINUTE, now, contract.method)
    assert peak is not None
    assert expected is not None
    assert peak[0] == expected[0]
    assert peak[1] == pytest.approx(expected[1], rel=1e-12)
