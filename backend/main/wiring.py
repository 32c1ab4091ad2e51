"""The parts of this installation and how they are put together."""

import importlib
import importlib.util
from collections.abc import Awaitable, Callable

from backend.core.db import Database
from backend.core.errors import DatabaseError
from backend.core.passwords import load_passwords
from backend.core.platform import Platform
from backend.core.postgres import EmbeddedPostgres, find_programs, running_url
from backend.core.roles import database_name, url_for_role
from backend.core.settings import Settings

Run = Callable[[Platform], Awaitable[None]]


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
        mqtt_url=settings.mqtt_url or embedded_broker(settings, settings.mqtt_port),
        public_url=settings.public_url or f"{scheme}://{settings.bind}:{settings.port}",
    )


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Answer the PostgreSQL of the data folder; it is not started."""
    return EmbeddedPostgres(settings.data_folder, find_programs(settings), settings.passwords_file)


def embedded_broker(settings: Settings, port: int) -> str:
    """Answer where the embedded broker listens, for the platform's own roles."""
    from backend.acquisition.credentials import internal_url

    return internal_url(settings.data_folder, port)
