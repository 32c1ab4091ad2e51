"""What counts where: dated shares, refused overlaps, and nodes' accounts that follow at once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from backend.core.db import Database, WriteSession
from backend.core.errors import Conflict, InvalidInput, KilowiseError, NotFound
from backend.core.ids import new_uuid
from backend.service.people.asker import Asker
from backend.service.plant.editing import Edit, begin
from backend.service.plant.memberships import (
    Membership,
    Wanted,
    end_membership,
    list_memberships,
    set_membership,
)
from backend.service.plant.meters import end_meter
from tests.backend.plant_accounts import Metered, Plant, every
from tests.postgres import NOW, MakeProject

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
TODAY = datetime(2026, 3, 14, 16, tzinfo=UTC)
"""Midnight in Shanghai; NOW is noon."""
KWH = 10**6
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    return Plant(database, await make_project("works"))


@pytest.fixture
async def shared(plant: Plant) -> Metered:
    """A meter that counts 4 kWh every quarter hour of today; the node `whole` counts it."""
    meter = await plant.meter()
    await plant.node({meter: 1})
    await plant.store(meter, every(TODAY, QUARTER, range(0, 4 * 49, 4)))
    await plant.settle()
    return meter


async def uid(plant: Plant, table: str, number: int) -> UUID:
    async with plant.database.read(plant.project) as tx:
        found = await tx.fetch_value(
            f"SELECT uid FROM {table} WHERE project_id = %s AND id = %s".encode(),
            (plant.project, number),
            into=UUID,
        )
    assert found is not None
    return found


async def an_edit(plant: Plant, tx: WriteSession, *, restated: bool = False) -> Edit:
    asker = Asker(1, new_uuid(NOW))
    return await begin(tx, plant.project, asker, NOW, restated=restated)


async def count(
    plant: Plant,
    node: int,
    meter: Metered,
    coefficient: str,
    start: datetime,
    end: datetime | None = None,
    *,
    instead: bool = False,
    restated: bool = False,
) -> Membership:
    """Have a node count a meter."""
    wanted = Wanted(
        await uid(plant, "node", node),
        await uid(plant, "meter", meter.id),
        Decimal(coefficient),
        start,
        end,
        instead,
    )
    async with plant.database.project(plant.project) as tx:
        made = await set_membership(await an_edit(plant, tx, restated=restated), wanted)
    await plant.settle()
    return made


async def day_of(plant: Plant, node: int) -> int | None:
    """What a node took today, mWh; None where it has no account."""
    days = await plant.accounts(2, node, 3)
    return days[0][1] if days else None


async def test_a_shared_meter_is_divided_from_an_instant_on(plant: Plant, shared: Metered) -> None:
    whole, other = 1, await plant.node({})
    assert await day_of(plant, whole) == 48 * 4 * KWH
    await count(plant, whole, shared, "0.6", TODAY + 6 * HOUR, instead=True)
    made = await count(plant, other, shared, "0.4", TODAY + 6 * HOUR)
    assert (made.coefficient, made.valid_to) == (Decimal("0.4"), None)
    # 24 quarter hours of 4 kWh whole, 24 divided.
    quarters = await plant.accounts(2, whole, 1)
    assert [row[1] for row in quarters] == [4 * KWH] * 24 + [2_400_000] * 24
    assert await day_of(plant, whole) == 96 * KWH + 24 * 2_400_000
    assert await day_of(plant, other) == 24 * 1_600_000
    hours = await plant.accounts(2, other, 2)
    assert [row[1] for row in hours] == [6_400_000] * 6
    # The worker's next round leaves it so.
    await plant.touch(shared, TODAY, NOW)
    await plant.settle()
    assert await day_of(plant, whole) == 96 * KWH + 24 * 2_400_000


async def test_what_a_node_no_longer_counts_vanishes_from_it(plant: Plant, shared: Metered) -> None:
    node = await plant.node({})
    await count(plant, node, shared, "1", TODAY, TODAY + 8 * HOUR)
    assert await day_of(plant, node) == 32 * 4 * KWH
    key = await uid(plant, "node", node), await uid(plant, "meter", shared.id)
    async with plant.database.project(plant.project) as tx:
        ended = await end_membership(await an_edit(plant, tx), *key, TODAY, TODAY + 2 * HOUR)
    await plant.settle()
    assert ended.valid_to == TODAY + 2 * HOUR
    assert len(await plant.accounts(2, node, 1)) == 8
    assert await day_of(plant, node) == 8 * 4 * KWH
    async with plant.database.project(plant.project) as tx:
        await end_membership(await an_edit(plant, tx), *key, TODAY, TODAY)
    await plant.settle()
    assert await plant.accounts(2, node, 1) == []
    assert await day_of(plant, node) is None
    async with plant.database.project(plant.project) as tx:
        assert await list_memberships(tx, plant.project, node=node) == []
        with pytest.raises(NotFound):
            await end_membership(await an_edit(plant, tx), *key, TODAY, None)


async def test_an_overlap_is_refused_naming_both(plant: Plant, shared: Metered) -> None:
    node = await plant.node({})
    await count(plant, node, shared, "0.6", TODAY, TODAY + 8 * HOUR)
    await count(plant, node, shared, "0.5", TODAY + 8 * HOUR)
    for start, end in (
        (TODAY + 4 * HOUR, None),
        (TODAY, TODAY + HOUR),
        (TODAY + 4 * HOUR, TODAY + 9 * HOUR),
    ):
        with pytest.raises(Conflict) as caught:
            await count(plant, node, shared, "0.4", start, end)
        assert caught.value.error_code == "membership_overlap"
    assert caught.value.params == {
        "node": "n3",
        "meter": "m1",
        "known": "0.6 × 2026-03-15 00:00 … 2026-03-15 08:00",
        "wanted": "0.4 × 2026-03-15 04:00 … 2026-03-15 09:00",
    }
    async with plant.database.read(plant.project) as tx:
        found = await list_memberships(tx, plant.project, node=node)
    assert [row.coefficient for row in found] == [Decimal("0.6"), Decimal("0.5")]


@pytest.mark.parametrize(
    ("coefficient", "start", "end", "code"),
    [
        ("0", TODAY, None, "coefficient"),
        ("1e308", TODAY, None, "coefficient"),
        ("0.1234567", TODAY, None, "coefficient"),
        ("1", TODAY - QUARTER, None, "restatement_needed"),
        ("1", ALWAYS, None, "restatement_needed"),
        ("1", datetime(2099, 1, 1, tzinfo=UTC), None, "date_far"),
        ("1", TODAY + timedelta(minutes=7), None, "not_quarter_hour"),
        ("1", TODAY, TODAY, "span_empty"),
        ("1", TODAY, TODAY + timedelta(seconds=1), "not_quarter_hour"),
    ],
)
async def test_what_cannot_be_counted_says_why(
    plant: Plant, coefficient: str, start: datetime, end: datetime | None, code: str
) -> None:
    meter = await plant.meter()
    node = await plant.node({})
    with pytest.raises(InvalidInput) as caught:
        await count(plant, node, meter, coefficient, start, end)
    assert caught.value.error_code == code


async def test_only_a_restatement_reaches_into_the_past(plant: Plant, shared: Metered) -> None:
    node = await plant.node({})
    made = await count(plant, node, shared, "1", TODAY - timedelta(days=90), restated=True)
    assert made.valid_from == TODAY - timedelta(days=90)
    assert await day_of(plant, node) == 48 * 4 * KWH


async def test_an_ended_meter_is_counted_no_further(plant: Plant, shared: Metered) -> None:
    node, meter = 1, await uid(plant, "meter", shared.id)
    async with plant.database.project(plant.project) as tx:
        row = await end_meter(await an_edit(plant, tx), meter, TODAY + 4 * HOUR)
    await plant.settle()
    assert row.valid_to == TODAY + 4 * HOUR
    assert len(await plant.accounts(2, node, 1)) == 16
    with pytest.raises(KilowiseError) as caught:
        await count(plant, await plant.node({}), shared, "1", TODAY)
    assert caught.value.error_code == "member_ended"
