"""CPU of the app's list of a hundred meters, beside PostGraphile 5 on the same rows.

Both answer over HTTP from the same PostgreSQL as the same role with row-level security; what counts
is the CPU of the web process and of its server processes together. A child process asks, one
request after the other. Ours looks up the session and the project's door besides.
"""

import asyncio
import http.client
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson

from backend.application.graphql.persisted import read_texts
from backend.application.web import build_app, serve
from backend.application.web_process import make_process, warm_up
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.platform import Platform
from backend.core.ports import choose_port
from backend.core.settings import Settings
from tests import npm
from tests.bench.process import cpu_s
from tests.bench.projects import make_managed_project
from tests.bench.queries import database_seconds
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
METERS, ASKED, WARM, ROUNDS = 100, 200, 60, 5
REACH = 1.0
THEIRS = """{ allMeters(condition: {projectId: %d}, orderBy: [SLUG_ASC]) {
  nodes { uid slug energy level source expression registerName accuracy nameplatePerHour ownProduct
    role validFrom validTo name } } }"""
FILL = """
INSERT INTO meter (project_id, uid, slug, name, energy, register_name, nameplate_per_hour, level,
    accuracy)
SELECT %(p)s, gen_random_uuid(), 'm' || d,
    jsonb_build_object('en', 'Meter ' || d, 'zh-CN', '电表 ' || d), 'electricity', 'ep_imp', 400, 3,
    0.5
FROM generate_series(1, %(n)s) d
"""


def ask(port: int, token: str, body: bytes, count: int) -> int:
    """Ask so often over one connection; answer the entries of the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    content = b""
    for _ in range(count):
        connection.request("POST", "/graphql", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
    return content.count(b'"slug"')


Asking = Callable[[int], Awaitable[None]]


async def asking(port: int, token: str, body: bytes, count: int) -> None:
    """Have a child process ask."""
    command = (sys.executable, "-m", "tests.bench.hot_list", str(port), token, str(count))
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    await child.communicate(body)
    assert child.returncode == 0


@asynccontextmanager
async def postgraphile(server: BenchServer, project: int, port: int) -> AsyncIterator[int]:
    """PostGraphile on a port; its process id."""
    with tempfile.TemporaryDirectory(prefix="kw bench ") as name:
        folder = npm.install(Path(__file__).with_name("postgraphile"), Path(name))
        child = await asyncio.create_subprocess_exec(
            npm.NODE,
            "server.mjs",
            str(port),
            server.url("kw_app"),
            str(project),
            cwd=folder,
            env={**os.environ, "NODE_ENV": "production", "GRAPHILE_ENV": "production"},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert child.stdout is not None
            assert await child.stdout.readline() == b"open\n"
            yield child.pid
        finally:
            child.kill()
            await child.wait()


async def cpu_ms(server: BenchServer, spent: Callable[[], float], ask_once: Asking) -> float:
    """CPU milliseconds of one request: of the web process and of PostgreSQL."""
    began, served = spent(), database_seconds(server)
    await ask_once(ASKED)
    return (spent() - began + database_seconds(server) - served) * 1000 / ASKED


async def main() -> list[str]:
    """Take turns and print the medians."""
    text = next(text for text in read_texts().values() if text.startswith("query Meters("))
    with bench_server(NOW) as server:
        async with server.database() as database:
            project, token = await make_managed_project(database, NOW)
            async with database.project(project) as tx:
                await tx.execute(FILL, {"p": project, "n": METERS})
            ours, theirs = await compared(server, database, project, token, text)
    mine, other = median(ours), median(theirs)
    return [
        figure(
            "hot list CPU",
            mine,
            "ms",
            against=f"PostGraphile 5 {other:.2f} ms, {METERS} meters x 14 fields",
            ratio=mine / other,
            reach=REACH,
            at_most=True,
        )
    ]


async def compared(
    server: BenchServer, database: Database, project: int, token: str, text: str
) -> tuple[list[float], list[float]]:
    """CPU milliseconds of a request, ours and PostGraphile's, round by round."""
    settings = Settings(data=server.folder, cost_caller=10**9, cost_project=10**9)
    platform = Platform(settings, ManualClock(NOW), database, "", "http://localhost")
    process = make_process(platform)
    port = choose_port("PORT", "127.0.0.1", 18600, explicit=False)
    held = socket.create_server(("127.0.0.1", port))
    serving = asyncio.create_task(serve(process, build_app(process), held))
    warm_up()
    other = choose_port("PORT", "127.0.0.1", port + 1, explicit=False)
    body = orjson.dumps({"query": text, "variables": {"project": "bench"}})
    their_body = orjson.dumps({"query": THEIRS % project})
    ours, theirs = [], []
    try:
        async with postgraphile(server, project, other) as pid:
            for mine, asked in ((port, body), (other, their_body)):
                await asking(mine, token, asked, WARM)
            for _ in range(ROUNDS):
                ours.append(
                    await cpu_ms(server, time.process_time, lambda n: asking(port, token, body, n))
                )
                theirs.append(
                    await cpu_ms(
                        server, lambda: cpu_s(pid), lambda n: asking(other, token, their_body, n)
                    )
                )
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    return ours, theirs


if __name__ == "__main__":
    if len(sys.argv) == 4:
        found = ask(int(sys.argv[1]), sys.argv[2], sys.stdin.buffer.read(), int(sys.argv[3]))
        assert found == METERS, f"{found} entries"
    else:
        run(main)
