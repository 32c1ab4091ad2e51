"""A plant with stocks for tests: meters without a device, people who enter documents."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.service.people.asker import Asker
from backend.service.stock.checks import NewDocument
from backend.service.stock.documents import (
    StockMeter,
    record_document,
    reverse_document,
    stock_meter,
)
from tests.backend.plant_accounts import Plant
from tests.postgres import Actor


def local(text: str) -> datetime:
    """An instant by Shanghai's clock."""
    return datetime.fromisoformat(text + "+08:00").astimezone(UTC)


async def make_stock(database: Database, project: int, slug: str, energy: str) -> StockMeter:
    """A meter whose quarter hours come from documents."""
    uid = new_uuid(datetime(2026, 3, 15, tzinfo=UTC))
    async with database.project(project) as tx:
        await tx.execute(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source)"
            " VALUES (%s, %s, %s, %s, %s, 1, 'stock')",
            (project, uid, slug, Jsonb({"en": slug}), energy),
        )
        return await stock_meter(tx, project, uid)


def document(
    kind: str, at: str, quantity: str, unit: str = "t", price: str | None = None, **more: str
) -> NewDocument:
    """A document as people enter it, by Shanghai's clock."""
    value = more.pop("calorific_value", None)
    return NewDocument(
        kind,
        local(at),
        Decimal(quantity),
        unit,
        None if price is None else Decimal(price),
        calorific_value=None if value is None else Decimal(value),
        **more,
    )


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody who keeps a stock's documents."""

    plant: Plant
    actor: Actor
    meter: StockMeter
    now: datetime

    @property
    def asker(self) -> Asker:
        """Who asks."""
        return Asker(self.actor.id, self.actor.uid)

    async def record(self, new: NewDocument) -> UUID:
        """Record a document."""
        async with self.plant.database.project(self.plant.project) as tx:
            return await record_document(
                tx, self.plant.project, self.meter, new, self.asker, self.now
            )

    async def reverse(self, uid: UUID, instead: NewDocument | None = None) -> UUID:
        """Take a document back, or put another in its place."""
        async with self.plant.database.project(self.plant.project) as tx:
            return await reverse_document(
                tx, self.plant.project, uid, self.asker, self.now, instead
            )
