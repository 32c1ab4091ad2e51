"""What is recorded of a register, and revoked again, reaches its accounts; nonsense is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from backend.aggregation.register_events import (
    Kind,
    RegisterEvent,
    read_events,
    record_event,
    revoke_event,
)
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, KilowiseError, NotFound
from backend.core.ids import new_uuid
from gateway.contract.quality import Quality
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import NOW, MakeProject

KWH = 10**6
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
START = datetime(2026, 2, 10, tzinfo=UTC)
YEAR_2099 = datetime(2099, 1, 1, tzinfo=UTC)
GOOD, ESTIMATED, SUSPECT = Quality.GOOD, Quality.ESTIMATED, Quality.SUSPECT


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


@pytest.fixture
async def meter(plant: Plant) -> Metered:
    """A meter that counts 3 kWh each quarter of an hour for 4 hours."""
    made = await plant.meter(resolution=1.0, nameplate=14)
    await plant.store(made, every(START, QUARTER, [100.0 + 3 * i for i in range(17)]))
    await plant.settle()
    return made


async def quarters(plant: Plant, meter: Metered) -> list[int]:
    """The meter's quarter hours in kWh, accounted anew."""
    await plant.settle(HOUR)
    return [row[1] // KWH for row in await plant.accounts(1, meter.id, 1)]


async def qualities(plant: Plant, meter: Metered) -> list[int]:
    """The qualities of the meter's quarter hours, accounted anew."""
    await plant.settle()
    return [row[3] for row in await plant.accounts(1, meter.id, 1)]


async def recorded(plant: Plant, event: RegisterEvent) -> int:
    """Record an event and answer its id."""
    async with plant.database.project(plant.project) as tx:
        return (await record_event(tx, plant.project, event, NOW)).id


async def revoked(plant: Plant, event_id: int) -> None:
    """Revoke an event."""
    async with plant.database.project(plant.project) as tx:
        events = await read_events(tx, plant.project, [m.point for m in plant.made])
        (uid,) = (one.uid for one in events if one.id == event_id)
        await revoke_event(tx, plant.project, uid, NOW)


async def test_a_ratio_counts_between_its_ends_and_no_longer_once_revoked(
    plant: Plant,
) -> None:
    meter = await plant.meter(resolution=1.0, nameplate=14)
    node = await plant.node({meter: 2})
    await plant.store(meter, every(START, QUARTER, [100.0 + 3 * i for i in range(17)]))
    event = RegisterEvent(
        meter.point, Kind.RATIO, START + HOUR, START + 2 * HOUR, factor=Fraction(4, 3)
    )
    number = await recorded(plant, event)
    assert await quarters(plant, meter) == [3] * 4 + [4] * 4 + [3] * 8
    assert [row[1] // KWH for row in await plant.accounts(2, node, 3)] == [2 * 52]
    await revoked(plant, number)
    assert await quarters(plant, meter) == [3] * 16
    assert [row[1] // KWH for row in await plant.accounts(2, node, 3)] == [2 * 48]


async def test_a_ratio_without_an_end_counts_what_comes_later_too(
    plant: Plant, meter: Metered
) -> None:
    await recorded(plant, RegisterEvent(meter.point, Kind.RATIO, START, factor=Fraction(1, 3)))
    await plant.store(meter, [(START + 17 * QUARTER, 151.0)])
    assert await quarters(plant, meter) == [1] * 17


async def test_what_a_right_ratio_makes_possible_was_no_jump(plant: Plant) -> None:
    """Ten times too much is beyond the nameplate until the factor is known."""
    meter = await plant.meter(resolution=1.0, nameplate=14)
    await plant.store(meter, every(START, QUARTER, [0.0, 30.0, 60.0, 90.0, 120.0]))
    assert await quarters(plant, meter) == []
    await recorded(plant, RegisterEvent(meter.point, Kind.RATIO, START, factor=Fraction(1, 10)))
    assert await quarters(plant, meter) == [3, 3, 3, 3]
    async with plant.database.read(plant.project) as tx:
        assert not await tx.fetch_tuples(
            "SELECT 1 FROM register_judgement WHERE project_id = %s", (plant.project,)
        )


async def test_excluded_readings_are_none_and_come_back(plant: Plant, meter: Metered) -> None:
    await plant.store(meter, [(START + HOUR + timedelta(minutes=1), 112.0)])
    assert await quarters(plant, meter) == [3] * 16
    event = RegisterEvent(meter.point, Kind.EXCLUDE, START + HOUR, START + 2 * HOUR)
    number = await recorded(plant, event)
    assert await qualities(plant, meter) == [GOOD] * 3 + [ESTIMATED] * 5 + [GOOD] * 8
    assert await quarters(plant, meter) == [3] * 16
    await revoked(plant, number)
    assert await qualities(plant, meter) == [GOOD] * 16


async def test_late_readings_inside_an_exclusion_change_nothing(
    plant: Plant, meter: Metered
) -> None:
    end = START + 17 * QUARTER
    await recorded(plant, RegisterEvent(meter.point, Kind.EXCLUDE, START - HOUR, START + HOUR))
    await recorded(plant, RegisterEvent(meter.point, Kind.EXCLUDE, end, end + HOUR))
    assert await quarters(plant, meter) == [3] * 12
    await plant.store(meter, [(START - QUARTER, 1.0), (START + timedelta(minutes=1), 7.0)])
    await plant.store(meter, every(end, QUARTER, [5.0, 6.0, 7.0, 8.0]))
    assert await quarters(plant, meter) == [3] * 12


async def test_an_exchange_in_the_past_joins_the_meters(plant: Plant) -> None:
    meter = await plant.meter(resolution=0.1, nameplate=100)
    values = [50.0, 51.0, 52.0, 0.7, 1.7, 2.7, 3.7]
    await plant.store(meter, every(START, QUARTER, values))
    assert await quarters(plant, meter) == [1, 1, 0, 1, 1, 1]
    at = START + 2 * QUARTER + timedelta(minutes=5)
    event = RegisterEvent(meter.point, Kind.EXCHANGE, at, final=52.5, initial=0.2)
    number = await recorded(plant, event)
    assert await quarters(plant, meter) == [1, 1, 1, 1, 1, 1]
    await revoked(plant, number)
    assert await quarters(plant, meter) == [1, 1, 0, 1, 1, 1]


async def test_a_change_is_suspect_until_it_is_answered(plant: Plant, meter: Metered) -> None:
    change = RegisterEvent(meter.point, Kind.CHANGED, START + 3 * HOUR, note="serial 7 -> 8")
    number = await recorded(plant, change)
    assert await qualities(plant, meter) == [GOOD] * 12 + [SUSPECT] * 4
    answer = RegisterEvent(
        meter.point, Kind.EXCHANGE, START + 3 * HOUR, final=136.0, initial=136.0, answers=number
    )
    answered = await recorded(plant, answer)
    assert await qualities(plant, meter) == [GOOD] * 16
    await revoked(plant, answered)
    assert await qualities(plant, meter) == [GOOD] * 12 + [SUSPECT] * 4
    await revoked(plant, number)
    assert await qualities(plant, meter) == [GOOD] * 16


async def test_events_are_listed_with_what_became_of_them(plant: Plant, meter: Metered) -> None:
    change = RegisterEvent(meter.point, Kind.CHANGED, START, note="ratio 30 -> 40")
    first = await recorded(plant, change)
    second = await recorded(plant, replace(change, ts=START + HOUR))
    ratio = RegisterEvent(
        meter.point, Kind.RATIO, START, START + HOUR, answers=first, factor=Fraction(30, 40)
    )
    await recorded(plant, ratio)
    await revoked(plant, second)
    async with plant.database.read(plant.project) as tx:
        events = await read_events(tx, plant.project, [meter.point])
    assert [(one.event, one.open, one.revoked_at) for one in events] == [
        (change, False, None),
        (ratio, False, None),
        (replace(change, ts=START + HOUR), False, NOW),
    ]


NONSENSE = [
    (RegisterEvent(0, Kind.EXCHANGE, START, final=1.0), "register_event_needs"),
    (RegisterEvent(0, Kind.RATIO, START), "register_event_needs"),
    (RegisterEvent(0, Kind.EXCLUDE, START), "register_event_needs"),
    (RegisterEvent(0, Kind.CHANGED, START, final=1.0), "register_event_no_field"),
    (
        RegisterEvent(0, Kind.EXCHANGE, START, START + HOUR, 1.0, 2.0),
        "register_event_no_field",
    ),
    (RegisterEvent(0, Kind.EXCLUDE, START, START), "register_event_span"),
    (RegisterEvent(0, Kind.EXCLUDE, START, NOW + 9 * HOUR), "register_event_time"),
    (RegisterEvent(0, Kind.EXCHANGE, YEAR_2099, None, 1.0, 2.0), "register_event_time"),
    (RegisterEvent(0, Kind.CHANGED, datetime(1970, 1, 1, tzinfo=UTC)), "register_event_time"),
    (RegisterEvent(0, Kind.EXCHANGE, START, None, float("nan"), 1.0), "register_event_reading"),
    (RegisterEvent(0, Kind.EXCHANGE, START, None, 1.0, float("inf")), "register_event_reading"),
    (RegisterEvent(0, Kind.EXCHANGE, START, None, 1e308, 1.0), "register_event_reading"),
    (RegisterEvent(0, Kind.EXCHANGE, START, None, 1.0, -1.0), "register_event_reading"),
    (RegisterEvent(0, Kind.RATIO, START, factor=Fraction(0)), "register_event_factor"),
    (RegisterEvent(0, Kind.RATIO, START, factor=Fraction(-4, 3)), "register_event_factor"),
    (RegisterEvent(0, Kind.RATIO, START, factor=Fraction(10**7)), "register_event_factor"),
]


async def test_nonsense_is_refused_and_nothing_changes(plant: Plant, meter: Metered) -> None:
    for event, code in NONSENSE:
        with pytest.raises(InvalidInput) as refused:
            await recorded(plant, replace(event, point=meter.point))
        assert refused.value.error_code == code
    assert (await plant.work()).rows == 0


async def test_contradictions_are_refused(plant: Plant, meter: Metered) -> None:
    ratio = RegisterEvent(meter.point, Kind.RATIO, START + HOUR, factor=Fraction(2))
    exchange = RegisterEvent(meter.point, Kind.EXCHANGE, START, final=100.0, initial=1.0)
    number = await recorded(plant, ratio)
    await recorded(plant, exchange)
    await plant.settle()
    wrong: list[tuple[RegisterEvent, type[KilowiseError], str]] = [
        (replace(ratio, ts=START), Conflict, "register_event_overlap"),
        (replace(ratio, ts=START + 2 * HOUR), Conflict, "register_event_overlap"),
        (exchange, Conflict, "register_event_twice"),
        (
            replace(exchange, ts=START + HOUR, answers=number),
            InvalidInput,
            "register_event_answers",
        ),
    ]
    for event, error, code in wrong:
        with pytest.raises(error) as refused:
            await recorded(plant, event)
        assert refused.value.error_code == code
    assert (await plant.work()).rows == 0
    await recorded(plant, replace(ratio, ts=START, until=START + HOUR))
    await revoked(plant, number)
    with pytest.raises(Conflict):
        await revoked(plant, number)
    await recorded(plant, ratio)


async def test_a_stranger_neither_records_nor_revokes(
    database: Database, make_project: MakeProject, plant: Plant, meter: Metered
) -> None:
    event = RegisterEvent(meter.point, Kind.RATIO, START, factor=Fraction(2))
    await recorded(plant, event)
    other = Plant(database, await make_project("other"))
    with pytest.raises(NotFound):
        await recorded(other, event)
    async with database.read(plant.project) as tx:
        (mine,) = await read_events(tx, plant.project, [meter.point])
    async with database.project(other.project) as tx:
        assert await read_events(tx, other.project, [meter.point]) == []
        with pytest.raises(NotFound):
            await revoke_event(tx, other.project, mine.uid, NOW)
        with pytest.raises(NotFound):
            await revoke_event(tx, other.project, new_uuid(NOW), NOW)
