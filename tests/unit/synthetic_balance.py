"""Synthetic plants for balances: a place and its parts by quarter hours, with one fault put in.

Everything is drawn from one seed. Meters have their class (0.5 %), registers a count of 0.1 kWh,
cables lose 0.3 to 1.5 %, and what is not metered on purpose takes up to 1 % of the whole.
"""

from dataclasses import dataclass
from random import Random

from backend.service.balance.suspects import Flows

DAYS = 14
QUARTERS = 96
KWH = 1_000_000
"""mWh in a kWh."""
COUNT = 100_000
"""mWh in one count of a register."""
FIRST_PART = 10


@dataclass(frozen=True, slots=True)
class Plant:
    """What flows really, in mWh a quarter hour: parts, and the whole with losses."""

    parts: dict[int, list[float]]
    whole: list[float]
    worked: list[bool]


def plant(seed: int, days: int = DAYS) -> Plant:
    """Three to six parts that work in shifts, cycle, or run on."""
    draw = Random(seed)
    worked = [_works(number) for number in range(days * QUARTERS)]
    parts = {FIRST_PART + number: _part(draw, days, worked) for number in range(draw.randint(3, 6))}
    sums = [sum(values) for values in zip(*parts.values(), strict=True)]
    loss, base = 1 + draw.uniform(0.003, 0.015), draw.uniform(0, 0.01) * sum(sums) / len(sums)
    return Plant(parts, [value * loss + base for value in sums], worked)


def _works(number: int) -> bool:
    day, quarter = divmod(number, QUARTERS)
    return day % 7 != 6 and 24 <= quarter < 88


def _part(draw: Random, days: int, worked: list[bool]) -> list[float]:
    """kW x h of a part: a shift load with swings, a cycling furnace, or a steady load."""
    size = draw.uniform(20, 300) * KWH / 4
    kind = draw.choice(("shifts", "cycle", "steady"))
    idle, phase = draw.uniform(0.03, 0.3), draw.randrange(8)
    start, stop = draw.randrange(0, 30), draw.randrange(60, 96)
    level, values = 1.0, []
    for number in range(days * QUARTERS):
        quarter = number % QUARTERS
        level += 0.25 * (1 - level) + draw.gauss(0, 0.06)
        if kind == "cycle":
            on = worked[number] and (number + phase) % 8 < 5
        elif kind == "shifts":
            on = worked[number] and start <= quarter < stop
        else:
            on = True
        values.append(size * max(0.0, level) * (1.0 if on else idle))
    return values


def metered(seed: int, values: list[float], factor: float = 1.0) -> list[int]:
    """What a meter of class 0.5 counts of it when it is wrong by `factor`."""
    gain = factor * (1 + Random(seed).uniform(-0.005, 0.005))
    counted, before = 0.0, 0
    found = []
    for value in values:
        counted += value * gain
        register = int(counted / COUNT)
        found.append((register - before) * COUNT)
        before = register
    return found


def flows(made: Plant, seed: int, factors: dict[int, float] | None = None) -> Flows:
    """The plant as its meters show it; `factors` by part, 0 for the place's own meter."""
    factors = factors or {}
    return Flows(
        whole=metered(seed, made.whole, factors.get(0, 1.0)),
        parts={
            part: metered(seed + part, values, factors.get(part, 1.0))
            for part, values in made.parts.items()
        },
        exports={},
        worked=made.worked,
    )
