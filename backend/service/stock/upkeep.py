"""Stocks follow what is no document of theirs: time, factors, working time, other meters."""

from datetime import datetime

from backend.aggregation.stock_accounts import settle_stock, stock_meters
from backend.core.db import Database
from backend.core.events import publish


async def keep_stocks(database: Database, project_id: int, now: datetime) -> int:
    """Have every stock of a project accounted as of now, each in a transaction of its own.

    Answers how many changed.
    """
    async with database.read(project_id) as reading:
        meters = await stock_meters(reading, project_id)
    changed = 0
    for meter in meters:
        async with database.project(project_id) as tx:
            if await settle_stock(tx, project_id, meter, now):
                changed += 1
                await publish(tx, project_id, "account", "", now)
    return changed
