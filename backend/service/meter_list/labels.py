"""The meters that labels are printed for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A meter by its names and its number in the owner's books."""

    uid: UUID
    slug: str
    name: dict[str, str]
    asset: str | None


async def list_labels(tx: ReadSession, project_id: int, now: datetime) -> list[LabelRow]:
    """Answer the meters that hang somewhere: those that are read, not those that are computed."""
    return await tx.fetch_all(
        "SELECT uid, slug, name, asset FROM meter WHERE project_id = %s"
        " AND source IN ('register', 'gauge', 'manual') AND (valid_to IS NULL OR valid_to > %s)"
        " ORDER BY energy, level, slug",
        (project_id, now),
        into=LabelRow,
    )
