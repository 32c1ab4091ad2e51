"""Demand as the settlement meter computes it: mean power over a window that slides or is a block.

Sliding: D(t) = [E(t) - E(t - T)] / T at every step; block: only at the ends of windows aligned to
the UTC grid (domain.md 2.5; DL/T 645 04000103 and 04000104). The forecast assumes that the power
of now lasts: D(t + h) = [E(t) - E(t - (T - h))] / T + P x h / T. Energies in kWh, powers in kW.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Sample = tuple[datetime, float]
"""A cumulative energy (kWh) at an instant; samples are in order of time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Method:
    """The settlement meter's method: window T and step of the sliding, or blocks."""

    window: timedelta = timedelta(minutes=15)
    step: timedelta = timedelta(minutes=1)
    sliding: bool = True

    @property
    def pace(self) -> timedelta:
        """Time between two values of the demand."""
        return self.step if self.sliding else self.window

    @property
    def hours(self) -> float:
        """The window in hours."""
        return self.window / timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What happens within the next window at this load.

    `minutes_to_limit` is None where the limit is not reached; `shed_kw` is the power to take off
    at once so that no value passes the limit (0 where none does).
    """

    current_kw: float
    forecast_kw: float
    minutes_to_limit: float | None
    shed_kw: float


def energy_at(samples: Sequence[Sample], at: datetime) -> float | None:
    """Energy at an instant, linear between samples; None outside of them."""
    index = bisect_right(samples, at, key=lambda sample: sample[0])
    if index == 0:
        return None
    before, low = samples[index - 1]
    if before == at:
        return low
    if index == len(samples):
        return None
    after, high = samples[index]
    return low + (high - low) * ((at - before) / (after - before))


def demand_at(samples: Sequence[Sample], at: datetime, method: Method) -> float | None:
    """Mean power over the window that ends at `at`; None where the samples do not cover it."""
    end, start = energy_at(samples, at), energy_at(samples, at - method.window)
    return None if end is None or start is None else (end - start) / method.hours


def demands(
    samples: Sequence[Sample], start: datetime, end: datetime, method: Method
) -> Iterator[tuple[datetime, float]]:
    """Every value of the demand in (start, end], on the UTC grid of the method's pace."""
    at = _grid_after(start, method.pace)
    while at <= end:
        value = demand_at(samples, at, method)
        if value is not None:
            yield at, value
        at += method.pace


def maximum(
    samples: Sequence[Sample], start: datetime, end: datetime, method: Method
) -> tuple[datetime, float] | None:
    """The highest value of the demand in (start, end] and when it was first reached, to 1 mW."""
    return max(
        demands(samples, start, end, method), key=lambda value: round(value[1], 6), default=None
    )


def forecast(
    samples: Sequence[Sample], now: datetime, power_kw: float, limit_kw: float, method: Method
) -> Forecast | None:
    """The highest demand of the next window at the power of now; None without enough samples."""
    current = demand_at(samples, now, method)
    if current is None:
        return None
    highest, reached, shed = 0.0, None, 0.0
    at = _grid_after(now, method.pace)
    while at <= now + method.window:
        ahead = (at - now) / timedelta(hours=1)
        known = energy_at(samples, now)
        since = energy_at(samples, at - method.window)
        if known is None or since is None:
            return None
        value = (known - since + power_kw * ahead) / method.hours
        highest = max(highest, value)
        if value > limit_kw:
            reached = reached if reached is not None else ahead * 60
            shed = max(shed, (value - limit_kw) * method.hours / ahead)
        at += method.pace
    return Forecast(current, highest, reached, shed)


def _grid_after(at: datetime, pace: timedelta) -> datetime:
    """The first instant of the UTC grid of `pace` after `at`."""
    return _EPOCH + ((at - _EPOCH) // pace + 1) * pace
