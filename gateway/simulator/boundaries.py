"""Registers at quarter hours: what the truth file and the history file are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gateway.contract.energy import energy_type
from gateway.contract.profile import Point
from gateway.simulator.field import Field
from gateway.simulator.meters import SimulatedMeter

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class RegisterPoint:
    """One register of one meter, with what tells its amounts in the energy's smallest unit."""

    meter: SimulatedMeter
    point: Point
    energy: str
    smallest_per_unit: Fraction
    modulus: Fraction | None
    """In the point's unit."""

    @property
    def resolution(self) -> Fraction | None:
        """One count in the point's unit; None for a float, whose steps grow with its value."""
        if self.point.datatype.is_float:
            return None
        return self.point.multiplier(self.meter.ratios)

    def quantity(self, before: float, after: float) -> int:
        """Smallest units between two readings in order, a wrap undone, each rounded half even."""
        difference = self._smallest(after) - self._smallest(before)
        if self.modulus is not None and after < before:
            difference += round(self.modulus * self.smallest_per_unit)
        return difference

    def _smallest(self, value: float) -> int:
        numerator, denominator = value.as_integer_ratio()
        numerator *= self.smallest_per_unit.numerator
        denominator *= self.smallest_per_unit.denominator
        whole, rest = divmod(2 * numerator + denominator, 2 * denominator)
        return whole - 1 if rest == 0 and whole % 2 else whole


def register_points(field: Field) -> list[RegisterPoint]:
    """Every register of the field that counts its circuit's own energy."""
    found = []
    for meter in field.meters.values():
        for point in meter.profile.points:
            register = meter.registers.get(point.name)
            if register is None:
                continue
            energy = field.plant.circuits[register.circuit].model.energy
            found.append(_register_point(meter, point, energy, register.modulus))
    return found


def quarters(start: int, end: int) -> Iterator[int]:
    """The quarter hours of UTC from `start` to `end`, both included when they are one."""
    first = -(-start // QUARTER_S) * QUARTER_S
    yield from range(first, end + 1, QUARTER_S)


def readings(field: Field, places: Sequence[RegisterPoint], second: int) -> list[float]:
    """What registers show at an instant; asking for all at once spares computing loads anew."""
    values = []
    for place in places:
        value = field.value(place.meter.device.slug, place.point, second)
        if value is None:
            raise ValueError(f"{place.meter.device.slug} {place.point.name} has no value")
        values.append(value)
    return values


def _register_point(
    meter: SimulatedMeter, point: Point, energy: str, modulus: int | None
) -> RegisterPoint:
    smallest = meter.registers[point.name].smallest_per_count
    count = meter.count_in_units(point)
    accounted = energy_type(energy)
    return RegisterPoint(
        meter=meter,
        point=point,
        energy=accounted.code,
        smallest_per_unit=smallest / count,
        modulus=None if modulus is None else modulus * point.multiplier(meter.ratios),
    )
