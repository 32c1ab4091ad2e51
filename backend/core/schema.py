"""Whether a database can be used: reachable, ours, and of this version's schema."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import AsyncConnection, errors

from backend.core.errors import DatabaseError

SCRIPTS = Path(__file__).parents[2] / "migrations"


def newest_revision() -> str:
    """Answer the revision this version brings; migrations are named <revision>_<what>.py."""
    return max(path.stem.partition("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


async def check_schema(url: str) -> None:
    """Return when the database has this version's schema; DatabaseError says what to do else."""
    try:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            cursor = await connection.execute("SELECT version_num FROM alembic_version")
            row = await cursor.fetchone()
    except (errors.UndefinedTable, errors.InsufficientPrivilege) as error:
        raise DatabaseError(
            f"The database at {place(url)} was not made by Kilowise or is not finished: "
            f"{error.diag.message_primary}. "
            f"Run kilowise db init, or set KILOWISE_DATABASE_URL to the right database."
        ) from error
    except psycopg.OperationalError as error:
        raise unreachable(url, error) from error
    found, ours = (str(row[0]) if row else "none"), newest_revision()
    if found < ours:
        raise DatabaseError(
            f"The database at {place(url)} has schema {found}, this version needs {ours}. Back it "
            f"up and run kilowise db upgrade."
        )
    if found > ours:
        raise newer(found)


def newer(found: str) -> DatabaseError:
    """Answer the sentence for a schema that a newer version made."""
    return DatabaseError(
        f"The database has schema {found}, which this version of Kilowise does not know: a newer "
        f"version made it. Install that version again, or restore a backup."
    )


def unreachable(url: str, error: psycopg.OperationalError) -> DatabaseError:
    """Answer the sentence for a server that does not take our connection."""
    told = " ".join(str(error).split())
    return DatabaseError(
        f"The database at {place(url)} cannot be used: {told}. Check KILOWISE_DATABASE_URL and "
        f"that the server runs; kilowise db init makes roles and tables."
    )


def place(url: str) -> str:
    """Answer host, port and database of a URL, without user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'the embedded server'}{parts.path}"
