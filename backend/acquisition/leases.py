"""Leases on edge nodes: each gateway is read by one ingest worker, and by another if that one dies.

Leases are rows of `gateway_state` on the database server's own clock, so workers need not agree on
the time and an accelerated test clock does not shorten them. A worker that lost its lease without
knowing does no harm: what it stores is idempotent and what it acknowledges is committed.
"""

import os
import secrets
import socket
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import to_builtins
from psycopg.types.json import Jsonb

from backend.acquisition.births import as_bigint
from backend.acquisition.credentials import GatewayRow
from backend.acquisition.host import EdgeNode
from backend.core.db import ReadSession, WriteSession
from gateway.contract import topics

LEASE_S = 12
RENEW_S = 2.0

# Ordered, so that two workers that claim at once wait for each other instead of deadlocking.
_CLAIM = """
INSERT INTO gateway_state (project_id, gateway_id, lease_owner, lease_until, online)
SELECT g.project_id, g.id, %(owner)s, clock_timestamp() + make_interval(secs => %(seconds)s),
       false
FROM gateway g
ORDER BY g.project_id, g.id
ON CONFLICT (project_id, gateway_id) DO UPDATE
SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
WHERE gateway_state.lease_owner = excluded.lease_owner
   OR gateway_state.lease_until IS NULL OR gateway_state.lease_until < clock_timestamp()
RETURNING project_id, gateway_id
"""
_GATEWAYS = """
SELECT g.project_id, g.id AS gateway_id, p.slug AS project, g.slug AS gateway,
       g.credential_hash AS secret,
       ARRAY(SELECT c.fingerprint FROM gateway_certificate c
             WHERE c.project_id = g.project_id AND c.gateway_id = g.id
               AND c.revoked_at IS NULL AND c.not_after > %s ORDER BY c.id) AS certificates
FROM gateway g JOIN project p ON p.id = g.project_id
"""
_GIVE_UP = """
UPDATE gateway_state SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = %s
"""
_REPORT = """
UPDATE gateway_state AS s
SET last_seen_at = coalesce(%(seen)s, s.last_seen_at), last_seq = %(seq)s,
    dropped_total = %(dropped)s, dropped_at = CASE WHEN %(dropped)s > s.dropped_total
        THEN coalesce(%(seen)s, s.last_seen_at) ELSE s.dropped_at END,
    clock_offset_ms = %(offset)s, seq_gaps = %(gaps)s,
    rebirths = %(rebirths)s,
    committed_through = %(committed)s, software = coalesce(%(software)s, s.software),
    backlog = coalesce(%(backlog)s, s.backlog), standing = coalesce(%(lines)s, s.standing),
    data_bytes = coalesce(%(data_bytes)s, s.data_bytes),
    data_forecast = coalesce(%(data_forecast)s, s.data_forecast),
    data_budget = coalesce(%(data_budget)s, s.data_budget)
WHERE s.project_id = %(project)s AND s.gateway_id = %(gateway)s AND s.lease_owner = %(owner)s
"""


@dataclass(frozen=True, slots=True)
class ListedGateway:
    """A gateway of any project, as the directory of workers and broker needs it."""

    project_id: int
    gateway_id: int
    project: str
    gateway: str
    secret: str | None
    certificates: list[str]

    @property
    def credential_row(self) -> GatewayRow:
        """The part that becomes a credential."""
        return GatewayRow(self.project, self.gateway, self.secret, tuple(self.certificates))


def new_owner() -> str:
    """Answer a name for this worker that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


async def list_gateways(tx: ReadSession, now: datetime) -> list[ListedGateway]:
    """Answer all gateways of all projects, with their certificates that are valid at `now`."""
    return await tx.fetch_all(_GATEWAYS, (now,), into=ListedGateway)


async def claim(tx: WriteSession, owner: str) -> set[tuple[int, int]]:
    """Claim what is free, renew what is ours; answer (project_id, gateway_id) of all we hold."""
    rows = await tx.fetch_tuples(_CLAIM, {"owner": owner, "seconds": LEASE_S})
    return {(int(project), int(gateway)) for project, gateway in rows}


def shares(listed: Sequence[ListedGateway], held: Collection[tuple[int, int]]) -> dict[int, float]:
    """Answer which part of each project's gateways a worker holds, 0 to 1."""
    projects = Counter(one.project_id for one in listed)
    ours = Counter(project_id for project_id, _ in held)
    return {number: ours[number] / count for number, count in projects.items()}


async def give_up(tx: WriteSession, owner: str) -> None:
    """Let go of everything, so that another worker need not wait."""
    await tx.execute(_GIVE_UP, (owner,))


async def report(tx: WriteSession, owner: str, nodes: Sequence[EdgeNode]) -> None:
    """Write what the nodes were seen to do; only where the lease is still ours."""
    await tx.execute_many(
        _REPORT,
        [
            {
                "seen": node.seen_at,
                "seq": node.order.last,
                "dropped": as_bigint(node.dropped_total),
                "offset": as_bigint(node.clock_offset_ms),
                "gaps": node.order.gaps,
                "rebirths": node.rebirths,
                "committed": as_bigint(node.committed_through),
                "software": node.software,
                "backlog": as_bigint(node.backlog),
                "lines": None if node.lines is None else Jsonb(to_builtins(node.lines)),
                "data_bytes": node.data.get(topics.EXT_DATA_BYTES),
                "data_forecast": node.data.get(topics.EXT_DATA_FORECAST),
                "data_budget": node.data.get(topics.EXT_DATA_BUDGET),
                "project": node.project_id,
                "gateway": node.gateway_id,
                "owner": owner,
            }
            for node in nodes
        ],
    )
