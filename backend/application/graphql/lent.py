"""What keys of programs and credentials at the broker have in common: somebody they act for."""

from typing import Protocol

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.expiring import Expiring, ExpiringRow
from backend.application.graphql.persons import Person


class LentRow(ExpiringRow, Protocol):
    """A row of what lets a program in for somebody, until it expires or is revoked."""

    @property
    def name(self) -> str:
        """What its maker calls the program."""

    @property
    def person_id(self) -> int:
        """For whom it acts."""


@strawberry.type
class Lent(Expiring):
    """Something that lets a program in for somebody."""

    door: strawberry.Private[Door]
    row: strawberry.Private[LentRow]

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    async def owner(self) -> Person | None:
        """For whom it acts; it never may more than they."""
        return await self.door.persons.load(self.row.person_id)
