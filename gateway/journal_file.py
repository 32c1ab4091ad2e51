"""The journal's file: opened for one process alone, set aside when it is damaged."""

import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    rec INTEGER PRIMARY KEY, device TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS alias (
    device TEXT NOT NULL, metric TEXT NOT NULL, alias INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (device, metric)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS birth (device TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
"""


class JournalFault(Exception):
    """The journal's file cannot be used; the sentence says what to do."""


def open_file(file: Path, *, durable: bool = False) -> sqlite3.Connection:
    """Open a journal file for this process alone; a damaged one is set aside.

    JournalFault when another process holds it or the folder cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _connect(file, durable=durable)
    except sqlite3.OperationalError as error:
        raise JournalFault(
            f"the journal {file} cannot be opened ({error}). Is another gateway using it, or is "
            "the folder not writable? End that process or set journal.path."
        ) from error
    except OSError as error:
        raise JournalFault(
            f"the journal's folder {file.parent}: {error}. Set journal.path."
        ) from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(file)
        log.warning("the journal %s is damaged (%s): set aside as %s.", file, error, aside.name)
        return _connect(file, durable=durable)


def _connect(file: Path, *, durable: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=2, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA cache_size = -2048")
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.commit()
    return connection


def _set_aside(file: Path) -> Path:
    number = 1
    while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    return file.rename(aside)


def read_meta(connection: sqlite3.Connection, key: str, default: int) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else int(row[0])


def write_meta(connection: sqlite3.Connection, key: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
