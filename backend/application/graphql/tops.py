"""Top lists: the greatest nodes of a level, or meters, with their shares and the others."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.aggregation.ranking import Order
from backend.application.curves import Period
from backend.application.graphql.context import Door
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import QUALITIES, Quality
from backend.application.top import Wanted, read_top
from gateway.contract.quality import Quality as Stored

strawberry.enum(Order, name="TopOrder", description="By what a top list is sorted.")


@strawberry.input
class TopInput:
    """Who is ranked, by what, in the period that holds `at` (now by default)."""

    energy: str
    period: Period
    at: datetime | None = None
    order: Order = Order.QUANTITY
    first: int = 10
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="The node whose part is shown; the site by default."
    )
    level: int = strawberry.field(
        default=1, description="How many levels below the parent the ranked nodes stand."
    )
    meters: bool = strawberry.field(
        default=False, description="Rank the meters of the parent and all below it instead."
    )


@strawberry.type
class TopRow:
    """One place of a top list."""

    scope: strawberry.ID
    name: Name
    value: Decimal | None
    share: float | None
    quality: Quality


@strawberry.type
class TopList:
    """The first places of a period, and what all the others add up to."""

    start: datetime
    end: datetime
    unit: str
    rows: list[TopRow]
    others: int = strawberry.field(description="How many stand below the last place.")
    others_value: Decimal | None
    others_share: float | None
    whole: Decimal | None = strawberry.field(
        description="The parent's own account, which the shares are of."
    )


async def read_top_list(door: Door, wanted: TopInput) -> TopList | None:
    """Answer a top list; null outside the plant's calendar and where there is no site yet."""
    found = await read_top(
        door,
        Wanted(
            energy=wanted.energy,
            order=wanted.order,
            period=wanted.period,
            at=wanted.at or door.process.platform.clock.now(),
            first=wanted.first,
            parent=wanted.parent,
            level=wanted.level,
            meters=wanted.meters,
        ),
    )
    if found is None:
        return None
    return TopList(
        start=found.start,
        end=found.end,
        unit=found.unit,
        rows=[
            TopRow(
                scope=strawberry.ID(row.scope),
                name=Name.of(row.name),
                value=row.amount,
                share=row.share,
                quality=QUALITIES[Stored(row.quality)],
            )
            for row in found.rows
        ],
        others=found.others,
        others_value=found.others_amount,
        others_share=found.others_share,
        whole=found.whole,
    )
