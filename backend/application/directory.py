"""The plant's model in the memory of one web process: who is called what, what belongs to what.

A small cache that may be wrong for some seconds: it is read anew when the `model` event tells of a
change, when a live value names a point it does not know, and every half minute. Figures are never
kept here.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from backend.core.db import ReadSession
from backend.core.ids import encode_id
from backend.service.plant import rows
from backend.service.plant.rows import DeviceRow, MeterRow, NodeMeterRow, NodeRow, PointRow
from backend.service.plant.trees import ORGANISATION

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LivePoint:
    """A point with the outside names that every live value carries."""

    id: int
    device_id: str
    meter_id: str | None
    key: str
    kind: str
    unit: str
    max_gap_s: int
    online: bool


def circuit(name: str | None) -> str:
    """Answer the circuit in a point's name: `c2` of `c2/ep_imp`, empty without one."""
    return (name or "").rpartition("/")[0]


class Directory:
    """One project's model, as it was read in one transaction."""

    def __init__(
        self,
        nodes: list[NodeRow],
        meters: list[MeterRow],
        devices: list[DeviceRow],
        terms: list[NodeMeterRow],
        points: list[PointRow],
        at: datetime,
    ) -> None:
        """Take the rows and index them; nodes that ended before `at` are nobody's children."""
        self.nodes = {row.id: row for row in nodes}
        self.meters = {row.id: row for row in meters}
        self.devices = {row.id: row for row in devices}
        self.node_ids = {row.uid: row.id for row in nodes}
        self.meter_ids = {row.uid: row.id for row in meters}
        going = [row for row in nodes if row.valid_to is None or row.valid_to > at]
        self.children = _grouped((row.parent_id, row) for row in going)
        self.terms = _grouped((term.node_id, term) for term in terms)
        self.nodes_of_meter = _grouped((term.meter_id, term.node_uid) for term in terms)
        self.meters_of_device = _grouped((row.device_id, row) for row in meters)
        names = _meter_names(self.meters_of_device, points)
        self.points = {row.id: self._live(row, names.get(row.id)) for row in points}
        self.points_of_device = _grouped((row.device_id, row) for row in points)
        self._ids = {(row.device_id, row.name): row.id for row in points}

    @property
    def site(self) -> NodeRow | None:
        """The root of the organisation: the plant itself."""
        roots = (row for row in self.children.get(None, []) if row.tree == ORGANISATION)
        return next(roots, None)

    def point(self, meter: MeterRow, name: str | None) -> LivePoint | None:
        """Answer the point of that name at the meter's device."""
        if meter.device_id is None or name is None:
            return None
        number = self._ids.get((meter.device_id, name))
        return None if number is None else self.points[number]

    def points_of_meter(self, meter: MeterRow) -> list[LivePoint]:
        """Answer all points of the meter's circuit, or of its device where it has no circuits."""
        if meter.device_id is None:
            return []
        mine = circuit(meter.register_name)
        return [
            self.points[row.id]
            for row in self.points_of_device.get(meter.device_id, [])
            if circuit(row.name) == mine
        ]

    def _live(self, row: PointRow, meter_uid: UUID | None) -> LivePoint:
        device = self.devices.get(row.device_id)
        return LivePoint(
            id=row.id,
            device_id=encode_id("dev", row.device_uid),
            meter_id=None if meter_uid is None else encode_id("mtr", meter_uid),
            key=row.name,
            kind=row.kind,
            unit=row.unit,
            max_gap_s=row.max_gap_s,
            online=device is not None and device.online,
        )


async def read_directory(tx: ReadSession, project_id: int, at: datetime) -> Directory:
    """Read one project's model as it is at an instant: five statements, whatever its size."""
    return Directory(
        await rows.nodes(tx, project_id),
        await rows.meters(tx, project_id),
        await rows.devices(tx, project_id),
        await rows.node_meters(tx, project_id, at),
        await rows.points(tx, project_id),
        at,
    )


def _meter_names(
    meters_of_device: dict[int | None, list[MeterRow]], points: list[PointRow]
) -> dict[int, UUID]:
    """Answer which meter a point belongs to: by its own name, else by its circuit."""
    exact: dict[tuple[int, str], UUID] = {}
    shared: dict[tuple[int, str], UUID] = {}
    for device_id, found in meters_of_device.items():
        if device_id is None:
            continue
        for meter in found:
            shared.setdefault((device_id, circuit(meter.register_name)), meter.uid)
            for name in (meter.register_name, meter.power_name):
                if name is not None:
                    exact.setdefault((device_id, name), meter.uid)
    owners: dict[int, UUID] = {}
    for row in points:
        owner = exact.get((row.device_id, row.name)) or shared.get(
            (row.device_id, circuit(row.name))
        )
        if owner is not None:
            owners[row.id] = owner
    return owners


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)
