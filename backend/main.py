"""The composition root: the only place that knows every role and wires them to their parts.

`serve` runs PostgreSQL, the broker and all roles under one supervisor; `run_roles` is one process
with one or more roles. Roles are looked up by name and imported on first use.
"""

import asyncio
import importlib
import importlib.util
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import uvloop

from backend.core.clock import resolve_clock
from backend.core.db import Database
from backend.core.errors import DatabaseError, NotFound, OperatingError, SettingError
from backend.core.logs import set_up_logs
from backend.core.partitions import keep_partitions
from backend.core.passwords import load_passwords
from backend.core.platform import Platform
from backend.core.ports import HANDED, choose_port, hold_port, port_of, until_healthy
from backend.core.postgres import EmbeddedPostgres, find_programs, running_url
from backend.core.processes import give_way
from backend.core.roles import database_name, url_for_role
from backend.core.schema import check_schema
from backend.core.settings import Settings
from backend.core.supervisor import Child, Supervisor, run_until_signal, until_signal, wait_at_gate

log = logging.getLogger(__name__)

Run = Callable[[Platform], Awaitable[None]]

ROLES = {
    "broker": "backend.acquisition.broker:run",
    "ingest": "backend.acquisition.ingest:run",
    "aggregate": "backend.aggregation.worker:run",
    "alarm": "backend.service.alarms.worker:run",
    "worker": "backend.service.jobs:run",
    "web": "backend.application.web:run",
    "history": "backend.service.projects.history:run",
}
"""Role -> `async def run(platform: Platform) -> None`, imported when the role starts."""

PROCESSES: tuple[tuple[str, ...], ...] = (
    ("web",),
    ("ingest",),
    ("alarm",),
    ("aggregate", "worker"),
)
"""The processes of `kilowise serve` and the roles in each, beside broker and PostgreSQL.

What people wait for (web, ingest, alarm) shares no process with bulk work.
"""

PATIENCE = {"history": 5}
"""Niceness of a process that has only such roles: what nobody waits for gives way."""

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


def exists(target: str) -> bool:
    """Tell whether the module of a `module:function` is part of this installation."""
    try:
        return importlib.util.find_spec(target.partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def load(target: str) -> Run:
    """Import a `module:function`."""
    module, _, name = target.partition(":")
    run: Run = getattr(importlib.import_module(module), name)
    return run


def build_platform(settings: Settings) -> Platform:
    """Wire settings, clock, database and addresses for the roles of this process."""
    base = settings.database_url or running_url(settings.data_folder)
    passwords = load_passwords(settings.passwords_file)

    def url(role: str) -> str:
        if base is None:
            raise DatabaseError(
                f"No database: KILOWISE_DATABASE_URL is not set and no embedded PostgreSQL runs on "
                f"{settings.data_folder}. Set it, or run kilowise serve."
            )
        return url_for_role(base, role, passwords[role], database_name(base))

    scheme = "https" if settings.https else "http"
    return Platform(
        settings=settings,
        clock=settings.clock,
        database=Database(url),
        mqtt_url=settings.mqtt_url or _embedded_broker(settings, settings.mqtt_port),
        public_url=settings.public_url or f"{scheme}://{settings.bind}:{settings.port}",
    )


def run_roles(names: list[str], settings: Settings) -> None:
    """Run roles in this process until a signal; an error of one ends all (and is raised)."""
    set_up_logs(names[0] if len(names) == 1 else "roles", settings.log_level)
    for name in names:
        if not exists(ROLES[name]):
            raise OperatingError(f"The role {name} is not part of this installation.")
    give_way(min(PATIENCE.get(name, 0) for name in names))
    uvloop.run(_run_roles(names, settings))


async def _run_roles(names: list[str], settings: Settings) -> None:
    runs = [load(ROLES[name]) for name in names]
    wait_at_gate()
    platform = build_platform(settings)
    async with platform.database:
        if names != ["broker"]:
            await check_schema(platform.database.url("kw_app"))
            await check_clock(platform)
        await run_until_signal(*(run(platform) for run in runs))


async def check_clock(platform: Platform) -> None:
    """Refuse the accelerated clock on a database that holds more than the demonstration."""
    if platform.settings.clock_text is None:
        return
    async with platform.database.platform_read() as read:
        real = await read.fetch_value("SELECT slug FROM project WHERE NOT demo LIMIT 1", into=str)
    if real is not None:
        raise SettingError(
            f"KILOWISE_CLOCK is set, but the database holds the real project {real}. Unset it; the "
            f"accelerated clock is for demonstrations and tests only."
        )


def import_file(settings: Settings, path: Path, project: str) -> str:
    """Import readings into a project; answer what came of it, a line each."""
    return asyncio.run(_import_file(settings, path, project))


async def _import_file(settings: Settings, path: Path, project: str) -> str:
    from backend.acquisition.bulk_import import import_path

    platform = build_platform(settings)
    async with platform.database:
        try:
            job = await import_path(platform, path, project)
        except NotFound as error:
            raise OperatingError(
                f"There is no project {project}; name one with --project."
            ) from error
    faults = [f"  line {fault.line}: {fault.code}" for fault in job.faults]
    told = "\n".join(
        [
            f"{path.name}: {job.rows_done} lines read, {job.rows_new} readings stored, "
            f"{job.rows_rejected} refused",
            *faults,
        ]
    )
    if job.state == "failed":
        raise OperatingError(f"{path} was not imported.\n" + "\n".join(faults))
    return told


def answer(settings: Settings, target: str, **given: object) -> str:
    """Run `module:async function(platform, **given)` once and answer what it tells."""
    return asyncio.run(_answer(settings, target, given))


async def _answer(settings: Settings, target: str, given: Mapping[str, object]) -> str:
    module, _, name = target.partition(":")
    work: Callable[..., Awaitable[str]] = getattr(importlib.import_module(module), name)
    platform = build_platform(settings)
    async with platform.database:
        await check_schema(platform.database.url("kw_app"))
        return await work(platform, **given)


def init(settings: Settings) -> None:
    """Make roles, database, tables and partitions, on the server set or on the embedded one."""
    if settings.database_url or running_url(settings.data_folder):
        _init_at(settings, settings.database_url or str(running_url(settings.data_folder)))
        return
    server = _embedded_postgres(settings)
    server.start()
    try:
        _init_at(settings, server.url)
    finally:
        server.stop()


def upgrade(settings: Settings) -> None:
    """Apply the missing migrations only; roles and database exist already."""
    from backend.core.migrate import upgrade_database

    base = settings.database_url or running_url(settings.data_folder)
    if base is None:
        init(settings)
        return
    password = load_passwords(settings.passwords_file)["kw_owner"]
    owner_url = url_for_role(base, "kw_owner", password, database_name(base))
    upgrade_database(owner_url, now=settings.clock.now())


def story(settings: Settings, url: str | None) -> None:
    """Replay the demonstration's story on a running one and tell each step."""
    from backend.service.projects.story import Player, tell

    tell(Player(url or _serving_at(settings)), _say)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _serving_at(settings: Settings) -> str:
    """Where the `serve` on this data folder listens; it writes the address when it is ready."""
    try:
        return (settings.data_folder / ADDRESS_FILE).read_text("utf-8").strip()
    except OSError as error:
        raise OperatingError(
            f"Nothing serves on {settings.data_folder}. Start it with make run, or name where it "
            f"runs by --url."
        ) from error


def _init_at(settings: Settings, base: str) -> None:
    # alembic and SQLAlchemy are needed here only.
    from backend.core.migrate import init_database

    passwords = load_passwords(settings.passwords_file)
    parts = urlsplit(base)
    admin = urlunsplit(parts._replace(path="/postgres"))
    if not settings.database_url:
        admin = url_for_role(base, "postgres", passwords["postgres"], "postgres")
    init_database(admin, passwords, settings.clock.now(), database_name(base))


def _embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    return EmbeddedPostgres(settings.data_folder, find_programs(settings), settings.passwords_file)


def _embedded_broker(settings: Settings, port: int) -> str:
    from backend.acquisition.credentials import internal_url

    return internal_url(settings.data_folder, port)


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
        mqtt_url = settings.mqtt_url or _embedded_broker(settings, address.mqtt_port)
        common = _environment(settings, address, mqtt_url)
        if address.mqtt is not None:
            supervisor.keep(_role_child(("broker",), common, address))
        if settings.database_url is None:
            server = _embedded_postgres(settings)
            server.reserve()
        base = server.url if server else str(settings.database_url)
        common["KILOWISE_DATABASE_URL"] = base
        # They import while the database starts, and wait at the gate until it is ready.
        for child in _children(settings, common, address):
            supervisor.keep(child)
        if server is not None:
            await asyncio.to_thread(server.start)
            supervisor.watch("postgres", lambda: server.pid is None, server.restart)
        await _ensure_database(settings, base)
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


async def _ensure_database(settings: Settings, base: str) -> None:
    """Bring the database to this version; when it is there, only partitions are looked after."""
    passwords = load_passwords(settings.passwords_file)
    name = database_name(base)
    try:
        await check_schema(url_for_role(base, "kw_app", passwords["kw_app"], name))
    except DatabaseError:
        await asyncio.to_thread(_init_at, settings, base)
        return
    owner_url = url_for_role(base, "kw_owner", passwords["kw_owner"], name)
    await asyncio.to_thread(keep_partitions, owner_url, settings.clock.now())


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


__all__ = [
    "ROLES",
    "answer",
    "build_platform",
    "import_file",
    "init",
    "run_roles",
    "serve",
    "story",
    "upgrade",
]
