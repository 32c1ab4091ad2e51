"""From the bytes of a reply to values: one compiled function a request."""

import struct
from collections.abc import Callable, Sequence

from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.registers import Order, Raw, block_decoder
from gateway.plan import Request

Decode = Callable[[bytes], list[float | None]]
Unpack = Callable[[bytes], tuple[Raw, ...]]


def decoder(request: Request, profile: Profile, ratios: Ratios) -> Decode:
    """A function from a reply's register bytes to one value a point; None = not available."""
    raws = _unpacker(request, profile.order)
    if all(_is_plain(point, ratios) for point in request.points):
        # x - x is 0 for every number and NaN for NaN and the infinities.
        return lambda data: [raw if raw - raw == 0 else None for raw in raws(data)]
    multipliers = [point.multiplier(ratios) for point in request.points]
    rules = [
        (point.missing, multiplier.numerator, multiplier.denominator)
        for point, multiplier in zip(request.points, multipliers, strict=True)
    ]
    return lambda data: [
        None if raw in missing or raw - raw != 0 else raw * numerator / denominator
        for raw, (missing, numerator, denominator) in zip(raws(data), rules, strict=True)
    ]


def _is_plain(point: Point, ratios: Ratios) -> bool:
    return not point.missing and point.multiplier(ratios) == 1


def _unpacker(request: Request, order: Order) -> Unpack:
    """Straight from the bytes where all of it is big-endian and nothing overlaps."""
    block = request.block
    layout = None if order.bytes_swapped or order.low_word_first else _layout(request)
    if layout is not None:
        return struct.Struct(layout).unpack
    words = struct.Struct(f">{block.count}H")
    places = [(point.address - block.start, point.datatype) for point in request.points]
    raws = block_decoder(places, order)
    return lambda data: raws(words.unpack(data))


def _layout(request: Request) -> str | None:
    parts, reached = [">"], request.block.start
    for point in request.points:
        if point.address < reached:
            return None
        parts.append("2x" * (point.address - reached) + point.datatype.code)
        reached = point.address + point.words
    return "".join(parts)


def plain_words(data: bytes) -> Sequence[int]:
    """The registers of a reply."""
    return struct.unpack(f">{len(data) // 2}H", data)
