"""One process with one or more roles, until a signal or the end of one of them."""

import uvloop

from backend.core.errors import OperatingError, SettingError
from backend.core.logs import set_up_logs
from backend.core.platform import Platform
from backend.core.processes import give_way
from backend.core.schema import check_schema
from backend.core.settings import Settings
from backend.core.supervisor import run_until_signal, wait_at_gate
from backend.main.wiring import build_platform, exists, load

ROLES = {
    "broker": "backend.acquisition.broker:run",
    "ingest": "backend.acquisition.ingest:run",
    "aggregate": "backend.aggregation.worker:run",
    "alarm": "backend.service.alarms.worker:run",
    "worker": "backend.service.jobs:run",
    "web": "backend.application.web:run",
    "mqtt": "backend.application.mqtt_api.role:run",
    "history": "backend.service.projects.history:run",
}
"""Role -> `async def run(platform: Platform) -> None`, imported when the role starts."""

PATIENCE = {"history": 5}
"""Niceness of a process that has only such roles: what nobody waits for gives way."""


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
