"""Everything on this machine under one supervisor, until Ctrl-C."""

import asyncio
import importlib
import logging
import socket
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvloop

from backend.core.clock import resolve_clock
from backend.core.logs import set_up_logs
from backend.core.ports import HANDED, choose_port, hold_port, port_of, until_healthy
from backend.core.settings import Settings
from backend.core.supervisor import Child, Supervisor, until_signal
from backend.main.database import ensure_database
from backend.main.roles import ROLES
from backend.main.wiring import build_platform, embedded_broker, embedded_postgres, exists, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.core.postgres import EmbeddedPostgres

log = logging.getLogger(__name__)

PROCESSES: tuple[tuple[str, ...], ...] = (
    ("web", "mqtt"),
    ("ingest",),
    ("alarm",),
    ("aggregate", "worker"),
)
"""The processes of `kilowise serve` and the roles in each, beside broker and PostgreSQL.

What people wait for (web, ingest, alarm) shares no process with bulk work.
"""

DEMO_SEED = "backend.service.demo:seed"
"""`async def seed(platform)`: makes the demonstration's project and people; repeatable."""

DEMO_PREPARE = "backend.service.demo:prepare"
"""`def prepare(settings) -> dict[str, str]`: environment of the demonstration's processes."""

ADDRESS_FILE = "address"
"""Below the data folder: the URL that `serve` answers at."""

DEMO_PROCESSES = {
    "plant": ("-m", "gateway", "simulate"),
    "gateway": ("-m", "gateway", "run"),
}
"""What `kilowise serve --demo` runs beside: the simulated plant and the gateway that reads it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the parts of one `serve` listen; what is held here is handed to who serves it."""

    http: socket.socket
    mqtt: socket.socket | None
    """None: the settings name a broker."""
    mqtt_port: int
    modbus_port: int

    def sockets(self, names: tuple[str, ...]) -> dict[str, int]:
        """Answer what the process of these roles serves, as `Child.sockets`."""
        served = {HANDED["http"]: ("web", self.http), HANDED["mqtt"]: ("broker", self.mqtt)}
        return {
            variable: held.fileno()
            for variable, (role, held) in served.items()
            if role in names and held is not None
        }


def serve(settings: Settings, *, demo: bool) -> None:
    """Run everything on this machine until Ctrl-C; leaves no process behind."""
    set_up_logs("serve", settings.log_level)
    demo = demo or settings.demo
    settings = settings.model_copy(
        update={"demo": demo, "clock_text": resolve_clock(settings.clock_text)}
    )
    address = _choose_ports(settings)
    uvloop.run(_serve(settings, address))


def _choose_ports(settings: Settings) -> Address:
    bind = "0.0.0.0" if settings.phone else settings.bind  # noqa: S104 - PHONE=1 asks for it
    http = hold_port("PORT", bind, settings.port, explicit=settings.is_explicit("port"))
    mqtt = None
    if settings.mqtt_url is None:
        explicit = settings.is_explicit("mqtt_port")
        mqtt = hold_port("MQTT_PORT", "127.0.0.1", settings.mqtt_port, explicit=explicit)
    return Address(
        http=http,
        mqtt=mqtt,
        mqtt_port=settings.mqtt_port if mqtt is None else port_of(mqtt),
        modbus_port=choose_port(
            "MODBUS_PORT",
            "127.0.0.1",
            settings.modbus_port,
            explicit=settings.is_explicit("modbus_port"),
        ),
    )


async def _serve(settings: Settings, address: Address) -> None:
    supervisor = Supervisor()
    server: EmbeddedPostgres | None = None
    asked = asyncio.create_task(until_signal())
    try:
        mqtt_url = settings.mqtt_url or embedded_broker(settings, address.mqtt_port)
        common = _environment(settings, address, mqtt_url)
        if address.mqtt is not None:
            supervisor.keep(_role_child(("broker",), common, address))
        if settings.database_url is None:
            server = embedded_postgres(settings)
            server.reserve()
        base = server.url if server else str(settings.database_url)
        common["KILOWISE_DATABASE_URL"] = base
        # They import while the database starts, and wait at the gate until it is ready.
        for child in _children(settings, common, address):
            supervisor.keep(child)
        if server is not None:
            await asyncio.to_thread(server.start)
            supervisor.watch("postgres", lambda: server.pid is None, server.restart)
        await ensure_database(settings, base)
        await _seed(settings, base, mqtt_url)
        supervisor.open_gate()
        announcing = asyncio.create_task(_announce(settings, address))
        await asked
        announcing.cancel()
    finally:
        asked.cancel()
        log.info("stopping")
        # Roles end while broker and database are still there.
        await supervisor.close("broker", "postgres")
        if server is not None:
            await asyncio.to_thread(server.stop)


def _environment(settings: Settings, address: Address, mqtt_url: str) -> dict[str, str]:
    environment = {
        "PORT": str(port_of(address.http)),
        "MQTT_PORT": str(address.mqtt_port),
        "MODBUS_PORT": str(address.modbus_port),
        "KILOWISE_DATA": str(settings.data_folder),
        "KILOWISE_MQTT_URL": mqtt_url,
        "KILOWISE_DEMO": "1" if settings.demo else "0",
    }
    if settings.clock_text:
        environment["KILOWISE_CLOCK"] = settings.clock_text
    return environment


def _role_child(names: tuple[str, ...], common: dict[str, str], address: Address) -> Child:
    argv = [sys.executable, "-m", "backend", *names]
    sockets = address.sockets(names)
    return Child("+".join(names), argv, common, gated=names != ("broker",), sockets=sockets)


def _children(settings: Settings, common: dict[str, str], address: Address) -> list[Child]:
    """Answer the processes of the roles that are installed, and of the demonstration."""
    children = []
    for names in PROCESSES:
        there = tuple(name for name in names if exists(ROLES[name]))
        if there != names:
            log.warning("not installed: %s", ", ".join(sorted({*names} - {*there})))
        if there:
            children.append(_role_child(there, common, address))
    if settings.demo:
        own = common | _demo_environment(settings)
        children.append(replace(_role_child(("history",), common, address), once=True))
        children += [
            Child(name, [sys.executable, *argv], own) for name, argv in DEMO_PROCESSES.items()
        ]
    return children


def _demo_environment(settings: Settings) -> dict[str, str]:
    if not exists(DEMO_PREPARE):
        return {}
    module, _, name = DEMO_PREPARE.partition(":")
    prepare: Callable[[Settings], dict[str, str]] = getattr(importlib.import_module(module), name)
    return prepare(settings)


async def _seed(settings: Settings, base: str, mqtt_url: str) -> None:
    if not settings.demo or not exists(DEMO_SEED):
        return
    wired = settings.model_copy(update={"database_url": base, "mqtt_url": mqtt_url})
    platform = build_platform(wired)
    async with platform.database:
        await load(DEMO_SEED)(platform)


async def _announce(settings: Settings, address: Address) -> None:
    """Tell where to go once the page answers."""
    await until_healthy(address.http, https=settings.https)
    scheme = "https" if settings.https else "http"
    url = settings.public_url or f"{scheme}://{settings.bind}:{port_of(address.http)}"
    await asyncio.to_thread((settings.data_folder / ADDRESS_FILE).write_text, url)
    lines = [f"Kilowise is ready: {url}/"]
    if address.mqtt is not None:
        lines.append(f"  MQTT on port {address.mqtt_port}")
    if settings.demo:
        lines.append("  demo people: manager, shift, admin; password kilowise-demo")
    sys.stdout.write("\n".join([*lines, "  Ctrl-C stops everything", ""]))
    sys.stdout.flush()
