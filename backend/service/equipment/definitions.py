"""Saying how a node's states are told: checked, audited, and computed anew from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.service.equipment.figures import Kind
from backend.service.plant.editing import Edit
from gateway.contract.energy import energy_type

LONGEST_DWELL_S: Final = 900
"""Samples are waited for a quarter hour: a state cannot have to last longer to count."""
ELECTRIC: Final = "electric"
"""State of the energies whose power is told in kW."""
MOST_KW: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A definition as a person enters it; meter and status point by their numbers and name."""

    node_id: int
    meter_id: int
    kind: str
    standby_kw: Decimal
    load_kw: Decimal
    rated_kw: Decimal | None
    dwell_s: int
    twin_group: str | None
    status_point: str | None = None


@dataclass(frozen=True, slots=True)
class EquipmentRow:
    """A definition as it stands."""

    node_id: int
    kind: str
    meter_id: int
    status_point: str | None
    standby_kw: Decimal
    load_kw: Decimal
    rated_kw: Decimal | None
    dwell_s: int
    twin_group: str | None
    changed_at: datetime


_LIST: Final = """
SELECT e.node_id, e.kind, e.meter_id, p.name AS status_point, e.standby_kw, e.load_kw, e.rated_kw,
       e.dwell_s, e.twin_group, e.changed_at
FROM equipment e
LEFT JOIN point p ON p.project_id = %(project)s AND p.id = e.status_point_id
JOIN node n ON n.project_id = %(project)s AND n.id = e.node_id
WHERE e.project_id = %(project)s ORDER BY n.position, n.id
"""
_METER: Final = """
SELECT m.energy, p.id AS power_point, s.id AS status_point
FROM meter m
LEFT JOIN point p ON p.project_id = %(project)s AND p.device_id = m.device_id
     AND p.name = m.power_name
LEFT JOIN point s ON s.project_id = %(project)s AND s.device_id = m.device_id
     AND s.name = %(status)s AND s.kind = 'status'
WHERE m.project_id = %(project)s AND m.id = %(meter)s
"""
_STORE: Final = """
INSERT INTO equipment (project_id, node_id, kind, meter_id, status_point_id, standby_kw, load_kw,
    rated_kw, dwell_s, twin_group, changed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, node_id) DO UPDATE SET kind = excluded.kind, meter_id = excluded.meter_id,
    status_point_id = excluded.status_point_id, standby_kw = excluded.standby_kw,
    load_kw = excluded.load_kw, rated_kw = excluded.rated_kw, dwell_s = excluded.dwell_s,
    twin_group = excluded.twin_group, changed_at = excluded.changed_at
"""
_REMOVE: Final = (
    "DELETE FROM equipment WHERE project_id = %s AND node_id = %s",
    "DELETE FROM equipment_hour WHERE project_id = %s AND node_id = %s",
    "DELETE FROM equipment_interval WHERE project_id = %s AND node_id = %s",
)


async def list_equipment(tx: ReadSession, project_id: int) -> list[EquipmentRow]:
    """Answer all definitions in the order of the tree."""
    return await tx.fetch_all(_LIST, {"project": project_id}, into=EquipmentRow)


async def define(edit: Edit, wanted: Wanted, ref: str) -> EquipmentRow:
    """Have a node's states told so; InvalidInput names what cannot be."""
    _check(wanted)
    status = await _status_point(edit, wanted)
    old = await _find(edit.tx, edit.project_id, wanted.node_id)
    await edit.tx.execute(
        _STORE,
        (
            edit.project_id,
            wanted.node_id,
            wanted.kind,
            wanted.meter_id,
            status,
            wanted.standby_kw,
            wanted.load_kw,
            wanted.rated_kw,
            wanted.dwell_s,
            wanted.twin_group,
            edit.now,
        ),
    )
    new = await _find(edit.tx, edit.project_id, wanted.node_id)
    if new is None:
        raise NotFound(kind="node")
    await edit.tell("equipment.define", ref, "defined", _told(old), _told(new))
    return new


async def remove(edit: Edit, node_id: int, ref: str) -> None:
    """Forget a definition and the hours that it told. NotFound where there is none."""
    old = await _find(edit.tx, edit.project_id, node_id)
    if old is None:
        raise NotFound(kind="equipment")
    for statement in _REMOVE:
        await edit.tx.execute(statement, (edit.project_id, node_id))
    await edit.tell("equipment.remove", ref, "removed", _told(old), None)


def _check(wanted: Wanted) -> None:
    if wanted.kind not in list(Kind):
        raise InvalidInput("equipment_kind", kind=wanted.kind[:40])
    limits = (wanted.standby_kw, wanted.load_kw)
    if not all(one.is_finite() for one in limits) or not 0 < limits[0] < limits[1] < MOST_KW:
        raise InvalidInput("equipment_thresholds")
    rated = wanted.rated_kw
    if rated is not None and not (rated.is_finite() and 0 < rated < MOST_KW):
        raise InvalidInput("equipment_rated")
    if not 0 <= wanted.dwell_s <= LONGEST_DWELL_S:
        raise InvalidInput("equipment_dwell", most=LONGEST_DWELL_S)
    if wanted.twin_group is not None and not 0 < len(wanted.twin_group) <= 100:
        raise InvalidInput("name_long", most=100)


async def _status_point(edit: Edit, wanted: Wanted) -> int | None:
    keys = {
        "project": edit.project_id,
        "meter": wanted.meter_id,
        "status": wanted.status_point,
    }
    row = await edit.tx.fetch_one(_METER, keys)
    if row is None or energy_type(row["energy"]).state != ELECTRIC or row["power_point"] is None:
        raise InvalidInput("equipment_meter")
    if wanted.status_point is None:
        return None
    if row["status_point"] is None:
        raise InvalidInput("equipment_status", point=wanted.status_point[:80])
    return int(row["status_point"])


async def _find(tx: ReadSession, project_id: int, node_id: int) -> EquipmentRow | None:
    found = await list_equipment(tx, project_id)
    return next((one for one in found if one.node_id == node_id), None)


def _told(row: EquipmentRow | None) -> Mapping[str, object] | None:
    """What the audit keeps of a definition."""
    if row is None:
        return None
    return {
        "kind": row.kind,
        "meter": row.meter_id,
        "status_point": row.status_point,
        "standby_kw": str(row.standby_kw),
        "load_kw": str(row.load_kw),
        "rated_kw": None if row.rated_kw is None else str(row.rated_kw),
        "dwell_s": row.dwell_s,
        "twin_group": row.twin_group,
    }
