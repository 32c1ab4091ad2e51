"""Making the database, and bringing it to this version."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

from backend.core.errors import DatabaseError
from backend.core.partitions import keep_partitions
from backend.core.passwords import load_passwords
from backend.core.postgres import running_url
from backend.core.roles import database_name, url_for_role
from backend.core.schema import check_schema
from backend.core.settings import Settings
from backend.main.wiring import embedded_postgres


def init(settings: Settings) -> None:
    """Make roles, database, tables and partitions, on the server set or on the embedded one."""
    if settings.database_url or running_url(settings.data_folder):
        _init_at(settings, settings.database_url or str(running_url(settings.data_folder)))
        return
    server = embedded_postgres(settings)
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


async def ensure_database(settings: Settings, base: str) -> None:
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


def _init_at(settings: Settings, base: str) -> None:
    # alembic and SQLAlchemy are needed here only.
    from backend.core.migrate import init_database

    passwords = load_passwords(settings.passwords_file)
    parts = urlsplit(base)
    admin = urlunsplit(parts._replace(path="/postgres"))
    if not settings.database_url:
        admin = url_for_role(base, "postgres", passwords["postgres"], "postgres")
    init_database(admin, passwords, settings.clock.now(), database_name(base))
