"""A device that a gateway is to read, before its first birth: its points as its profile has them.

A meter can be made on them at once; the birth then says the same and more.
"""

from backend.acquisition.born import BornDevice, BornPoint
from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.sparkplug import Metric


def foreseen(slug: str, profile: Profile, ratios: Ratios) -> BornDevice:
    """Answer a device of this profile behind these transformers."""
    points = tuple(_point(point, ratios) for point in profile.points)
    return BornDevice(slug, None, profile.name, None, False, points)


def _point(point: Point, ratios: Ratios) -> BornPoint:
    multiplier = point.multiplier(ratios)
    write = point.write
    return BornPoint(
        point.name,
        None,
        point.kind.value,
        point.unit,
        None if point.modulus is None else float(point.modulus * multiplier),
        None if point.datatype.is_float else float(multiplier),
        point.max_gap_s,
        Metric(point.name),
        None if write is None else write.low,
        None if write is None else write.high,
        None if write is None else write.step,
    )
