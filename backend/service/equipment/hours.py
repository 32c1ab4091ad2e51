"""One hour of one piece of equipment, from samples: seconds by state, starts, idling: pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from backend.service.equipment.states import Rule, Sample, State, Stretch, energy, starts, stretches

HOUR_S: Final = 3600
QUARTER_S: Final = 900
LOOK_BACK_S: Final = 3600
"""Samples before an hour that tell its first state; the same for every computation, so that an hour
computed anew is the same.
"""
MWH_PER_KWS: Final = 1_000_000 / 3600

Price = Callable[[int], Decimal | None]
"""Money per mWh in the quarter hour that begins at a Unix second; None without a tariff."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What an hour was; seconds are whole and add up to what of it is over."""

    start: int
    off_s: int
    idle_s: int
    load_s: int
    unknown_s: int
    starts: int
    idle_qty: int
    idle_cost: Decimal | None
    samples: int
    stretches: Sequence[Stretch]


def hour(
    status: Sequence[Sample],
    powers: Sequence[Sample],
    rule: Rule,
    price: Price,
    start: int,
    end: int,
) -> Hour:
    """Answer [start, end), an hour or what of it is over.

    `status` are the samples that tell states (the powers themselves, or a signal's).
    """
    whole = stretches(status, rule, start - LOOK_BACK_S, end)
    inside = [one._replace(start=max(one.start, start)) for one in whole if one.end > start]
    before = next((one.state for one in reversed(whole) if one.start < start), State.UNKNOWN)
    quarters = _quarters(energy(powers, inside, State.IDLE, rule.max_gap_s))
    quantities = {at: round(amount) for at, amount in quarters.items()}
    seconds = _seconds(inside)
    return Hour(
        start=start,
        off_s=seconds[State.OFF],
        idle_s=seconds[State.IDLE],
        load_s=seconds[State.LOAD],
        unknown_s=end - start - sum(seconds[one] for one in State if one is not State.UNKNOWN),
        starts=starts([one for one in inside if one.start >= start], _first(before, inside, start)),
        idle_qty=sum(quantities.values()),
        idle_cost=_cost(quantities, price),
        samples=sum(start <= one.at < end for one in status),
        stretches=inside,
    )


def _first(before: State, inside: Sequence[Stretch], start: int) -> State:
    """The state until the hour began: that of a stretch which reaches into it counts as before."""
    return before if inside and inside[0].start == start else State.UNKNOWN


def _seconds(found: Iterable[Stretch]) -> dict[State, int]:
    total = dict.fromkeys(State, 0.0)
    for one in found:
        total[one.state] += one.end - one.start
    return {state: round(seconds) for state, seconds in total.items()}


def _quarters(pieces: Iterable[tuple[float, float, float]]) -> dict[int, float]:
    """mWh by quarter hour."""
    found: dict[int, float] = {}
    for start, end, kw in pieces:
        low = start
        while low < end:
            quarter = int(low // QUARTER_S) * QUARTER_S
            high = min(end, quarter + QUARTER_S)
            found[quarter] = found.get(quarter, 0.0) + kw * (high - low) * MWH_PER_KWS
            low = high
    return found


def _cost(quantities: dict[int, int], price: Price) -> Decimal | None:
    """Money of idling; None where any quarter hour with energy has no price."""
    total = Decimal(0)
    for quarter, quantity in quantities.items():
        rate = price(quarter)
        if rate is None and quantity:
            return None
        total += quantity * (rate or Decimal(0))
    return total
