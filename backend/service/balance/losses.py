"""What explains the loss of a balance: the transformer, the meters' classes, and an unmetered rest.

Quantities are integers of the energy's smallest unit (mWh where a transformer stands); every
split adds up to the loss exactly. Formulas: domain.md 7 (P0 + beta^2 * Pk; u = sqrt(sum (class_i *
E_i)^2)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

QUARTER_HOURS: Final = 4
"""Quarter hours in an hour."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """A nameplate: loss without load and at rated load in W, rating in VA, and the power factor
    of what it carries.
    """

    no_load_w: int
    load_w: int
    rated_va: int
    power_factor: Decimal = Decimal("0.95")


@dataclass(frozen=True, slots=True)
class Split:
    """A loss in parts that add up to it; `within` says whether the meters' classes cover what the
    transformer leaves, None where a class is not known.
    """

    transformer: int
    metering: int
    unmetered: int
    within: bool | None


def transformer_loss(transformer: Transformer, quarters: Iterable[int]) -> int:
    """Answer what a transformer loses in mWh while it passes these mWh in each quarter hour.

    P0 * h + sum of beta^2 * Pk per quarter hour, beta = S / Sn; rounded once, half even.
    """
    count = squares = 0
    for quantity in quarters:
        count += 1
        squares += quantity * quantity
    rated = Fraction(transformer.power_factor) * transformer.rated_va * 1000
    betas = Fraction(squares * QUARTER_HOURS**2) / (rated * rated)
    milliwatts = 1000 * (transformer.no_load_w * count + transformer.load_w * betas)
    return round(milliwatts / QUARTER_HOURS)


def uncertainty(terms: Sequence[tuple[Decimal, int]]) -> int:
    """Answer u of meters as (class in percent, quantity), in the quantity's unit, rounded."""
    with localcontext() as exact:
        exact.prec = 60
        squares = sum(((share * quantity) ** 2 for share, quantity in terms), Decimal(0))
        return int((squares.sqrt() / 100).to_integral_value())


def split(loss: int, transformer: int, u: int | None) -> Split:
    """Divide a loss: first the transformer, then up to u the meters, the rest is unmetered.

    Without u (a class is not known) all that the transformer leaves is unmetered.
    """
    rest = loss - transformer
    if u is None:
        return Split(transformer, 0, rest, None)
    metering = max(-u, min(u, rest))
    return Split(transformer, metering, rest - metering, abs(rest) < u)
