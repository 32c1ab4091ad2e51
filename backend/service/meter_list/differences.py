"""What differs between a good list and the project: meters, and devices of gateways. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.service.meter_list.columns import Listed, places_text
from backend.service.meter_list.documents import DeviceEdit, edited, wiring_of
from backend.service.meter_list.findings import FoundGateway, FoundMeter, shown
from backend.service.meter_list.look import Document, Look
from backend.service.meter_list.wiring import WantedRow

TRAITS = ("name", "name_zh", "level", "asset")
ADDED, CHANGED, ENDED, REMOVED = "added", "changed", "ended", "removed"


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """One meter to be added, changed or ended."""

    change: str
    row: int
    before: Listed | None
    after: Listed

    @property
    def trees(self) -> list[str]:
        """Trees in which it is to count elsewhere."""
        old = {} if self.before is None else self.before.places
        return [tree for tree, new in self.after.places.items() if new != old.get(tree, ())]

    @property
    def described(self) -> bool:
        """Whether it is to be called or classed otherwise."""
        before = self.before or Listed()
        return any(before.told(name) != self.after.told(name) for name in TRAITS)


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """The next document of a gateway; `row` is the first of the file that speaks of it."""

    slug: str
    made: bool
    row: int
    version: int
    text: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def meter_plans(rows: Sequence[WantedRow]) -> list[MeterPlan]:
    """Answer the meters that differ, in the order of the file."""
    found = []
    for row in rows:
        one = MeterPlan(ADDED, row.number, row.before, row.after)
        if row.before is None:
            found.append(one)
        elif row.after.end:
            found.append(MeterPlan(ENDED, row.number, row.before, row.after))
        elif one.described or one.trees:
            found.append(MeterPlan(CHANGED, row.number, row.before, row.after))
    return found


def gateway_plans(
    rows: Sequence[WantedRow], first: Mapping[tuple[str, str], WantedRow], look: Look
) -> list[GatewayPlan]:
    """Answer the documents that differ, by gateway."""
    good = {row.number for row in rows}
    edits: dict[str, list[DeviceEdit]] = {}
    numbers: dict[str, int] = {}
    for (gateway, device), row in first.items():
        if row.number in good and _differs(gateway, device, row.after, look):
            edits.setdefault(gateway, []).append(DeviceEdit(device, row.after))
            numbers.setdefault(gateway, row.number)
    for (gateway, device), number in _left(rows, look).items():
        edits.setdefault(gateway, []).append(DeviceEdit(device, None))
        numbers.setdefault(gateway, number)
    return [_gateway_plan(slug, numbers[slug], edits[slug], look) for slug in sorted(edits)]


def told_meter(one: MeterPlan) -> FoundMeter:
    """Answer a change of a meter as the dry run tells it."""
    before, after = one.before or Listed(), one.after
    fields = {
        name: [shown(before.told(name)), shown(after.told(name))]
        for name in (*TRAITS, "energy", "gateway", "device", "circuit", "register", "power")
        if before.told(name) != after.told(name)
    } | {
        f"place:{tree}": [places_text(before.places.get(tree, ())), places_text(after.places[tree])]
        for tree in one.trees
    }
    told = {} if one.change == ENDED else fields
    return FoundMeter(one.change, one.row, after.meter, after.name or after.name_zh or "", told)


def told_gateway(one: GatewayPlan) -> FoundGateway:
    """Answer a change of a document as the dry run tells it."""
    return FoundGateway(
        one.slug, one.made, one.version, list(one.added), list(one.changed), list(one.removed)
    )


def _document(gateway: str, look: Look) -> Document:
    known = look.gateways.get(gateway)
    return Document() if known is None else known.document


def _differs(gateway: str, device: str, after: Listed, look: Look) -> bool:
    known = _document(gateway, look).devices.get(device)
    return known is None or any(
        before != after.told(name) for name, before in wiring_of(known).items()
    )


def _left(rows: Sequence[WantedRow], look: Look) -> dict[tuple[str, str], int]:
    """Devices in a document all of whose meters end, each with the row of the last one."""
    ending = {row.after.meter: row.number for row in rows if row.after.end}
    staying = {row.home for row in rows if not row.after.end}
    found: dict[tuple[str, str], int] = {}
    for meter, listed in look.meters.items():
        home = (listed.gateway or "", listed.device or "")
        if meter in ending:
            found[home] = max(ending[meter], found.get(home, 0))
        else:
            staying.add(home)
    return {
        home: number
        for home, number in found.items()
        if home not in staying and home[1] in _document(home[0], look).devices
    }


def _gateway_plan(slug: str, row: int, edits: Sequence[DeviceEdit], look: Look) -> GatewayPlan:
    document = _document(slug, look)
    known = document.devices
    return GatewayPlan(
        slug,
        slug not in look.gateways,
        row,
        document.version,
        edited(document.data, edits),
        tuple(one.device for one in edits if one.after is not None and one.device not in known),
        tuple(one.device for one in edits if one.after is not None and one.device in known),
        tuple(one.device for one in edits if one.after is None),
    )
