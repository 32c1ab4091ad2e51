"""How far the accounts are behind what has arrived or was changed."""

import strawberry

from backend.aggregation.progress import Progress, read_progress
from backend.core.db import ReadSession

SHOWN_S = 5.0
"""What waits less long is not worth a word on the first screen."""


@strawberry.type
class Accounting:
    """What waits to be accounted, and how fast it goes on."""

    ranges: int = strawberry.field(
        description="Stretches of registers, virtual meters and nodes that wait."
    )
    hours: float = strawberry.field(description="How long these stretches are together.")
    oldest_s: float | None = strawberry.field(
        description="Seconds that the oldest has waited; null where nothing waits."
    )
    rows_per_s: float = strawberry.field(
        description="Quarter hours of meters made a second, over the last quarter of a minute."
    )

    @classmethod
    def of(cls, progress: Progress) -> "Accounting":
        """Answer it for the wire."""
        return cls(
            ranges=progress.ranges,
            hours=progress.hours,
            oldest_s=progress.oldest_s,
            rows_per_s=progress.rows_per_s,
        )


async def read_accounting(tx: ReadSession, project_id: int) -> Accounting:
    """Answer how far a project's accounts are."""
    return Accounting.of(await read_progress(tx, project_id))


async def accounting_behind(tx: ReadSession, project_id: int) -> Accounting | None:
    """Answer the same where something has waited for longer than usual, else None."""
    found = await read_accounting(tx, project_id)
    return found if (found.oldest_s or 0.0) > SHOWN_S else None
