"""What the demo's people bring by hand: written once, accounted, left alone afterwards."""

from datetime import timedelta

from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.service.hand.registers import hand_registers
from backend.service.projects.by_hand import keep_by_hand
from backend.service.projects.create import create_project
from backend.service.projects.template import read_template
from backend.service.stock.documents import list_documents, stock_meters
from tests.postgres import NOW


async def test_diesel_and_the_canteens_water_are_there_and_stay(
    database: Database, clock: ManualClock
) -> None:
    parts = read_template("qichuan")
    project = await create_project(database, clock, "qichuan", "demo")
    for later in (timedelta(), timedelta(days=3)):
        await keep_by_hand(database, project, parts, NOW + later)
    async with database.read(project) as tx:
        (diesel,) = await stock_meters(tx, project)
        papers = await list_documents(tx, project, diesel.id, 50)
        (water,) = await hand_registers(tx, project)
        sums = await tx.fetch_tuples(
            "SELECT scope, sum(qty)::bigint, bool_and(cost IS NOT NULL AND kgce IS NOT NULL)"
            " FROM account WHERE project_id = %s AND energy = 'diesel' AND period = 3"
            " GROUP BY scope ORDER BY scope",
            (project,),
        )
    assert len(papers) == len(parts.stocks["forklift-diesel"].papers)
    assert (water.slug, water.last_value) == ("canteen-water", 48479.0)
    # 1,850 + 2,200 - 2,115, then 2,115 + 2,000 - 180 - 2,012, then 68 a day for two days and 4 h.
    used = (1935 + 1923) * 10**6 + 68 * 10**6 * (2 * 24 + 4) // 24
    assert [(scope, qty, whole) for scope, qty, whole in sums] == [
        (1, used, True),
        (2, used, True),
    ]
