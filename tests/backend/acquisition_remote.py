"""A gateway that hears what people ask of it: an edge node that tests control, and a person."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from backend.core.audit import broken
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.gateways.commands import CommandRow, Setting, find_command, write_point
from backend.service.people.asker import Asker
from gateway.contract import topics
from gateway.contract.commands import Command, CommandResult, decode_command, encode_result
from gateway.contract.sparkplug import Datatype, Metric, Property
from tests.backend.acquisition_brokers import RunningBroker
from tests.backend.acquisition_edge import (
    NOW_MS,
    Edge,
    connect_edge,
    make_gateway,
    point,
    sample,
    until_leased,
    working,
)
from tests.postgres import NOW, MakePerson, MakeProject, Tenant

KEY = new_uuid(NOW)
ID = encode_id("cmd", KEY)
VALVE = dataclasses.replace(
    point("opening", 1, unit="%"),
    properties={
        topics.PROPERTY_UNIT: Property(Datatype.STRING, "%"),
        topics.PROPERTY_WRITE_MIN: Property(Datatype.DOUBLE, 10.0),
        topics.PROPERTY_WRITE_MAX: Property(Datatype.DOUBLE, 90.0),
    },
)


@dataclasses.dataclass
class Scene:
    """A gateway `g1` of project a, its edge node, and a person who gives commands."""

    platform: Platform
    tenant: Tenant
    gateway: int
    edge: Edge
    asker: Asker

    async def give(self, key: UUID = KEY, value: float = 55.0) -> CommandRow:
        """A command for m1/opening, as the web role gives it."""
        async with self.platform.database.project(self.tenant.id) as tx:
            device = await tx.fetch_value("SELECT uid FROM device WHERE slug = 'm1'", into=UUID)
            assert device is not None
            setting = Setting(device, "opening", value, 40.0, timedelta(seconds=60))
            now = self.platform.clock.now()
            return await write_point(tx, self.tenant.id, key, setting, self.asker, now)

    async def row(self, key: UUID = KEY) -> CommandRow:
        """The command as it is now."""
        async with self.platform.database.read(self.tenant.id) as tx:
            found = await find_command(tx, self.tenant.id, key)
        assert found is not None
        return found

    async def until(self, state: str, key: UUID = KEY) -> CommandRow:
        """Wait until the command is in this state, by the project's events."""
        while (row := await self.row(key)).state != state:
            await self.platform.clock.sleep(0)
        return row

    def heard(self) -> list[Command]:
        """Every command that the edge node was sent."""
        metrics = [metric for payload in self.edge.commands() for metric in payload.metrics]
        return [decode_command(str(m.value)) for m in metrics if m.name == topics.EXT_COMMAND]

    def answer(self, result: CommandResult, record: int) -> None:
        """A result through the edge node's journal."""
        self.say(topics.EXT_COMMAND_RESULT, encode_result(result), record)

    def say(self, name: str, text: str, record: int) -> None:
        """What a node says of itself through its journal."""
        self.edge.publish(
            topics.NDATA,
            None,
            (
                Metric(topics.EXT_REC, datatype=Datatype.UINT64, value=record),
                Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=self.edge.epoch),
                Metric(name, datatype=Datatype.STRING, value=text),
            ),
        )

    async def audit(self) -> list[tuple[object, ...]]:
        """(action, actor, ref, result) of every entry; the chain is whole."""
        async with self.platform.database.read(self.tenant.id) as tx:
            assert await broken(tx, self.tenant.id) is None
            return await tx.fetch_tuples(
                "SELECT action, actor, ref, result FROM audit WHERE project_id = %s"
                " ORDER BY number",
                (self.tenant.id,),
            )


@pytest.fixture
async def scene(
    platform: Platform,
    broker: RunningBroker,
    make_project: MakeProject,
    make_person: MakePerson,
) -> AsyncIterator[Scene]:
    """The edge node is born with m1 and its valve."""
    tenant = await make_project("a")
    gateway = await make_gateway(platform.database, tenant, "g1", "secret of a")
    anna = await make_person("anna", tenant)
    wired = dataclasses.replace(platform, mqtt_url=broker.url)
    async with working(wired):
        await until_leased(wired.database, gateway)
        edge = await connect_edge(broker, "a", "g1")
        await until_heard(edge)
        yield Scene(wired, tenant, gateway, edge, Asker(anna.id, anna.uid))


async def until_heard(edge: Edge) -> None:
    """Be born until the worker, which has just claimed the gateway, listens: record 1 is stored."""
    while 1 not in edge.committed():
        edge.be_born(points=(VALVE,))
        edge.send(sample(1, NOW_MS, 40.0), record=1)
        edge.caller.news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(edge.caller.news.wait(), 1)


async def until_device(scene: Scene) -> None:
    """Be born until the edge node's device is known."""
    while True:
        scene.edge.be_born(points=(point("opening", 1),))
        await asyncio.sleep(0.1)
        async with scene.platform.database.read(scene.tenant.id) as tx:
            if await tx.fetch_tuples("SELECT 1 FROM device WHERE online"):
                return
