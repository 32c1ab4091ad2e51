"""The simulated plant: what every circuit has taken and takes, exactly, at any second.

Pure functions of (plant file, seed, anchor date, changes): a second process with the same four
answers the same numbers. Parents are sums of their children and losses, so the tree balances
exactly before any register rounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import lcm

from gateway.simulator.loads import PARTS_PER_SMALLEST, Change, Changes, Load
from gateway.simulator.plant_file import CircuitModel, PlantModel
from gateway.simulator.workdays import block_start, first_block

INSTALLED_DAYS = 430
"""Meters were installed so long before the anchor; before that they show their first reading."""
_INSTANTS = 4


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit with its weights as whole numbers over one denominator."""

    model: CircuitModel
    weights: tuple[tuple[str, int], ...]
    denominator: int

    @property
    def parts(self) -> int:
        """How many of this circuit's parts are one smallest unit."""
        return self.denominator * PARTS_PER_SMALLEST


class Plant:
    """Answers amounts and flows of circuits; remembers the last instants asked, because one poll
    asks many circuits for the same one.
    """

    def __init__(
        self, model: PlantModel, seed: int, anchor: date, changes: Iterable[Change] = ()
    ) -> None:
        """Count from the day on which the meters were installed, 430 days before the anchor."""
        self.model = model
        self.seed = seed
        self.anchor = anchor
        epoch_block = first_block(anchor - timedelta(days=INSTALLED_DAYS))
        self.epoch = block_start(epoch_block)
        self._loads = {name: Load(load, seed, epoch_block) for name, load in model.loads.items()}
        self.circuits: Mapping[str, Circuit] = {
            name: _circuit(circuit) for name, circuit in model.circuits.items()
        }
        self._changes = Changes(tuple(changes))
        self._amounts: dict[int, dict[str, int]] = {}
        self._kept: dict[tuple[str, int], int] = {}
        self._flows: dict[int, dict[str, int]] = {}

    def set_changes(self, changes: Iterable[Change]) -> None:
        """Replace the extra flows (the story, what was shed)."""
        self._changes = Changes(tuple(changes))
        self._amounts.clear()
        self._kept.clear()
        self._flows.clear()

    def amount_parts(self, circuit: str, second: int) -> int:
        """Parts (see `Circuit.parts`) that a circuit took from the epoch to an instant."""
        known, place = _remembered(self._amounts, second), self.circuits[circuit]
        total = 0
        for load, weight in place.weights:
            amount = known.get(load)
            if amount is None:
                amount = self._loads[load].amount(second) + self._changes.amount(load, second)
                known[load] = amount
            total += weight * amount
        return total

    def kept_parts(self, circuit: str, second: int) -> int:
        """The same for an instant that is asked for again and again; 0 before the epoch."""
        if second <= self.epoch:
            return 0
        known = self._kept.get((circuit, second))
        if known is None:
            known = self._kept[circuit, second] = self.amount_parts(circuit, second)
        return known

    def flow_parts(self, circuit: str, second: int) -> int:
        """Parts a second that a circuit takes during the second that begins here."""
        place = self.circuits[circuit]
        return sum(weight * self.load_flow(load, second) for load, weight in place.weights)

    def load_flow(self, load: str, second: int) -> int:
        """PARTs a second of a load, extra flows included."""
        known = _remembered(self._flows, second)
        flow = known.get(load)
        if flow is None:
            flow = self._loads[load].flow(second) + self._changes.flow(load, second)
            known[load] = flow
        return flow

    def load_per_hour(self, load: str, second: int) -> float:
        """What a load takes, in smallest units an hour."""
        return self.load_flow(load, second) * 3600 / PARTS_PER_SMALLEST

    def flow_per_hour(self, circuit: str, second: int) -> float:
        """The same in smallest units an hour (mWh/h = mW, ml/h, g/h, pieces/h)."""
        return self.flow_parts(circuit, second) * 3600 / self.circuits[circuit].parts

    def amount(self, circuit: str, start: int, end: int) -> Fraction:
        """Smallest units between two instants, exactly."""
        parts = self.amount_parts(circuit, end) - self.amount_parts(circuit, start)
        return Fraction(parts, self.circuits[circuit].parts)


def _remembered(cache: dict[int, dict[str, int]], second: int) -> dict[str, int]:
    """The numbers known for an instant; only the last few instants are kept."""
    known = cache.get(second)
    if known is None:
        if len(cache) >= _INSTANTS:
            del cache[next(iter(cache))]
        known = cache[second] = {}
    return known


def _circuit(model: CircuitModel) -> Circuit:
    denominator = lcm(*(weight.denominator for weight in model.weights.values()))
    weights = tuple((load, int(weight * denominator)) for load, weight in model.weights.items())
    return Circuit(model, weights, denominator)
