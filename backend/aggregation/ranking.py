"""The greatest of some scopes in one period: the first few, what the others add up to, the whole.

Read from the accounts of the period itself, never from finer ones. Scopes without an account in it
are not in the list; one whose measure is not known (no price, no factor) comes last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final

from backend.aggregation.calendar import Period, period_of
from backend.aggregation.rollup import Scope
from backend.aggregation.versions import accounts, version_to_read
from backend.core.db import ReadSession
from gateway.contract.energy import EnergyType


class Order(Enum):
    """By what scopes are ranked; the texts are columns of `account`."""

    QUANTITY = "qty"
    KGCE = "kgce"
    KGCO2 = "kgco2"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Place:
    """One scope in the list; `amount` in the energy's smallest unit, or of the measure."""

    scope_id: int
    amount: Decimal | None
    quality: int


@dataclass(frozen=True, slots=True)
class Others:
    """What stands below the places: how many, and their exact sum (None where one is unknown)."""

    count: int
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class TopList:
    """The period, its first places, the others, and the whole they are shares of."""

    start: datetime
    end: datetime
    places: Sequence[Place]
    others: Others
    whole: Decimal | None


@dataclass(frozen=True, slots=True)
class Question:
    """Which scopes are ranked: those of `ids`, or all meters where it is None.

    `whole` is the node that the shares are of; None = the sum of all that are ranked. `as_of` is a
    version; None: as it is now.
    """

    scope: Scope
    ids: Sequence[int] | None
    energy: EnergyType
    order: Order
    period: Period
    first: int
    whole: int | None = None
    as_of: int | None = None


_OF: Final = """
FROM {accounts} a WHERE a.project_id = %(project)s AND a.scope = %(scope)s AND a.period = {period}
AND a.energy = %(energy)s AND a.start_ts = %(start)s {some}
"""
_PLACES: Final = """
SELECT a.scope_id, a.{column}::numeric AS amount, a.quality {of}
ORDER BY a.{column} DESC {unknown}, a.scope_id LIMIT %(first)s
"""
_SUM: Final = """
SELECT count(*) AS count, CASE WHEN count(a.{column}) = count(*) THEN sum(a.{column}) END AS amount
{of}
"""
_WHOLE: Final = """
SELECT a.{column}::numeric FROM {accounts} a
WHERE a.project_id = %(project)s AND a.scope = 2 AND a.scope_id = %(whole)s
  AND a.energy = %(energy)s AND a.period = %(period)s AND a.start_ts = %(start)s
"""


def _statements(
    order: Order, period: Period, *, some: bool, as_of: bool
) -> tuple[bytes, bytes, bytes]:
    source = accounts(as_of=as_of)
    ids = "AND a.scope_id = ANY(%(ids)s)" if some else ""
    of = _OF.format(accounts=source, period=int(period), some=ids)
    # qty is never null, and its index is in this order.
    words = {
        "accounts": source,
        "column": order.value,
        "unknown": "" if order is Order.QUANTITY else "NULLS LAST",
    }
    texts = (_PLACES, _SUM, _WHOLE)
    places, total, whole = (text.format(of=of, **words).encode() for text in texts)
    return places, total, whole


_RANKINGS: Final[Mapping[tuple[Order, Period, bool, bool], tuple[bytes, bytes, bytes]]] = {
    (order, period, some, as_of): _statements(order, period, some=some, as_of=as_of)
    for order in Order
    for period in Period
    for some in (False, True)
    for as_of in (False, True)
}
"""Every statement there is; the period stands in them as a number, so that the planner sees that
the partial index of days and longer serves them."""


async def top(tx: ReadSession, project_id: int, question: Question, at: datetime) -> TopList | None:
    """Answer the list of the period that holds `at`; None outside the calendar."""
    bounds = await period_of(tx, project_id, question.period, at)
    if bounds is None:
        return None
    as_of = await version_to_read(tx, project_id, question.as_of)
    params = {
        "project": project_id,
        "as_of": as_of,
        "scope": int(question.scope),
        "ids": None if question.ids is None else list(question.ids),
        "energy": question.energy.code,
        "period": int(question.period),
        "start": bounds[0],
        "first": question.first,
        "whole": question.whole,
    }
    key = (question.order, question.period, question.ids is not None, as_of is not None)
    places, total, whole = _RANKINGS[key]
    found = await tx.fetch_all(places, params, into=Place)
    every = await tx.fetch_all(total, params, into=Others)
    amount = every[0].amount
    shown = [place.amount for place in found]
    rest = None if amount is None else amount - sum((one or Decimal(0) for one in shown), Decimal())
    if question.whole is not None:
        amount = await tx.fetch_value(whole, params, into=Decimal)
    return TopList(*bounds, found, Others(every[0].count - len(found), rest), amount)
