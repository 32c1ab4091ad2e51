"""The part of a device's configuration that says what is reported of it: intervals, derived points,
local alarms.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from gateway.change import DEFAULT_HEARTBEAT_S
from gateway.computed import Computed, Derivation, UnknownInput
from gateway.contract.clock import parse_offset
from gateway.contract.documents import Document, DocumentFault
from gateway.contract.profile import Profile
from gateway.contract.profile_file import DEFAULT_DEADBAND, parse_deadband
from gateway.drift import DRIFT
from gateway.expression import Expression, ExpressionFault
from gateway.output_section import InputEntry
from gateway.rules import Rule
from gateway.session import Reporting


class DerivedEntry(msgspec.Struct):
    """One entry of a device's `derived`."""

    key: str
    unit: str
    expression: str
    deadband: float | str = DEFAULT_DEADBAND


class AlarmEntry(msgspec.Struct):
    """One entry of a device's `alarms`."""

    name: str
    point: str
    above: float | None = None
    below: float | None = None
    hysteresis: float = 0.0
    delay_s: float = 0.0
    off_delay_s: float = 0.0
    output: str = ""
    acknowledge: InputEntry | None = None

    def rule(self) -> Rule:
        """It as a rule."""
        return Rule(
            self.name,
            self.point,
            self.above,
            self.below,
            self.hysteresis,
            self.delay_s,
            self.off_delay_s,
            self.output,
            None if self.acknowledge is None else self.acknowledge.input(),
        )


class ReportingEntry(msgspec.Struct):
    """What a device's entry says of reporting; None = as for the whole gateway."""

    name: str | None = None
    register_every_s: float | None = None
    gauge_every_s: float | None = None
    derived: list[DerivedEntry] = []
    alarms: list[AlarmEntry] = []


class ReportingDefaults(msgspec.Struct):
    """What the configuration says for all devices."""

    heartbeat_s: float = DEFAULT_HEARTBEAT_S
    register_every_s: float = 0.0
    gauge_every_s: float = 0.0


def read_reporting(
    document: Document,
    index: int,
    profile: Profile,
    entry: ReportingEntry,
    defaults: ReportingDefaults,
) -> Reporting:
    """What is reported of device number `index`; DocumentFault for what it cannot compute."""
    registers, gauges = entry.register_every_s, entry.gauge_every_s
    reporting = Reporting(
        entry.name,
        defaults.heartbeat_s,
        defaults.register_every_s if registers is None else registers,
        defaults.gauge_every_s if gauges is None else gauges,
        tuple(_derivation(document, index, n, one) for n, one in enumerate(entry.derived)),
        tuple(alarm.rule() for alarm in entry.alarms),
    )
    try:
        computed = Computed(profile.points, reporting.derived, reporting.rules)
    except UnknownInput as fault:
        todo = "Correct the name; inside expressions c2/p is written c2_p."
        problem = document.problem(("devices", index), f"{fault}.", todo)
        raise DocumentFault([problem]) from fault
    _check_names(document, index, profile, computed)
    return reporting


def read_clock_offset(
    document: Document, index: int, profile: Profile, reporting: Reporting, written: str | None
) -> timedelta | None:
    """How far the zone of a device's own clock is ahead of UTC; None = its clock is not read.

    DocumentFault where its profile has no clock, or another point has the name of the drift.
    """
    if written is None:
        return None
    place = ("devices", index, "clock_offset")
    if profile.has_registers and profile.clock is None:
        what = f"{profile.name} does not say where the meter's clock is."
        todo = "Take clock_offset out, or add clock to a profile of your own."
        raise DocumentFault([document.problem(place, what, todo)])
    names = {point.name for point in profile.points} | {one.key for one in reporting.derived}
    if DRIFT.name in names:
        what = f"the point {DRIFT.name!r} is there twice."
        raise DocumentFault([document.problem(place, what, "Give the other another name.")])
    return parse_offset(written)


def set_deadbands(
    document: Document, index: int, profile: Profile, written: Mapping[str, float | str]
) -> Profile:
    """The profile with this device's own deadbands; DocumentFault for a point it has not."""
    names = {point.name for point in profile.points}
    for name in written:
        if name not in names:
            what = f"{profile.name} has no point {name!r}."
            problem = document.problem(("devices", index, "deadbands", name), what, "Correct it.")
            raise DocumentFault([problem])
    if not written:
        return profile
    points = tuple(
        replace(point, deadband=parse_deadband(written[point.name]))
        if point.name in written
        else point
        for point in profile.points
    )
    return replace(profile, points=points)


def _derivation(document: Document, index: int, number: int, entry: DerivedEntry) -> Derivation:
    try:
        expression = Expression(entry.expression)
    except ExpressionFault as fault:
        place = ("devices", index, "derived", number, "expression")
        what = f"the expression cannot be used: {fault}."
        raise DocumentFault([document.problem(place, what, "See docs/extending.md.")]) from fault
    return Derivation(entry.key, entry.unit, expression, parse_deadband(entry.deadband))


def _check_names(document: Document, index: int, profile: Profile, computed: Computed) -> None:
    seen = {point.name for point in profile.points}
    for point in computed.points:
        if point.name in seen:
            what = f"the point {point.name!r} is there twice."
            problem = document.problem(("devices", index), what, "Give it another name.")
            raise DocumentFault([problem])
        seen.add(point.name)
