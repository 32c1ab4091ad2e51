"""The parts `outputs` and `platform_lost` of a configuration, checked against its devices.

An output on a point that may not be written is left out and said; the alarms are judged all the
same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.commands import outside
from gateway.contract.commands import Code
from gateway.contract.documents import Document, Place, Problem
from gateway.contract.profile import Point, Profile
from gateway.outputs import Output, PlatformLost
from gateway.rules import Input
from gateway.session import Reporting

WHY = {
    Code.NOT_WRITABLE: "may not be written: its profile has no write range",
    Code.OUT_OF_RANGE: "does not take the value {value:g}: it is out of the profile's write range",
    Code.OFF_STEP: "does not take the value {value:g}: it is not on a step of the profile's range",
}


class Described(Protocol):
    """A device of the configuration (gateway.config.DeviceConfig)."""

    @property
    def slug(self) -> str:
        """Its name."""
        ...

    @property
    def profile(self) -> Profile:
        """Its type."""
        ...

    @property
    def reporting(self) -> Reporting:
        """What is reported of it, its alarms too."""
        ...


class InputEntry(msgspec.Struct):
    """An acknowledge input; without a device it is one of the alarm's own."""

    point: str
    value: float = 1.0
    device: str = ""

    def input(self) -> Input:
        """It as the rules know it."""
        return Input(self.device, self.point, self.value)


class _Output(msgspec.Struct):
    device: str
    point: str
    on: float = 1.0
    off: float = 0.0
    timeout_s: float = 0.0


class _Lost(msgspec.Struct):
    after_s: float
    output: str
    acknowledge: InputEntry | None = None


class _Section(msgspec.Struct):
    outputs: dict[str, _Output] = {}
    platform_lost: _Lost | None = None


@dataclass(frozen=True, slots=True)
class OutputSection:
    """The outputs that can be driven, and what is wrong with the others."""

    outputs: tuple[Output, ...] = ()
    platform_lost: PlatformLost | None = None
    problems: tuple[Problem, ...] = ()


def read_outputs(
    document: Document, data: Mapping[str, object], devices: Sequence[Described]
) -> OutputSection:
    """Read and check both parts; whoever names what is not there is told so."""
    section = msgspec.convert(
        {key: data[key] for key in ("outputs", "platform_lost") if key in data}, _Section
    )
    check = _Check(document, {one.slug: one.profile for one in devices}, set(section.outputs))
    outputs = tuple(
        Output(name, one.device, one.point, one.on, one.off, one.timeout_s)
        for name, one in section.outputs.items()
        if check.output(name, one)
    )
    entries = data["devices"] if isinstance(data["devices"], list) else []
    places = {one.get("slug"): n for n, one in enumerate(entries) if isinstance(one, dict)}
    for device in devices:
        for number, rule in enumerate(device.reporting.rules):
            where: Place = ("devices", places[device.slug], "alarms", number)
            check.known(where, rule.output)
            if rule.acknowledge is not None:
                check.button(where, rule.acknowledge, device.slug)
    lost = section.platform_lost
    if lost is None:
        return OutputSection(outputs, None, tuple(check.problems))
    check.known(("platform_lost",), lost.output)
    press = None if lost.acknowledge is None else lost.acknowledge.input()
    if press is not None and not check.button(("platform_lost",), press, ""):
        press = None
    watch = PlatformLost(lost.after_s, lost.output, press)
    return OutputSection(outputs, watch, tuple(check.problems))


class _Check:
    """Collects what is wrong."""

    def __init__(
        self, document: Document, profiles: Mapping[str, Profile], names: set[str]
    ) -> None:
        self._document = document
        self._profiles = profiles
        self._names = names
        self.problems: list[Problem] = []

    def output(self, name: str, entry: _Output) -> bool:
        where: Place = ("outputs", name)
        point = self._point(where, entry.device, entry.point)
        if point is None:
            return False
        for value in (entry.on, entry.off):
            code = outside(point, value)
            if code is not None:
                what = f"{entry.device}/{entry.point} {WHY[code].format(value=value)}."
                self._say(where, what, "Correct point, on and off, or add write to the profile.")
                return False
        return True

    def known(self, where: Place, output: str) -> None:
        if output and output not in self._names:
            known = ", ".join(sorted(self._names)) or "none"
            self._say((*where, "output"), f"there is no output {output!r}.", f"Known: {known}.")

    def button(self, where: Place, press: Input, own: str) -> bool:
        place: Place = (*where, "acknowledge")
        return self._point(place, press.device or own, press.point) is not None

    def _point(self, where: Place, device: str, name: str) -> Point | None:
        profile = self._profiles.get(device)
        if profile is None:
            self._say(where, f"no device {device!r} is read.", "Name a slug of devices.")
            return None
        for point in profile.points:
            if point.name == name:
                return point
        self._say(where, f"{device} ({profile.name}) has no point {name!r}.", "Correct it.")
        return None

    def _say(self, where: Place, what: str, todo: str) -> None:
        self.problems.append(self._document.problem(where, what, todo))
