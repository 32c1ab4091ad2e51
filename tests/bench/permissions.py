"""What permission checks take of a query: CPU in this process of both, for a member of a part.

The query lists the places that a limited member sees. Its checks are what stands between the row
that the database answered and the open door: the role's permissions within the limit, what a key
is good for, and the question for one permission.
"""

import time
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

import orjson
from starlette.types import ASGIApp

from backend.application.web import build_app
from backend.application.web_process import make_process, warm_up
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.people.authority import Grant
from backend.service.people.limits import Limit, limit_of
from backend.service.people.openings import OpenProject, narrowed
from backend.service.people.roles import Permission, known, require, within
from backend.service.people.sessions import KeyScope
from tests.bench.projects import make_managed_project
from tests.bench.series_cpu import call
from tests.bench.server import bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
ROUNDS, ASKED, CHECKED = 5, 100, 2_000
REACH = 0.05
QUERY = '{ project(id: "bench") { slug permissions nodes { id slug kind level parentId } } }'
FILL = """
INSERT INTO node (project_id, uid, slug, kind, name, parent_id)
SELECT %(p)s, gen_random_uuid(), 'n' || n, 'line', '{}', %(site)s FROM generate_series(1, 20) n
"""


def check(stored: list[str], node: int) -> None:
    """All checks of one query by a key, as `openings` and the door make them."""
    limit = limit_of(node, ["energy"])
    granted = within(known(stored), part=limit.part, modules=limit.modules)
    found = narrowed(
        OpenProject(
            1, uuid4(), "bench", {}, "UTC", 0, 0, 1, 1, "CNY", demo=False, role="manager",
            permissions=granted, limit=limit, own=Grant(granted, limit),
        ),
        KeyScope(uuid4(), 1, frozenset(Permission), Limit(node)),
    )  # fmt: skip
    assert found is not None
    require(found.permissions, Permission.READ)


def checks_us(stored: list[str]) -> float:
    """CPU microseconds of one query's checks."""
    began = time.process_time()
    for _ in range(CHECKED):
        check(stored, 1)
    return (time.process_time() - began) * 1e6 / CHECKED


async def query_us(app: ASGIApp, headers: dict[str, str], body: bytes) -> float:
    """CPU microseconds of one query in this process."""
    began = time.process_time()
    for _ in range(ASKED):
        status, told = await call(app, headers, body)
        assert status == 200, told
    return (time.process_time() - began) * 1e6 / ASKED


async def main() -> list[str]:
    """Take turns and print the median."""
    stored = [one.value for one in Permission]
    with bench_server(NOW) as server:
        async with server.database() as database:
            project, token = await make_managed_project(database, NOW)
            async with database.project(project) as tx:
                site = await tx.fetch_value(
                    "INSERT INTO node (project_id, uid, slug, kind, name)"
                    " VALUES (%s, gen_random_uuid(), 'site', 'site', '{}') RETURNING id",
                    (project,),
                    into=int,
                )
                await tx.execute(FILL, {"p": project, "site": site})
            async with database.platform() as tx:
                await tx.execute("UPDATE membership SET node_id = %s", (site,))
            settings = Settings(data=server.folder, cost_caller=10**9, cost_project=10**9)
            platform = Platform(settings, ManualClock(NOW), database, "", "http://localhost")
            app = build_app(make_process(platform))
            warm_up()
            headers = {
                "host": "localhost",
                "content-type": "application/json",
                "authorization": f"Bearer {token}",
            }
            body = orjson.dumps({"query": QUERY})
            _, told = await call(app, headers, body)
            assert told.count(b'"slug"') == 22, told
            checks, queries = [], []
            for _ in range(ROUNDS):
                queries.append(await query_us(app, headers, body))
                checks.append(checks_us(stored))
    whole, part = median(queries), median(checks)
    return [
        figure(
            "permission checks of a query",
            part,
            "us",
            against=f"query of 21 places {whole:.0f} us",
            ratio=part / whole,
            reach=REACH,
            at_most=True,
        )
    ]


if __name__ == "__main__":
    run(main)
