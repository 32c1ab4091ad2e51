"""States of equipment from samples of its power or of a status signal: pure.

A sample holds until the next one, `max_gap_s` at most; what lies beyond is unknown. A state counts
from its beginning once it has lasted `dwell_s`; a shorter one belongs to the state before it.
Instants are Unix seconds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """What equipment does; the numbers are stored, texts under `equipment.state.<name>`."""

    OFF = 0
    IDLE = 1
    LOAD = 2
    UNKNOWN = 3


class Sample(NamedTuple):
    """A reading that is good: kW, or a status (0 off, 1 idle, 2 and above load)."""

    at: float
    value: float


class Stretch(NamedTuple):
    """[start, end) in one state."""

    start: float
    end: float
    state: State


@dataclass(frozen=True, slots=True)
class Rule:
    """off < `standby` <= idle < `load` <= load; for a status signal 1 and 2."""

    standby: float
    load: float
    dwell_s: int
    max_gap_s: int

    def state(self, value: float) -> State:
        """Answer the state of one value."""
        if value < self.standby:
            return State.OFF
        return State.IDLE if value < self.load else State.LOAD


def stretches(samples: Sequence[Sample], rule: Rule, start: float, end: float) -> list[Stretch]:
    """Answer the states of [start, end) without gaps, from samples in time's order.

    Samples around it belong to it: at least `dwell_s` after its end, so that a state at its end
    counts, and enough before its start for the state there.
    """
    settled = _settled(_raw(samples, rule), rule.dwell_s)
    return list(_clipped(settled, start, end))


def _raw(samples: Sequence[Sample], rule: Rule) -> Iterator[Stretch]:
    """Each sample's stretch, neighbours of one state joined, holes unknown."""
    held: Stretch | None = None
    for index, (at, value) in enumerate(samples):
        following = samples[index + 1].at if index + 1 < len(samples) else at + rule.max_gap_s
        until = min(following, at + rule.max_gap_s)
        for one in (
            Stretch(at, until, rule.state(value)),
            Stretch(until, following, State.UNKNOWN),
        ):
            if one.end <= one.start:
                continue
            if held is not None and held.state is one.state:
                held = held._replace(end=one.end)
                continue
            if held is not None:
                yield held
            held = one
    if held is not None:
        yield held


def _settled(raw: Iterable[Stretch], dwell_s: int) -> list[Stretch]:
    """Give stretches that are too short to the state before them; unknown ones stay."""
    found: list[Stretch] = []
    for one in raw:
        brief = one.state is not State.UNKNOWN and one.end - one.start < dwell_s
        before = found[-1] if found else None
        if before is not None and (before.state is one.state or brief):
            found[-1] = before._replace(end=one.end)
        else:
            found.append(one)
    return found


def _clipped(settled: Iterable[Stretch], start: float, end: float) -> Iterator[Stretch]:
    """The part of stretches in [start, end), with what no sample tells as unknown."""
    at = start
    for one in settled:
        low, high = max(one.start, start), min(one.end, end)
        if high <= low:
            continue
        if low > at:
            yield Stretch(at, low, State.UNKNOWN)
        yield Stretch(low, high, one.state)
        at = high
    if at < end:
        yield Stretch(at, end, State.UNKNOWN)


def starts(found: Sequence[Stretch], before: State) -> int:
    """Answer how often it went from off to idle or load; `before` is its state until then."""
    count = 0
    for one in found:
        count += before is State.OFF and one.state in (State.IDLE, State.LOAD)
        before = one.state
    return count


def energy(
    samples: Sequence[Sample], found: Iterable[Stretch], state: State, max_gap_s: int
) -> Iterator[tuple[float, float, float]]:
    """Answer (start, end, kW) of every piece of power inside stretches of a state."""
    inside = [one for one in found if one.state is state]
    for index, (at, value) in enumerate(samples):
        following = samples[index + 1].at if index + 1 < len(samples) else at + max_gap_s
        until = min(following, at + max_gap_s)
        for one in inside:
            low, high = max(at, one.start), min(until, one.end)
            if low < high:
                yield low, high, value
