"""Points that the gateway makes itself from what it read: derived values and local alarms.

They follow a device's own points, travel with them and are named like them: `p_net`,
`alarm_overload`. A derived point has a value at every instant at which all of its inputs were read
together, so it is never a mixture of two times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from gateway.contract.profile import Deadband, Kind, Point, RatioRule
from gateway.contract.registers import Datatype
from gateway.expression import Expression
from gateway.rules import Rule, Watch

ALARM = "alarm_"
"""Before the name of a rule: the key of its point."""
ALARM_GAP_S = 86_400


class UnknownInput(Exception):
    """A derived point or rule names a point that the device does not have."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a configuration says of one derived point."""

    key: str
    unit: str
    expression: Expression
    deadband: Deadband = field(default_factory=Deadband)

    def point(self) -> Point:
        """It as a point; always a gauge, because sums of registers belong to the accounts."""
        return computed_point(
            self.key, self.unit, Kind.GAUGE, Datatype.FLOAT32, self.deadband, 1800
        )


def alarm_point(rule: Rule) -> Point:
    """The status point in which a rule's state travels."""
    key = ALARM + rule.name
    return computed_point(key, "1", Kind.STATUS, Datatype.UINT16, Deadband(), ALARM_GAP_S)


def variable(point: Point) -> str:
    """A point's name inside an expression: `c2/p` is `c2_p`."""
    return point.name.replace("/", "_")


@dataclass(slots=True)
class Computed:
    """The computed points of one device, after its own points."""

    own: Sequence[Point]
    derivations: Sequence[Derivation] = ()
    rules: Sequence[Rule] = ()
    points: tuple[Point, ...] = ()
    watches: dict[str, Watch] = field(default_factory=dict)
    _inputs: list[tuple[int, Expression, dict[str, int], int]] = field(default_factory=list)
    _watched: list[tuple[int, Watch, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look up every input; UnknownInput for a name that is not there."""
        derived = [derivation.point() for derivation in self.derivations]
        alarms = [alarm_point(rule) for rule in self.rules]
        self.points = (*derived, *alarms)
        variables = {variable(point): index for index, point in enumerate(self.own)}
        for number, derivation in enumerate(self.derivations, len(self.own)):
            inputs = {name: _known(variables, name) for name in derivation.expression.names}
            last = max(inputs.values(), default=0)
            self._inputs.append((number, derivation.expression, inputs, last))
        names = {point.name: index for index, point in enumerate((*self.own, *derived))}
        for number, rule in enumerate(self.rules, len(self.own) + len(derived)):
            watch = Watch(rule)
            self.watches[rule.name] = watch
            self._watched.append((number, watch, _known(names, rule.point)))

    def of(self, values: Sequence[float | None], at_ms: int) -> Mapping[int, float | None]:
        """Index -> value of the computed points that these (first) values decide.

        A derived point with a missing input is missing.
        """
        found: dict[int, float | None] = {}
        for number, expression, inputs, last in self._inputs:
            if last < len(values):
                known = {name: values[index] for name, index in inputs.items()}
                whole = {name: value for name, value in known.items() if value is not None}
                found[number] = expression(whole) if len(whole) == len(known) else None
        for number, watch, index in self._watched:
            if index < len(values) or index in found:
                watch.see(found[index] if index in found else values[index], at_ms)
                found[number] = float(watch.state)
        return found


def _known(places: Mapping[str, int], name: str) -> int:
    if name not in places:
        raise UnknownInput(f"there is no point {name!r}; there are {', '.join(sorted(places))}")
    return places[name]


def computed_point(
    key: str, unit: str, kind: Kind, datatype: Datatype, deadband: Deadband, max_gap_s: int
) -> Point:
    """A point that lies in no register: its values are in `unit` already."""
    return Point(
        key=key,
        circuit=None,
        fc=0,
        address=0,
        datatype=datatype,
        scale=Fraction(1),
        unit=unit,
        kind=kind,
        ratio=RatioRule.NONE,
        missing=frozenset(),
        modulus=None,
        deadband=deadband,
        slow=False,
        max_gap_s=max_gap_s,
    )
