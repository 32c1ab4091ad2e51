"""The demo's wrong ratio by GraphQL: found by the balance, restated, the version before readable.

The paint shop's meters as the simulated plant shows them, three days on either side of the exchange
of its current transformers on 1 March.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from backend.aggregation.accounts import keep_ahead
from backend.core.platform import Platform
from backend.service.projects.create import create_project
from backend.service.restatement.work import Step, step
from gateway.contract.profile_file import find_profile
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import read_plant
from tests.graphql.conftest import Ask, Client
from tests.graphql.test_restatements import part, settle
from tests.postgres import NOW, Actor, MakePerson, Tenant

DAY = timedelta(days=1)
EXCHANGED = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
START, END = EXCHANGED - 3 * DAY, EXCHANGED + 3 * DAY
DEVICES = ("paint", "paint-loops")
BALANCE = """
query ($node: ID!, $start: DateTime!, $end: DateTime!) { project(id: "demo") {
  balance(node: $node, energy: "electricity", start: $start, end: $end) { loss
    suspicion { fault own since meters { id slug } mixups { configured installed } } } } }
"""
DAYS = """
query ($scope: ID!, $asOf: BigInt) { project(id: "demo") {
  series(scope: $scope, energy: "electricity", period: DAY, asOf: $asOf,
    start: "2026-02-26T00:00:00+08:00", end: "2026-03-04T00:00:00+08:00") { values } } }
"""
PROPOSE = """
mutation ($kind: String!, $params: JSON!) { proposeRestatement(input: {project: "demo",
  kind: $kind, params: $params, reason: "the balance says so"}) { id } }
"""
FOUND = """
query ($id: ID!) { project(id: "demo") { restatement(id: $id) { state version mayTakeBack
  difference { name { en } month energy old { quantity } new { quantity } } } } }
"""
SHEET = """
query ($scope: ID!) { project(id: "demo") { readingSheet(scope: $scope, period: DAY,
  at: "2026-03-02T12:00:00+08:00") { figures { quantity }
  register { rawQuantity totalQuantity adjustments { why factor quantity } } } } }
"""


@pytest.fixture
async def demo(platform: Platform, make_person: MakePerson) -> Actor:
    """The energy manager of the demo, whose paint shop has six days of readings, accounted."""
    project = await create_project(platform.database, platform.clock, "qichuan", "demo")
    async with platform.database.read(project) as tx:
        uid = await tx.fetch_value("SELECT uid FROM project WHERE id = %s", (project,), into=UUID)
    assert uid is not None
    async with platform.database.project(project) as tx:
        await keep_ahead(tx, project, NOW)
    for device, rows in readings().items():
        await store(platform, project, device, rows)
    await settle(platform, project)
    return await make_person("wang", Tenant(project, uid, "demo"), role="manager")


def readings() -> dict[str, dict[str, list[float]]]:
    """What the paint shop's registers show at every quarter hour, by device and point."""
    plant = Plant(read_plant("qichuan"), 1, date(2026, 3, 15))
    first, last = (int(at.timestamp()) for at in (START, END))
    found: dict[str, dict[str, list[float]]] = {}
    for device in plant.model.devices:
        if device.slug not in DEVICES:
            continue
        meter = SimulatedMeter(device, find_profile(device.profile), plant)
        found[device.slug] = {
            name: [meter.shown(plant, name, at) for at in range(first, last + 1, 900)]
            for name in meter.registers
            if name.endswith("ep_imp")
        }
    return found


async def store(
    platform: Platform, project: int, device: str, rows: Mapping[str, list[float]]
) -> None:
    """The points of a device and their readings, as births and ingest write them."""
    async with platform.database.project(project) as tx:
        for name in rows:
            await tx.execute(
                "INSERT INTO point (project_id, device_id, name, kind, unit, resolution, max_gap_s)"
                " SELECT project_id, id, %s, 'register', 'kWh', 0.01, 900 FROM device"
                " WHERE project_id = %s AND slug = %s",
                (name, project, device),
            )
        points: dict[str, int] = dict(
            await tx.fetch_tuples(
                "SELECT p.name, p.id FROM point p JOIN device d ON d.project_id = p.project_id"
                " AND d.id = p.device_id WHERE p.project_id = %s AND d.slug = %s",
                (project, device),
            )
        )
    async with platform.database.ingest() as ingest:
        for name, values in rows.items():
            times = [START + n * timedelta(minutes=15) for n in range(len(values))]
            await ingest.execute(
                "INSERT INTO reading (project_id, point_id, ts, value, quality)"
                " SELECT %s, %s, t, v, 0 FROM unnest(%s::timestamptz[], %s::float8[]) AS u (t, v)",
                (project, points[name], times, values),
            )
            await ingest.execute(
                "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
                " VALUES (%s, %s, %s, %s)",
                (project, points[name], times[0], times[-1]),
            )


@dataclass(frozen=True, slots=True)
class Desk:
    """The manager's questions, and the workers' steps."""

    platform: Platform
    project: int
    his: httpx.AsyncClient
    ask: Ask

    async def asked(self, question: str, *path: str | int, **variables: object) -> object:
        """What lies at a path below the demo."""
        answer = await self.ask(self.his, question, variables)
        return part(answer, "data", "project", *path)

    async def days(self, scope: object, as_of: str | None = None) -> list[float]:
        """kWh of the six days."""
        found = await self.asked(DAYS, "series", "values", scope=scope, asOf=as_of)
        assert isinstance(found, list)
        return found

    async def propose(self, kind: str, params: Mapping[str, object]) -> str:
        """A restatement whose difference is known."""
        made = await self.ask(self.his, PROPOSE, {"kind": kind, "params": params})
        assert await self.step() is Step.DONE
        return str(part(made, "data", "proposeRestatement", "id"))

    async def apply(self, id: str) -> None:
        """Approve it, and let workers do what they do."""
        approve = f'mutation {{ approveRestatement(project: "demo", id: "{id}") {{ state }} }}'
        told = await self.ask(self.his, approve)
        assert part(told, "data", "approveRestatement") == {"state": "APPROVED"}
        assert await self.step() is Step.DONE
        await settle(self.platform, self.project)
        assert await self.step() is Step.DONE

    async def step(self) -> Step:
        """The worker's next step."""
        return await step(self.platform.database, self.project, NOW)


async def place(desk: Desk) -> object:
    """The paint shop."""
    nodes = await desk.asked('{ project(id: "demo") { nodes { id slug } } }', "nodes")
    assert isinstance(nodes, list)
    return next(one["id"] for one in nodes if one["slug"] == "paint")


async def test_the_balance_finds_the_wrong_ratio_and_a_restatement_puts_it_right(
    platform: Platform, client: Client, ask: Ask, demo: Actor
) -> None:
    desk = Desk(platform, demo.tenant.id, await client(demo), ask)
    node = await place(desk)
    week = {"node": node, "start": EXCHANGED.isoformat(), "end": END.isoformat()}
    suspicion = await desk.asked(BALANCE, "balance", "suspicion", **week)
    assert (part(suspicion, "fault"), part(suspicion, "own")) == ("RATIO", True)
    assert part(suspicion, "meters", 0, "slug") == "paint"
    since, meter = part(suspicion, "since"), part(suspicion, "meters", 0, "id")
    assert since == "2026-02-28T16:00:00Z", "midnight of 1 March in Shanghai"
    assert part(suspicion, "mixups", 0) == {"configured": "150/5", "installed": "200/5"}

    shown = await desk.days(node)
    params = {"meter": meter, "wrong_ct": "150/5", "right_ct": "200/5", "since": since}
    made = await desk.propose("ratio", params)
    found = await desk.asked(FOUND, "restatement", id=made)
    assert part(found, "mayTakeBack") is False
    difference = part(found, "difference")
    assert isinstance(difference, list)
    assert {(row["month"], row["energy"]) for row in difference} == {("2026-03", "electricity")}
    assert {row["name"]["en"] for row in difference} == {
        "Paint shop", "Paint shop feeder", "Paint shop feeder 10 kV", "Coating",
    }  # fmt: skip
    for row in difference:
        old, new = (int(row[side]["quantity"]) for side in ("old", "new"))
        assert abs(new * 3 - old * 4) <= 3 * 3 * 96, "four thirds; each quarter hour is rounded"

    await desk.apply(made)
    found = await desk.asked(FOUND, "restatement", id=made)
    assert (part(found, "state"), part(found, "version")) == ("APPLIED", "1")
    assert await desk.days(node, "0") == shown
    now = await desk.days(node)
    assert now[:3] == shown[:3], "before the exchange nothing changes"
    for right, wrong in zip(now[3:], shown[3:], strict=True):
        assert right == pytest.approx(wrong * 4 / 3, abs=1e-4)
    balance = await desk.asked(BALANCE, "balance", **week)
    assert part(balance, "suspicion") is None
    assert Decimal(str(part(balance, "loss"))) > 0
    sheet = await desk.asked(SHEET, "readingSheet", scope=meter)
    register, adjusted = part(sheet, "register"), part(sheet, "register", "adjustments", 0)
    assert (part(adjusted, "why"), part(adjusted, "factor")) == ("ratio", "4/3")
    total = int(str(part(register, "rawQuantity"))) + int(str(part(adjusted, "quantity")))
    assert str(total) == part(register, "totalQuantity") == part(sheet, "figures", "quantity")

    assert part(found, "mayTakeBack") is True
    await desk.apply(await desk.propose("revoke", {"restatement": made}))
    assert await desk.days(node) == shown
    assert await desk.days(node, "1") == now
    told = await desk.asked('{ project(id: "demo") { auditBrokenAt audit { action ref } } }')
    entries = part(told, "audit")
    assert isinstance(entries, list)
    assert [one["action"] for one in entries if one["ref"] == made] == [
        "restatement.apply", "restatement.begin", "restatement.approve", "restatement.propose",
    ]  # fmt: skip
    assert part(told, "auditBrokenAt") is None
