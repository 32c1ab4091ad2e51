"""Meters that nothing measures by itself: a register that people read, or a stock with papers."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Final

from psycopg.types.json import Jsonb

from backend.core.errors import InvalidInput
from backend.core.ids import new_uuid
from backend.service.plant.editing import Edit, Name, checked_name, slug_of
from backend.service.plant.meters import MeterRow, find_meter, meters_by_id
from gateway.contract.energy import EnergyType, energy_type, energy_types
from gateway.contract.units import UnknownUnit, WrongDimension

DIGITS: Final = range(3, 13)
EVERY_DAYS: Final = range(1, 401)
DAY_S: Final = 86_400
LARGEST: Final = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Face:
    """A register that people read: its unit, digits before its point, how often it is read.

    `nameplate` in the energy's display unit an hour; without `digits` nobody knows where it wraps.
    """

    unit: str
    digits: int | None = None
    every_days: int = 31
    nameplate: Decimal | None = None


async def create_by_hand(
    edit: Edit, name: Name, energy: str, level: int, face: Face | None
) -> MeterRow:
    """Make a meter with a register that people read (`face`), or with a stock (None).

    Raises InvalidInput that names the field.
    """
    if energy not in energy_types():
        raise InvalidInput("energy_unknown", energy=energy)
    if level not in {1, 2, 3}:
        raise InvalidInput("metering_level", field="level")
    named = checked_name(name)
    point = None if face is None else await _point(edit, named, energy_type(energy), face)
    known = await meters_by_id(edit.tx, edit.project_id)
    uid = new_uuid(edit.now)
    nameplate = None if face is None or face.nameplate is None else ceil(face.nameplate)
    await edit.tx.execute(
        "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id,"
        " nameplate_per_hour) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            edit.project_id,
            uid,
            slug_of(named, energy, {row.slug for row in known.values()}),
            Jsonb(named),
            energy,
            level,
            "stock" if face is None else "manual",
            point,
            nameplate,
        ),
    )
    made = await find_meter(edit.tx, edit.project_id, uid)
    await edit.tell("meter.create", made.outside, "created", new=made.told())
    return made


async def _point(edit: Edit, name: Name, energy: EnergyType, face: Face) -> int | None:
    try:
        energy.per_point_unit(face.unit)
    except (UnknownUnit, WrongDimension):
        raise InvalidInput("import_unit", unit=face.unit, wanted=energy.unit.code) from None
    if face.digits is not None and face.digits not in DIGITS:
        raise InvalidInput("hand_digits", field="digits", least=DIGITS[0], most=DIGITS[-1])
    if face.every_days not in EVERY_DAYS:
        raise InvalidInput("hand_every", field="everyDays", most=EVERY_DAYS[-1])
    if face.nameplate is not None and not 0 < face.nameplate < LARGEST:
        raise InvalidInput("entry_number", field="nameplate")
    return await edit.tx.fetch_value(
        "INSERT INTO point (project_id, name, kind, unit, modulus, max_gap_s)"
        " VALUES (%s, %s, 'register', %s, %s, %s) RETURNING id",
        (
            edit.project_id,
            name.get("en") or next(iter(name.values())),
            face.unit,
            None if face.digits is None else 10.0**face.digits,
            face.every_days * DAY_S,
        ),
        into=int,
    )
