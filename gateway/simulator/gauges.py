"""Momentary values of a simulated circuit, consistent with its flow.

Values are in the base unit of their dimension (W, var, V, A, Hz, Pa, degC, ml/h, mg/h); keys are
the point keys of the profiles. A key that is not known here gets an ordinary value by its unit, so
that a new profile file alone makes a readable meter.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.contract.units import unit
from gateway.simulator.noise import ripple, text_number
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import CircuitModel

_SHARES = {"": 1.0, "a": 0.342, "b": 0.331, "c": 0.327}
ORDINARY = {
    "voltage": 230.0,
    "current": 12.0,
    "power": 6_000.0,
    "reactive power": 2_000.0,
    "apparent power": 6_400.0,
    "frequency": 50.0,
    "temperature": 24.0,
    "pressure": 350_000.0,
    "ratio": 0.02,
    "volume flow": 4_000_000.0,
    "mass flow": 500_000_000.0,
}
"""An ordinary value by dimension, in its base unit."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A circuit at an instant: what all its gauges are computed from."""

    plant: Plant
    circuit: str
    second: int

    @property
    def model(self) -> CircuitModel:
        """What the plant file says of the circuit."""
        return self.plant.circuits[self.circuit].model

    @property
    def per_hour(self) -> float:
        """The flow in smallest units an hour."""
        return self.plant.flow_per_hour(self.circuit, self.second)

    @property
    def watts(self) -> float:
        """Active power; mWh an hour are mW."""
        return self.per_hour / 1000

    @property
    def tan(self) -> float:
        """Reactive over active power."""
        return self.model.tan_permille / 1000

    @property
    def volts(self) -> float:
        """Line to neutral."""
        return self.model.volts / math.sqrt(3) * (1.012 + self.stray("volts", 6))

    def stray(self, key: str, width: int) -> float:
        """A deviation of up to +/- `width` thousandths that keeps for 15 seconds."""
        start = text_number(f"{self.circuit}/{key}") & 0xFFFF
        return ripple(width, start + self.plant.seed, self.second // 15) / 1000


Gauge = Callable[[Moment, str], float]


def _power(moment: Moment, phase: str) -> float:
    return moment.watts * _SHARES.get(phase, 1.0)


def _reactive(moment: Moment, phase: str) -> float:
    return _power(moment, phase) * moment.tan


def _apparent(moment: Moment, phase: str) -> float:
    return _power(moment, phase) * math.hypot(1.0, moment.tan)


def _factor(moment: Moment, phase: str) -> float:
    return min(1.0, 1.0 / math.hypot(1.0, moment.tan) + moment.stray("pf" + phase, 2))


def _voltage(moment: Moment, phase: str) -> float:
    line = math.sqrt(3) if len(phase) == 2 else 1.0
    return moment.volts * line * (1 + moment.stray("u" + phase, 3))


def _current(moment: Moment, phase: str) -> float:
    if phase == "n":
        return _apparent(moment, "a") / moment.volts * 0.04
    return _apparent(moment, phase if phase in _SHARES else "a") / moment.volts


def _distortion(moment: Moment, place: str) -> float:
    ordinary = 0.021 if place.startswith("u") else 0.085
    return ordinary * (1 + moment.stray("thd" + place, 90))


def _harmonic(order: int) -> Gauge:
    def share(moment: Moment, place: str) -> float:
        return _distortion(moment, place) * 2.4 / order

    return share


def _flow(moment: Moment, _: str) -> float:
    # Amounts count grams, the dimension's base is the milligram.
    return moment.per_hour * (1000 if moment.model.energy == "steam" else 1)


_GAUGES: Mapping[str, Gauge] = {
    "p": _power,
    "q": _reactive,
    "s": _apparent,
    "pf": _factor,
    "u": _voltage,
    "i": _current,
    "thd": _distortion,
    "md": _power,
    "f": lambda moment, _: 50.0 + moment.stray("f", 30),
    "flow": _flow,
    "rate": lambda moment, _: moment.per_hour,
    "running": lambda moment, _: float(moment.per_hour > 0),
    "press": lambda moment, _: moment.model.kpa * 1000 * (1 + moment.stray("press", 15)),
    "t": lambda moment, _: moment.model.celsius + 10 * moment.stray("t", 90),
    "velocity": lambda moment, _: 1.2 + moment.stray("velocity", 200),
    "signal": lambda moment, _: 78.0 + round(10 * moment.stray("signal", 300)),
    "error": lambda moment, _: 0.0,
    "status": lambda moment, _: 0.0,
    **{f"h{order}": _harmonic(order) for order in (3, 5, 7, 9, 11, 13, 15)},
}


def gauge(moment: Moment, key: str, unit_code: str) -> float:
    """What a gauge or status point of this key reads at a moment, in the point's unit."""
    kind, _, place = key.partition("_")
    measure = unit(unit_code)
    found = _GAUGES.get(kind)
    value = ORDINARY.get(measure.dimension, 1.0) if found is None else found(moment, place)
    return value / float(measure.base)
