"""What a new meter is read from: a device's register or power, or an expression over meters."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.aggregation.virtual import check_expression
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.service.plant.editing import Edit
from gateway.contract.energy import energy_type
from gateway.contract.units import UnknownUnit, WrongDimension

SOURCES: Final = ("register", "gauge", "virtual")


@dataclass(frozen=True, slots=True)
class Origin:
    """What people say: a device and names of its points, or an expression."""

    source: str
    device: UUID | None = None
    register: str | None = None
    power: str | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The same as it is stored; `point_id` is the register that is counted."""

    kind: str
    device_id: int | None = None
    register_name: str | None = None
    power_name: str | None = None
    expression: str | None = None
    point_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Point:
    id: int
    device_id: int
    kind: str
    unit: str


_POINT: Final = """
SELECT p.id, p.device_id, p.kind, p.unit FROM point p
JOIN device d ON d.project_id = %(project)s AND d.id = p.device_id
WHERE p.project_id = %(project)s AND d.uid = %(device)s AND p.name = %(name)s
"""
_TAKEN: Final = """
SELECT slug FROM meter WHERE project_id = %(project)s AND device_id = %(device)s
  AND register_name = %(name)s AND energy = %(energy)s AND source = 'register'
  AND (valid_to IS NULL OR valid_to > %(now)s)
"""


async def read_origin(edit: Edit, slug: str, energy: str, origin: Origin) -> Source:
    """Answer the source of the meter `slug`; InvalidInput or Conflict say what is wrong."""
    if origin.source not in SOURCES:
        raise InvalidInput("meter_source", known=", ".join(SOURCES))
    if origin.source == "virtual":
        text = (origin.expression or "").strip()
        await check_expression(edit.tx, edit.project_id, slug, energy_type(energy), text)
        return Source("virtual", expression=text)
    power = None if origin.power is None else await _point(edit, origin.device, origin.power)
    if origin.source == "gauge":
        if power is None:
            raise InvalidInput("meter_point_missing")
        return Source("gauge", power.device_id, None, origin.power)
    if origin.register is None:
        raise InvalidInput("meter_point_missing")
    register = await _point(edit, origin.device, origin.register)
    if register.kind != "register":
        raise InvalidInput("meter_no_register", point=origin.register)
    _counts(energy, register, origin.register)
    await _refuse_second(edit, energy, register, origin.register)
    return Source("register", register.device_id, origin.register, origin.power, None, register.id)


async def _point(edit: Edit, device: UUID | None, name: str) -> _Point:
    names = {"project": edit.project_id, "device": device, "name": name}
    found = await edit.tx.fetch_one(_POINT, names, into=_Point)
    if found is None:
        raise NotFound("meter_point", point=name)
    return found


def _counts(energy: str, register: _Point, name: str) -> None:
    """Refuse a register whose unit does not count the energy."""
    kind = energy_type(energy)
    try:
        kind.per_point_unit(register.unit)
    except (UnknownUnit, WrongDimension) as error:
        raise InvalidInput(
            "meter_unit", point=name, unit=register.unit, wanted=kind.unit.code
        ) from error


async def _refuse_second(edit: Edit, energy: str, register: _Point, name: str) -> None:
    taken = await edit.tx.fetch_value(
        _TAKEN,
        {
            "project": edit.project_id,
            "device": register.device_id,
            "name": name,
            "energy": energy,
            "now": edit.now,
        },
        into=str,
    )
    if taken is not None:
        raise Conflict("meter_point_taken", point=name, meter=taken)
