"""Case 17 at the platform: what a gateway had to give up is counted and raises an alarm."""

import asyncio
import dataclasses
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.service.alarms.evaluate import evaluate
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.states import State
from backend.service.alarms.store import Occurrence, list_occurrences
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import connect_edge, make_gateway, until_leased, working
from tests.postgres import NOW, MakeProject


async def test_messages_given_up_raise_an_alarm_that_ends_when_nothing_more_is_lost(
    platform: Platform, broker: RunningBroker, make_project: MakeProject
) -> None:
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    tenant = await make_project("a")
    gateway = await make_gateway(wired.database, tenant, "g1", "secret of a")
    definition = await dropped_definition(wired.database, tenant.id)
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        edge.be_born()
        assert await judge(wired.database, tenant.id, definition, NOW) == []
        dropped = Metric(topics.EXT_DROPPED, datatype=Datatype.INT64, value=4200)
        edge.publish(topics.NDATA, None, [dropped])
        async with asyncio.timeout(30):
            while await dropped_at(wired.database, tenant.id) is None:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.1)
    [raised] = await judge(wired.database, tenant.id, definition, NOW)
    assert (raised.state, raised.raised_at, raised.priority) == (State.UNACK, NOW, 2)
    assert (raised.params["gateways"], raised.params["messages"]) == ("g1", 4200)
    later = NOW + timedelta(minutes=61)
    [ended] = await judge(wired.database, tenant.id, definition, later)
    assert (ended.state, ended.state_at) == (State.RTNUN, later)


async def dropped_definition(database: Database, project: int) -> Definition:
    """A live definition of messages_dropped."""
    async with database.project(project) as tx:
        number = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, params, priority, mode,"
            " created_at) VALUES (%s, %s, 'messages_dropped', %s, '{}', 2, 'live', %s)"
            " RETURNING id",
            (project, new_uuid(NOW), Jsonb({"en": "Lost"}), NOW),
            into=int,
        )
    assert number is not None
    return Definition(number, "messages_dropped", None, None, 2, {})


async def dropped_at(database: Database, project: int) -> datetime | None:
    """When the platform saw the gateway's count rise."""
    async with database.read(project) as tx:
        row = await tx.fetch_one(
            "SELECT dropped_at FROM gateway_state WHERE project_id = %s", (project,)
        )
    found: datetime | None = row["dropped_at"] if row else None
    return found


async def judge(
    database: Database, project: int, definition: Definition, now: datetime
) -> list[Occurrence]:
    """Evaluate once and read all occurrences."""
    await evaluate(database, project, definition, "live", now)
    async with database.read(project) as tx:
        return await list_occurrences(tx, project)
