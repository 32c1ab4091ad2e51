"""What taking a demand alarm saved: excess above 105 % is charged double (domain.md 2.5)."""

from dataclasses import dataclass
from decimal import Decimal

EXCESS_RATIO = Decimal("1.05")
EXCESS_TIMES = Decimal(2)


@dataclass(frozen=True, slots=True)
class Avoided:
    """amount = 2 x price x (max(0, forecast - limit) - max(0, peak - limit)), not below zero.

    Powers in kW: `forecast` the highest forecast while it was raised, `peak` the highest demand
    really reached, `limit` 105 % of the contract; `price` in currency per kW and month.
    """

    amount: Decimal
    forecast_kw: Decimal
    peak_kw: Decimal
    limit_kw: Decimal
    price_per_kw: Decimal


def avoided_cost(
    forecast_kw: Decimal, peak_kw: Decimal, contract_kw: Decimal, price_per_kw: Decimal
) -> Avoided:
    """The excess that was forecast minus the excess that came, at the double price."""
    limit = contract_kw * EXCESS_RATIO
    excess = max(Decimal(0), forecast_kw - limit) - max(Decimal(0), peak_kw - limit)
    amount = max(Decimal(0), EXCESS_TIMES * price_per_kw * excess)
    return Avoided(amount.quantize(Decimal("0.01")), forecast_kw, peak_kw, limit, price_per_kw)
