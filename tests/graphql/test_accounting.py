"""How far the accounts are behind, on the project and on the first screen."""

import psycopg
import pytest

from tests.graphql.conftest import Ask, Client, MakePlant
from tests.postgres import Actor

ASKED = """{ project(id: "acme") {
  accounting { ranges hours oldestS rowsPerS } summary { accounting { hours rowsPerS } } } }"""


async def test_what_waits_is_told(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, admin: psycopg.Connection
) -> None:
    made = await plant(alice.tenant)
    admin.execute("DELETE FROM dirty")
    hers, project = await client(alice), made.tenant.id
    idle = (await ask(hers, ASKED))["data"]["project"]  # type: ignore[index]
    assert idle == {
        "accounting": {"ranges": 0, "hours": 0.0, "oldestS": None, "rowsPerS": 0.0},
        "summary": {"accounting": None},
    }
    admin.execute(
        "INSERT INTO dirty (project_id, point_id, first_ts, last_ts, since) VALUES"
        " (%(p)s, 1, '2026-03-01', '2026-03-02', now() - interval '90 s'),"
        " (%(p)s, 2, '2026-03-01', '2026-03-01', now()),"
        " (%(p)s + 1, 2, '2026-01-01', '2026-03-01', now() - interval '1 day')",
        {"p": project},
    )
    admin.execute(
        "INSERT INTO stale (project_id, scope, scope_id, energy, first_ts, last_ts, whole)"
        " VALUES (%s, 2, 1, 'electricity', '2026-03-01', '2026-03-01 12:00+00', false)",
        (project,),
    )
    admin.execute(
        "INSERT INTO account_rate (project_id, began, rows, rate, at)"
        " VALUES (%s, now(), 0, 250, now())",
        (project,),
    )
    behind = (await ask(hers, ASKED))["data"]["project"]  # type: ignore[index]
    assert behind["accounting"] == {
        "ranges": 3,
        "hours": 36.0,
        "oldestS": pytest.approx(90, abs=30),
        "rowsPerS": 250.0,
    }
    assert behind["summary"] == {"accounting": {"hours": 36.0, "rowsPerS": 250.0}}
    admin.execute("DELETE FROM dirty WHERE project_id = %s", (project,))
    fresh = (await ask(hers, ASKED))["data"]["project"]  # type: ignore[index]
    assert fresh["accounting"]["ranges"] == 1
    assert fresh["summary"] == {"accounting": None}
