"""What a template says of its meters' classes and calibrations, and of its equipment.

Written where nothing stands yet; it belongs to people afterwards.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from backend.core.db import WriteSession
from backend.service.projects.template import Template

_CLASS = """
UPDATE meter
SET accuracy = coalesce(accuracy, %s), calibrated_until = coalesce(calibrated_until, %s)
WHERE project_id = %s AND energy = %s AND (accuracy IS NULL OR calibrated_until IS NULL)
"""
_EQUIPMENT = """
INSERT INTO equipment (project_id, node_id, kind, meter_id, standby_kw, load_kw, rated_kw, dwell_s,
    twin_group, changed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


async def keep_ledger(
    tx: WriteSession,
    project_id: int,
    parts: Template,
    nodes: Mapping[str, int],
    meters: Mapping[str, int],
    now: datetime,
) -> None:
    """Give meters their class and calibration by energy, and nodes what tells their states."""
    for energy, ledger in parts.ledger.items():
        until = date.fromisoformat(ledger.calibrated_until)
        await tx.execute(_CLASS, (Decimal(ledger.accuracy), until, project_id, energy))
    await tx.execute_many(
        _EQUIPMENT,
        [
            (
                project_id,
                nodes[part.node],
                part.kind,
                meters[part.meter],
                part.standby_kw,
                part.load_kw,
                part.rated_kw,
                part.dwell_s,
                part.twin,
                now,
            )
            for part in parts.equipment
        ],
    )
