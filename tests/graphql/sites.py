"""A platform with broker, ingest and web, and a site whose gateway is not enrolled yet.

`site` is a fixture: import it into the module that uses it. Real https, the real embedded broker as
a process, real ingest, the real gateway as a process.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.acquisition.broker_files import gateway_broker_url
from backend.acquisition.credentials import broker_folder, internal_url
from backend.application.phone import listening
from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess, make_process
from backend.core.clock import SystemClock
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.gateways.enrolment import Place
from backend.service.gateways.records import Actor as Doer
from backend.service.gateways.records import GatewayKey, find_gateway
from gateway.__main__ import main
from tests.backend.acquisition_brokers import until_listening
from tests.backend.acquisition_edge import working
from tests.graphql.plants import make_plant
from tests.postgres import Actor

BROKER = """
import asyncio, pathlib, sys
from backend.acquisition.broker import serve
asyncio.run(serve(pathlib.Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]),
                  ("127.0.0.1", int(sys.argv[3]))))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The platform as the site sees it, and the folder of its gateway."""

    platform: Platform
    process: WebProcess
    url: str
    tenant: Actor
    folder: Path

    @property
    def config(self) -> Path:
        """The gateway's configuration."""
        return self.folder / "gateway.yaml"

    async def gateway(self) -> GatewayKey:
        """The gateway g1 of the project acme."""
        async with self.platform.database.read(self.tenant.tenant.id) as tx:
            found = await find_gateway(tx, self.tenant.tenant.id, uid=None, slug="g1")
        assert found is not None
        return found

    async def code(self) -> str:
        """A fresh code for it."""
        place = Place(self.tenant.tenant.id, "acme")
        who = Doer(self.tenant.id, "test")
        new = await self.process.enrolments.create_code(
            place, await self.gateway(), "g1", None, who
        )
        return new.code

    async def type_in(self, *words: str) -> int:
        """Run `kilowise-gateway` at the site."""
        return await asyncio.to_thread(main, [*words, "--config", str(self.config)])

    async def until_online(self, *, online: bool) -> None:
        """Wait until the platform has heard the gateway's birth, or its death."""
        async with asyncio.timeout(20):
            while True:
                async with self.platform.database.read(self.tenant.tenant.id) as tx:
                    seen = await tx.fetch_value(
                        "SELECT online FROM gateway_state WHERE project_id = %s",
                        (self.tenant.tenant.id,),
                        into=bool,
                    )
                if seen is online:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def program(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python program that ends with the block."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await child.wait()


@asynccontextmanager
async def web(process: WebProcess, settings: Settings) -> AsyncIterator[str]:
    """The web role on loopback, by https when the settings say so; answers its address."""
    where = listening(settings)
    serving = asyncio.create_task(
        serve(
            process,
            build_app(process),
            socket.create_server(("127.0.0.1", where.port)),
            where.tls,
        )
    )
    try:
        yield f"{'https' if where.tls else 'http'}://127.0.0.1:{where.port}"
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def site(
    platform: Platform, alice: Actor, tmp_path: Path, free_port: Callable[[], int]
) -> AsyncIterator[Site]:
    """Broker, ingest and web run; the gateway's folder is empty. The clock is the real one."""
    port, tls_port = free_port(), free_port()
    settings = Settings(data=tmp_path / "data", port=free_port(), mqtt_tls_port=tls_port)
    url = internal_url(settings.data_folder, port)
    platform = replace(platform, settings=settings, mqtt_url=url, clock=SystemClock())
    process = make_process(platform)
    assert gateway_broker_url(settings) == f"mqtts://127.0.0.1:{tls_port}"
    await make_plant(platform, alice.tenant)
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "UPDATE gateway_state SET online = false WHERE project_id = %s", (alice.tenant.id,)
        )
    folder = tmp_path / "box"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(working(platform))
        where = str(broker_folder(settings.data_folder))
        await stack.enter_async_context(program("-c", BROKER, where, str(port), str(tls_port)))
        await until_listening(tls_port)
        address = await stack.enter_async_context(web(process, settings))
        yield Site(platform, process, address, alice, folder)
