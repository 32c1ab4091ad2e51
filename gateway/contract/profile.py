"""A device profile: what is known about a type of meter, to read, simulate and document it.

One YAML file a type of device; `gateway.contract.profile_file` reads it. Circuits of multi-loop
meters are already expanded, so everybody sees one flat list of points.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from gateway.contract.fingerprint import Mark
from gateway.contract.registers import (
    Datatype,
    Order,
    Raw,
    decode_raw,
    encode_raw,
    to_raw,
    to_value,
)

REGISTER_PROTOCOL = "modbus"
"""The protocol whose points lie in registers; all others address points by an item."""
STEP_TOLERANCE = 1e-6
"""Part of a step by which a value may miss it: decimals such as 0.1 are not exact."""


class Kind(StrEnum):
    """What a point is: a register counts up, a gauge is a momentary value, a status is a code."""

    REGISTER = "register"
    GAUGE = "gauge"
    STATUS = "status"


class RatioRule(StrEnum):
    """Which transformer ratio turns a secondary value into a primary one; `pct` = PT x CT."""

    NONE = "none"
    PT = "pt"
    CT = "ct"
    PCT = "pct"


class RatioSource(StrEnum):
    """Where the transformer ratios come from."""

    NONE = "none"
    METER = "meter"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Ratios:
    """Voltage (PT) and current (CT) transformer ratios of one installed device, 1 = direct."""

    pt: Fraction = Fraction(1)
    ct: Fraction = Fraction(1)

    def of(self, rule: RatioRule) -> Fraction:
        """The factor that a rule asks for."""
        if rule is RatioRule.PT:
            return self.pt
        if rule is RatioRule.CT:
            return self.ct
        return self.pt * self.ct if rule is RatioRule.PCT else Fraction(1)


@dataclass(frozen=True, slots=True)
class Deadband:
    """How far a gauge must move before it is reported: `absolute` in its unit or `percent` of the
    last reported value; both 0 = every change.
    """

    absolute: float = 0.0
    percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Writable:
    """What a point may be set to, in its unit: from `low` to `high`, in whole steps from `low`."""

    low: float
    high: float
    step: float | None = None

    def off_step(self, value: float) -> bool:
        """Whether a value lies between two steps."""
        if self.step is None:
            return False
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) > STEP_TOLERANCE


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a device: where it is and what it means.

    A register device keeps it at `fc` and `address`; every other protocol has a name of its own for
    it in `item` (a DL/T 645 identifier, an OPC UA node, an IEC 104 object address, a JSON path).
    """

    key: str
    circuit: str | None
    fc: int
    address: int
    datatype: Datatype
    scale: Fraction
    unit: str
    kind: Kind
    ratio: RatioRule
    missing: frozenset[int]
    """Raw counts that mean "not available"; a float NaN always does."""
    modulus: int | None
    """Largest raw count + 1 of a register that wraps, before scale and ratios."""
    deadband: Deadband
    slow: bool
    max_gap_s: int
    item: str = ""
    valid: tuple[float, float] | None = None
    """Between which values it can be, in its unit; None = its unit's usual limits."""
    write: Writable | None = None
    """What it may be set to; None = nobody may write it."""

    @property
    def name(self) -> str:
        """The metric's name on the wire: `ep_imp` or `c2/ep_imp`."""
        return f"{self.circuit}/{self.key}" if self.circuit else self.key

    @property
    def words(self) -> int:
        """Registers that the point takes."""
        return self.datatype.words

    def multiplier(self, ratios: Ratios) -> Fraction:
        """Engineering value of one raw count, in `unit`."""
        return self.scale * ratios.of(self.ratio)

    def is_missing(self, raw: Raw) -> bool:
        """Whether a raw number says that the meter has no value."""
        return raw in self.missing or (isinstance(raw, float) and not math.isfinite(raw))

    def decode(self, raw: Raw, ratios: Ratios) -> float | None:
        """A raw number in `unit`; None when the meter has no value."""
        return None if self.is_missing(raw) else to_value(raw, self.multiplier(ratios))


@dataclass(frozen=True, slots=True)
class RatioRegister:
    """Where a meter keeps one of its own transformer ratios."""

    fc: int
    address: int
    datatype: Datatype
    scale: Fraction


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive registers of one function code."""

    fc: int
    start: int
    count: int

    @property
    def end(self) -> int:
        """The first register after the block."""
        return self.start + self.count


@dataclass(frozen=True, slots=True)
class Sample:
    """What a device answered and the values it means: the profile's own test.

    Register devices have `blocks`; the others `items`: item -> the raw value as the protocol
    delivers it.
    """

    ratios: Ratios
    blocks: tuple[tuple[Block, tuple[int, ...]], ...]
    values: Mapping[str, float | None]
    items: Mapping[str, str | float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verify:
    """The point a person compares with the meter's display, and how far it may be off (%)."""

    point: str
    tolerance_percent: float


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a type of meter cannot do."""

    max_registers: int = 125
    """Registers in one request."""
    max_gap: int | None = None
    """Unused registers that one request may span; None = the planner's own choice."""
    pause_ms: int = 0
    """Silence the meter needs between two requests."""
    max_registers_by_fc: Mapping[int, int] = field(default_factory=dict)
    """Functions that read less in one request than `max_registers`."""


class ClockFormat(StrEnum):
    """How a meter keeps its own wall time in registers."""

    YMDHMS_WORDS = "ymdhms_words"
    """Six registers: year (with or without its century), month, day, hour, minute, second."""
    EPOCH_U32 = "epoch_u32"
    """Two registers: seconds since 1970-01-01 00:00 of the meter's own zone."""

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return 6 if self is ClockFormat.YMDHMS_WORDS else 2


@dataclass(frozen=True, slots=True)
class ClockPlace:
    """The registers of a meter's own clock."""

    fc: int
    address: int
    format: ClockFormat

    @property
    def block(self) -> Block:
        """What to read."""
        return Block(self.fc, self.address, self.format.words)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything known about a type of device; `points` has the circuits expanded."""

    name: str
    """`vendor/model`, from the file's place."""
    maker: str
    type: str
    version: str
    titles: Mapping[str, str]
    protocol: str
    energy: str | None
    order: Order
    secondary: bool
    """Whether the registers hold values behind the transformers."""
    ratio_source: RatioSource
    ratio_registers: Mapping[str, RatioRegister]
    points: tuple[Point, ...]
    circuits: tuple[str, ...]
    forbidden: tuple[Block, ...]
    quirks: Quirks
    sample: Sample
    verify: Verify
    source: str
    verified: bool
    hash: str
    """SHA-256 of the file's bytes."""
    fingerprint: tuple[Mark, ...] = ()
    """Registers that tell this type from others; all have to fit."""
    time_item: str = ""
    """Where each message of a device that publishes has its time; "" = the time of receipt."""
    clock: ClockPlace | None = None
    """Where a register device has its own clock; None = it has none that is known."""

    @property
    def has_registers(self) -> bool:
        """Whether its points are registers that requests by block can read."""
        return self.protocol == REGISTER_PROTOCOL

    def point(self, name: str) -> Point:
        """The point with a metric's name; KeyError when the profile has none."""
        for point in self.points:
            if point.name == name:
                return point
        raise KeyError(name)

    def decode(self, point: Point, words: tuple[int, ...], ratios: Ratios) -> float | None:
        """What registers of a device of this type mean, in the point's unit; None = no value."""
        return point.decode(decode_raw(words, point.datatype, self.order), ratios)

    def encode(self, point: Point, value: float | None, ratios: Ratios) -> tuple[int, ...]:
        """The registers in which a device of this type would hold a value; None = not available.

        OverflowError when the value does not fit; registers wrap at their modulus instead.
        """
        if value is None:
            raw: Raw = math.nan if point.datatype.is_float else _sentinel(point)
        else:
            raw = to_raw(value, point.multiplier(ratios), point.datatype, point.modulus)
        return encode_raw(raw, point.datatype, self.order)


def _sentinel(point: Point) -> int:
    if not point.missing:
        raise OverflowError(f"{point.name} has no register value for not available")
    return min(point.missing)
