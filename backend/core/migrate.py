"""Brings a database to the schema of this version: roles, tables, partitions; repeatable.

`init_database` is what `kilowise db init` and every start of the embedded server do.
"""

from collections.abc import Mapping
from datetime import datetime

import psycopg
import sqlalchemy.exc
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from backend.core.errors import DatabaseError
from backend.core.partitions import keep_partitions
from backend.core.roles import (
    DATABASE,
    DATABASE_EXISTS,
    create_database_sql,
    database_statements,
    role_statements,
    url_for_role,
)
from backend.core.schema import SCRIPTS, newer, unreachable


def init_database(
    admin_url: str, passwords: Mapping[str, str], now: datetime, database: str = DATABASE
) -> None:
    """Make roles and database as superuser, then tables and partitions as kw_owner.

    `admin_url` names a superuser and any database of the server. Raises DatabaseError when the
    server cannot be reached, the user is no superuser or the schema is newer than this version.
    """
    try:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            _make_roles_and_database(connection, passwords, database)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The user of KILOWISE_DATABASE_URL may not make roles: {error}. Use a superuser once, "
            f"or hand the output of `kilowise db init --print-sql` to the administrator and then "
            f"run `kilowise db upgrade`."
        ) from error
    except psycopg.OperationalError as error:
        raise unreachable(admin_url, error) from error
    upgrade_database(url_for_role(admin_url, "kw_owner", passwords["kw_owner"], database), now=now)


def _make_roles_and_database(
    connection: psycopg.Connection[tuple[object, ...]], passwords: Mapping[str, str], database: str
) -> None:
    for statement in role_statements(passwords):
        connection.execute(statement.encode())
    if connection.execute(DATABASE_EXISTS, (database,)).fetchone() is None:
        connection.execute(create_database_sql(database).encode())
    for statement in database_statements(database):
        connection.execute(statement.encode())


def upgrade_database(owner_url: str, *, now: datetime) -> None:
    """Apply the missing migrations as kw_owner and make the partitions around `now`."""
    migrate(owner_url, "upgrade", "head")
    keep_partitions(owner_url, now)


def migrate(owner_url: str, action: str, target: str = "head") -> None:
    """Run alembic's `upgrade`, `downgrade` or `check` as kw_owner."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(
        owner_url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            # An interrupted upgrade is simply repeated, so it need not wait for the disk.
            connection.exec_driver_sql("SET synchronous_commit = off")
            # Two upgrades at once come one after the other.
            connection.exec_driver_sql("SELECT pg_advisory_lock(hashtext('kilowise migrate'))")
            connection.commit()
            config.attributes["connection"] = connection
            _check_known(config, connection.connection.dbapi_connection)
            if action == "check":
                command.check(config)
            elif action == "downgrade":
                command.downgrade(config, target)
            else:
                command.upgrade(config, target)
            connection.commit()
    except sqlalchemy.exc.OperationalError as error:
        if not isinstance(error.orig, psycopg.OperationalError):
            raise
        raise unreachable(owner_url, error.orig) from error
    finally:
        engine.dispose()


def _check_known(config: Config, connection: object) -> None:
    """Refuse a schema that a newer version made."""
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("the engine must be psycopg's")
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() in {None, (None,)}:
        return
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    for (found,) in connection.execute("SELECT version_num FROM alembic_version").fetchall():
        if found not in known:
            raise newer(str(found))
