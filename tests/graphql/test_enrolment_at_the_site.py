"""The whole way: a code at the platform, `kilowise-gateway enrol` at the site, MQTT by certificate.

Real https, real embedded broker as a process, real ingest, the real gateway as a process.
"""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
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
from gateway.config import load_config
from gateway.doctor import examine
from gateway.enrolment.identity import read_identity, write_identity
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


async def test_from_code_to_revocation(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    told = capsys.readouterr().out
    assert "Enrolled as acme.g1; the certificate is valid until" in told
    assert f"kilowise-gateway run --config {site.config}" in told
    identity = site.folder / "g1.pem"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    first = read_identity(identity)
    assert first is not None
    assert await examine(site.config, SystemClock(), os.environ) == 0
    assert "ok    the certificate of acme.g1 is valid until" in capsys.readouterr().out
    async with program("-m", "gateway", "run", "--config", str(site.config)) as gateway:
        await site.until_online(online=True)
        place, who = Place(site.tenant.tenant.id, "acme"), Doer(site.tenant.id, "test")
        await site.process.enrolments.revoke(place, await site.gateway(), who)
        await site.until_online(online=False)
        assert gateway.returncode is None
    assert await site.type_in("renew") == 1
    assert "Enrol again with a new code" in capsys.readouterr().err
    assert read_identity(identity) == first


async def test_a_running_gateway_renews_by_itself(site: Site) -> None:
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    identity = site.folder / "g1.pem"
    first = read_identity(identity)
    assert first is not None
    left = first.renew_from - datetime.now(UTC)
    assert timedelta(days=57, hours=23) < left < timedelta(days=60)
    write_identity(identity, replace(first, renew_from=datetime.now(UTC) - timedelta(days=1)))
    async with program("-m", "gateway", "run", "--config", str(site.config)):
        await site.until_online(online=True)
        async with asyncio.timeout(20):
            while (fresh := read_identity(identity)) is None or fresh.pem == first.pem:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        # It is still the session of the old one; a new session is the new one's.
        await site.until_online(online=True)
    assert fresh.renew_from > datetime.now(UTC)
    async with program("-m", "gateway", "run", "--config", str(site.config)):
        await site.until_online(online=True)


async def test_a_wrong_code_is_one_sentence_and_leaves_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await site.type_in("enrol", site.url, "acme-0000-0000-0000") == 1
    assert capsys.readouterr().err.startswith("The code is not valid: mistyped, already used")
    assert list(site.folder.iterdir()) == []


async def test_a_configuration_that_is_there_keeps_its_devices(site: Site) -> None:
    site.folder.mkdir()
    site.config.write_text(
        "# the east hall\nproject: old\nnode: old\nmqtt:\n  url: mqtt://old:1883\n"
        "  secret: s\n  datatypes: true\ndevices:  # all of them\n"
        "  - {slug: m1, profile: eastron/sdm630, host: 127.0.0.1, unit: 1}\n"
    )
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    text = site.config.read_text()
    assert text.startswith("enrolment: {platform: ")
    assert "# the east hall\nproject: acme\nnode: g1\nmqtt: {url: " in text
    assert "devices:  # all of them\n  - {slug: m1, profile: eastron/sdm630" in text
    config = load_config(site.config, {})
    assert (config.broker.secret, config.broker.typed) == (None, True)
    assert [device.slug for device in config.devices] == ["m1"]
    broken = site.folder / "broken.yaml"
    broken.write_text("- no mapping\n")
    code = await site.code()
    words = ["enrol", site.url, code, "--config", str(broken)]
    assert await asyncio.to_thread(main, words) == 1
    # Nothing was sent: the code still works.
    assert await site.type_in("enrol", site.url, code) == 0


async def test_the_platforms_own_authority_is_pinned_by_its_fingerprint(
    site: Site, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = site.platform.settings.model_copy(update={"tls": "internal-ca", "port": free_port()})
    process = make_process(replace(site.platform, settings=settings))
    authority = listening(settings).authority
    assert authority is not None
    async with web(process, settings) as url:
        code = await site.code()
        assert await site.type_in("enrol", url, code) == 1
        assert f"The certificate of {url.removeprefix('https://')} is not trusted" in (
            capsys.readouterr().err
        )
        wrong = authority.fingerprint.replace("A", "B").replace("1", "2")
        assert await site.type_in("enrol", url, code, "--fingerprint", wrong) == 1
        assert "somebody may be in between. Nothing was sent." in capsys.readouterr().err
        words = ("enrol", url, code, "--fingerprint", authority.fingerprint)
        assert await site.type_in(*words) == 0
        assert await site.type_in("renew") == 0
        async with httpx.AsyncClient(base_url=site.url) as client:
            answer = await client.get("/api/v1/enrol/authority")
            assert answer.status_code == 404
    assert 'ca: "platform-ca.pem"' in site.config.read_text()
    assert await site.type_in("enrol", "http://energy.example", code) == 1
    assert "is no address to enrol at" in capsys.readouterr().err
