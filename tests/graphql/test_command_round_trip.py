"""A command all the way: GraphQL, ingest, broker, gateway, register, and back with its audit."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypedDict

import httpx
import pytest

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from gateway.contract.clock import SystemClock
from tests.backend.acquisition_brokers import BROKERS
from tests.backend.acquisition_edge import make_gateway, until_leased, working
from tests.gateway.bench import VALVE
from tests.gateway.modbus_server import Field, free_port, serving
from tests.gateway.test_gateway import gateway
from tests.graphql.conftest import Ask, Client
from tests.postgres import NOW, Actor, MakePerson, MakeProject

WRITE = """mutation W($device: ID!, $value: Float!, $key: ID!) {
  writePoint(input: {project: "a", device: $device, point: "opening", value: $value, key: $key})
  { id } }"""
ONE = """query C($id: ID!) { project(id: "a") { command(id: $id) { state code oldValue finishedAt }
  audit { action ref result person { login } } } }"""
CONFIG = """mutation P($gateway: ID!, $text: String!) {
  putGatewayConfig(input: {project: "a", gateway: $gateway, text: $text}) { version } }"""
FLEET = """{ project(id: "a") { devices { id slug writable { key low high } } gateways { id online
  health { configInForce configState wire lines { devices alive } } } } }"""


class Device(TypedDict):
    """What FLEET tells of a device."""

    id: str
    writable: list[dict[str, object]]


class Gateway(TypedDict):
    """What FLEET tells of a gateway."""

    health: dict[str, object]


class Command(TypedDict):
    """What ONE tells of a command."""

    state: str
    code: str
    oldValue: float | None
    finishedAt: str | None


class Project(TypedDict):
    """What the questions above tell of the project."""

    devices: list[Device]
    gateways: list[Gateway]
    command: Command
    audit: list[dict[str, object]]


@dataclasses.dataclass
class Site:
    """A running gateway that reads nothing yet, and a valve it could read."""

    field: Field
    port: int
    gateway: str


@pytest.fixture
def platform(platform: Platform) -> Platform:
    """By the machine's clock, as the gateway."""
    return dataclasses.replace(platform, clock=SystemClock())


@pytest.fixture
async def anna(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """An administrator of the project `a`."""
    return await make_person("anna", await make_project("a"), role="administrator")


@pytest.fixture
async def site(platform: Platform, anna: Actor, tmp_path: Path) -> AsyncIterator[Site]:
    """Broker, ingest and gateway run; the valve holds 40 %."""
    field, port = Field({1: (0, 2)}), free_port()
    field.put(1, 0, (400, 215))
    (tmp_path / "mqtt").mkdir()
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(BROKERS["amqtt"](tmp_path / "mqtt"))
        number = await make_gateway(platform.database, anna.tenant, "g1", broker.secrets["a.g1"])
        await stack.enter_async_context(working(dataclasses.replace(platform, mqtt_url=broker.url)))
        await until_leased(platform.database, number)
        file = tmp_path / "gateway.yaml"
        file.write_text(
            "project: a\nnode: g1\ndevices: []\n"
            f"mqtt: {{url: 'mqtt://127.0.0.1:{broker.port}', secret: {broker.secrets['a.g1']}}}\n",
            encoding="utf-8",
        )
        await stack.enter_async_context(serving(field, port))
        await stack.enter_async_context(gateway(file))
        async with platform.database.project(anna.tenant.id) as tx:
            uid = await tx.fetch_tuples("SELECT uid FROM gateway WHERE id = %s", (number,))
        yield Site(field, port, encode_id("gtw", uid[0][0]))


@dataclasses.dataclass
class Person:
    """Somebody at the app; answers are what GraphQL says of the project."""

    client: httpx.AsyncClient
    ask: Ask

    async def sees(
        self, query: str, done: Callable[[Project], object], **variables: object
    ) -> Project:
        """Look at the project until something is so."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.ask(self.client, query, variables)
                found: Project = answer["data"]["project"]  # type: ignore[index]
                if done(found):
                    return found
                await asyncio.sleep(0.05)

    async def gives(self, device: str, value: float) -> str:
        """Set the valve; answers the command's identity."""
        variables = {"device": device, "value": value, "key": str(new_uuid(NOW))}
        answer = await self.ask(self.client, WRITE, variables)
        return str(answer["data"]["writePoint"]["id"])  # type: ignore[index]


async def test_a_gateway_is_configured_and_commanded_from_afar(
    client: Client, ask: Ask, anna: Actor, site: Site
) -> None:
    her = Person(await client(anna), ask)
    uploaded = await her.client.put("/api/v1/profiles/test/valve?project=a", json={"text": VALVE})
    assert uploaded.status_code == 200
    text = (
        "devices:\n  - {slug: v1, profile: test/valve, host: 127.0.0.1,"
        f" port: {site.port}, unit: 1, poll_s: 0.2}}\n"
    )
    await ask(her.client, CONFIG, {"gateway": site.gateway, "text": text})
    [device] = (await her.sees(FLEET, lambda project: project["devices"]))["devices"]
    assert device["writable"] == [{"key": "opening", "low": 10.0, "high": 90.0}]
    await her.sees(FLEET, lambda project: project["gateways"][0]["health"]["configInForce"])
    found = {}
    for value in (55.5, 95.0):
        id = await her.gives(device["id"], value)
        # Command and audit are read one after the other: the end may fall between.
        project = await her.sees(
            ONE,
            lambda one: (
                one["audit"][0]["action"] == "command.result" and one["command"]["finishedAt"]
            ),
            id=id,
        )
        command = project["command"]
        found[value] = (command["state"], command["code"], command["oldValue"])
        result = next(entry for entry in project["audit"] if entry["ref"] == id)
        assert result["action"] == "command.result"
        assert result["person"] == {"login": "anna"}
    assert found == {
        55.5: ("VERIFIED", "done", 40.0),
        95.0: ("REJECTED", "out_of_range", None),
    }
    assert site.field.writes == [(1, 0, [555])]
