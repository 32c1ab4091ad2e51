"""A node counts a meter otherwise than it was: with another share, or not at all, in the past."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from pydantic import Field

from backend.aggregation.rollup import Scope
from backend.aggregation.stale import mark_again
from backend.core.db import ReadSession, WriteSession
from backend.service.restatement.kinds.base import (
    Change,
    MeterId,
    NodeId,
    Quarter,
    Touched,
    Writing,
    checked_span,
    find_meter,
    find_node,
)

# What a membership says after the span goes on as it was.
_AFTER: Final = """
INSERT INTO node_meter (project_id, node_id, meter_id, coefficient, valid_from, valid_to)
SELECT project_id, node_id, meter_id, coefficient, %(until)s, valid_to FROM node_meter
WHERE project_id = %(project)s AND node_id = %(node)s AND meter_id = %(meter)s
  AND %(until)s::timestamptz IS NOT NULL AND valid_from < %(until)s
  AND (valid_to IS NULL OR valid_to > %(until)s)
"""
_INSIDE: Final = """
DELETE FROM node_meter WHERE project_id = %(project)s AND node_id = %(node)s
  AND meter_id = %(meter)s AND valid_from >= %(since)s
  AND (%(until)s::timestamptz IS NULL OR valid_from < %(until)s)
"""
_BEFORE: Final = """
UPDATE node_meter SET valid_to = %(since)s WHERE project_id = %(project)s AND node_id = %(node)s
  AND meter_id = %(meter)s AND valid_from < %(since)s AND (valid_to IS NULL OR valid_to > %(since)s)
"""
_WITHIN: Final = """
INSERT INTO node_meter (project_id, node_id, meter_id, coefficient, valid_from, valid_to)
SELECT %(project)s, %(node)s, %(meter)s, %(coefficient)s::numeric, %(since)s, %(until)s
WHERE %(coefficient)s::numeric <> 0
"""


class MembershipChange(Change):
    """A node counts a meter `coefficient` times in [since, until); 0 = not at all."""

    name = "membership"
    node: NodeId
    meter: MeterId
    coefficient: Decimal = Field(ge=-1000, le=1000, max_digits=16, decimal_places=12)
    since: Quarter
    until: Quarter | None = None

    async def touched(self, tx: ReadSession, project_id: int, now: datetime) -> Touched:
        """Answer the node."""
        first, last = checked_span(self.since, self.until, now)
        meter = await find_meter(tx, project_id, self.meter)
        node = await find_node(tx, project_id, self.node)
        return Touched((meter,), (node,), first, last, (self.node, self.meter))

    async def write(self, tx: WriteSession, project_id: int, writing: Writing) -> None:
        """Cut the memberships there are at both ends, and put the new one between."""
        node = await find_node(tx, project_id, self.node)
        meter = await find_meter(tx, project_id, self.meter)
        row = self.model_dump() | {"project": project_id, "node": node, "meter": meter}
        for statement in (_AFTER, _INSIDE, _BEFORE, _WITHIN):
            await tx.execute(statement, row)
        last = writing.now if self.until is None else min(self.until, writing.now)
        await mark_again(tx, project_id, Scope.NODE, [node], self.since, last)
