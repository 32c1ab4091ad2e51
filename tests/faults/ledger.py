"""What a gateway's journal ever committed, and what the database holds: two sets to compare.

The gateway deletes what is acknowledged, so a trigger put into its SQLite file before it starts
copies every committed record into a table that only the test reads.
"""

import shutil
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from backend.core.passwords import load_passwords
from backend.core.postgres import running_url
from backend.core.roles import DATABASE, url_for_role
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Metric, decode, signed
from gateway.journal_file import open_file

AUDIT = """
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, rec INTEGER, device TEXT, body BLOB);
CREATE TRIGGER audit_record AFTER INSERT ON record BEGIN
    INSERT INTO audit (rec, device, body) VALUES (new.rec, new.device, new.body);
END;
"""
DRAIN_S = 300.0
JOURNAL = "gateway-1.journal"


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One sample: whose, when (UTC ms) and what."""

    device: str
    point: str
    ts_ms: int
    value: float
    quality: int


def audit(data: Path) -> None:
    """Make the gateway's journal with the trigger; the gateway must not run yet."""
    connection = open_file(data / JOURNAL)
    connection.executescript(AUDIT)
    connection.close()


def journaled(data: Path) -> list[Fact]:
    """Every sample the journal ever committed, in the order of its records; nulls have no fact."""
    with _copy(data) as connection:
        aliases: dict[int, str] = dict(connection.execute("SELECT alias, metric FROM alias"))
        rows = connection.execute("SELECT device, body FROM audit ORDER BY number").fetchall()
    return [
        Fact(device, aliases[metric.alias or 0], metric.timestamp or 0, value, int(Quality.GOOD))
        for device, body in rows
        for metric in decode(body).metrics
        if (value := _number(metric)) is not None
    ]


def devices(data: Path) -> set[str]:
    """Every device that the journal ever had a record of."""
    with _copy(data) as connection:
        return {slug for (slug,) in connection.execute("SELECT DISTINCT device FROM audit")}


def records(data: Path) -> list[tuple[int, bytes]]:
    """Every record the journal ever committed: its number and its body."""
    with _copy(data) as connection:
        return connection.execute("SELECT rec, body FROM audit ORDER BY number").fetchall()


def waiting(data: Path) -> int:
    """How many records are not acknowledged, by a copy of the running gateway's file."""
    while True:
        try:
            with _copy(data) as connection:
                (count,) = connection.execute("SELECT count(*) FROM record").fetchone()
                return int(count)
        except sqlite3.DatabaseError:
            # Copied in the middle of a checkpoint.
            time.sleep(0.05)


def wait_drained(data: Path) -> None:
    """Wait until everything is acknowledged; meters must be silent."""
    deadline = time.monotonic() + DRAIN_S
    while waiting(data):
        assert time.monotonic() < deadline, f"{waiting(data)} records were never acknowledged"
        time.sleep(0.2)


def stored(data: Path, project: str = "demo") -> list[Fact]:
    """Every reading of a project in the running database, in the order of time."""
    with superuser(data) as connection:
        rows = connection.execute(
            "SELECT d.slug, p.name, r.ts, r.value, r.quality FROM reading r"
            " JOIN project j ON j.id = r.project_id"
            " JOIN point p ON p.project_id = r.project_id AND p.id = r.point_id"
            " JOIN device d ON d.project_id = r.project_id AND d.id = p.device_id"
            " WHERE j.slug = %s ORDER BY r.ts",
            (project,),
        ).fetchall()
    return [Fact(slug, name, milliseconds(ts), value, int(q)) for slug, name, ts, value, q in rows]


def imported_until(data: Path) -> int:
    """No reading later than this (UTC ms) came by an import; 0 when there was none."""
    with superuser(data) as connection:
        row = connection.execute("SELECT max(created_at) FROM import_job").fetchone()
    return milliseconds(row[0]) if row and row[0] else 0


def import_done(data: Path) -> bool:
    """Whether the demonstration's past is in the database."""
    with superuser(data) as connection:
        states = [row[0] for row in connection.execute("SELECT state FROM import_job").fetchall()]
    assert "failed" not in states
    return "done" in states


def superuser(data: Path) -> psycopg.Connection:
    """A superuser's connection to the running embedded database."""
    url = running_url(data)
    assert url is not None, "no database runs"
    password = load_passwords(data / "database-passwords.json")["postgres"]
    return psycopg.connect(url_for_role(url, "postgres", password, DATABASE), autocommit=True)


def milliseconds(instant: datetime) -> int:
    """A database's instant in UTC milliseconds."""
    return round(instant.astimezone(UTC).timestamp() * 1000)


def _number(metric: Metric) -> float | None:
    if metric.is_null or not isinstance(metric.value, int | float):
        return None
    if isinstance(metric.value, float):
        return metric.value
    return float(signed(metric.value, 64))


class _copy:  # noqa: N801 - reads like a function: with _copy(data) as connection
    """A copy of the journal's files, opened; the gateway holds the original for itself alone."""

    def __init__(self, data: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kw-ledger-"))
        for suffix in ("", "-wal"):
            file = data / (JOURNAL + suffix)
            if file.exists():
                shutil.copy(file, self._folder / file.name)
        self._connection = sqlite3.connect(self._folder / JOURNAL)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        shutil.rmtree(self._folder)
