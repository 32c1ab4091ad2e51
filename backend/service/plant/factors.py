"""Versions of a project's conversion factors: set from a date, confirmed by a person.

Versions of one energy, substance and basis follow each other without overlap; a new one closes the
one before. Accounts from its date on are computed anew. Values are per display unit of the energy.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from backend.aggregation.accounts import mark_dirty
from backend.core.db import ReadSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.plant.editing import Edit, iso
from gateway.contract.energy import SUBSTANCES, bases_of, energy_types

LARGEST: Final = Decimal(10) ** 9
MOST_DIGITS: Final = 12
LONGEST_SOURCE: Final = 300


@dataclass(frozen=True, slots=True)
class Version:
    """What a factor is to be from an instant on, and where the value comes from."""

    energy: str
    substance: str
    basis: str
    value: Decimal
    source: str
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A stored version; `confirmed_by` is a person's outside identity."""

    uid: UUID
    energy: str
    substance: str
    basis: str
    value: Decimal
    source: str
    valid_from: datetime
    valid_to: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None


_COLUMNS: Final = (
    "uid, energy, substance, basis, value, source, valid_from, valid_to, confirmed_by, confirmed_at"
)
_ALL: Final = f"""
SELECT {_COLUMNS} FROM factor WHERE project_id = %s
ORDER BY energy, substance, basis, valid_from
"""
_LATER: Final = f"""
SELECT {_COLUMNS} FROM factor
WHERE project_id = %(project)s AND energy = %(energy)s AND substance = %(substance)s
  AND basis = %(basis)s AND (valid_to IS NULL OR valid_to > %(valid_from)s)
ORDER BY valid_from
"""
_CLOSE: Final = "UPDATE factor SET valid_to = %s WHERE project_id = %s AND uid = %s"
_DELETE: Final = "DELETE FROM factor WHERE project_id = %s AND uid = %s"
_INSERT: Final = """
INSERT INTO factor (project_id, uid, energy, substance, basis, value, source, valid_from)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_CONFIRM: Final = (
    "UPDATE factor SET confirmed_by = %s, confirmed_at = %s WHERE project_id = %s AND uid = %s"
)


async def list_factors(tx: ReadSession, project_id: int) -> list[FactorRow]:
    """Answer every version of every factor, those in force last."""
    return await tx.fetch_all(_ALL, (project_id,), into=FactorRow)


async def find_factor(tx: ReadSession, project_id: int, uid: UUID | None) -> FactorRow:
    """Answer one version. NotFound without it."""
    found = await tx.fetch_one(
        f"SELECT {_COLUMNS} FROM factor WHERE project_id = %s AND uid = %s",
        (project_id, uid),
        into=FactorRow,
    )
    if found is None:
        raise NotFound(kind="factor")
    return found


async def set_version(edit: Edit, wanted: Version) -> FactorRow:
    """Have a factor from an instant on; the version before ends there, accounts are made anew.

    An unconfirmed version of the same instant is replaced. InvalidInput for what cannot be a
    factor, Conflict with a version that begins later, which would overlap.
    """
    _check(wanted)
    edit.allow(wanted.valid_from)
    before = await _make_room(edit, wanted)
    uid = new_uuid(edit.now)
    await edit.tx.execute(
        _INSERT,
        (
            edit.project_id,
            uid,
            wanted.energy,
            wanted.substance,
            wanted.basis,
            wanted.value,
            wanted.source.strip(),
            wanted.valid_from,
        ),
    )
    if wanted.valid_from < edit.now:
        await mark_dirty(edit.tx, edit.project_id, wanted.energy, wanted.valid_from, edit.now)
        await edit.account_soon()
    made = await find_factor(edit.tx, edit.project_id, uid)
    old = None if before is None else told(before)
    await edit.tell("factor.set", encode_id("fac", uid), "set", old, told(made))
    return made


async def confirm(edit: Edit, uid: UUID | None) -> FactorRow:
    """Write down that a person checked a version against its source; the value stays as it is.

    NotFound without it, Conflict when it is confirmed already.
    """
    found = await find_factor(edit.tx, edit.project_id, uid)
    if found.confirmed_at is not None:
        raise Conflict("factor_confirmed")
    person = encode_id("per", edit.asker.uid)
    await edit.tx.execute(_CONFIRM, (person, edit.now, edit.project_id, found.uid))
    made = await find_factor(edit.tx, edit.project_id, found.uid)
    ref = encode_id("fac", found.uid)
    await edit.tell("factor.confirm", ref, "confirmed", told(found), told(made))
    return made


async def _make_room(edit: Edit, wanted: Version) -> FactorRow | None:
    """Close or replace the version in force at the instant; Conflict with a later one."""
    later = await edit.tx.fetch_all(
        _LATER,
        {
            "project": edit.project_id,
            "energy": wanted.energy,
            "substance": wanted.substance,
            "basis": wanted.basis,
            "valid_from": wanted.valid_from,
        },
        into=FactorRow,
    )
    for row in later:
        replaced = row.valid_from == wanted.valid_from and row.confirmed_at is None
        if (row.valid_from >= wanted.valid_from and not replaced) or row.valid_to is not None:
            raise Conflict(
                "factor_overlap",
                value=str(row.value),
                start=edit.shown(row.valid_from),
                end=edit.shown(row.valid_to),
                source=row.source,
            )
    if not later:
        return None
    [before] = later
    if before.valid_from == wanted.valid_from:
        await edit.tx.execute(_DELETE, (edit.project_id, before.uid))
    else:
        await edit.tx.execute(_CLOSE, (wanted.valid_from, edit.project_id, before.uid))
    return before


def _check(wanted: Version) -> None:
    if wanted.energy not in energy_types():
        raise InvalidInput("energy_unknown", energy=wanted.energy)
    if wanted.substance not in SUBSTANCES:
        raise InvalidInput("factor_substance", known=", ".join(SUBSTANCES))
    if wanted.basis not in bases_of(wanted.substance):
        raise InvalidInput("factor_basis", known=", ".join(sorted(bases_of(wanted.substance))))
    digits = wanted.value.as_tuple().exponent
    fine = isinstance(digits, int) and -digits <= MOST_DIGITS
    if not fine or not 0 <= wanted.value <= LARGEST:
        raise InvalidInput("factor_value", most=str(LARGEST), digits=MOST_DIGITS)
    if not 0 < len(wanted.source.strip()) <= LONGEST_SOURCE:
        raise InvalidInput("factor_source", most=LONGEST_SOURCE)


def told(row: FactorRow) -> dict[str, object]:
    """Answer a version as the audit keeps it."""
    return {
        "energy": row.energy,
        "substance": row.substance,
        "basis": row.basis,
        "value": str(row.value),
        "source": row.source,
        "valid_from": iso(row.valid_from),
        "valid_to": iso(row.valid_to),
        "confirmed_by": row.confirmed_by,
    }
