"""Which projects there are, for roles that look after all of them."""

import logging

import psycopg

from backend.core.db import Database
from backend.core.errors import Unavailable

log = logging.getLogger(__name__)


async def known_projects(database: Database) -> list[tuple[int, str]]:
    """Answer id and slug of every project; none while the database is away, which is said."""
    try:
        async with database.platform_read() as tx:
            rows = await tx.fetch_tuples("SELECT id, slug FROM project ORDER BY id")
    except (psycopg.OperationalError, Unavailable) as error:
        log.warning("the database is away, no project is looked after: %s", str(error).strip())
        return []
    return [(int(row[0]), str(row[1])) for row in rows]
