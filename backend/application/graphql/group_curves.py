"""A group's months or days beside each other: one amount of each project, slot by slot."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.enums import GroupWhy
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import QUALITIES, Quality
from backend.core.ids import encode_id
from backend.service.groups.curve import Line, Point
from gateway.contract.quality import Quality as Stored


@strawberry.type
class GroupPoint:
    """A month or day of a project: an exact amount beside the year before, or why it has none."""

    name: str = strawberry.field(description="What the plant calls it: 2026-02, or 2026-02-14.")
    start: datetime | None = strawberry.field(
        description="From when on it is told; null where nothing is."
    )
    end: datetime | None
    now: Decimal | None = strawberry.field(description="Null where it is not known or not told.")
    before: Decimal | None = strawberry.field(
        description="A year before; null where any part of that is not known or not told."
    )
    why: GroupWhy | None = strawberry.field(description="Why `now` is null; null where it is not.")
    quality: Quality | None = strawberry.field(
        description="The worst of the plant's accounts; null without an amount."
    )
    whole: bool = strawberry.field(description="False where only a part of it is told.")
    complete: bool = strawberry.field(
        description="False where an energy that is no medium has no factor or price."
    )

    @classmethod
    def of(cls, row: Point) -> "GroupPoint":
        """Answer a point."""
        return cls(
            name=row.name,
            start=row.start,
            end=row.end,
            now=row.amount.now,
            before=row.amount.before,
            why=row.why,
            quality=None if row.why else QUALITIES[Stored(row.quality)],
            whole=row.whole,
            complete=row.complete,
        )


@strawberry.type
class GroupLine:
    """One amount of a project over months or days."""

    id: strawberry.ID
    name: Name
    unit: str = strawberry.field(
        description="Of its numbers: the energy's display unit, kgce, kgCO2, kgce/unit of a"
        " product, or the project's currency."
    )
    points: list[GroupPoint] = strawberry.field(
        description="In step with those of the other projects, the oldest first."
    )

    @classmethod
    def of(cls, row: Line) -> "GroupLine":
        """Answer a project's line."""
        return cls(
            id=strawberry.ID(encode_id("prj", row.uid)),
            name=Name.of(row.name, row.slug),
            unit=row.unit,
            points=[GroupPoint.of(one) for one in row.points],
        )
