"""The flow of every load as a pure function of seed and time that integrates exactly.

Flows and amounts are whole numbers of `PART`, the 3,600,000,000th part of the energy type's
smallest unit (mWh, ml, g, piece), so that an amount is a sum of whole flows times whole seconds,
whatever the road by which it is reached. Instants are whole Unix seconds.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from gateway.simulator.noise import mix, spread, text_number
from gateway.simulator.shapes import SHAPES, Options, Shift
from gateway.simulator.workdays import (
    BLOCK_MINUTES,
    DayKind,
    block_date,
    block_of,
    block_slot,
    block_start,
    day_kind,
    team_of,
)

PARTS_PER_SMALLEST = 3600 * 10**6
"""PARTs in one smallest unit: flow per hour x permille of shape x permille of amplitude."""
VARIANTS = 4
WOBBLES = (
    (0, 1, -1, 2, -2, 1, 0, -1, 1, -1, 0, 0),
    (1, -1, 0, 1, 1, -2, 0, 2, -1, -1, 1, -1),
    (-1, 0, 2, -1, 0, 1, -2, 1, 0, 1, -1, 0),
    (0, -2, 1, 0, 1, -1, 1, 0, -1, 0, 2, -1),
)
"""Deviations of the twelve 5-second slices of a minute, in 128ths of the flow; each sums to 0."""
WOBBLE_SUMS = tuple(tuple(accumulate(pattern, initial=0)) for pattern in WOBBLES)
TEAM_PERMILLE = (-6, 2, 14, -4)
"""How much more a shift uses when 甲, 乙, 丙 or 丁 is on duty."""


@dataclass(frozen=True, slots=True)
class LoadModel:
    """What a plant file says of a load."""

    name: str
    shape: str
    nominal_per_hour: int
    """Flow at 1000 permille, in smallest units an hour."""
    options: Options
    group: str
    """Loads of one group draw the same variants (furnaces that take turns)."""
    centre_permille: int = 1000
    """A shift's ordinary amplitude, and how far it strays from that."""
    spread_permille: int = 20


@dataclass(frozen=True, slots=True)
class _Template:
    minutes: tuple[int, ...]
    sums: tuple[int, ...]


@cache
def _template(shape: str, options: tuple[tuple[str, int], ...], shift: Shift) -> _Template:
    minutes = SHAPES[shape](shift, dict(options))
    return _Template(tuple(minutes), tuple(accumulate(minutes, initial=0)))


class Load:
    """One load: `flow(second)` in PARTs a second and `amount(second)` in PARTs since the epoch."""

    def __init__(self, model: LoadModel, seed: int, epoch_block: int) -> None:
        """Count from a block on; what was before it is negative."""
        self.name = model.name
        self._model = model
        self._group = mix(seed, text_number(model.group))
        self._own = mix(seed, text_number(model.name))
        self._epoch = epoch_block
        self._after = [0]
        self._until = [0]
        self._amplitudes: dict[int, int] = {}
        self._options = tuple(sorted(model.options.items()))

    def flow(self, second: int) -> int:
        """PARTs a second during the second that begins here."""
        block = block_of(second)
        minute, rest = divmod(second - block_start(block), 60)
        rate = self._rate(block, minute)
        return rate + (rate >> 7) * WOBBLES[self._pattern(block, minute)][rest // 5]

    def amount(self, second: int) -> int:
        """PARTs from the epoch to this instant; exactly the sum of the flows of its seconds."""
        block = block_of(second)
        before = self._before(block)
        minute, rest = divmod(second - block_start(block), 60)
        template = self._template(block)
        scale = self._amplitude(block) * self._model.nominal_per_hour
        done = before + 60 * template.sums[minute] * scale
        rate = template.minutes[minute] * scale
        pattern = self._pattern(block, minute)
        piece, over = divmod(rest, 5)
        wobble = 5 * WOBBLE_SUMS[pattern][piece] + over * WOBBLES[pattern][piece]
        return done + rate * rest + (rate >> 7) * wobble

    def _rate(self, block: int, minute: int) -> int:
        scale = self._amplitude(block) * self._model.nominal_per_hour
        return self._template(block).minutes[minute] * scale

    def _pattern(self, block: int, minute: int) -> int:
        return (self._own + block * 7 + minute * 2654435761 // 65536) % len(WOBBLES)

    def _before(self, block: int) -> int:
        """PARTs from the epoch to the begin of a block; sums are kept in both directions."""
        index = block - self._epoch
        while len(self._after) <= index:
            self._after.append(self._after[-1] + self._whole(self._epoch + len(self._after) - 1))
        while len(self._until) <= -index:
            self._until.append(self._until[-1] - self._whole(self._epoch - len(self._until)))
        return self._after[index] if index >= 0 else self._until[-index]

    def _whole(self, block: int) -> int:
        scale = self._amplitude(block) * self._model.nominal_per_hour
        return 60 * self._template(block).sums[BLOCK_MINUTES] * scale

    def _amplitude(self, block: int) -> int:
        known = self._amplitudes.get(block)
        if known is None:
            width = self._model.spread_permille
            known = self._model.centre_permille
            if self._model.shape == "solar":
                known += spread(width, self._group, block // 3)
            elif width:
                known += spread(width, self._own, block) + TEAM_PERMILLE[team_of(block)]
            self._amplitudes[block] = known = max(0, known)
        return known

    def _template(self, block: int) -> _Template:
        day = block_date(block)
        kind = day_kind(day)
        variants = VARIANTS if kind is DayKind.WORK or self._model.shape == "solar" else 1
        month = day.month if self._model.shape == "solar" else 0
        variant = mix(self._group, block // 3) % variants
        shift = Shift(block_slot(block), kind, month, variant)
        return _template(self._model.shape, self._options, shift)


@dataclass(frozen=True, slots=True)
class Change:
    """An extra flow of a load from one instant to another, beside its ordinary shape."""

    load: str
    start: int
    end: int
    flow: int
    """PARTs a second; negative sheds."""


class Changes:
    """Extra flows by load, kept sorted; amounts are exact."""

    def __init__(self, changes: tuple[Change, ...] = ()) -> None:
        """Take a set of changes; they never alter afterwards."""
        self._by_load = {
            load: tuple(sorted((c for c in changes if c.load == load), key=lambda c: c.start))
            for load in {change.load for change in changes}
        }

    def flow(self, load: str, second: int) -> int:
        """Extra PARTs a second of a load."""
        known = self._by_load.get(load, ())
        reach = bisect_right(known, second, key=_start)
        return sum(change.flow for change in known[:reach] if second < change.end)

    def amount(self, load: str, second: int) -> int:
        """Extra PARTs of a load up to an instant."""
        known = self._by_load.get(load, ())
        reach = bisect_right(known, second, key=_start)
        return sum(c.flow * (min(second, c.end) - c.start) for c in known[:reach])


def _start(change: Change) -> int:
    return change.start
