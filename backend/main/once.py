"""Commands that do one thing and end."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from backend.core.errors import NotFound, OperatingError
from backend.core.schema import check_schema
from backend.core.settings import Settings
from backend.main.serve import ADDRESS_FILE
from backend.main.wiring import build_platform


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
