"""What taking a demand alarm saved: excess above 105 % is charged double (domain.md 2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.core.db import ReadSession
from backend.service.alarms.states import Cause
from backend.service.alarms.store import Occurrence, Step
from backend.service.demand import Contract, Stretch, contracts_in_force, peak_demands

EXCESS_RATIO = Decimal("1.05")
EXCESS_TIMES = Decimal(2)
LONGEST = timedelta(hours=6)
"""An alarm that lasts longer is looked at for its first hours."""


@dataclass(frozen=True, slots=True)
class Avoided:
    """amount = 2 x price x (max(0, forecast - limit) - max(0, peak - limit)), not below zero.

    Powers in kW: `forecast` the highest forecast while it was raised, `peak` the highest demand
    really reached, `limit` 105 % of the contract; `price` in currency per kW and month,
    `confirmed` by somebody or not.
    """

    amount: Decimal
    forecast_kw: Decimal
    peak_kw: Decimal
    limit_kw: Decimal
    price_per_kw: Decimal
    confirmed: bool = False


def avoided_cost(
    forecast_kw: Decimal,
    peak_kw: Decimal,
    contract_kw: Decimal,
    price_per_kw: Decimal,
    *,
    confirmed: bool = False,
) -> Avoided:
    """The excess that was forecast minus the excess that came, at the double price."""
    limit = contract_kw * EXCESS_RATIO
    excess = max(Decimal(0), forecast_kw - limit) - max(Decimal(0), peak_kw - limit)
    amount = max(Decimal(0), EXCESS_TIMES * price_per_kw * excess)
    return Avoided(
        amount.quantize(Decimal("0.01")), forecast_kw, peak_kw, limit, price_per_kw, confirmed
    )


async def avoided_by(
    tx: ReadSession,
    project_id: int,
    alarms: Sequence[tuple[Occurrence, Sequence[Step]]],
    now: datetime,
) -> dict[int, Avoided]:
    """What was avoided since demand alarms were taken, by occurrence; in two statements for all.

    Nothing for other kinds, or while not taken. The forecast is the highest one recorded, the peak
    that of raise to one window after the end.
    """
    taken = [(alarm, kw) for alarm, steps in alarms if (kw := _forecast(alarm, steps)) is not None]
    if not taken:
        return {}
    contracts = await contracts_in_force(tx, project_id, [one.raised_at for one, _ in taken])
    held = [
        (alarm, kw, contract)
        for (alarm, kw), contract in zip(taken, contracts, strict=True)
        if contract is not None
    ]
    stretches = [
        Stretch(contract, alarm.raised_at, _end(alarm, contract, now))
        for alarm, _, contract in held
    ]
    peaks = await peak_demands(tx, project_id, stretches, or_current=True)
    return {
        alarm.id: avoided_cost(
            Decimal(str(kw)),
            Decimal(str(round(peak[1], 1))),
            Decimal(contract.contract_kw),
            contract.price_per_kw,
            confirmed=contract.confirmed,
        )
        for (alarm, kw, contract), peak in zip(held, peaks, strict=True)
        if peak is not None
    }


def _forecast(alarm: Occurrence, steps: Sequence[Step]) -> float | None:
    """The highest forecast of a demand alarm that was taken; None for any other."""
    forecasts = [float(str(step.params["valueKw"])) for step in steps if "valueKw" in step.params]
    taken = any(step.cause is Cause.ACK for step in steps)
    return max(forecasts, default=None) if taken and alarm.kind == "demand_forecast" else None


def _end(alarm: Occurrence, contract: Contract, now: datetime) -> datetime:
    ended = now if alarm.state.active else alarm.state_at + contract.method.window
    return min(now, ended, alarm.raised_at + LONGEST)
