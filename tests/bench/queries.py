"""What people wait for, with 8 clients at once: p95 at the server, database included.

Each client asks every quarter of a second, as a hall of screens does; all share this machine. The
data set is a year for 10,000 meters (`--small`: 1,000), about 3.9 million accounts. The year view
of 30 meters is asked once of a process and a connection that have never answered anything.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles

import orjson
import psycopg
from starlette.types import ASGIApp

from backend.application.web import build_app
from backend.application.web_process import make_process, warm_up
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.bench.rollup import server_seconds
from tests.bench.series_cpu import call, told
from tests.bench.server import BenchServer, bench_server, figure, run
from tests.bench.year_of_accounts import NOW, YEAR, Fixture, fill

METERS, SMALL = 10_000, 1_000
CLIENTS, ASKED, EVERY_S = 8, 24, 0.25
REACH_MS, COLD_MS = 20.0, 300.0
CURVES = """query ($i: SeriesInput!) { project(id: "bench") { curves(input: $i) {
  scope start step starts unit values quality total } } }"""
TOP = """query ($i: TopInput!) { project(id: "bench") { top(input: $i) {
  unit whole others othersValue rows { scope name { en } value share } } } }"""


def questions(made: Fixture) -> dict[str, bytes]:
    """The requests, by what they are."""
    span = {"energy": "electricity", "end": NOW.isoformat()}
    year, month = ((NOW - back).isoformat() for back in (YEAR, timedelta(days=31)))
    asked: dict[str, tuple[str, dict[str, object]]] = {
        "year of hours of one meter": (
            CURVES, {"scopes": made.meters[:1], "period": "HOUR", "start": year, **span}),
        "month of a workshop": (
            CURVES, {"scopes": [made.workshop], "period": "DAY", "start": month, **span}),
        "top 20 of all meters": (
            TOP, {"energy": "electricity", "period": "MONTH", "meters": True, "first": 20}),
        "year view of 30 meters": (
            CURVES, {"scopes": made.meters, "period": "MONTH", "start": year, **span}),
    }  # fmt: skip
    return {
        name: orjson.dumps({"query": query, "variables": {"i": wanted}})
        for name, (query, wanted) in asked.items()
    }


def web(stack: Platform) -> ASGIApp:
    """A web process that has answered nothing yet, as the role `web` starts it."""
    app = build_app(make_process(stack))
    warm_up()
    return app


async def asked_ms(app: ASGIApp, token: str, body: bytes) -> float:
    """Milliseconds until a request is answered."""
    headers = {
        "host": "localhost",
        "content-type": "application/json",
        "accept-encoding": "gzip",
        "authorization": f"Bearer {token}",
    }
    began = time.perf_counter()
    status, packed = await call(app, headers, body)
    took = (time.perf_counter() - began) * 1000
    assert status == 200
    assert told(packed), packed
    return took


async def client(app: ASGIApp, token: str, body: bytes, number: int) -> list[float]:
    """One client: asks, waits for the rest of its quarter second, asks again."""
    await asyncio.sleep(EVERY_S * number / CLIENTS)
    times = []
    for _ in range(ASKED):
        took = await asked_ms(app, token, body)
        times.append(took)
        await asyncio.sleep(max(0.0, EVERY_S - took / 1000))
    return times


@dataclass(frozen=True, slots=True)
class Taken:
    """What requests took: p95 of the wait, and CPU of one in this process and in PostgreSQL, ms."""

    p95: float
    web: float
    database: float


async def measured(server: BenchServer, app: ASGIApp, token: str, body: bytes) -> Taken:
    """Measure all clients' requests, after some that fill the caches."""
    for _ in range(CLIENTS):
        await asked_ms(app, token, body)
    began, served = time.process_time(), database_seconds(server)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client(app, token, body, n)) for n in range(CLIENTS)]
    each = 1000 / (CLIENTS * ASKED)
    return Taken(
        p95=quantiles([took for task in tasks for took in task.result()], n=20)[-1],
        web=(time.process_time() - began) * each,
        database=(database_seconds(server) - served) * each,
    )


def database_seconds(server: BenchServer) -> float:
    """CPU seconds so far of the server processes that work for the web role."""
    with psycopg.connect(server.url("kw_app")) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'kw_app' AND pid <> pg_backend_pid()"
        ).fetchall()
    return sum(server_seconds(pid) for (pid,) in pids)


async def main() -> list[str]:
    """The lines of this benchmark."""
    meters = SMALL if "--small" in sys.argv else METERS
    lines = []
    with bench_server(NOW) as server:
        async with server.database() as database:
            made = await fill(database, meters)
        with psycopg.connect(server.url("kw_owner"), autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE account")
        asked = questions(made)
        against = f"{meters} meters, {made.rows} accounts"
        async with server.database() as database:
            platform = Platform(
                Settings(data=server.folder), ManualClock(NOW), database, "", "http://localhost"
            )
            name = "year view of 30 meters"
            cold = await asked_ms(web(platform), made.token, asked.pop(name))
            lines.append(
                figure(
                    f"{name}, cold",
                    cold,
                    "ms",
                    against=f"{against}; others read 106,000 rows in 42 s",
                    ratio=None,
                    reach=COLD_MS,
                    at_most=True,
                )
            )
            app = web(platform)
            for name, body in asked.items():
                took = await measured(server, app, made.token, body)
                lines.append(
                    figure(
                        f"{name}, {CLIENTS} clients, p95",
                        took.p95,
                        "ms",
                        against=f"{against}; CPU of one: web {took.web:.1f} ms,"
                        f" database {took.database:.1f} ms",
                        ratio=None,
                        reach=REACH_MS,
                        at_most=True,
                    )
                )
    return lines


if __name__ == "__main__":
    run(main)
