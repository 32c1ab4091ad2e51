"""The reading sheet of a stock: from what was there to what is left, paper by paper.

opening + deliveries - sales + found - closing = consumption, as integers of the smallest unit. What
was there at an instant that is no count follows from the count before it, the papers since, and
what the spreading puts before that instant; `found` is what a count showed beyond the books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.aggregation.metering import micros
from backend.aggregation.stock import (
    COUNT,
    DELIVERY,
    SALE,
    Document,
    Quarter,
    Standing,
    consumption,
    intervals,
)
from backend.aggregation.stock_accounts import Rule, read_documents, read_rule, weigh_of
from backend.core.db import ReadSession
from gateway.contract.energy import energy_type


@dataclass(frozen=True, slots=True)
class StockSheet:
    """A stock from `start` to `end` (Unix seconds); `start` is the first count where it is later.

    `documents` are the papers in (start, end], counts too; `consumed` is what the account has.
    """

    start: int
    end: int
    opening: int
    documents: Sequence[Document]
    found: int
    closing: int
    rule: Rule

    @property
    def total(self) -> int:
        """The account."""
        moved = sum(_sign(one) * one.qty for one in self.documents)
        return self.opening + moved + self.found - self.closing


def _sign(document: Document) -> int:
    return {DELIVERY: 1, SALE: -1}.get(document.kind, 0)


def stock_sheet(
    documents: Sequence[Document], quarters: Sequence[Quarter], rule: Rule, start: int, end: int
) -> StockSheet | None:
    """Answer the sheet of [start, end), both at quarter hours; None before the first count.

    `quarters` are what the documents make, all of them.
    """
    counts = [one for one in documents if one.kind == COUNT]
    if not counts or min(one.ts for one in counts) >= end:
        return None
    first = min(counts, key=lambda one: one.ts)
    start = max(start, first.ts)
    surplus = [(one.end, -one.consumed) for one in intervals(documents) if one.contradicts]

    def there(at: int) -> int:
        moved = sum(_sign(one) * one.qty for one in documents if first.ts < one.ts <= at)
        found = sum(qty for ts, qty in surplus if ts <= at)
        return first.qty + moved + found - sum(one.qty for one in quarters if one.start < at)

    return StockSheet(
        start=start,
        end=end,
        opening=first.qty if start == first.ts else there(start),
        documents=sorted(
            (one for one in documents if start < one.ts <= end), key=lambda one: (one.ts, one.id)
        ),
        found=sum(qty for ts, qty in surplus if start < ts <= end),
        closing=there(end),
        rule=rule,
    )


_ACCOUNTED: Final = """
SELECT extract(epoch FROM max(end_ts))::bigint FROM account
WHERE project_id = %s AND scope = 1 AND scope_id = %s AND energy = %s AND period = 1
"""


async def read_stock_sheet(
    tx: ReadSession, project_id: int, meter_id: int, energy: str, start: datetime, end: datetime
) -> StockSheet | None:
    """Answer the sheet of a stock, as far as a standing estimate has been accounted."""
    documents = await read_documents(tx, project_id, meter_id, energy_type(energy))
    rule = await read_rule(tx, project_id, meter_id)
    until = await tx.fetch_value(_ACCOUNTED, (project_id, meter_id, energy), into=int)
    standing = None if rule.per_day is None else Standing(rule.per_day, until or 0)
    quarters = consumption(documents, await weigh_of(tx, project_id, rule), standing)
    return stock_sheet(
        documents, quarters, rule, micros(start) // 1_000_000, micros(end) // 1_000_000
    )
