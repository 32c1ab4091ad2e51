"""Births into the database: devices, points and aliases of gateways that a worker has claimed.

A device or point unknown so far is made; one that is known gets what its newest birth says, but
keeps the name that people gave it. Aliases are replaced by each birth.
"""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from backend.acquisition.born import NODE_DEVICE, BornDevice, BornPoint
from backend.acquisition.host import EdgeNode, KnownPoint
from backend.acquisition.identity import read_identity, record_change
from backend.core.db import WriteSession
from backend.core.ids import new_uuid

_DEVICE = """
INSERT INTO device (project_id, uid, gateway_id, slug, name, profile, profile_hash, verified,
                    online, born_at, serial, ratio)
VALUES (%(project)s, %(uid)s, %(gateway)s, %(slug)s, %(name)s, %(profile)s, %(hash)s,
        %(verified)s, true, %(now)s, %(serial)s, %(ratio)s)
ON CONFLICT (project_id, gateway_id, slug) DO UPDATE
SET name = coalesce(device.name, excluded.name),
    profile = coalesce(excluded.profile, device.profile),
    profile_hash = coalesce(excluded.profile_hash, device.profile_hash),
    verified = excluded.verified, online = true, born_at = excluded.born_at,
    serial = coalesce(excluded.serial, device.serial),
    ratio = coalesce(excluded.ratio, device.ratio)
RETURNING id
"""
_NEW_POINTS = """
INSERT INTO point (project_id, device_id, name, kind, unit, modulus, resolution, max_gap_s,
                   write_min, write_max, write_step)
SELECT %s, %s, b.name, b.kind, b.unit, b.modulus, b.resolution, b.max_gap_s,
       b.write_min, b.write_max, b.write_step
FROM unnest(%s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::bigint[],
            %s::float8[], %s::float8[], %s::float8[])
     AS b (name, kind, unit, modulus, resolution, max_gap_s, write_min, write_max, write_step)
ON CONFLICT (project_id, device_id, name) """
_MISSING_POINTS = _NEW_POINTS + "DO NOTHING"
_POINTS = (
    _NEW_POINTS
    + """DO UPDATE
SET kind = excluded.kind, unit = excluded.unit, modulus = excluded.modulus,
    resolution = excluded.resolution, max_gap_s = excluded.max_gap_s,
    write_min = excluded.write_min, write_max = excluded.write_max,
    write_step = excluded.write_step
WHERE (point.kind, point.unit, point.modulus, point.resolution, point.max_gap_s,
       point.write_min, point.write_max, point.write_step)
   IS DISTINCT FROM (excluded.kind, excluded.unit, excluded.modulus, excluded.resolution,
                     excluded.max_gap_s, excluded.write_min, excluded.write_max,
                     excluded.write_step)
"""
)
_POINT_IDS = "SELECT name, id FROM point WHERE project_id = %s AND device_id = %s"
_ALIASES = """
INSERT INTO point_alias (project_id, gateway_id, alias, point_id)
SELECT %s, %s, a.alias, a.point_id FROM unnest(%s::bigint[], %s::bigint[]) AS a (alias, point_id)
ON CONFLICT (project_id, gateway_id, alias) DO UPDATE SET point_id = excluded.point_id
"""
_IMPORT_DEVICE = """
INSERT INTO device (project_id, uid, gateway_id, slug, profile, verified, online)
VALUES (%s, %s, %s, %s, %s, false, false)
ON CONFLICT (project_id, gateway_id, slug) DO UPDATE SET slug = excluded.slug
RETURNING id
"""
_FORGET_ALIASES = "DELETE FROM point_alias WHERE project_id = %s AND gateway_id = %s"
_STATE_BORN = """
UPDATE gateway_state
SET online = true, born_at = %(now)s, last_seen_at = %(now)s, bd_seq = %(bd_seq)s,
    wire = %(wire)s, epoch = %(epoch)s, config_version = %(config_version)s,
    config_hash = %(config_hash)s
WHERE project_id = %(project)s AND gateway_id = %(gateway)s
"""
_STATE_DIED = """
UPDATE gateway_state SET online = false, died_at = %s WHERE project_id = %s AND gateway_id = %s
"""
_DEVICES_DIED = """
UPDATE device SET online = false, died_at = %s
WHERE project_id = %s AND gateway_id = %s AND (slug = %s OR %s) AND online
"""
_KNOWN = """
SELECT p.id, p.name, p.kind, d.slug
FROM point p JOIN device d ON d.project_id = p.project_id AND d.id = p.device_id
WHERE p.project_id = %s AND d.project_id = %s AND d.gateway_id = %s
"""
_KNOWN_ALIASES = """
SELECT a.alias, p.id, p.kind
FROM point_alias a JOIN point p ON p.project_id = a.project_id AND p.id = a.point_id
WHERE a.project_id = %s AND p.project_id = %s AND a.gateway_id = %s
"""
_KNOWN_STATE = """
SELECT epoch, bd_seq, wire, online, dropped_total, clock_offset_ms, seq_gaps, rebirths,
       committed_through
FROM gateway_state WHERE project_id = %s AND gateway_id = %s
"""


async def load_node(tx: WriteSession, node: EdgeNode) -> None:
    """Fill a node just claimed with what the worker before knew; its sequence starts anew."""
    keys = (node.project_id, node.project_id, node.gateway_id)
    for point_id, name, kind, slug in await tx.fetch_tuples(_KNOWN, keys):
        node.names[slug, name] = KnownPoint(point_id, kind == "register")
    for alias, point_id, kind in await tx.fetch_tuples(_KNOWN_ALIASES, keys):
        node.aliases[alias] = KnownPoint(point_id, kind == "register")
    state = await tx.fetch_one(_KNOWN_STATE, (node.project_id, node.gateway_id))
    if state is None:
        return
    node.epoch = None if state["epoch"] is None else state["epoch"] % (1 << 64)
    node.bd_seq, node.wire, node.online = state["bd_seq"], state["wire"], state["online"]
    node.dropped_total, node.clock_offset_ms = state["dropped_total"], state["clock_offset_ms"]
    node.order.gaps, node.rebirths = state["seq_gaps"], state["rebirths"]
    node.committed_through = state["committed_through"]


async def store_node_birth(tx: WriteSession, node: EdgeNode, now: datetime) -> None:
    """Write an NBIRTH: the node is online, the aliases of the birth before are gone."""
    await tx.execute(_FORGET_ALIASES, (node.project_id, node.gateway_id))
    await tx.execute(
        _STATE_BORN,
        {
            "now": now,
            "bd_seq": as_bigint(node.bd_seq),
            "wire": node.wire,
            "epoch": as_bigint(node.epoch),
            "config_version": as_bigint(node.config_version),
            "config_hash": node.config_hash,
            "project": node.project_id,
            "gateway": node.gateway_id,
        },
    )


async def store_device(
    tx: WriteSession, project_id: int, gateway_id: int, born: BornDevice, now: datetime
) -> dict[str, int]:
    """Write a device with its points; answer the id of each of its points by name.

    Where it says another serial number or ratio than before, that is recorded.
    """
    before = await read_identity(tx, project_id, gateway_id, born.slug)
    device_id = await tx.fetch_value(
        _DEVICE,
        {
            "project": project_id,
            "uid": new_uuid(now),
            "gateway": gateway_id,
            "slug": born.slug,
            "name": Jsonb({"en": born.name, "zh-CN": born.name}) if born.name else None,
            "profile": born.profile,
            "hash": born.profile_hash,
            "verified": born.verified,
            "now": now,
            "serial": born.serial,
            "ratio": born.ratio,
        },
        into=int,
    )
    if born.points:
        await tx.execute(_POINTS, (project_id, device_id, *_point_columns(born.points)))
    await record_change(tx, project_id, before, born, now)
    rows = await tx.fetch_tuples(_POINT_IDS, (project_id, device_id))
    return {str(name): int(point_id) for name, point_id in rows}


async def import_device(
    tx: WriteSession, project_id: int, gateway_id: int, born: BornDevice, now: datetime
) -> dict[str, int]:
    """Make what is missing of a device that a file names; what a birth said stays as it is."""
    keys = (project_id, new_uuid(now), gateway_id, born.slug, born.profile)
    device_id = await tx.fetch_value(_IMPORT_DEVICE, keys, into=int)
    await tx.execute(_MISSING_POINTS, (project_id, device_id, *_point_columns(born.points)))
    rows = await tx.fetch_tuples(_POINT_IDS, (project_id, device_id))
    return {str(name): int(point_id) for name, point_id in rows}


async def store_device_birth(
    tx: WriteSession, node: EdgeNode, born: BornDevice, now: datetime
) -> list[tuple[KnownPoint, BornPoint]]:
    """Write a DBIRTH and let the node know its points; answer them with their birth's metric."""
    ids = await store_device(tx, node.project_id, node.gateway_id, born, now)
    known = [
        (KnownPoint(ids[point.name], point.kind == "register", point.signed_bits), point)
        for point in born.points
    ]
    aliases = {born.alias: point.id for point, born in known if _is_alias(born.alias)}
    if aliases:
        await tx.execute(
            _ALIASES, (node.project_id, node.gateway_id, list(aliases), list(aliases.values()))
        )
    for point, born_point in known:
        node.names[born.slug, born_point.name] = point
        if born_point.alias is not None:
            node.aliases[born_point.alias] = point
    return known


async def store_death(tx: WriteSession, node: EdgeNode, device: str | None, died: datetime) -> None:
    """Write an NDEATH (device None: all devices are gone with their node) or a DDEATH."""
    keys = (node.project_id, node.gateway_id)
    if device is None:
        await tx.execute(_STATE_DIED, (died, *keys))
    await tx.execute(_DEVICES_DIED, (died, *keys, device or NODE_DEVICE, device is None))


def as_bigint(number: int | None) -> int | None:
    """Answer an unsigned 64-bit number as PostgreSQL keeps it: the same bits, signed."""
    if number is None:
        return None
    number %= 1 << 64
    return number - (1 << 64) if number >> 63 else number


def _is_alias(alias: int | None) -> bool:
    return alias is not None and alias < 1 << 63


def _point_columns(points: Sequence[BornPoint]) -> tuple[list[object], ...]:
    return (
        [point.name for point in points],
        [point.kind for point in points],
        [point.unit for point in points],
        [point.modulus for point in points],
        [point.resolution for point in points],
        [point.max_gap_s for point in points],
        [point.write_min for point in points],
        [point.write_max for point in points],
        [point.write_step for point in points],
    )
