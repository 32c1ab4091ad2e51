"""Births and deaths as they come: read, and written in one transaction each."""

from datetime import datetime

from backend.acquisition import births
from backend.acquisition.born import BornPoint, is_fit_name, read_birth
from backend.acquisition.host import EdgeNode, KnownPoint
from backend.acquisition.window import clamp, instant
from backend.core.db import Database
from gateway.contract import topics
from gateway.contract.sparkplug import Payload

Known = list[tuple[KnownPoint, BornPoint]]


class Unfit(ValueError):
    """A birth of something that cannot be kept."""


async def store(
    database: Database, node: EdgeNode, payload: Payload, topic: topics.NodeTopic, now: datetime
) -> Known:
    """Write a birth or a death; answer the points of a birth with what it says of them.

    Unfit, or an error of the database, when it cannot be stored.
    """
    match topic.kind:
        case topics.NBIRTH:
            return await _node_born(database, node, payload, now)
        case topics.DBIRTH:
            return await _device_born(database, node, payload, topic.device or "", now)
        case topics.NDEATH | topics.DDEATH:
            await _died(database, node, payload, topic.device, now)
    return []


async def _node_born(database: Database, node: EdgeNode, payload: Payload, now: datetime) -> Known:
    node.node_born(payload)
    own = read_birth(payload, None)
    async with database.ingest() as tx:
        await births.store_node_birth(tx, node, now)
        return await births.store_device_birth(tx, node, own, now) if own.points else []


async def _device_born(
    database: Database, node: EdgeNode, payload: Payload, device: str, now: datetime
) -> Known:
    if not is_fit_name(device):
        raise Unfit(f"no name for a device: {device!r}")
    async with database.ingest() as tx:
        return await births.store_device_birth(tx, node, read_birth(payload, device), now)


async def _died(
    database: Database, node: EdgeNode, payload: Payload, device: str | None, now: datetime
) -> None:
    if device is None and not node.node_died(payload):
        return
    # A device's death says when it was; a node's is a will, written when it connected.
    known = payload.timestamp if device is not None else None
    died = now if known is None else min(instant(clamp(known)), now)
    async with database.ingest() as tx:
        await births.store_death(tx, node, device, died)
