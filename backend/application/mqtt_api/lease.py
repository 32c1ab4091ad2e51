"""Which process speaks for a project, and the number of the last event it has told.

Leases run on the database server's own clock. Whoever takes over goes on after that number, so an
event is told again rather than not at all.
"""

from datetime import timedelta

from backend.core.db import Database

LEASE_S = 15.0

_CLAIM = """
INSERT INTO mqtt_lease (project_id, owner, until, number)
SELECT %(project)s, %(owner)s, clock_timestamp() + %(span)s,
       coalesce((SELECT number FROM event_counter WHERE project_id = %(project)s), 0)
ON CONFLICT (project_id) DO UPDATE
SET owner = excluded.owner, until = excluded.until,
    number = coalesce(%(number)s::bigint, mqtt_lease.number)
WHERE mqtt_lease.owner = excluded.owner OR mqtt_lease.until < clock_timestamp()
RETURNING number
"""
_LET_GO = (
    "UPDATE mqtt_lease SET until = clock_timestamp() - interval '1 second'"
    " WHERE project_id = %s AND owner = %s"
)


async def hold(database: Database, project_id: int, owner: str, number: int | None) -> int | None:
    """Claim, or renew and keep `number`, the last event told; None when another holds it.

    Answers the number after which events are to be told.
    """
    asked = {
        "project": project_id,
        "owner": owner,
        "span": timedelta(seconds=LEASE_S),
        "number": number,
    }
    async with database.project(project_id) as tx:
        return await tx.fetch_value(_CLAIM, asked, into=int)


async def let_go(database: Database, project_id: int, owner: str) -> None:
    """Let the next process begin at once; what was told stays known."""
    async with database.project(project_id) as tx:
        await tx.execute(_LET_GO, (project_id, owner))
