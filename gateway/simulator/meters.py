"""Simulated meters: the registers that a device of the plant holds at an instant.

A register is its circuit's exact amount, cut off at one count, plus what it showed when the meter
was installed, 430 days before the anchor; it wraps at the profile's modulus or at its width. The
same profile file tells the driver how to read it. Where current transformers were exchanged and the
meter was not told, its registers and powers show the share `shown_share` of what flows.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction

from gateway.contract.energy import energy_type
from gateway.contract.profile import Kind, Point, Profile, Ratios
from gateway.contract.registers import encode_raw
from gateway.contract.units import unit
from gateway.simulator.gauges import Moment, gauge
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import DeviceModel, Exchange, base_units

FLOAT_COUNT = Fraction(1, 1000)
"""One count of a register held as a float, in its unit."""
_THIRD = Fraction(1, 3)
_WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Register:
    """How a register point follows its circuit from the epoch on: parts * numerator //
    denominator + base.
    """

    circuit: str
    numerator: int
    denominator: int
    base: int
    modulus: int | None
    smallest_per_count: Fraction
    """Smallest units of the circuit's energy in one count."""
    count: tuple[int, int]
    """One count in the point's unit, numerator and denominator."""
    scale: tuple[int, int]
    """One raw number in the point's unit; for floats a register holds counts as such numbers."""
    packing: str | None
    """`struct` letter of a register held as a float."""
    exchange: Exchange | None = None
    exchange_share: Fraction = _WHOLE
    """What it counts since an exchange of current transformers, of what flows."""

    def counts(self, plant: Plant, second: int) -> int:
        """Counts since ever, before any wrap."""
        parts = max(0, plant.amount_parts(self.circuit, second))
        if self.exchange is None or second <= self.exchange.second:
            return parts * self.numerator // self.denominator + self.base
        before, share = plant.kept_parts(self.circuit, self.exchange.second), self.exchange_share
        weighed = before * share.denominator + (parts - before) * share.numerator
        return weighed * self.numerator // (self.denominator * share.denominator) + self.base


class SimulatedMeter:
    """One device: registers, gauges and their words at an instant."""

    def __init__(self, device: DeviceModel, profile: Profile, plant: Plant) -> None:
        """Tie a device of the plant file to its profile."""
        self.device = device
        self.profile = profile
        self.ratios = Ratios(device.pt, device.ct)
        self.registers = {
            point.name: self._register(point, plant)
            for point in profile.points
            if point.kind is Kind.REGISTER
        }

    def circuit_of(self, point: Point) -> str:
        """The plant's circuit that a point measures."""
        circuits = self.device.circuits
        return circuits.get(point.circuit) or circuits[None]

    def shown(self, plant: Plant, point: str, second: int, offset: int = 0) -> float:
        """What a register reads at an instant, in its unit: `value`, without going by words."""
        register = self.registers[point]
        counts = register.counts(plant, second) + offset
        if register.modulus is not None:
            counts %= register.modulus
        numerator, denominator = register.count
        if register.packing is None:
            return counts * numerator / denominator
        over, under = register.scale
        held = counts * numerator * under / (denominator * over)
        raw: float = struct.unpack(register.packing, struct.pack(register.packing, held))[0]
        return raw if over == under else raw * over / under

    def words(self, plant: Plant, point: Point, second: int, offset: int = 0) -> tuple[int, ...]:
        """The point's registers at an instant; `offset` counts come on top (a wrap to provoke)."""
        register = self.registers.get(point.name)
        if register is None:
            moment = Moment(plant, self.circuit_of(point), second)
            value = gauge(moment, point.key, point.unit)
            return self.profile.encode(point, value, self._installed(second))
        counts = register.counts(plant, second) + offset
        if register.modulus is not None:
            counts %= register.modulus
        if register.packing is not None:
            (numerator, denominator), (over, under) = register.count, register.scale
            held = counts * numerator * under / (denominator * over)
            return encode_raw(held, point.datatype, self.profile.order)
        return encode_raw(counts, point.datatype, self.profile.order)

    def value(self, plant: Plant, point: Point, second: int, offset: int = 0) -> float | None:
        """What a faultless driver reads, in the point's unit."""
        words = self.words(plant, point, second, offset)
        return self.profile.decode(point, words, self.ratios)

    def shown_share(self, second: int) -> Fraction:
        """What the meter shows of what flows from an instant on: its CT ratio by the real one."""
        return self.ratios.ct / self._installed(second).ct

    def _installed(self, second: int) -> Ratios:
        change = self.device.exchange
        if change is None or second < change.second:
            return self.ratios
        return Ratios(self.ratios.pt, change.ct)

    def _register(self, point: Point, plant: Plant) -> Register:
        circuit = self.circuit_of(point)
        place = plant.circuits[circuit]
        share = _share(point.key, place.model.tan_permille)
        count = self.count_in_units(point)
        smallest = _smallest_per_unit(point.unit, place.model.energy) * count
        rate = share / (place.parts * smallest)
        whole = base_units(f"{self.device.slug}/{point.name}", plant.seed)
        change = self.device.exchange
        return Register(
            circuit=circuit,
            numerator=rate.numerator,
            denominator=rate.denominator,
            base=int(whole / count) if share else 0,
            modulus=_modulus(point),
            smallest_per_count=smallest,
            count=(count.numerator, count.denominator),
            scale=point.multiplier(self.ratios).as_integer_ratio(),
            packing=">" + point.datatype.code if point.datatype.is_float else None,
            exchange=change,
            exchange_share=_WHOLE if change is None else self.shown_share(change.second),
        )

    def count_in_units(self, point: Point) -> Fraction:
        """One count of a register in the point's unit."""
        return FLOAT_COUNT if point.datatype.is_float else point.multiplier(self.ratios)


def _share(key: str, tan_permille: int) -> Fraction:
    """How much of its circuit's amount a register counts."""
    kind, _, rest = key.partition("_")
    if rest.startswith(("exp", "neg")):
        return Fraction(0)
    share = Fraction(tan_permille, 1000) if kind == "eq" else Fraction(1)
    return share * _THIRD if rest[-2:] in ("_a", "_b", "_c") else share


def _smallest_per_unit(point_unit: str, energy: str) -> Fraction:
    measure = unit(point_unit)
    accounted = energy_type(energy)
    if measure.dimension == accounted.unit.dimension:
        return accounted.per_point_unit(point_unit)
    # kvarh and kVAh beside kWh, or a foreign unit on a bench meter: the same number of counts.
    return measure.base / 1000 * accounted.smallest_per_unit


def _modulus(point: Point) -> int | None:
    if point.modulus is not None:
        return point.modulus
    if point.datatype.is_float:
        return None
    return 1 << (point.datatype.bits - (1 if point.datatype.is_signed else 0))
