"""A meter stood on another register or power than was set, from an instant in the past on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from backend.aggregation.mapping import map_meter, remap_meter, stretch_of
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import decode_id
from backend.service.restatement.kinds.base import (
    Change,
    MeterId,
    Quarter,
    Touched,
    Writing,
    checked_span,
    find_meter,
)

DeviceId = Annotated[str, Field(pattern=r"^dev_[0-9a-z]{26}$")]
Sources = list[tuple[datetime, datetime | None, int]]
_SOURCES: TypeAdapter[Sources] = TypeAdapter(Sources)


class MappingChange(Change):
    """The register of a device that a meter is read from in [since, until)."""

    name = "mapping"
    meter: MeterId
    device: DeviceId
    register_name: Annotated[str, Field(min_length=1, max_length=100)]
    since: Quarter
    until: Quarter | None = None

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the meter, and the register it comes to."""
        first, last = checked_span(self.since, self.until, now)
        meter = await find_meter(tx, project_id, self.meter)
        point = await self._point(tx, project_id)
        return Touched((meter,), (), first, last, (self.meter,), (point,))

    async def write(
        self, tx: WriteSession, project_id: int, writing: Writing
    ) -> Mapping[str, object]:
        """Move the meter; answer where it was read from before, in that stretch."""
        meter = await find_meter(tx, project_id, self.meter)
        point = await self._point(tx, project_id)
        stretch = (self.since, self.until)
        before = await stretch_of(tx, project_id, meter, *stretch)
        await map_meter(tx, project_id, meter, point, *stretch, writing.now)
        return {
            "point": point,
            "sources": _SOURCES.dump_python(before, mode="json"),
            "points": [one for *_, one in before],
        }

    async def take_back(
        self, tx: WriteSession, project_id: int, before: Mapping[str, object], writing: Writing
    ) -> None:
        """Have the meter read as before. Conflict when it was moved again in that stretch."""
        meter = await find_meter(tx, project_id, self.meter)
        stretch = (self.since, self.until)
        there = [row[2] for row in await stretch_of(tx, project_id, meter, *stretch)]
        if there != [before["point"]]:
            raise Conflict("restatement_changed_since")
        sources = _SOURCES.validate_python(before["sources"])
        await remap_meter(tx, project_id, meter, stretch, sources, writing.now)

    async def _point(self, tx: ReadSession, project_id: int) -> int:
        """Answer the register. Raises NotFound."""
        found = await tx.fetch_value(
            "SELECT p.id FROM point p JOIN device d ON d.project_id = %(project)s"
            " AND d.id = p.device_id WHERE p.project_id = %(project)s AND d.uid = %(device)s"
            " AND p.name = %(name)s",
            {
                "project": project_id,
                "device": decode_id("dev", self.device),
                "name": self.register_name,
            },
            into=int,
        )
        if found is None:
            raise NotFound(kind="point")
        return found
