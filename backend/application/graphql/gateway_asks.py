"""What was asked of a gateway and is answered later: support and updates have it in common."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.persons import Person
from backend.core.ids import encode_id
from backend.service.gateways.asked import AskedRow


@strawberry.type
class AskedOfGateway:
    """Something asked of a gateway: who asked, when, and when it was done with."""

    door: strawberry.Private[Door]
    row: strawberry.Private[AskedRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("cmd", self.row.uid))

    @strawberry.field
    async def person(self) -> Person | None:
        """Who asked."""
        return await self.door.persons.load(self.row.person_id)

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def until(self) -> datetime:
        """Until when the gateway may begin or answer; of a grant, its end."""
        return self.row.not_after

    @strawberry.field
    def finished_at(self) -> datetime | None:
        return self.row.finished_at
