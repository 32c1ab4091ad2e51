"""The settings of an IEC 60870-5-104 line, from the line's `options` in the configuration.

`t0_s`, `t1_s`, `t2_s`, `t3_s`, `k`, `w`: the connection's timers and windows.
`time_offset_minutes`: how far the station's clock runs ahead of UTC.
`interrogate_every_s`, `counter_every_s`: how often everything, and the counters, are asked for.
`counter_freeze`: `yes` freezes the counters (without reset) before they are read.
"""

from dataclasses import dataclass

from gateway.drivers.capabilities import Address, DriverFault
from gateway.drivers.iec104.session import Timing
from gateway.grid import QUARTER_MS

NAMES = (
    "t0_s",
    "t1_s",
    "t2_s",
    "t3_s",
    "k",
    "w",
    "time_offset_minutes",
    "interrogate_every_s",
    "counter_every_s",
    "counter_freeze",
)
FURTHEST_OFFSET = 14 * 60
MOST_FRAMES = 32767
LONGEST_TIMER_S = 172_800.0
QUARTER_S = QUARTER_MS // 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What one line is set to; the defaults are those the standard proposes, or ours."""

    timing: Timing
    connect_s: float
    """t0: how long connecting may take."""
    offset_minutes: int
    interrogate_every_s: int
    counter_every_s: int
    freeze: bool


def options_of(address: Address) -> Options:
    """The options of a line; DriverFault with what to write when one cannot be."""
    unknown = [name for name, _ in address.options if name not in NAMES]
    if unknown:
        known = ", ".join(NAMES)
        raise DriverFault(f"there is no option {unknown[0]!r}; IEC 60870-5-104 has {known}")
    timing = Timing(
        k=_whole(address, "k", 12, 1, MOST_FRAMES),
        w=_whole(address, "w", 8, 1, MOST_FRAMES),
        t1_s=_seconds(address, "t1_s", 15.0),
        t2_s=_seconds(address, "t2_s", 10.0),
        t3_s=_seconds(address, "t3_s", 20.0),
    )
    if timing.t2_s >= timing.t1_s:
        what = f"t2_s {timing.t2_s:g} is not less than t1_s {timing.t1_s:g}"
        raise DriverFault(f"{what}: the station would give up before we acknowledge")
    return Options(
        timing,
        _seconds(address, "t0_s", 30.0),
        _whole(address, "time_offset_minutes", 0, -FURTHEST_OFFSET, FURTHEST_OFFSET),
        _period(address, "interrogate_every_s"),
        _period(address, "counter_every_s"),
        _choice(address, "counter_freeze"),
    )


def _whole(address: Address, name: str, default: int, low: int, high: int) -> int:
    text = address.option(name, str(default))
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise DriverFault(f"the option {name} is {text!r}; write {low} to {high}")
    return number


def _seconds(address: Address, name: str, default: float) -> float:
    text = address.option(name, str(default))
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST_TIMER_S:
        raise DriverFault(f"the option {name} is {text!r}; write seconds up to {LONGEST_TIMER_S:g}")
    return number


def _period(address: Address, name: str) -> int:
    """Seconds between two questions: a part of 15 minutes, so each quarter hour is asked."""
    number = _whole(address, name, QUARTER_S, 1, QUARTER_S)
    if QUARTER_S % number:
        raise DriverFault(f"the option {name} is {number}; write a number that divides {QUARTER_S}")
    return number


def _choice(address: Address, name: str) -> bool:
    text = address.option(name, "no")
    if text not in ("yes", "no"):
        raise DriverFault(f"the option {name} is {text!r}; write yes or no")
    return text == "yes"
