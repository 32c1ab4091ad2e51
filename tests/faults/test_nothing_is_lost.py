"""kill -9 of every process in turn under load: the database holds what the journal committed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.faults.ledger import (
    audit,
    imported_until,
    journaled,
    milliseconds,
    stored,
    superuser,
    wait_drained,
)
from tests.product import Product, product

pytestmark = pytest.mark.timeout(600)

GO_ON_S = 120.0
QUARTER_MS = 900_000
LOAD_S = 1.5


def test_kill_9_of_each_process_in_turn_loses_and_doubles_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data folder"
    data.mkdir()
    audit(data)
    with product(tmp_path) as running:
        running.wait_ready()
        running.token("manager")
        for victim in ("gateway", "broker", "ingest", "web", "postgres"):
            old = running.kill(victim)
            running.wait_restarted(victim, old)
            values_go_on(running)
        kill_backend(running)
        values_go_on(running)
        # A session outlives the process that made it.
        until(lambda: bool(running.graphql("{ now }")), running)
        old_server = running.pid("postgres")
        below = running.children()
        assert running.printed().count("roles     W The broker 127.0.0.1 closed") <= 1
        running.process.kill()
        running.process.wait()
        ended_within(below - {old_server or 0}, 3.0)
    with product(tmp_path) as running:
        running.wait_ready()
        assert servers_of(data) == {running.pid("postgres")}
        values_go_on(running)
        running.kill("plant", signal.SIGSTOP)
        wait_drained(data)
        expected, found, history = journaled(data), stored(data), imported_until(data)
        running.kill("plant", signal.SIGCONT)
    first = min(fact.ts_ms for fact in expected)
    found = [fact for fact in found if fact.ts_ms >= first]
    assert len(set(expected)) > 1000
    assert set(expected) - set(found) == set()
    # The demonstration's past ends with the first live values: quarter hours before its import.
    more = {f for f in set(found) - set(expected) if f.ts_ms % QUARTER_MS or f.ts_ms > history}
    assert more == set()
    assert len(found) == len(set(found))
    print(f"kill -9: {len(found)} readings compared")


def values_go_on(running: Product) -> None:
    """Wait until samples of from now on are stored, and a while of load more."""
    since = time.time()

    def fresh() -> bool:
        with superuser(running.data) as connection:
            row = connection.execute("SELECT max(ts) FROM last_value").fetchone()
        return row is not None and row[0] is not None and milliseconds(row[0]) > since * 1000

    until(fresh, running)
    time.sleep(LOAD_S)


def until(met: Callable[[], bool], running: Product) -> None:
    """Wait for something that the database tells, which may be away for a while."""
    deadline = time.monotonic() + GO_ON_S
    while True:
        try:
            if met():
                return
        except (psycopg.OperationalError, OSError, AssertionError):
            pass
        assert time.monotonic() < deadline, running.printed()[-6000:]
        time.sleep(0.1)


def kill_backend(running: Product) -> None:
    """kill -9 of the server process that stores readings: PostgreSQL ends all and recovers."""
    with superuser(running.data) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'kw_ingest'"
        ).fetchall()
    assert rows
    os.kill(rows[0][0], signal.SIGKILL)


def ended_within(pids: set[int], seconds: float) -> None:
    """The processes are gone in time."""
    deadline = time.monotonic() + seconds
    while left := {pid for pid in pids if alive(pid)}:
        assert time.monotonic() < deadline, {pid: command(pid) for pid in left}
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command(pid: int) -> list[str]:
    """The words a process was started with; its path may hold spaces."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def servers_of(data: Path) -> set[int]:
    """Postmasters on this data folder."""
    cluster = str(data / "postgres" / "cluster")
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return {
        pid
        for pid in pids
        if (words := command(pid)) and Path(words[0]).name == "postgres" and cluster in words
    }
