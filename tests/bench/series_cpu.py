"""CPU of a year of hours at the server: GraphQL with its database read, against raw starlette.

Both are called as ASGI apps in this process, so what differs is what the platform adds: session,
project door, validation, the read, encoding and gzip. Raw starlette sends the same packed bytes.
"""

import gzip
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import orjson
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from backend.aggregation.calendar import keep_calendar, plant_time
from backend.application.web import build_app
from backend.application.web_process import make_process
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.bench.projects import make_managed_project
from tests.bench.server import bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
HOURS = 8760
ROUNDS, ASKED = 5, 20
REACH_MS = 2.0

QUERY = """query ($scope: ID!, $start: DateTime!, $end: DateTime!) { project(id: "bench") {
  series(scope: $scope, energy: "electricity", period: HOUR, start: $start, end: $end) {
    start end step unit values quality } } }"""


async def fill(database: Database) -> tuple[str, str]:
    """Make a project with a meter and a year of hours; answer its identity and a token.

    The meter counts in 0.01 kWh, as the profiles' meters do.
    """
    project, token = await make_managed_project(database, NOW)
    uid = new_uuid(NOW)
    async with database.project(project) as tx:
        plant = plant_time("Asia/Shanghai", 0)
        await keep_calendar(tx, project, plant, NOW - timedelta(days=380), NOW)
        meter = await tx.fetch_value(
            "INSERT INTO meter (project_id, uid, slug, name, energy, register_name)"
            " VALUES (%s, %s, 'm', %s, 'electricity', 'ep_imp') RETURNING id",
            (project, uid, Jsonb({"en": "Meter"})),
            into=int,
        )
        await tx.execute(
            "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts,"
            " qty, quality, updated_at) SELECT %(p)s, 1, %(m)s, 'electricity', 2, start_ts, end_ts,"
            " 10000 * (40000 + (random() * 9000)::bigint), 0, %(now)s FROM calendar_period"
            " WHERE project_id = %(p)s AND period = 2",
            {"p": project, "m": meter, "now": NOW},
        )
    return encode_id("mtr", uid), token


async def call(app: ASGIApp, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """Answer status and body of one request."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def told(packed: bytes) -> bool:
    """Tell whether an answer holds data of the project: a refusal is quick and proves nothing."""
    answer = orjson.loads(gzip.decompress(packed))
    return "errors" not in answer and bool(answer["data"]["project"])


async def cpu_ms(app: ASGIApp, headers: dict[str, str], body: bytes) -> float:
    """CPU milliseconds of this process a request."""
    began = time.process_time()
    for _ in range(ASKED):
        status, _ = await call(app, headers, body)
        assert status == 200
    return (time.process_time() - began) * 1000 / ASKED


async def main() -> list[str]:
    """Take turns and print the median."""
    with bench_server(NOW) as server:
        async with server.database() as database:
            scope, token = await fill(database)
            platform = Platform(
                Settings(data=server.folder), ManualClock(NOW), database, "", "http://localhost"
            )
            app = build_app(make_process(platform))
            headers = {
                "host": "localhost",
                "content-type": "application/json",
                "accept-encoding": "gzip",
                "authorization": f"Bearer {token}",
            }
            variables = {
                "scope": scope,
                "start": (NOW - timedelta(hours=HOURS)).isoformat(),
                "end": NOW.isoformat(),
            }
            body = orjson.dumps({"query": QUERY, "variables": variables})
            status, packed = await call(app, headers, body)
            assert status == 200
            assert told(packed), gzip.decompress(packed)

            async def answer(request: Request) -> Response:
                await request.body()
                headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
                return Response(packed, 200, headers, "application/json")

            raw = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(await cpu_ms(app, headers, body))
                theirs.append(await cpu_ms(raw, headers, body))
    mine, bare = median(ours), median(theirs)
    return [
        figure(
            "year series CPU at the server",
            mine,
            "ms",
            against=f"raw starlette {bare:.3f} ms, {mine / bare:.1f}x",
            ratio=None,
            reach=REACH_MS,
            at_most=True,
        ),
        figure(
            "year series on the wire",
            len(packed) / 1000,
            "kB",
            against="20 kB gzip",
            ratio=None,
            reach=20.0,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    run(main)
