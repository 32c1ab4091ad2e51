"""What a group is told of its projects, put together. Pure; all exact.

Coal equivalent, carbon and cost are sums over what the plant as a whole takes, as its own first
screen adds them; products are none of it. Each is null where nothing of it is known, and is
`complete` when every energy that is no medium has its factor and price.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.aggregation.figures import Sum
from backend.service.groups.consents import Rollup
from gateway.contract.energy import energy_type

DIGITS: Final = Decimal("0.000001")
PRODUCT: Final = "product"
MEDIUM: Final = "medium"
AMOUNTS: Final = (Rollup.KGCE, Rollup.KGCO2, Rollup.COST)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and what it was a year before; None where it is not known or not told."""

    now: Decimal | None
    before: Decimal | None = None


NONE: Final = Amount(None)


@dataclass(frozen=True, slots=True)
class EnergyAmount:
    """One energy in its display unit, or coal equivalent per unit of a product."""

    energy: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Figures:
    """What one project is told of over a span: only what it consented to; the rest is empty."""

    start: datetime
    end: datetime
    energies: Sequence[EnergyAmount]
    kgce: Amount
    kgco2: Amount
    cost: Amount
    intensity: Sequence[EnergyAmount]
    quality: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A project that consented: its name, money, what it consented to and from which day on.

    `figures` is None where nothing of the period is told.
    """

    uid: UUID
    slug: str
    name: Mapping[str, str]
    currency: str
    rollups: Sequence[str]
    since: date
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Total:
    """What the projects that tell it come to; `before` only where every one of them tells it."""

    of: str
    """An energy, a currency, or empty."""
    projects: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Totals:
    """What a group's projects come to together."""

    energies: Sequence[Total]
    kgce: Total
    kgco2: Total
    costs: Sequence[Total]


def told(
    start: datetime,
    end: datetime,
    found: Mapping[str, Sum],
    before: Mapping[str, Sum] | None,
    rollups: Sequence[str],
) -> Figures:
    """Answer what sums by energy tell of a project that consented to these roll-ups."""
    taken = [row for code, row in found.items() if energy_type(code).state != PRODUCT]
    earlier = None if before is None else _taken(before)
    kgce = Amount(_total(taken, Rollup.KGCE), _total(earlier or (), Rollup.KGCE))
    amounts = {
        one: Amount(_total(taken, one), _total(earlier or (), one)) if one in rollups else NONE
        for one in AMOUNTS
    }
    return Figures(
        start,
        end,
        [_energy(row, before) for row in taken] if Rollup.QUANTITY in rollups else [],
        amounts[Rollup.KGCE],
        amounts[Rollup.KGCO2],
        amounts[Rollup.COST],
        _intensities(found, before, kgce) if Rollup.INTENSITY in rollups else [],
        max((row.quality for row in taken), default=0),
        all(_known(row, rollups) for row in taken),
    )


def ranked(members: Iterable[Member], by: Rollup, energy: str | None = None) -> list[Member]:
    """Answer projects by one of their amounts, the greatest first; those without it last.

    Costs of one currency stand together; of quantities `energy` says which.
    """

    def place(member: Member) -> tuple[bool, str, Decimal, str]:
        amount = amount_of(member, by, energy).now
        money = member.currency if by is Rollup.COST else ""
        return amount is None, money, -(amount or Decimal(0)), member.slug

    return sorted(members, key=place)


def amount_of(member: Member, by: Rollup, energy: str | None = None) -> Amount:
    """Answer the amount that projects are ranked by."""
    return NONE if member.figures is None else amount_in(member.figures, by, energy)


def amount_in(figures: Figures, by: Rollup, energy: str | None = None) -> Amount:
    """Answer one of the amounts of what a project tells; `energy` of quantities and intensities."""
    if by in (Rollup.QUANTITY, Rollup.INTENSITY):
        rows = figures.energies if by is Rollup.QUANTITY else figures.intensity
        return next((row.amount for row in rows if row.energy == energy), NONE)
    found = {Rollup.KGCE: figures.kgce, Rollup.KGCO2: figures.kgco2, Rollup.COST: figures.cost}
    return found.get(by, NONE)


def totals(members: Sequence[Member]) -> Totals:
    """Answer what projects come to together; money by currency."""
    figures = [(one, one.figures) for one in members if one.figures is not None]
    codes = list(dict.fromkeys(row.energy for _, found in figures for row in found.energies))
    currencies = sorted({one.currency for one, found in figures if found.cost.now is not None})
    return Totals(
        [_sum(code, [amount_of(one, Rollup.QUANTITY, code) for one in members]) for code in codes],
        _sum("", [found.kgce for _, found in figures]),
        _sum("", [found.kgco2 for _, found in figures]),
        [
            _sum(money, [found.cost for one, found in figures if one.currency == money])
            for money in currencies
        ],
    )


def _sum(of: str, amounts: Sequence[Amount]) -> Total:
    known = [one for one in amounts if one.now is not None]
    now = sum((one.now or Decimal(0) for one in known), Decimal(0)) if known else None
    before = [one.before for one in known if one.before is not None]
    whole = sum(before, Decimal(0)) if known and len(before) == len(known) else None
    return Total(of, len(known), Amount(now, whole))


def _taken(found: Mapping[str, Sum]) -> list[Sum]:
    return [row for code, row in found.items() if energy_type(code).state != PRODUCT]


def _total(rows: Iterable[Sum], of: Rollup) -> Decimal | None:
    known = [one for row in rows if (one := _part(row, of)) is not None]
    return sum(known, Decimal(0)) if known else None


def _part(row: Sum, of: Rollup) -> Decimal | None:
    return {Rollup.KGCE: row.kgce, Rollup.KGCO2: row.kgco2, Rollup.COST: row.cost}[of]


def _known(row: Sum, rollups: Sequence[str]) -> bool:
    if energy_type(row.energy).state == MEDIUM:
        return True
    return all(_part(row, one) is not None for one in AMOUNTS if one in rollups)


def _energy(row: Sum, before: Mapping[str, Sum] | None) -> EnergyAmount:
    kind = energy_type(row.energy)
    earlier = None if before is None else before.get(row.energy)
    then = None if earlier is None else kind.display(earlier.qty)
    return EnergyAmount(row.energy, Amount(kind.display(row.qty), then))


def _intensities(
    found: Mapping[str, Sum], before: Mapping[str, Sum] | None, kgce: Amount
) -> list[EnergyAmount]:
    products = [row for code, row in found.items() if energy_type(code).state == PRODUCT]
    return [
        EnergyAmount(
            row.energy,
            Amount(
                _per_unit(kgce.now, row),
                _per_unit(kgce.before, None if before is None else before.get(row.energy)),
            ),
        )
        for row in products
    ]


def _per_unit(kgce: Decimal | None, made: Sum | None) -> Decimal | None:
    if kgce is None or made is None or made.qty <= 0:
        return None
    return (kgce / energy_type(made.energy).display(made.qty)).quantize(DIGITS)
