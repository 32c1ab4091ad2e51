"""What taking a demand alarm saved: excess above 105 % is charged double (domain.md 2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.core.db import ReadSession
from backend.service.alarms.states import Cause
from backend.service.alarms.store import Occurrence, Step
from backend.service.demand import contract_in_force, peak_demand

EXCESS_RATIO = Decimal("1.05")
EXCESS_TIMES = Decimal(2)
LONGEST = timedelta(hours=6)
"""An alarm that lasts longer is looked at for its first hours."""


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


async def avoided_by(
    tx: ReadSession, project_id: int, occurrence: Occurrence, steps: Sequence[Step], now: datetime
) -> Avoided | None:
    """What was avoided since a demand alarm was taken; None for other kinds, or while not taken.

    The forecast is the highest one recorded, the peak that of raise to one window after the end.
    """
    taken = next((step for step in steps if step.cause is Cause.ACK), None)
    forecasts = [float(str(step.params["valueKw"])) for step in steps if "valueKw" in step.params]
    if occurrence.kind != "demand_forecast" or taken is None or not forecasts:
        return None
    contract = await contract_in_force(tx, project_id, occurrence.raised_at)
    if contract is None:
        return None
    ended = now if occurrence.state.active else occurrence.state_at + contract.method.window
    end = min(now, ended, occurrence.raised_at + LONGEST)
    peak = await peak_demand(tx, project_id, contract, occurrence.raised_at, end)
    if peak is None:
        return None
    return avoided_cost(
        Decimal(str(max(forecasts))),
        Decimal(str(round(peak, 1))),
        Decimal(contract.contract_kw),
        contract.price_per_kw,
    )
