"""The audit as it is read and verified: by person, thing, action and time; exports stand in it."""

import psycopg
import pytest

from backend.core.audit import Deed, record
from backend.core.clock import ManualClock
from backend.core.errors import OperatingError
from backend.core.platform import Platform
from backend.service.audit.verify import verify
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.test_posts import told
from tests.postgres import Actor, MakePerson, MakeProject

AUDIT = """query ($filter: AuditFilter) { project(id: "mill") { audit(filter: $filter)
  { number } } }"""


@pytest.fixture
async def root(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Administrator of the mill."""
    return await make_person("root", await make_project("mill"), role="administrator")


async def test_entries_are_found_by_person_thing_action_and_time(
    platform: Platform,
    root: Actor,
    make_person: MakePerson,
    client: Client,
    ask: Ask,
    clock: ManualClock,
) -> None:
    ann = await make_person("ann", root.tenant, role="auditor")
    for number, (who, action) in enumerate(
        [(root, "key.make"), (ann, "key.make"), (root, "role.make")]
    ):
        async with platform.database.project(root.tenant.id) as tx:
            deed = Deed(who.text, action, f"thing_{number}", "done", who.id)
            await record(tx, root.tenant.id, deed, clock.now())
        await clock.advance(3600)
    reader = await client(ann)
    start = "2026-03-15T05:00:00Z"
    for chosen, expected in (
        (None, [3, 2, 1]),
        ({"person": " Root "}, [3, 1]),
        ({"person": "nobody"}, []),
        ({"thing": "thing_1"}, [2]),
        ({"action": "key."}, [2, 1]),
        ({"start": start}, [3, 2]),
        ({"end": start}, [1]),
        ({"person": "root", "action": "key.", "end": start}, [1]),
    ):
        found = told(await ask(reader, AUDIT, {"filter": chosen}), "project", "audit")
        assert found == [{"number": number} for number in expected], chosen


async def test_whoever_takes_a_series_out_stands_in_it(
    platform: Platform, root: Actor, client: Client, admin: psycopg.Connection
) -> None:
    plant = await make_plant(platform, root.tenant)
    asked = {
        "project": "mill",
        "scope": plant.nodes["a"].text,
        "energy": "electricity",
        "period": "DAY",
        "start": "2026-03-14T16:00:00Z",
        "end": "2026-03-15T16:00:00Z",
    }
    boss = await client(root)
    for form in ("json", "csv", "ndjson"):
        answer = await boss.get("/api/v1/series", params={**asked, "format": form})
        assert answer.status_code == 200, answer.text
    rows = admin.execute(
        "SELECT person_id, action, ref, new::jsonb->>'format' FROM audit ORDER BY number"
    ).fetchall()
    node = plant.nodes["a"].text
    assert rows == [(root.id, "export.series", node, form) for form in ("csv", "ndjson")]


async def test_a_command_verifies_the_chains(
    platform: Platform, root: Actor, make_project: MakeProject, admin: psycopg.Connection
) -> None:
    await make_project("quiet")
    for _ in range(2):
        async with platform.database.project(root.tenant.id) as tx:
            await record(
                tx, root.tenant.id, Deed(root.text, "x", "y", "done"), platform.clock.now()
            )
    row = admin.execute("SELECT encode(hash, 'hex') FROM audit WHERE number = 2").fetchone()
    assert row is not None
    assert await verify(platform, None) == (
        f"mill: 2 entries whole, head {row[0]}\nquiet: no entries"
    )
    with pytest.raises(OperatingError, match="There is no project nowhere"):
        await verify(platform, "nowhere")
    admin.execute("UPDATE audit SET result = 'undone' WHERE number = 1")
    with pytest.raises(OperatingError, match="mill: broken at entry 1"):
        await verify(platform, "mill")
