"""Another conversion factor from a date on: a version of it, or a correction of one."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from backend.aggregation.accounts import mark_dirty
from backend.aggregation.stock_accounts import settle_stocks_of
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput
from backend.service.restatement.kinds.base import Change, Quarter, Touched, Writing, checked_span
from gateway.contract.energy import energy_types

_CLOSE: Final = """
UPDATE factor SET valid_to = %(since)s WHERE project_id = %(project)s AND energy = %(energy)s
  AND substance = %(substance)s AND basis = %(basis)s AND valid_from < %(since)s
  AND (valid_to IS NULL OR valid_to > %(since)s)
"""
_REPLACE: Final = """
DELETE FROM factor WHERE project_id = %(project)s AND energy = %(energy)s
  AND substance = %(substance)s AND basis = %(basis)s AND valid_from = %(since)s
"""
_INSERT: Final = """
INSERT INTO factor (project_id, energy, substance, value, basis, valid_from, valid_to, source)
VALUES (%(project)s, %(energy)s, %(substance)s, %(value)s, %(basis)s, %(since)s, (
    SELECT min(f.valid_from) FROM factor f WHERE f.project_id = %(project)s
    AND f.energy = %(energy)s AND f.substance = %(substance)s AND f.basis = %(basis)s
    AND f.valid_from > %(since)s), %(source)s)
"""


class FactorChange(Change):
    """The factor of an energy (per display unit) from `since` until its next version begins."""

    name = "factor"
    energy: str
    substance: Literal["kgce", "kgco2"]
    basis: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    value: Decimal = Field(gt=0, max_digits=24, decimal_places=12)
    since: Quarter
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer all meters of the energy."""
        if self.energy not in energy_types():
            raise InvalidInput("energy_unknown", energy=self.energy[:40])
        first, last = checked_span(self.since, None, now)
        rows = await tx.fetch_tuples(
            "SELECT id FROM meter WHERE project_id = %s AND energy = %s ORDER BY id",
            (project_id, self.energy),
        )
        return Touched(tuple(row[0] for row in rows), (), first, last, ())

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Close or replace the version in force at `since`."""
        row = self.model_dump() | {"project": project_id}
        for statement in (_CLOSE, _REPLACE, _INSERT):
            await tx.execute(statement, row)
        await mark_dirty(tx, project_id, self.energy, self.since, writing.now)
        await settle_stocks_of(tx, project_id, self.energy, writing.now)
