"""Meters: what is accounted, from which register, power or expression; made, described, ended.

What a meter is read from is fixed: another register is a mapping with validity or another meter, so
that nothing here changes what was counted.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.aggregation.mapping import points_of
from backend.aggregation.rollup import Scope
from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.plant.editing import (
    LONGEST_NAME,
    Edit,
    Name,
    checked_name,
    iso,
    slug_of,
)
from backend.service.plant.memberships import end_of_meter
from backend.service.plant.nodes import LEVELS
from backend.service.plant.origins import Origin, read_origin
from backend.service.plant.supply import ROLES
from gateway.contract.energy import energy_type, energy_types

LEAST_ACCURACY: Final = Decimal(10)
"""The worst class in percent that is still called a meter."""
LARGEST_NAMEPLATE: Final = Decimal(10) ** 7


@dataclass(frozen=True, slots=True)
class Traits:
    """What a meter is, whatever it is read from.

    `accuracy` is its class in percent, `nameplate` in the energy's display unit an hour, `role` of
    a settlement meter as in supply.py.
    """

    level: int = 3
    accuracy: Decimal | None = None
    nameplate: Decimal | None = None
    own_product: bool = False
    role: str | None = None


@dataclass(frozen=True, slots=True)
class NewMeter:
    """A meter to be made, from `valid_from` on."""

    name: Name
    energy: str
    origin: Origin
    traits: Traits
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A stored meter, as changes look at it."""

    id: int
    uid: UUID
    slug: str
    name: dict[str, str]
    energy: str
    source: str
    expression: str | None
    level: int
    accuracy: Decimal | None
    nameplate_per_hour: int | None
    own_product: bool
    role: str | None
    valid_from: datetime | None
    valid_to: datetime | None

    @property
    def outside(self) -> str:
        """Its identity outside."""
        return encode_id("mtr", self.uid)

    @property
    def nameplate(self) -> Decimal | None:
        """In the energy's display unit an hour."""
        per_hour = self.nameplate_per_hour
        return None if per_hour is None else Decimal(per_hour)

    def told(self) -> dict[str, object]:
        """Answer it as the audit keeps it."""
        return {
            "name": self.name,
            "energy": self.energy,
            "source": self.source,
            "expression": self.expression,
            "level": self.level,
            "accuracy": None if self.accuracy is None else str(self.accuracy),
            "nameplate": None if self.nameplate is None else str(self.nameplate),
            "own_product": self.own_product,
            "role": self.role,
            "valid_from": iso(self.valid_from),
            "valid_to": iso(self.valid_to),
        }


_SELECT: Final = (
    "SELECT id, uid, slug, name, energy, source, expression, level, accuracy, nameplate_per_hour,"
    " own_product, role, valid_from, valid_to FROM meter WHERE project_id = %s"
)


async def find_meter(tx: ReadSession, project_id: int, uid: UUID | None) -> MeterRow:
    """Answer a meter by its outside identity. NotFound without it."""
    found = await tx.fetch_one(f"{_SELECT} AND uid = %s", (project_id, uid), into=MeterRow)
    if found is None:
        raise NotFound(kind="meter")
    return found


async def meters_by_id(tx: ReadSession, project_id: int) -> dict[int, MeterRow]:
    """Answer every meter of a project, ended ones too, by its number."""
    rows = await tx.fetch_all(
        f"{_SELECT} ORDER BY energy, level, slug", (project_id,), into=MeterRow
    )
    return {row.id: row for row in rows}


async def create_meter(edit: Edit, wanted: NewMeter) -> MeterRow:
    """Make a meter; what its register counted since `valid_from` is accounted at once."""
    if wanted.energy not in energy_types():
        raise InvalidInput("energy_unknown", energy=wanted.energy)
    name = checked_name(wanted.name)
    _check(wanted.energy, wanted.traits)
    edit.allow(wanted.valid_from)
    known = await meters_by_id(edit.tx, edit.project_id)
    uid = new_uuid(edit.now)
    slug = slug_of(name, wanted.energy, {row.slug for row in known.values()})
    source = await read_origin(edit, slug, wanted.energy, wanted.origin)
    traits = wanted.traits
    await edit.tx.execute(
        "INSERT INTO meter (project_id, uid, slug, name, energy, source, device_id, register_name,"
        " power_name, expression, level, accuracy, nameplate_per_hour, own_product, role,"
        " valid_from) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            edit.project_id,
            uid,
            slug,
            Jsonb(name),
            wanted.energy,
            source.kind,
            source.device_id,
            source.register_name,
            source.power_name,
            source.expression,
            traits.level,
            traits.accuracy,
            _per_hour(traits.nameplate),
            traits.own_product,
            traits.role,
            wanted.valid_from,
        ),
    )
    if source.point_id is not None and wanted.valid_from < edit.now:
        await edit.read_anew([source.point_id], wanted.valid_from)
    made = await find_meter(edit.tx, edit.project_id, uid)
    if source.expression is not None and wanted.valid_from < edit.now:
        await edit.count_anew(Scope.METER, [made.id], wanted.valid_from)
    await edit.tell("meter.create", made.outside, "created", new=made.told())
    return made


async def change_meter(edit: Edit, uid: UUID | None, name: Name | None, traits: Traits) -> MeterRow:
    """Say anew what a meter is called and what it is; what it counts stays.

    Another nameplate judges the running day's readings anew, and those before it that are held.
    """
    before = await find_meter(edit.tx, edit.project_id, uid)
    _check(before.energy, traits)
    after = replace(
        before,
        name=before.name if name is None else checked_name(name),
        level=traits.level,
        accuracy=traits.accuracy,
        nameplate_per_hour=_per_hour(traits.nameplate),
        own_product=traits.own_product,
        role=traits.role,
    )
    await edit.tx.execute(
        "UPDATE meter SET name = %s, level = %s, accuracy = %s, nameplate_per_hour = %s,"
        " own_product = %s, role = %s WHERE project_id = %s AND id = %s",
        (
            Jsonb(after.name),
            after.level,
            after.accuracy,
            after.nameplate_per_hour,
            after.own_product,
            after.role,
            edit.project_id,
            before.id,
        ),
    )
    if after.nameplate_per_hour != before.nameplate_per_hour:
        points = await points_of(edit.tx, edit.project_id, [before.id])
        await edit.read_anew(points, edit.start_of_day())
    await edit.tell("meter.change", before.outside, "changed", before.told(), after.told())
    return after


async def end_meter(edit: Edit, uid: UUID | None, at: datetime | None) -> MeterRow:
    """End a meter at an instant, from the next quarter hour on by default; its past stays.

    The nodes that count it do so until then. One that has not begun by then never counts.
    """
    end = edit.next_quarter() if at is None else edit.allow(at)
    before = await find_meter(edit.tx, edit.project_id, uid)
    if before.valid_to is not None and before.valid_to <= edit.now:
        raise Conflict("member_ended", name=before.slug, end=edit.shown(before.valid_to))
    if before.valid_from is not None:
        end = max(end, before.valid_from)
    await edit.tx.execute(
        "UPDATE meter SET valid_to = %s WHERE project_id = %s AND id = %s",
        (end, edit.project_id, before.id),
    )
    await end_of_meter(edit, before.id, end)
    after = replace(before, valid_to=end)
    await edit.tell("meter.end", before.outside, "ended", before.told(), after.told())
    return after


async def reopen_meter(edit: Edit, meter: MeterRow) -> MeterRow:
    """Have an ended meter count again from its end on; its memberships stay ended.

    InvalidInput when it ended before the running day: that is a restatement.
    """
    if meter.valid_to is None:
        return meter
    since = edit.allow(meter.valid_to)
    await edit.tx.execute(
        "UPDATE meter SET valid_to = NULL WHERE project_id = %s AND id = %s",
        (edit.project_id, meter.id),
    )
    if since < edit.now:
        await edit.read_anew(await points_of(edit.tx, edit.project_id, [meter.id]), since)
    after = replace(meter, valid_to=None)
    await edit.tell("meter.reopen", meter.outside, "reopened", meter.told(), after.told())
    return after


async def set_asset(edit: Edit, meter: MeterRow, asset: str | None) -> None:
    """Write down the number under which the owner's books know a meter; None: no number."""
    before = await edit.tx.fetch_value(
        "SELECT asset FROM meter WHERE project_id = %s AND id = %s",
        (edit.project_id, meter.id),
        into=str,
    )
    if before == asset:
        return
    if asset is not None and not 1 <= len(asset) <= LONGEST_NAME:
        raise InvalidInput("name_long", most=LONGEST_NAME)
    await edit.tx.execute(
        "UPDATE meter SET asset = %s WHERE project_id = %s AND id = %s",
        (asset, edit.project_id, meter.id),
    )
    old, new = {"asset": before}, {"asset": asset}
    await edit.tell("meter.asset", meter.outside, "changed", old, new)


def _check(energy: str, traits: Traits) -> None:
    if traits.level not in LEVELS:
        raise InvalidInput("metering_level")
    if traits.accuracy is not None and not 0 < traits.accuracy <= LEAST_ACCURACY:
        raise InvalidInput("accuracy", most=str(LEAST_ACCURACY))
    if traits.nameplate is not None and not 0 < traits.nameplate <= LARGEST_NAMEPLATE:
        raise InvalidInput("nameplate", most=str(LARGEST_NAMEPLATE))
    if traits.role is None:
        return
    if traits.role not in ROLES:
        raise InvalidInput("meter_role", known=", ".join(ROLES))
    if traits.level != LEVELS[0] or energy_type(energy).state != "electric":
        raise InvalidInput("meter_role_where")


def _per_hour(nameplate: Decimal | None) -> int | None:
    # A limit: rounded up, so that no true reading is held.
    return None if nameplate is None else ceil(nameplate)
