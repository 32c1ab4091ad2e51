"""Suspended and deleted projects: who is let in, what is told, what is left in the end."""

from datetime import timedelta

import httpx
import psycopg
import pytest

from backend.core.clock import ManualClock
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.people.operators import appoint
from backend.service.projects.closing import GRACE
from backend.service.projects.upkeep import keep_projects
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.test_founding import MAKE, NAMED
from tests.postgres import NOW, Actor, MakePerson, MakeProject

SEEN = """{ project(id: "mill") { slug } viewer { projects { slug }
  closedProjects { id name { en } suspendedAt deleteAt mayRestore } } }"""
SUSPEND = """mutation ($p: ID!, $takes: Boolean! = true) {
  suspendProject(project: $p, takesData: $takes) { slug suspendedAt takesData } }"""
RESUME = "mutation ($p: ID!) { resumeProject(project: $p) { suspendedAt takesData } }"
DELETE = 'mutation ($name: String! = "mill") { deleteProject(project: "mill", name: $name) }'
RESTORE = "mutation ($p: ID!) { restoreProject(project: $p) }"
CONSOLE = """{ operatedProjects { slug quota { pointsPerS people } used { points refused people }
  health { gateways gatewaysOnline accounts { ranges } } } }"""
QUOTA = """mutation ($p: ID!) { setQuota(project: $p, quota: { pointsPerS: 500, storageMb: 0,
  people: 7, messagesPerDay: 0 }) { quota { pointsPerS people } } }"""
AT = NOW.isoformat().replace("+00:00", "Z")
TABLES = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_name = 'project_id' AND table_name NOT LIKE 'reading_2%'
ORDER BY 1
"""
"""Partitions of readings are looked at through their table."""


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill."""
    return await make_person("root", await make_project("mill"), role="administrator")


@pytest.fixture
async def olga(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Operator of the platform, who belongs to another project."""
    person = await make_person("olga", await make_project("other"))
    await appoint(platform, "olga")
    return person


def code(answer: dict[str, object]) -> str:
    """The code of the refusal that an answer is."""
    return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]


def outside(actor: Actor) -> dict[str, str]:
    """The actor's project as an argument."""
    return {"p": encode_id("prj", actor.tenant.uid)}


async def closed(boss: httpx.AsyncClient, ask: Ask) -> list[dict[str, object]]:
    """What a member is told of projects that let nobody in, while `mill` does not."""
    answer: dict[str, dict[str, object]] = (await ask(boss, SEEN))["data"]  # type: ignore[assignment]
    assert not answer["project"]
    assert answer["viewer"]["projects"] == []
    found: list[dict[str, object]] = answer["viewer"]["closedProjects"]  # type: ignore[assignment]
    return found


async def test_a_suspended_project_lets_nobody_in_and_says_why(
    root: Actor, olga: Actor, client: Client, ask: Ask, admin: psycopg.Connection
) -> None:
    boss, operator = await client(root), await client(olga)
    answer = await ask(operator, SUSPEND, {**outside(root), "takes": False})
    told = {"slug": "mill", "suspendedAt": AT, "takesData": False}
    assert answer == {"data": {"suspendProject": told}}
    [one] = await closed(boss, ask)
    assert (one["name"], one["suspendedAt"]) == ({"en": "mill"}, AT)
    assert (one["deleteAt"], one["mayRestore"]) == (None, False)
    assert (await boss.get("/api/v1/series?project=mill")).status_code in {404, 422}
    assert (await boss.get("/api/v1/profiles?project=mill")).status_code == 404
    events = admin.execute("SELECT kind, ref FROM event").fetchall()
    assert events == [("member", str(root.uid))]
    answer = await ask(operator, RESUME, outside(root))
    assert answer == {"data": {"resumeProject": {"suspendedAt": None, "takesData": True}}}
    assert (await ask(boss, SEEN))["data"]["project"] == {"slug": "mill"}  # type: ignore[index]
    done = admin.execute("SELECT actor, action FROM audit ORDER BY number").fetchall()
    assert done == [(olga.text, "project.suspend"), (olga.text, "project.resume")]


async def test_the_console_shows_health_and_quotas_to_operators_alone(
    platform: Platform, root: Actor, olga: Actor, client: Client, ask: Ask
) -> None:
    await make_plant(platform, root.tenant)
    boss, operator = await client(root), await client(olga)
    answer = await ask(operator, QUOTA, outside(root))
    assert answer["data"] == {"setQuota": {"quota": {"pointsPerS": 500, "people": 7}}}
    answer = await ask(operator, CONSOLE)
    rows: list[dict[str, object]] = answer["data"]["operatedProjects"]  # type: ignore[index]
    assert rows[0] == {
        "slug": "mill",
        "quota": {"pointsPerS": 500, "people": 7},
        "used": {"points": "0", "refused": "0", "people": 1},
        "health": {"gateways": 1, "gatewaysOnline": 1, "accounts": {"ranges": 0}},
    }
    assert [row["slug"] for row in rows] == ["mill", "other"]
    # They see no project from inside: the administrator's answer is a stranger's.
    assert (await ask(operator, SEEN))["data"]["project"] is None  # type: ignore[index]
    assert await ask(boss, CONSOLE) == {"data": {"operatedProjects": None}}
    for query, given in ((QUOTA, outside(root)), (SUSPEND, outside(root))):
        assert code(await ask(boss, query, given)) == "operators_only"


async def test_a_deleted_project_can_be_restored_until_its_grace_is_over(
    root: Actor, client: Client, ask: Ask, make_person: MakePerson, clock: ManualClock
) -> None:
    boss, bob = await client(root), await client(await make_person("bob", root.tenant))
    assert code(await ask(bob, DELETE)) == "not_allowed"
    assert code(await ask(boss, DELETE, {"name": "mil"})) == "project_name_again"
    end = (NOW + GRACE).isoformat().replace("+00:00", "Z")
    assert await ask(boss, DELETE) == {"data": {"deleteProject": end}}
    [one] = await closed(boss, ask)
    assert (one["deleteAt"], one["mayRestore"]) == (end, True)
    assert [one["mayRestore"] for one in await closed(bob, ask)] == [False]
    assert code(await ask(bob, RESTORE, outside(root))) == "not_allowed"
    assert await ask(boss, RESTORE, outside(root)) == {"data": {"restoreProject": True}}
    assert (await ask(boss, SEEN))["data"]["project"] == {"slug": "mill"}  # type: ignore[index]
    assert code(await ask(boss, RESTORE, outside(root))) == "not_found"
    await ask(boss, DELETE)
    await clock.advance(GRACE.total_seconds())
    boss = await client(root)
    assert code(await ask(boss, RESTORE, outside(root))) == "not_found"


async def test_nothing_is_left_of_a_project_that_has_ended(
    platform: Platform,
    root: Actor,
    olga: Actor,
    client: Client,
    ask: Ask,
    admin: psycopg.Connection,
    clock: ManualClock,
) -> None:
    operator = await client(olga)
    made = await ask(operator, MAKE, {"traits": NAMED})
    slug: str = made["data"]["createProject"]["slug"]  # type: ignore[index]
    [ended] = admin.execute("SELECT id FROM project WHERE slug = %s", (slug,)).fetchall()
    tables = [str(row[0]) for row in admin.execute(TABLES).fetchall()]
    # A row in every table that may have one: whatever a column needs, as the catalogue says.
    filled = [table for table in tables if fill(admin, table, ended[0])]
    assert sorted(filled) == tables
    kept = {table: count(admin, table, root.tenant.id) for table in tables}
    admin.execute("UPDATE project SET delete_at = %s WHERE id = %s", (NOW, ended[0]))
    await clock.advance(timedelta(seconds=-1).total_seconds())
    await keep_projects(platform)
    assert admin.execute("SELECT 1 FROM project WHERE slug = %s", (slug,)).fetchone()
    await clock.advance(1)
    await keep_projects(platform)
    left = {table: count(admin, table, ended[0]) for table in tables}
    assert {table: rows for table, rows in left.items() if rows} == {}
    assert admin.execute("SELECT 1 FROM project WHERE slug = %s", (slug,)).fetchone() is None
    assert {table: count(admin, table, root.tenant.id) for table in tables} == kept


def count(admin: psycopg.Connection, table: str, project: int) -> int:
    """How many rows of a project a table has."""
    sql = f"SELECT count(*) FROM {table} WHERE project_id = %s".encode()
    found = admin.execute(sql, (project,)).fetchone()
    assert found is not None
    return int(found[0])


VALUES = {
    "bigint": "7", "integer": "7", "smallint": "1", "double precision": "1", "numeric": "1",
    "text": "'x'", "bytea": "'\\x00'", "boolean": "false", "jsonb": "'{}'", "date": "'2026-03-15'",
    "timestamp with time zone": "'2026-03-15T00:00:00Z'", "uuid": "gen_random_uuid()",
    "ARRAY": "'{}'",
}  # fmt: skip
"""A value of each type that a column of ours has."""
NEEDED = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND is_nullable = 'NO'
  AND column_default IS NULL AND is_identity = 'NO' AND column_name <> 'project_id'
"""


def fill(admin: psycopg.Connection, table: str, project: int) -> bool:
    """Have a row of a project in a table; says whether there is one."""
    if count(admin, table, project):
        return True
    columns = admin.execute(NEEDED, (table,)).fetchall()
    names = ", ".join(["project_id", *(str(name) for name, _ in columns)])
    values = ", ".join([str(project), *(VALUES[str(kind)] for _, kind in columns)])
    admin.execute(f"INSERT INTO {table} ({names}) VALUES ({values})".encode())
    return count(admin, table, project) == 1
