"""A nameplate that was too small holds true readings; said anew, they count."""

from datetime import datetime, timedelta

import pytest

from backend.core.platform import Platform
from tests.backend.plant_accounts import every
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant, read
from tests.graphql.test_meter_changes import CHANGE
from tests.graphql.test_restatements import settle
from tests.postgres import Actor

BEGIN = datetime.fromisoformat("2026-03-14T20:00:00+08:00")
HOUR = timedelta(hours=1)
COUNTED = (
    "SELECT start_ts, qty FROM account WHERE project_id = %s AND scope = 1 AND scope_id = %s"
    " AND period = 2 AND qty > 0 ORDER BY start_ts"
)
HELD = "SELECT kind, ts, until_ts FROM register_judgement WHERE project_id = %s"


@pytest.fixture
async def plant(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant: m1 counts 100 kWh an hour since yesterday evening, at most 10 they say."""
    made = await make_plant(platform, alice.tenant)
    project = alice.tenant.id
    rows = every(BEGIN, HOUR, [1000.0 + 100 * i for i in range(16)])
    async with platform.database.project(project) as tx:
        await tx.execute(
            "UPDATE meter SET nameplate_per_hour = 10 WHERE project_id = %s AND id = %s",
            (project, made.meters["m1"].id),
        )
        await tx.execute("UPDATE point SET max_gap_s = 7200 WHERE project_id = %s", (project,))
    await read(platform, made, "m1", rows)
    await settle(platform, project)
    return made


async def test_a_wider_nameplate_frees_what_is_held_since_yesterday(
    client: Client, ask: Ask, alice: Actor, plant: Plant, platform: Platform
) -> None:
    counted = (alice.tenant.id, plant.meters["m1"].id)
    async with platform.database.read(alice.tenant.id) as tx:
        held = await tx.fetch_tuples(HELD, (alice.tenant.id,))
        before = await tx.fetch_tuples(COUNTED, counted)
    assert held == [("held", BEGIN + HOUR, None)]
    assert before == []
    hers = await client(alice)
    for traits in ({"level": 2, "nameplate": "10"}, {"level": 2, "nameplate": "150"}):
        wanted = {"meter": plant.meters["m1"].text, "traits": traits}
        assert "errors" not in await ask(hers, CHANGE, wanted)
        async with platform.database.read(alice.tenant.id) as tx:
            waiting = await tx.fetch_value(
                "SELECT count(*) FROM dirty WHERE project_id = %s", (alice.tenant.id,), into=int
            )
        assert waiting == (traits["nameplate"] != "10")
    await settle(platform, alice.tenant.id)
    async with platform.database.read(alice.tenant.id) as tx:
        held = await tx.fetch_tuples(HELD, (alice.tenant.id,))
        after = await tx.fetch_tuples(COUNTED, counted)
    assert held == []
    assert [qty for _, qty in after] == [100 * 10**6] * 15
    assert after[0][0] == BEGIN
