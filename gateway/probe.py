"""Asks a bus: which units answer, and which profile fits each of them."""

from collections.abc import Sequence
from fractions import Fraction

from gateway.contract.fingerprint import Mark
from gateway.contract.profile import Deadband, Kind, Point, Profile, RatioRule, Ratios
from gateway.contract.registers import Datatype
from gateway.drivers.capabilities import (
    DeviceSilent,
    Discovers,
    DriverFault,
    Line,
    Progress,
    Reads,
    Refused,
    Unit,
)
from gateway.recognise import Fit, Marks, fit_of, ranked

SEARCH_S = 600.0
"""A search of a whole line ends after this time."""


async def find_units(
    line: Line, profiles: Sequence[Profile], units: Sequence[Unit] | None, progress: Progress
) -> list[Unit]:
    """The units of an open line that answer: of those named, else all that its driver finds.

    DriverFault when it can find none by itself and none are named.
    """
    if units is None and isinstance(line, Discovers):
        return await line.discover(progress, SEARCH_S)
    if units is None:
        raise DriverFault("this line's driver cannot look for devices; name them by --units")
    return await answering(line, profiles[0], units, progress)


async def answering(
    line: Line, profile: Profile, units: Sequence[Unit], progress: Progress
) -> list[Unit]:
    """Units that reply or refuse when they are asked for the value that a profile compares."""
    found: list[Unit] = []
    point = profile.point(profile.verify.point)
    for asked, unit in enumerate(units, 1):
        if await _answers(line.device(profile, unit), point):
            found.append(unit)
        progress(asked, len(units), tuple(found))
    return found


async def _answers(device: Reads, point: Point) -> bool:
    try:
        await device.reader([point], Ratios())()
    except DeviceSilent:
        return False
    except Refused:
        pass
    return True


async def recognise(line: Line, unit: Unit, profiles: Sequence[Profile]) -> list[Fit]:
    """The profiles that can be a unit's, best first. LinkDown when the line is lost."""
    return ranked([await _fit(line.device(profile, unit), profile) for profile in profiles])


async def _fit(device: Reads, profile: Profile) -> Fit:
    marks = await _marks(device, profile)
    if marks is Marks.OTHER or (marks is not Marks.FIT and not await _begins(device, profile)):
        return Fit(profile, marks, 0, 0.0)
    return fit_of(profile, marks, await _values(device, profile.points))


async def _begins(device: Reads, profile: Profile) -> bool:
    """Whether the compared point has a value: most profiles of a shelf end here."""
    values = await _values(device, [profile.point(profile.verify.point)])
    return values[0] is not None


async def _marks(device: Reads, profile: Profile) -> Marks:
    if not profile.fingerprint:
        return Marks.NONE
    for mark in profile.fingerprint:
        found = await _values(device, _places(mark))
        words = [int(word) for word in found if word is not None]
        if len(words) < mark.words:
            return Marks.SILENT
        if not mark.fits(words, profile.order):
            return Marks.OTHER
    return Marks.FIT


async def _values(device: Reads, points: Sequence[Point]) -> list[float | None]:
    """Values as the device holds them, before transformers; None where it has none."""
    try:
        return await device.reader(points, Ratios())()
    except (DeviceSilent, Refused):
        return [None] * len(points)


def _places(mark: Mark) -> list[Point]:
    """The registers of a mark, each as a point."""
    return [
        Point(
            key=f"mark_{index}",
            circuit=None,
            fc=mark.fc,
            address=mark.address + index,
            datatype=Datatype.UINT16,
            scale=Fraction(1),
            unit="1",
            kind=Kind.STATUS,
            ratio=RatioRule.NONE,
            missing=frozenset(),
            modulus=None,
            deadband=Deadband(),
            slow=False,
            max_gap_s=1,
        )
        for index in range(mark.words)
    ]
