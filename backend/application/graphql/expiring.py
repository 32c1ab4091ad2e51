"""What invitations, keys of programs and credentials at the broker have in common: they end."""

from datetime import datetime
from typing import Protocol

import strawberry


class ExpiringRow(Protocol):
    """A row that is good until it expires or is revoked."""

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
class Expiring:
    """Something that is good for a while."""

    row: strawberry.Private[ExpiringRow]

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def expires_at(self) -> datetime:
        return self.row.expires_at

    @strawberry.field
    def revoked_at(self) -> datetime | None:
        return self.row.revoked_at
