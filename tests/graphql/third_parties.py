"""Third parties over MQTT in tests: a real broker, the role `mqtt`, and their clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from backend.acquisition.admitted import list_admitted
from backend.acquisition.credentials import INTERNAL, broker_folder, internal_secret
from backend.application.mqtt_api.role import Speakers
from backend.application.web_process import make_process
from backend.core.platform import Platform
from backend.service.integration.access import Scope
from tests.backend.acquisition_brokers import BROKERS, Caller, RunningBroker
from tests.graphql.plants import Plant
from tests.graphql.walk.people import make_mqtt_credential
from tests.postgres import Actor

Json = dict[str, object]


@dataclass
class ThirdParties:
    """A project's plant, its third parties by what they are for, and the broker they meet at."""

    platform: Platform
    plant: Plant
    broker: RunningBroker
    names: dict[str, str] = field(default_factory=dict)
    """User names by what they are for: `all`, `readings`, `part` ..."""

    async def connect(self, kind: str) -> Caller:
        """A client of the third party of this kind."""
        return await self.broker.connect(self.names[kind])

    async def hear(self, kind: str, *filters: str) -> Caller:
        """A client that has subscribed filters of its project, all of them granted."""
        caller = await self.connect(kind)
        for one in filters:
            assert await caller.subscribe(f"kilowise/acme/{one}", qos=1) == 1
        return caller

    def results(self, kind: str) -> str:
        """Where the third party hears how far its requests are, below the project."""
        return f"commands/results/{self.names[kind]}/+"

    def ask(self, kind: str, caller: Caller, body: object, device: str = "d-m1") -> None:
        """Ask for a command; bytes go as they are."""
        payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
        topic = f"kilowise/acme/commands/{self.names[kind]}/g1/{device}"
        caller.client.publish(topic, payload, qos=1)


@contextlib.asynccontextmanager
async def third_parties(
    platform: Platform,
    owner: Actor,
    plant: Plant,
    wanted: dict[str, tuple[tuple[Scope, ...], int | None]],
    kind: str = "amqtt",
    more: Mapping[str, tuple[str, str]] | None = None,
) -> AsyncIterator[ThirdParties]:
    """Make the credentials and run the broker of a kind; nobody speaks yet.

    `more` are credentials made elsewhere: secret and user name by what they are for.
    """
    folder = broker_folder(platform.settings.data_folder)
    folder.mkdir(parents=True, exist_ok=True)
    secrets, names = {INTERNAL: internal_secret(folder)}, {}
    for name, (scopes, part) in wanted.items():
        secret, names[name] = await make_mqtt_credential(platform, owner, *scopes, part=part)
        secrets[names[name]] = secret
    for name, (secret, names[name]) in (more or {}).items():
        secrets[names[name]] = secret
    async with platform.database.ingest() as tx:
        admitted = await list_admitted(tx, platform.clock)
    async with BROKERS[kind](folder, (secrets, admitted)) as broker:
        yield ThirdParties(replace(platform, mqtt_url=broker.url), plant, broker, names)


@contextlib.asynccontextmanager
async def speaking(platform: Platform) -> AsyncIterator[Speakers]:
    """The role `mqtt`, until the block ends."""
    process = make_process(platform)
    speakers = Speakers(process)
    task = asyncio.create_task(speakers.run())
    try:
        yield speakers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        process.sign_in.passwords.close()


async def until(
    caller: Caller, says: Callable[[str, Json | None], bool]
) -> tuple[str, Json | None]:
    """Wait for a message of which something is true; None stands for an empty one."""
    read = 0
    async with asyncio.timeout(20):
        while True:
            for topic, payload in caller.heard[read:]:
                read += 1
                body: Json | None = msgspec.json.decode(payload) if payload else None
                if says(topic, body):
                    return topic, body
            caller.news.clear()
            await caller.news.wait()
