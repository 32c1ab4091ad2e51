"""Stocks: documents, what they say of book stock and consumption, and how it is spread."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

import strawberry
from strawberry.dataloader import DataLoader

from backend.aggregation.stock import COUNT, Document, Interval, book, intervals
from backend.aggregation.stock_accounts import read_documents, read_rule
from backend.application.graphql.context import Door, KwInfo, enter_to, outside_uid
from backend.application.graphql.naming import Name
from backend.application.graphql.persons import Person
from backend.application.lengths import list_length
from backend.core.ids import encode_id
from backend.service.people.roles import Permission
from backend.service.stock import documents as service
from backend.service.stock.checks import NewDocument, units_of
from backend.service.stock.rules import rule_of, set_rule

MOST = 500


@strawberry.enum
class StockKind(Enum):
    """What a stock document says happened."""

    DELIVERY = "delivery"
    COUNT = "count"
    SALE = "sale"


@strawberry.enum
class StockSpreading(Enum):
    """How consumption between two counts is spread over time."""

    EVEN = "even"
    WORKING = "working"
    PROFILE = "profile"


@strawberry.type
class StockDocument:
    """A dated fact of a stock; it is never changed, only taken back by another document."""

    door: strawberry.Private[Door]
    row: strawberry.Private[service.DocumentRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("stk", self.row.uid))

    @strawberry.field
    def kind(self) -> StockKind:
        return StockKind(self.row.kind)

    @strawberry.field
    def at(self) -> datetime:
        return self.row.ts

    @strawberry.field
    def quantity(self) -> Decimal:
        """In `unit`, as the paper says."""
        return self.row.quantity

    @strawberry.field
    def unit(self) -> str:
        return self.row.unit

    @strawberry.field
    def price(self) -> Decimal | None:
        """Of one `unit`, in the project's currency."""
        return self.row.price

    @strawberry.field
    def calorific_value(self) -> Decimal | None:
        """Of this batch, in `calorificUnit`."""
        return self.row.calorific_value

    @strawberry.field
    def calorific_unit(self) -> str | None:
        return self.row.calorific_unit

    @strawberry.field
    def supplier(self) -> str | None:
        return self.row.supplier

    @strawberry.field
    def reference(self) -> str | None:
        return self.row.reference

    @strawberry.field
    def note(self) -> str | None:
        return self.row.note

    @strawberry.field
    def reverses_id(self) -> strawberry.ID | None:
        """The document that this one takes back; it counts for nothing itself."""
        uid = self.row.reverses
        return None if uid is None else strawberry.ID(encode_id("stk", uid))

    @strawberry.field
    def reversed(self) -> bool:
        """Whether another document took this one back."""
        return self.row.reversed_by is not None

    @strawberry.field
    async def person(self) -> Person | None:
        """Who recorded it."""
        by = self.row.recorded_by
        return None if by is None else await self.door.persons.load(by)

    @strawberry.field
    def recorded_at(self) -> datetime:
        return self.row.recorded_at


@strawberry.type
class StockInterval:
    """The stock between two counts, in the display unit: consumed = opening + delivered - sold -
    closing.
    """

    start: datetime
    end: datetime
    opening: Decimal
    delivered: Decimal
    sold: Decimal
    closing: Decimal
    consumed: Decimal


@strawberry.type
class StockRule:
    """How consumption is spread, and what is estimated after the last count."""

    spreading: StockSpreading
    per_day: Decimal | None = strawberry.field(
        description="Estimate after the last count in the display unit; null: nothing is invented."
    )


@strawberry.type
class Stock:
    """An energy that is bought in batches and kept: its meter's quarter hours come from papers."""

    door: strawberry.Private[Door]
    row: strawberry.Private[service.StockMeter]
    read: strawberry.Private[DataLoader[int, list[Document]]]

    @strawberry.field
    def meter_id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("mtr", self.row.uid))

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def energy(self) -> str:
        return self.row.energy_code

    @strawberry.field
    def unit(self) -> str:
        return self.row.energy.unit.code

    @strawberry.field
    def units(self) -> list[str]:
        """The units that a document may be entered in, smallest first."""
        return units_of(self.row.energy)

    @strawberry.field
    async def book(self) -> Decimal | None:
        """What the papers say is there, consumption since the last count aside; display unit.

        Null before the first count.
        """
        now = self.door.process.platform.clock.now()
        found = book(await self.read.load(self.row.id), int(now.timestamp()))
        return None if found is None else self.row.energy.display(found)

    @strawberry.field
    async def counted_at(self) -> datetime | None:
        """When it was counted last."""
        counts = [one.ts for one in await self.read.load(self.row.id) if one.kind == COUNT]
        return datetime.fromtimestamp(max(counts), UTC) if counts else None

    @strawberry.field
    async def intervals(self, first: int = 24) -> list[StockInterval]:
        """Consumption between counts, newest first."""
        found = intervals(await self.read.load(self.row.id))
        return [self._interval(one) for one in reversed(found[-list_length(first, MOST) :])]

    @strawberry.field
    async def rule(self) -> StockRule:
        async with self.door.read() as tx:
            rule = await read_rule(tx, self.door.project.id, self.row.id)
        rate = None if rule.per_day is None else self.row.energy.display(rule.per_day)
        return StockRule(spreading=StockSpreading(rule.rule), per_day=rate)

    @strawberry.field
    async def documents(
        self, first: int = 50, before: datetime | None = None
    ) -> list[StockDocument]:
        """Newest first."""
        async with self.door.read() as tx:
            rows = await service.list_documents(
                tx, self.door.project.id, self.row.id, list_length(first, MOST), before
            )
        return [StockDocument(door=self.door, row=row) for row in rows]

    def _interval(self, one: Interval) -> StockInterval:
        display = self.row.energy.display
        return StockInterval(
            start=datetime.fromtimestamp(one.start, UTC),
            end=datetime.fromtimestamp(one.end, UTC),
            opening=display(one.opening),
            delivered=display(one.delivered),
            sold=display(one.sold),
            closing=display(one.closing),
            consumed=display(one.consumed),
        )


async def list_stocks(door: Door) -> list[Stock]:
    """Answer the stocks of a project."""
    async with door.read() as tx:
        found = await service.stock_meters(tx, door.project.id)
    kinds = {row.id: row.energy for row in found}

    async def read(ids: list[int]) -> list[list[Document]]:
        async with door.read() as tx:
            return [await read_documents(tx, door.project.id, id, kinds[id]) for id in ids]

    documents: DataLoader[int, list[Document]] = DataLoader(read)
    return [Stock(door=door, row=row, read=documents) for row in found]


async def find_stock(door: Door, meter: str) -> Stock | None:
    """Answer the stock of a meter; None when this project has none of that identity."""
    uid = outside_uid("mtr", meter)
    return next((one for one in await list_stocks(door) if one.row.uid == uid), None)


@strawberry.input
class StockDocumentInput:
    """A stock document as a person enters it."""

    kind: StockKind
    at: datetime
    quantity: Decimal
    unit: str
    price: Decimal | None = strawberry.field(default=None, description="Of one `unit`.")
    currency: str | None = None
    calorific_value: Decimal | None = None
    calorific_unit: str | None = None
    supplier: str | None = None
    reference: str | None = None
    note: str | None = None


def entered(wanted: StockDocumentInput) -> NewDocument:
    """Answer what was entered as the service takes it."""
    return NewDocument(
        wanted.kind.value,
        wanted.at,
        wanted.quantity,
        wanted.unit,
        wanted.price,
        wanted.currency,
        wanted.calorific_value,
        wanted.calorific_unit,
        wanted.supplier,
        wanted.reference,
        wanted.note,
    )


@strawberry.type
class StockMutation:
    """Keeping stocks."""

    @strawberry.mutation
    async def record_stock_document(
        self,
        info: KwInfo,
        project: strawberry.ID,
        meter: strawberry.ID,
        input: StockDocumentInput,  # noqa: A002 - what the schema calls it
    ) -> Stock:
        """Record a delivery, a count or a sale; what it changes is accounted at once."""
        door, asker = await enter_to(info.context, project, Permission.RECORD)
        async with door.write() as tx:
            row = await service.stock_meter(tx, door.project.id, outside_uid("mtr", meter))
            now = door.process.platform.clock.now()
            await service.record_document(tx, door.project.id, row, entered(input), asker, now)
        return await _again(door, row)

    @strawberry.mutation
    async def reverse_stock_document(
        self,
        info: KwInfo,
        project: strawberry.ID,
        document: strawberry.ID,
        instead: StockDocumentInput | None = None,
    ) -> Stock:
        """Take a document back, or put another in its place; both stay in the list."""
        door, asker = await enter_to(info.context, project, Permission.RECORD)
        uid = outside_uid("stk", document)
        async with door.write() as tx:
            meter_id, _ = await service.find_document(tx, door.project.id, uid)
            now = door.process.platform.clock.now()
            new = None if instead is None else entered(instead)
            await service.reverse_document(tx, door.project.id, uid, asker, now, new)
            meters = await service.stock_meters(tx, door.project.id)
        return await _again(door, next(one for one in meters if one.id == meter_id))

    @strawberry.mutation
    async def set_stock_rule(
        self,
        info: KwInfo,
        project: strawberry.ID,
        meter: strawberry.ID,
        spreading: StockSpreading,
        node: strawberry.ID | None = None,
        profile: strawberry.ID | None = None,
        per_day: Decimal | None = None,
    ) -> Stock:
        """Choose how consumption is spread, and what is estimated a day after the last count."""
        door, asker = await enter_to(info.context, project, Permission.RECORD)
        async with door.write() as tx:
            row = await service.stock_meter(tx, door.project.id, outside_uid("mtr", meter))
            rule = await rule_of(
                tx,
                door.project.id,
                row,
                spreading.value,
                None if node is None else outside_uid("node", node),
                None if profile is None else outside_uid("mtr", profile),
                per_day,
            )
            now = door.process.platform.clock.now()
            await set_rule(tx, door.project.id, row, rule, asker, now)
        return await _again(door, row)


async def _again(door: Door, row: service.StockMeter) -> Stock:
    return next(one for one in await list_stocks(door) if one.row.id == row.id)
