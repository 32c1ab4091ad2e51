"""What keys of programs and credentials at the broker have in common: somebody they act for."""

from datetime import datetime
from typing import Protocol

import strawberry

from backend.application.graphql.context import Door
from backend.application.graphql.persons import Person


class LentRow(Protocol):
    """A row of what lets a program in for somebody, until it expires or is revoked."""

    @property
    def name(self) -> str:
        """What its maker calls the program."""

    @property
    def person_id(self) -> int:
        """For whom it acts."""

    @property
    def created_at(self) -> datetime:
        """When it was made."""

    @property
    def expires_at(self) -> datetime:
        """When it ends by itself."""

    @property
    def revoked_at(self) -> datetime | None:
        """When it was taken back."""


@strawberry.type
class Lent:
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

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def expires_at(self) -> datetime:
        return self.row.expires_at

    @strawberry.field
    def revoked_at(self) -> datetime | None:
        return self.row.revoked_at
