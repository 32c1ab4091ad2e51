"""Faults on the running product: kill a role, wait until it is back, cut the link, go on."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from gateway.contract.clock import Clock, SystemClock
from gateway.simulator.command import ask
from tests.faults.ledger import milliseconds, superuser
from tests.product import Product

GO_ON_S = 300.0
BACK_S = 120.0
"""Seconds within which a killed role works again: the supervisor waits up to 10 between starts."""


def kill_and_wait(running: Product, role: str) -> None:
    """kill -9 of a role; returns when another process does its work."""
    running.wait_restarted(role, strike(running, role), BACK_S)


def strike(running: Product, role: str) -> int:
    """kill -9 of a role, once it runs: an earlier fault may just have ended it; its pid."""
    deadline = time.monotonic() + BACK_S
    while True:
        pid = running.pid(role)
        if pid is not None and alive(pid):
            os.kill(pid, signal.SIGKILL)
            return pid
        assert time.monotonic() < deadline, f"{role} is not back:\n{running.printed()[-3000:]}"
        time.sleep(0.05)


def kill_backend(running: Product) -> None:
    """kill -9 of the server process that stores readings: PostgreSQL ends all and recovers."""
    with superuser(running.data) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'kw_ingest'"
        ).fetchall()
    assert rows
    os.kill(rows[0][0], signal.SIGKILL)


def cut_link(running: Product, seconds: float) -> None:
    """Cut the gateway's link for so many seconds of the product's clock; returns at once."""
    assert ask(running.data, json.dumps({"fault": "link", "minutes": seconds / 60}))["ok"]


def silence(running: Product, devices: set[str]) -> None:
    """Let the meters keep silent, so that the journal can be drained."""
    for slug in devices:
        assert ask(running.data, json.dumps({"fault": "dead", "device": slug}))["ok"]


def values_go_on(running: Product, clock: Clock | None = None) -> None:
    """Wait until samples of from now on are stored."""
    since = milliseconds((clock or SystemClock()).now())

    def fresh() -> bool:
        with superuser(running.data) as connection:
            row = connection.execute("SELECT max(ts) FROM last_value").fetchone()
        return row is not None and row[0] is not None and milliseconds(row[0]) > since

    until(fresh, running)


def until(met: Callable[[], bool], running: Product) -> None:
    """Wait for something that the database tells, which may be away for a while."""
    deadline = time.monotonic() + GO_ON_S
    while True:
        try:
            if met():
                return
        except (psycopg.Error, OSError, AssertionError):
            pass
        assert time.monotonic() < deadline, running.printed()[-6000:]
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
