"""What the schema of profile files cannot say: names, units, places, wraps, ratios, the sample."""

import difflib
from collections.abc import Iterator
from itertools import pairwise

from gateway.contract.documents import Document, Place, Problem
from gateway.contract.energy import energy_types
from gateway.contract.profile import Kind, Point, Profile, RatioRule, RatioSource
from gateway.contract.units import UNITS

HOLDING = 3
"""The function that reads what can be written, too."""
LAST_REGISTER = 0xFFFF
WIDE_BITS = 64
"""A signed counter of this width never wraps in a meter's life."""


def profile_faults(document: Document, profile: Profile) -> Iterator[Problem]:
    """Everything wrong with a profile whose document has the right shape."""
    yield from _names(document, profile)
    yield from _meanings(document, profile)
    yield from _writes(document, profile)
    yield from _ratios(document, profile)
    if profile.has_registers:
        yield from _places(document, profile)
        yield from _overlaps(document, profile)
        yield from _marks(document, profile)
        yield from _clock(document, profile)
        yield from _sample_of_registers(document, profile)
    else:
        yield from _sample_of_items(document, profile)


def _path(profile: Profile, index: int) -> Place:
    """Where the file has the point with this index among all of the profile's points."""
    point = profile.points[index]
    if point.circuit is None:
        return ("points", index)
    common = sum(1 for other in profile.points if other.circuit is None)
    of_one_circuit = (len(profile.points) - common) // len(profile.circuits)
    return ("circuits", "points", (index - common) % of_one_circuit)


def _names(document: Document, profile: Profile) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, point in enumerate(profile.points):
        if point.name in seen:
            what = f"the key {point.key!r} is there twice."
            todo = "Give each point a key of its own."
            yield document.problem(_path(profile, index), what, todo)
        seen.add(point.name)
    if profile.verify.point not in seen:
        what = f"the profile has no point {profile.verify.point!r}."
        yield document.problem(("verify", "point"), what, "Name one of its points.")


def _meanings(document: Document, profile: Profile) -> Iterator[Problem]:
    if profile.energy is not None and profile.energy not in energy_types():
        what = f"there is no energy type {profile.energy!r}."
        yield document.problem(("energy",), what, _suggest(profile.energy, list(energy_types())))
    for index, point in _once(profile):
        path = _path(profile, index)
        if point.unit not in UNITS:
            what = f"there is no unit {point.unit!r}."
            yield document.problem((*path, "unit"), what, _suggest(point.unit, list(UNITS)))
        if point.valid is not None and point.valid[0] >= point.valid[1]:
            what = f"{point.name} can have no value from {point.valid[0]:g} to {point.valid[1]:g}."
            yield document.problem((*path, "valid"), what, "Write [low, high].")
        if _needs_modulus(point):
            what = f"{point.name} counts up in {point.datatype}, and nothing says where it wraps."
            todo = "Write modulus: the largest raw count + 1 (the width's is the safe guess)."
            yield document.problem(path, what, todo)
        if point.modulus is not None and point.modulus > _states(point):
            what = f"a {point.datatype} never reaches the modulus {point.modulus}."
            todo = f"At most {_states(point)}."
            yield document.problem((*path, "modulus"), what, todo)


def _writes(document: Document, profile: Profile) -> Iterator[Problem]:
    for index, point in _once(profile):
        if point.write is None:
            continue
        path = (*_path(profile, index), "write")
        if point.write.low >= point.write.high:
            what = f"{point.name} may be set from {point.write.low:g} to {point.write.high:g}."
            yield document.problem(path, what, "Write the lower limit as min, the upper as max.")
        if point.kind is Kind.REGISTER or (profile.has_registers and point.fc != HOLDING):
            what = f"{point.name} cannot be written."
            yield document.problem(path, what, "Only holding registers that do not count can.")


def _once(profile: Profile) -> Iterator[tuple[int, Point]]:
    """The points of the file, those of circuits once."""
    first = profile.circuits[:1]
    for index, point in enumerate(profile.points):
        if point.circuit is None or (point.circuit,) == first:
            yield index, point


def _needs_modulus(point: Point) -> bool:
    datatype = point.datatype
    return (
        point.kind is Kind.REGISTER
        and point.modulus is None
        and not datatype.is_float
        and datatype.bits < WIDE_BITS
    )


def _states(point: Point) -> int:
    """The highest modulus that a datatype's counter can have; floats hold any."""
    datatype = point.datatype
    if datatype.is_float:
        return 1 << 1023
    return datatype.states // 2 if datatype.is_signed else datatype.states


def _suggest(written: str, known: list[str]) -> str:
    same = [code for code in known if code.casefold() == written.casefold()]
    near = same or difflib.get_close_matches(written, known, 1, 0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."


def _places(document: Document, profile: Profile) -> Iterator[Problem]:
    for index, point in enumerate(profile.points):
        path = _path(profile, index)
        end = point.address + point.words
        if point.datatype.is_bcd:
            what = f"{point.datatype} does not lie in registers."
            yield document.problem((*path, "datatype"), what, "Use an integer or a float.")
        if end > LAST_REGISTER + 1:
            what = f"{point.name} ends at register {end - 1}; the last one is {LAST_REGISTER}."
            yield document.problem(path, what, "Correct address, base or stride.")
        for part in profile.forbidden:
            if part.fc == point.fc and point.address < part.end and part.start < end:
                what = f"{point.name} lies in a forbidden range (from {part.start})."
                yield document.problem(path, what, "Correct one of the two.")


def _overlaps(document: Document, profile: Profile) -> Iterator[Problem]:
    points = profile.points
    order = sorted(range(len(points)), key=lambda index: (points[index].fc, points[index].address))
    for before, after in pairwise(order):
        first, second = points[before], points[after]
        if first.fc == second.fc and second.address < first.address + first.words:
            what = (
                f"{second.name} (from {second.address:#x}) lies on the registers of {first.name} "
                f"({first.words} from {first.address:#x})."
            )
            todo = "Correct address or datatype of one of the two."
            yield document.problem(_path(profile, after), what, todo)


def _marks(document: Document, profile: Profile) -> Iterator[Problem]:
    for index, mark in enumerate(profile.fingerprint):
        path = ("fingerprint", index)
        if bool(mark.text) == bool(mark.values):
            what = "a mark has either values or a text."
            yield document.problem(path, what, "Write one of the two.")
        elif mark.datatype.is_float or mark.datatype.is_bcd:
            what = f"a mark is a whole number, not a {mark.datatype}."
            yield document.problem((*path, "datatype"), what, "Use an integer datatype or text.")
        elif mark.address + mark.words > LAST_REGISTER + 1:
            what = f"the mark ends behind register {LAST_REGISTER}."
            yield document.problem(path, what, "Correct its address.")
        elif any(not _holds(mark.datatype.is_signed, mark.datatype.bits, v) for v in mark.values):
            what = f"a {mark.datatype} cannot hold all of these values."
            yield document.problem((*path, "values"), what, "Correct values or datatype.")


def _holds(is_signed: bool, bits: int, value: int) -> bool:
    low = -(1 << (bits - 1)) if is_signed else 0
    return low <= value < low + (1 << bits)


def _clock(document: Document, profile: Profile) -> Iterator[Problem]:
    if profile.clock is None:
        return
    block = profile.clock.block
    if block.end > LAST_REGISTER + 1:
        what = f"the clock ends behind register {LAST_REGISTER}."
        yield document.problem(("clock",), what, "Correct its address or format.")
    for part in profile.forbidden:
        if part.fc == block.fc and block.start < part.end and part.start < block.end:
            what = f"the clock lies in a forbidden range (from {part.start})."
            yield document.problem(("clock",), what, "Correct one of the two.")


def _ratios(document: Document, profile: Profile) -> Iterator[Problem]:
    ratioed = any(point.ratio is not RatioRule.NONE for point in profile.points)
    if profile.secondary and not ratioed:
        what = "values are secondary, but no point has a ratio rule."
        yield document.problem(("values",), what, "Give U pt, I ct, P and energy pct.")
    if profile.secondary and profile.ratio_source is RatioSource.NONE:
        what = "values are secondary, but nothing says where the ratios come from."
        yield document.problem(("values",), what, "Set ratio_source: meter or configuration.")
    if profile.ratio_source is RatioSource.METER and not profile.ratio_registers:
        what = "the ratios come from the meter, but no register is named."
        yield document.problem(("ratio_source",), what, "Add ratio_registers with pt and ct.")
    for name, place in profile.ratio_registers.items():
        path = ("ratio_registers", name)
        if place.datatype.is_bcd:
            what = f"{place.datatype} does not lie in registers."
            yield document.problem((*path, "datatype"), what, "Use an integer or a float.")
        elif place.address + place.datatype.words > LAST_REGISTER + 1:
            what = f"the ratio ends behind register {LAST_REGISTER}."
            yield document.problem(path, what, "Correct its address.")


def _sample_of_items(document: Document, profile: Profile) -> Iterator[Problem]:
    """Samples of items are decoded by their drivers; here only that each has its raw value."""
    points = {point.name: point for point in profile.points}
    for name in profile.sample.values:
        point = points.get(name)
        path = ("sample", "values", name)
        if point is None:
            yield document.problem(path, "the profile has no such point.", "Correct the name.")
        elif point.item not in profile.sample.items:
            what = f"the sample's items do not hold {point.item!r}."
            yield document.problem(path, what, "Add it to sample.items.")


def _sample_of_registers(document: Document, profile: Profile) -> Iterator[Problem]:
    words = {
        (block.fc, block.start + index): word
        for block, values in profile.sample.blocks
        for index, word in enumerate(values)
    }
    points = {point.name: point for point in profile.points[::-1] if not point.datatype.is_bcd}
    for name, expected in profile.sample.values.items():
        path = ("sample", "values", name)
        point = points.get(name)
        if point is None:
            yield document.problem(path, "the profile has no such point.", "Correct the name.")
            continue
        places = [(point.fc, point.address + index) for index in range(point.words)]
        if any(place not in words for place in places):
            what = f"the sample's blocks do not hold registers {point.address}+{point.words}."
            yield document.problem(path, what, "Add them to sample.blocks.")
            continue
        found = profile.decode(
            point, tuple(words[place] for place in places), profile.sample.ratios
        )
        if not _close(found, expected):
            what = f"the registers mean {found}, the sample says {expected}."
            yield document.problem(path, what, "Check datatype, orders, scale and ratio.")


def _close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-6 * max(1.0, abs(expected))
