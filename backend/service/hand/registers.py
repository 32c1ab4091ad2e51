"""The registers that people read: which there are, what was read last, what is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from backend.core.db import ReadSession
from backend.core.errors import NotFound
from backend.service.hand.questions import Around, Seen
from gateway.contract.energy import EnergyType, energy_type
from gateway.contract.units import unit


@dataclass(frozen=True, slots=True)
class HandRegister:
    """A meter of source `manual` with its register and the newest reading of it.

    `nameplate_per_hour` is in the energy's unit; it is to be read every `max_gap_s` seconds.
    """

    meter_id: int
    meter_uid: UUID
    slug: str
    name: dict[str, str]
    energy_code: str
    nameplate_per_hour: int | None
    point_id: int
    unit: str
    modulus: float | None
    max_gap_s: int
    last_ts: datetime | None
    last_value: float | None

    @property
    def energy(self) -> EnergyType:
        """What the register counts."""
        return energy_type(self.energy_code)

    @property
    def last(self) -> Seen | None:
        """Its newest reading."""
        if self.last_ts is None or self.last_value is None:
            return None
        return Seen(self.last_ts, decimal_of(self.last_value))

    @property
    def due_at(self) -> datetime | None:
        """When it is to be read again; None where it never was: now."""
        if self.last_ts is None:
            return None
        return self.last_ts + timedelta(seconds=self.max_gap_s)

    def in_energy(self, difference: Decimal) -> Decimal:
        """Answer a difference of the register in the energy's display unit."""
        ratio = unit(self.unit).per(self.energy.unit)
        return difference * ratio.numerator / ratio.denominator

    def around(self, before: Seen | None, after: Seen | None) -> Around:
        """Answer what is known around an instant."""
        per_hour = None
        if self.nameplate_per_hour is not None:
            exact = Fraction(self.nameplate_per_hour) * self.energy.unit.per(unit(self.unit))
            per_hour = Decimal(exact.numerator) / exact.denominator
        modulus = None if self.modulus is None else decimal_of(self.modulus)
        return Around(before, after, per_hour, modulus)


_REGISTERS: Final = """
SELECT m.id AS meter_id, m.uid AS meter_uid, m.slug, m.name, m.energy AS energy_code,
       m.nameplate_per_hour, p.id AS point_id, p.unit, p.modulus, p.max_gap_s,
       l.ts AS last_ts, l.value AS last_value
FROM meter m
JOIN point p ON p.project_id = %(project)s AND p.id = m.point_id AND p.device_id IS NULL
LEFT JOIN LATERAL (
    SELECT h.ts, h.value::float8 AS value FROM hand_reading h
    WHERE h.project_id = %(project)s AND h.meter_id = m.id AND h.withdrawn_at IS NULL
    ORDER BY h.ts DESC LIMIT 1
) l ON true
WHERE m.project_id = %(project)s AND m.source = 'manual'
  AND (%(uid)s::uuid IS NULL OR m.uid = %(uid)s)
  AND (%(id)s::bigint IS NULL OR m.id = %(id)s)
ORDER BY l.ts NULLS FIRST, m.slug
"""
_NEIGHBOURS: Final = """
(SELECT -1 AS side, ts, value FROM hand_reading WHERE project_id = %(project)s
    AND meter_id = %(meter)s AND withdrawn_at IS NULL AND ts < %(at)s AND id <> %(but)s
    ORDER BY ts DESC LIMIT 1)
UNION ALL
(SELECT 1, ts, value FROM hand_reading WHERE project_id = %(project)s
    AND meter_id = %(meter)s AND withdrawn_at IS NULL AND ts > %(at)s AND id <> %(but)s
    ORDER BY ts LIMIT 1)
"""


def decimal_of(number: float) -> Decimal:
    """Answer the number that a float's shortest text says."""
    return Decimal(repr(float(number)))


async def hand_registers(tx: ReadSession, project_id: int) -> list[HandRegister]:
    """Answer all registers that people read, those longest unread first."""
    about = {"project": project_id, "uid": None, "id": None}
    return await tx.fetch_all(_REGISTERS, about, into=HandRegister)


async def hand_register(
    tx: ReadSession, project_id: int, uid: UUID | None = None, meter_id: int | None = None
) -> HandRegister:
    """Answer the register of one meter, by either identity. Raises NotFound."""
    about = {"project": project_id, "uid": uid, "id": meter_id}
    found = None
    if uid is not None or meter_id is not None:
        found = await tx.fetch_one(_REGISTERS, about, into=HandRegister)
    if found is None:
        raise NotFound(kind="meter")
    return found


async def read_around(
    tx: ReadSession, project_id: int, register: HandRegister, at: datetime, but: int = 0
) -> Around:
    """Answer the readings before and after an instant; the one of number `but` left out."""
    rows = await tx.fetch_tuples(
        _NEIGHBOURS, {"project": project_id, "meter": register.meter_id, "at": at, "but": but}
    )
    sides = {side: Seen(ts, value) for side, ts, value in rows}
    return register.around(sides.get(-1), sides.get(1))
