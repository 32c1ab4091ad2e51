"""Shapes of loads: 480 minutes of one shift as permille of the load's nominal flow.

A shape is a pure function of the shift (slot and day kind), a variant number and the load's own
options; `SHAPES` names them for the plant files.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.simulator.noise import below, ripple, spread
from gateway.simulator.workdays import BLOCK_MINUTES, DAY, EVENING, NIGHT, DayKind

Options = Mapping[str, int]
Minutes = list[int]


@dataclass(frozen=True, slots=True)
class Shift:
    """What a shape depends on: which shift, on what kind of day, in which month and variant."""

    slot: int
    day: DayKind
    month: int
    variant: int


Shape = Callable[[Shift, Options], Minutes]


def _level(shift: Shift, options: Options) -> int:
    """The level asked for by slot on a working day, by day kind otherwise (permille)."""
    if shift.day is DayKind.REST:
        return options.get("rest", 30)
    if shift.day is DayKind.FESTIVAL:
        return options.get("festival", 10)
    names = {NIGHT: "night", DAY: "day", EVENING: "evening"}
    return options.get(names[shift.slot], 1000)


def melting(shift: Shift, options: Options) -> Minutes:
    """Induction furnace: melt about 25 minutes, hold, tap and charge; cycles of about 55 minutes.

    `phase` shifts the first melt by minutes, so that two furnaces take turns.
    """
    if shift.day is not DayKind.WORK:
        return [_level(shift, options)] * BLOCK_MINUTES
    minutes = [options.get("idle", 40)] * BLOCK_MINUTES
    start = options.get("phase", 0)
    for heat in range(12):
        length = 54 + below(4, shift.variant, shift.slot, heat)
        melt = 24 + below(3, shift.variant, shift.slot, heat, 1)
        power = 970 + spread(30, shift.variant, heat, options.get("phase", 0))
        for minute in range(start, min(start + melt, BLOCK_MINUTES)):
            minutes[minute] = power if minute >= start + 2 else power * 6 // 10
        hold = range(start + melt, min(start + melt + 6, BLOCK_MINUTES))
        for minute in hold:
            minutes[minute] = options.get("hold", 130)
        start += length
    return minutes


def continuous(shift: Shift, options: Options) -> Minutes:
    """Round the clock with a slow thermostat swing of `swing` permille over about 25 minutes."""
    level, swing = _level(shift, options), options.get("swing", 60)
    period = 22 + below(8, shift.variant, shift.slot)
    offset = below(period, shift.variant, 7)
    half = period // 2
    return [
        max(0, level + (swing if (minute + offset) % period < half else -swing) * level // 1000)
        + ripple(4, shift.variant, minute // 3) * level // 1000
        for minute in range(BLOCK_MINUTES)
    ]


def shifts(shift: Shift, options: Options) -> Minutes:
    """Machines with people: ramp in, meal break, busier and calmer quarters of an hour."""
    level = _level(shift, options)
    floor = min(level, options.get("idle", 60))
    minutes = []
    for minute in range(BLOCK_MINUTES):
        value = level + ripple(70, shift.variant * 3 + shift.slot, minute // 15) * level // 1000
        if shift.day is DayKind.WORK and level > 300:
            value = _people(minute, value, floor)
        minutes.append(max(0, value + ripple(15, shift.variant, minute) * level // 1000))
    return minutes


def _people(minute: int, value: int, floor: int) -> int:
    if minute < 12:
        return floor + (value - floor) * (minute + 4) // 16
    if 210 <= minute < 250:
        return value * 35 // 100
    if minute >= 470:
        return floor + (value - floor) * (480 - minute) // 12
    return value


def oven(shift: Shift, options: Options) -> Minutes:
    """Paint oven: heats up from 06:40 at full flow, holds through two shifts, cools after 23:30."""
    level = _level(shift, options)
    if shift.day is not DayKind.WORK:
        return [level] * BLOCK_MINUTES
    hold = options.get("hold", 620)
    if shift.slot == NIGHT:
        night = options.get("night", 20)
        return [night if minute < 400 else 1000 for minute in range(BLOCK_MINUTES)]
    end = 450 if shift.slot == EVENING else BLOCK_MINUTES
    return [
        (hold + ripple(60, shift.variant * 3 + shift.slot, minute // 4)) if minute < end else 20
        for minute in range(BLOCK_MINUTES)
    ]


def compressor(shift: Shift, options: Options) -> Minutes:
    """Screw compressor: `load` permille of the time loaded, otherwise unloaded at 280."""
    level = _level(shift, options)
    if level < 200:
        return [level] * BLOCK_MINUTES
    share = options.get("load", 1000)
    minutes: Minutes = []
    turn = 0
    while len(minutes) < BLOCK_MINUTES:
        length = 8 + below(7, shift.variant, shift.slot, turn)
        loaded = max(1, length * share // 1000)
        minutes += [level] * loaded + [level * 28 // 100] * (length - loaded)
        turn += 1
    return minutes[:BLOCK_MINUTES]


def lighting(shift: Shift, options: Options) -> Minutes:
    """Offices, light and air: by office hours, with yard lights at night."""
    level = _level(shift, options)
    dark = options.get("dark", 250)
    minutes = []
    for minute in range(BLOCK_MINUTES):
        hour = shift.slot * 8 + minute / 60
        office = 8 <= hour < 18 and shift.day is DayKind.WORK
        night = hour < 6.5 or hour >= 17.5
        minutes.append(level * (6 if office else 2) // 10 + (dark if night else 60))
    return minutes


def solar(shift: Shift, options: Options) -> Minutes:
    """Photovoltaic roof: a bell between sunrise and sunset of the month, with passing clouds.

    `work`, `rest` and `festival` cap it (permille): the plant's own converter keeps it from ever
    feeding the grid.
    """
    season = math.cos(2 * math.pi * (shift.month - 0.5) / 12)
    half_day, height = 6.0 - 1.1 * season, 830 - round(190 * season)
    cap = options.get(shift.day.value, 1000)
    haze = 50 + 65 * (shift.variant % 4)
    minutes = []
    for minute in range(BLOCK_MINUTES):
        away = abs(shift.slot * 8 + minute / 60 - 12.1) / half_day
        if away >= 1:
            minutes.append(0)
            continue
        sun = round(height * math.cos(away * math.pi / 2) ** 1.3)
        cloud = 1000 - haze + ripple(haze, shift.variant * 3 + shift.slot, minute // 6)
        minutes.append(min(sun * cloud // 1000, cap))
    return minutes


def constant(_shift: Shift, options: Options) -> Minutes:
    """Always the same, such as a transformer's no-load loss."""
    return [options.get("level", 1000)] * BLOCK_MINUTES


SHAPES: Mapping[str, Shape] = {
    "constant": constant,
    "melting": melting,
    "continuous": continuous,
    "shifts": shifts,
    "oven": oven,
    "compressor": compressor,
    "lighting": lighting,
    "solar": solar,
}
