"""Which data items to ask for together: a block (DI with FF) answers a whole family at once.

The counterpart of gateway/plan.py for a protocol that addresses values by identifier. An identifier
is DI3 DI2 DI1 DI0: class, kind, member (total or phase or tariff), and which of the past days.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.contract.profile import Kind, Point, Ratios
from gateway.contract.registers import to_value
from gateway.drivers.dlt645.bcd import decode_bcd

ITEM = re.compile(r"[0-9A-F]{8}")
WHOLE_BLOCK = 0xFF


@dataclass(frozen=True, slots=True)
class Family:
    """Items that one block holds one behind the other, in the order of DI1."""

    first: int
    """DI1 of the first of them."""
    value: int
    """Bytes of a value."""
    signed: bool
    """Whether the top bit is a sign; otherwise it belongs to the first digit."""
    after: int = 0
    """Bytes behind each value: the time at which a demand occurred."""

    @property
    def record(self) -> int:
        """Bytes from one item to the next."""
        return self.value + self.after


_ENERGY = Family(0, 4, signed=False)
_COMBINED = Family(0, 4, signed=True)
_DEMAND = Family(0, 3, signed=False, after=5)
_COMBINED_DEMAND = Family(0, 3, signed=True, after=5)
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "0000": _COMBINED,  # active energy both ways: total, then the tariffs
        "0001": _ENERGY,  # forward active
        "0002": _ENERGY,  # reverse active
        "0003": _COMBINED,  # reactive 1
        "0004": _COMBINED,  # reactive 2
        **dict.fromkeys(("0005", "0006", "0007", "0008"), _ENERGY),  # reactive by quadrant
        **dict.fromkeys(("0009", "000A"), _ENERGY),  # apparent forward, reverse
        **dict.fromkeys(("0101", "0102"), _DEMAND),  # highest active demand forward, reverse
        **dict.fromkeys(("0103", "0104"), _COMBINED_DEMAND),  # highest reactive demand 1, 2
        "0201": Family(1, 2, signed=False),  # voltages of the phases
        "0202": Family(1, 3, signed=True),  # currents
        "0203": Family(0, 3, signed=True),  # active power: total, then the phases
        "0204": Family(0, 3, signed=True),  # reactive power
        "0205": Family(0, 3, signed=True),  # apparent power
        "0206": Family(0, 2, signed=True),  # power factor
        "0207": Family(1, 2, signed=False),  # phase angles
        "0208": Family(1, 2, signed=False),  # distortion of the voltages
        "0209": Family(1, 2, signed=False),  # distortion of the currents
    }
)
"""By DI3 and DI2. Sources: domain.md 4; blocks of 00, 0201 to 0204 also in public concentrators."""


@dataclass(frozen=True, slots=True)
class Request:
    """One identifier to ask for, and where the values of points begin in its answer (bytes)."""

    item: str
    points: tuple[Point, ...]
    places: tuple[int, ...]
    record: int
    """Bytes of one item; an answer is one of them, or several when this is a block."""
    is_block: bool

    def decode(self, data: bytes, ratios: Ratios) -> list[float | None] | None:
        """The points' values in their units; None when the answer has not the form of this item.

        A single value is None where the meter has none.
        """
        if self.is_block:
            if len(data) % self.record or len(data) < max(self.places) + self.record:
                return None
        elif len(data) != self.record:
            return None
        return [
            _value(point, data[place : place + _size(point)], ratios)
            for point, place in zip(self.points, self.places, strict=True)
        ]


def plan_items(points: Iterable[Point]) -> list[Request]:
    """The fewest requests for these points, in the order in which their families first appear."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(_block_item(point) or point.item, []).append(point)
    requests: list[Request] = []
    for item, members in groups.items():
        if len({point.item for point in members}) > 1:
            requests.append(_block(item, members))
        else:
            requests.append(_single(members))
    return requests


def split(request: Request) -> list[Request]:
    """The items of a block one by one."""
    by_item: dict[str, list[Point]] = {}
    for point in request.points:
        by_item.setdefault(point.item, []).append(point)
    return [_single(members) for members in by_item.values()]


def _value(point: Point, data: bytes, ratios: Ratios) -> float | None:
    family = FAMILIES.get(point.item[:4])
    # Outside the families a gauge (a temperature) may be negative, a register counts to all nines.
    signed = point.kind is not Kind.REGISTER if family is None else family.signed
    count = decode_bcd(data, signed=signed)
    if count is None or count in point.missing:
        return None
    return to_value(count, point.multiplier(ratios))


def _size(point: Point) -> int:
    return point.datatype.bits // 8


def _block_item(point: Point) -> str | None:
    """The identifier of the block that holds a point, None when none does."""
    family = FAMILIES.get(point.item[:4])
    member = int(point.item[4:6], 16)
    if family is None or not family.first <= member < WHOLE_BLOCK or _size(point) != family.value:
        return None
    return f"{point.item[:4]}FF{point.item[6:]}"


def _block(item: str, members: Sequence[Point]) -> Request:
    family = FAMILIES[item[:4]]
    places = tuple((int(point.item[4:6], 16) - family.first) * family.record for point in members)
    return Request(item, tuple(members), places, family.record, is_block=True)


def _single(members: Sequence[Point]) -> Request:
    family = FAMILIES.get(members[0].item[:4])
    record = _size(members[0]) + (family.after if family is not None else 0)
    return Request(members[0].item, tuple(members), (0,) * len(members), record, is_block=False)
