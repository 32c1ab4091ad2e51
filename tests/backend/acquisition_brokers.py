"""Both brokers for tests: the embedded one in this process and Debian's mosquitto as a child."""

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gmqtt import Client, Message
from gmqtt.mqtt.constants import MQTTv311

from backend.acquisition import mosquitto
from backend.acquisition.credentials import (
    INTERNAL,
    Credential,
    gateway_credential,
    hash_secret,
    internal_credential,
    internal_secret,
    write_snapshot,
)

PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)


SITE = "site"
"""A credential of third-party devices, and of who hears them."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Caller:
    """A plain MQTT client that keeps all it hears."""

    client: Client
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    granted: asyncio.Queue[tuple[int, ...]] = field(default_factory=asyncio.Queue)

    async def subscribe(self, topic_filter: str, qos: int = 0) -> int:
        """Subscribe and answer the granted QoS, 128 when refused."""
        self.client.subscribe(topic_filter, qos=qos)
        return (await asyncio.wait_for(self.granted.get(), 60))[0]

    async def hears(self, count: int) -> list[tuple[str, bytes]]:
        """Wait until `count` messages were heard and answer all."""
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                self.news.clear()
                await self.news.wait()
        return self.heard

    def take(self, topic: str, payload: bytes) -> None:
        """Keep a message."""
        self.heard.append((topic, payload))
        self.news.set()


@dataclass
class RunningBroker:
    """A broker with gateway credentials `a.g1` and `b.g2` besides the internal one."""

    kind: str
    port: int
    secrets: dict[str, str]
    revoke: Callable[[str], None]
    callers: list[Caller] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the platform's own connections."""
        return f"mqtt://{INTERNAL}:{self.secrets[INTERNAL]}@127.0.0.1:{self.port}"

    async def connect(
        self,
        name: str,
        *,
        client_id: str | None = None,
        secret: str | None = None,
        will: Message | None = None,
        keepalive: int = 60,
    ) -> Caller:
        """Connect as a credential; gmqtt's MQTTConnectError when refused."""
        client = Client(client_id or mosquitto.client_id(name), will_message=will)
        client.set_auth_credentials(name, secret or self.secrets[name])
        client.set_config({"reconnect_retries": 0})
        caller = Caller(client)
        client.on_message = lambda _c, topic, payload, *_: caller.take(topic, bytes(payload))
        client.on_disconnect = lambda *_: caller.gone.set()
        client.on_subscribe = lambda _c, _mid, qos, _p: caller.granted.put_nowait(tuple(qos))
        self.callers.append(caller)
        async with asyncio.timeout(60):
            await client.connect("127.0.0.1", self.port, version=MQTTv311, keepalive=keepalive)
        return caller


def make_credentials(folder: Path) -> tuple[dict[str, str], list[Credential]]:
    secrets = {
        "a.g1": "secret of a",
        "b.g2": "secret of b",
        SITE: "secret of the site",
        INTERNAL: internal_secret(folder),
    }
    return secrets, [
        Credential(SITE, hash_secret(secrets[SITE]), ("meters/#",), ("meters/#",)),
        gateway_credential("a", "g1", hash_secret(secrets["a.g1"])),
        gateway_credential("b", "g2", hash_secret(secrets["b.g2"])),
    ]


async def until_listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


Made = tuple[dict[str, str], list[Credential]]
"""Secrets by name, and the credentials that they belong to."""


@contextlib.asynccontextmanager
async def embedded(folder: Path, made: Made | None = None) -> AsyncIterator[RunningBroker]:
    """The embedded broker as a process of its own, as the platform runs it."""
    secrets, credentials = made or make_credentials(folder)
    write_snapshot(folder, credentials)
    port = free_port()
    code = (
        "import asyncio, pathlib; from backend.acquisition.broker import serve; "
        f"asyncio.run(serve(pathlib.Path({str(folder)!r}), '127.0.0.1', {port}))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.DEVNULL
    )

    def revoke(name: str) -> None:
        write_snapshot(folder, [held for held in credentials if held.name != name])

    running = RunningBroker("amqtt", port, secrets, revoke)
    await until_listening(port)
    try:
        yield running
    finally:
        await end_callers(running)
        child.kill()
        await child.wait()


@contextlib.asynccontextmanager
async def debian_mosquitto(folder: Path, made: Made | None = None) -> AsyncIterator[RunningBroker]:
    """Debian's mosquitto with the dynamic-security plug-in."""
    secrets, credentials = made or make_credentials(folder)
    internal = internal_credential(hash_secret(secrets[INTERNAL]))
    (folder / "security.json").write_bytes(mosquitto.security_document([*credentials, internal]))
    port = free_port()
    (folder / "mosquitto.conf").write_text(
        f"per_listener_settings false\nlistener {port} 127.0.0.1\nallow_anonymous false\n"
        f"user root\nplugin {PLUGIN}\nplugin_opt_config_file {folder / 'security.json'}\n"
        "persistence false\nsys_interval 1\n"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    child = await asyncio.create_subprocess_exec(
        program, "-c", str(folder / "mosquitto.conf"), stderr=asyncio.subprocess.DEVNULL
    )
    running = RunningBroker("mosquitto", port, secrets, lambda _: None)
    await until_listening(port)
    admin = await running.connect(INTERNAL, client_id="internal/admin")
    running.revoke = lambda name: admin.client.publish(
        mosquitto.CONTROL_TOPIC, mosquitto.revoke(name), qos=1
    )
    try:
        yield running
    finally:
        await end_callers(running)
        child.send_signal(signal.SIGTERM)
        await child.wait()


async def end_callers(running: RunningBroker) -> None:
    for caller in running.callers:
        caller.client.stop_reconnect()
        with contextlib.suppress(Exception):
            await caller.client.disconnect()
    await asyncio.sleep(0.05)


BROKERS = {"amqtt": embedded, "mosquitto": debian_mosquitto}
