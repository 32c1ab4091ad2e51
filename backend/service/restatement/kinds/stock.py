"""A delivery, count or sale of a stock was wrong or is missing in a period that is closed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

from pydantic import Field, StringConstraints

from backend.aggregation.stock import COUNT
from backend.aggregation.stock_accounts import read_documents
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput
from backend.core.ids import decode_id, encode_id
from backend.service.restatement.kinds.base import (
    Change,
    MeterId,
    Moment,
    Touched,
    Writing,
    checked_span,
)
from backend.service.stock.checks import NewDocument
from backend.service.stock.documents import (
    DocumentRow,
    StockMeter,
    entered,
    find_document,
    replace_document,
    stock_meter,
    stock_meters,
)

DocumentId = Annotated[str, Field(pattern=r"^stk_[0-9a-z]{26}$")]
Number = Annotated[Decimal, Field(ge=0, max_digits=24, decimal_places=12, allow_inf_nan=False)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ENTERED: Final = {
    "document_kind": "kind", "at": "at", "quantity": "quantity", "unit": "unit", "price": "price",
    "calorific_value": "calorific_value", "calorific_unit": "calorific_unit",
    "reference": "reference",
}  # fmt: skip
"""Fields of the form, and of a document."""
NEEDED: Final = ("document_kind", "at", "quantity", "unit")


class _Found(NamedTuple):
    """The stock, the document that is wrong, and what it should have been."""

    meter: StockMeter
    wrong: DocumentRow | None
    right: NewDocument | None

    @property
    def moments(self) -> list[datetime]:
        """When the documents are of."""
        old = [] if self.wrong is None else [self.wrong.ts]
        return old if self.right is None else [*old, self.right.at]


class StockChange(Change):
    """A document as it should have been: what is left out stays as it was.

    Only `document`: it never was. Without it: the document of `meter` that is missing.
    """

    name = "stock"
    document: DocumentId | None = None
    meter: MeterId | None = None
    document_kind: Literal["delivery", "count", "sale"] | None = None
    at: Moment | None = None
    quantity: Number | None = None
    unit: Words | None = None
    price: Number | None = None
    calorific_value: Number | None = None
    calorific_unit: Words | None = None
    reference: Words | None = None

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the stock: from the count before the documents on, batches may come otherwise."""
        found = await self._found(tx, project_id)
        earliest = min(found.moments)
        documents = await read_documents(tx, project_id, found.meter.id, found.meter.energy)
        counts = [one.ts for one in documents if one.kind == COUNT]
        before = [ts for ts in counts if ts < earliest.timestamp()]
        begins = datetime.fromtimestamp(max(before), earliest.tzinfo) if before else earliest
        first, last = checked_span(begins, None, now)
        refs = (encode_id("mtr", found.meter.uid), *([self.document] if self.document else []))
        return Touched((found.meter.id,), (), first, last, refs)

    async def write(
        self, tx: WriteSession, project_id: int, writing: Writing
    ) -> Mapping[str, object]:
        """Take the wrong document back and write the right one; answer both."""
        meter, wrong, right = await self._found(tx, project_id)
        newest = await replace_document(
            tx, project_id, meter, wrong, right, writing.person_id, writing.now
        )
        return {
            "wrong": None if wrong is None else str(wrong.uid),
            "right": None if right is None else str(newest),
        }

    async def take_back(
        self, tx: WriteSession, project_id: int, before: Mapping[str, object], writing: Writing
    ) -> None:
        """Write the old document again and take the new one back. Conflict when that was done."""
        old = await _document(tx, project_id, before["wrong"])
        new = await _document(tx, project_id, before["right"])
        meter, _, _ = await self._found(tx, project_id)
        again = None if old is None else entered(old)
        await replace_document(tx, project_id, meter, new, again, writing.person_id, writing.now)

    async def _found(self, tx: ReadSession, project_id: int) -> _Found:
        """Answer what is meant. Raises InvalidInput and NotFound."""
        given = {
            of_document: getattr(self, name)
            for name, of_document in ENTERED.items()
            if getattr(self, name) is not None
        }
        if self.document is not None:
            number, row = await find_document(tx, project_id, decode_id("stk", self.document))
            meter = next(one for one in await stock_meters(tx, project_id) if one.id == number)
            return _Found(meter, row, replace(entered(row), **given) if given else None)
        if self.meter is None:
            raise InvalidInput("restatement_field", field="meter", problem="or document")
        for name in NEEDED:
            if getattr(self, name) is None:
                raise InvalidInput("restatement_field", field=name, problem="is missing")
        meter = await stock_meter(tx, project_id, decode_id("mtr", self.meter))
        return _Found(meter, None, NewDocument(**given))


async def _document(tx: ReadSession, project_id: int, uid: object) -> DocumentRow | None:
    return None if uid is None else (await find_document(tx, project_id, UUID(str(uid))))[1]
