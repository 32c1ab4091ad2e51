"""How gateways are: what they said of themselves and what is wanted of them, for all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from backend.core.db import ReadSession
from gateway.contract.lines import LineState


@dataclass(frozen=True, slots=True)
class Health:
    """A gateway's standing; None = it never said so."""

    gateway_id: int
    wire: str | None
    software: str | None
    died_at: datetime | None
    backlog: int | None
    sequence_gaps: int
    rebirths: int
    config_version: int | None
    config_hash: str | None
    wanted_version: int | None
    wanted_hash: str | None
    wanted_state: str | None
    granted_until: datetime | None
    data_bytes: int | None
    data_forecast: int | None
    data_budget: int | None
    lines: list[LineState]
    devices: int
    devices_alive: int

    @property
    def config_in_force(self) -> bool | None:
        """Whether what is wanted is in force; None when nothing is wanted."""
        return None if self.wanted_hash is None else self.config_hash == self.wanted_hash


_HEALTH = """
SELECT g.id AS gateway_id, s.wire, s.software, s.died_at, s.backlog,
       coalesce(s.seq_gaps, 0) AS sequence_gaps, coalesce(s.rebirths, 0) AS rebirths,
       s.config_version, s.config_hash, c.version AS wanted_version, c.hash AS wanted_hash,
       c.state AS wanted_state, s.granted_until, s.data_bytes, s.data_forecast,
       s.data_budget, coalesce(s.standing, '[]') AS lines,
       coalesce(d.known, 0) AS devices, coalesce(d.alive, 0) AS devices_alive
FROM gateway g
LEFT JOIN gateway_state s ON s.project_id = %(project)s AND s.gateway_id = g.id
LEFT JOIN LATERAL (
    SELECT version, hash, state FROM gateway_config
    WHERE project_id = %(project)s AND gateway_id = g.id ORDER BY version DESC LIMIT 1
) c ON true
LEFT JOIN (
    SELECT gateway_id, count(*) AS known, count(*) FILTER (WHERE online) AS alive
    FROM device WHERE project_id = %(project)s AND slug <> '_node' GROUP BY gateway_id
) d ON d.gateway_id = g.id
WHERE g.project_id = %(project)s AND g.id = ANY(%(ids)s)
"""


async def healths(tx: ReadSession, project_id: int, ids: Sequence[int]) -> dict[int, Health]:
    """Answer how these gateways are."""
    rows = await tx.fetch_all(_HEALTH, {"project": project_id, "ids": list(ids)})
    return {
        row["gateway_id"]: Health(
            **{**row, "lines": msgspec.convert(row["lines"], list[LineState])}
        )
        for row in rows
    }
