"""Equipment by GraphQL: defined by whom the role permits, audited, told with hours and twins."""

from datetime import timedelta
from decimal import Decimal

import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.calendar import keep_calendar, plant_time
from backend.core.db import WriteSession
from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, MakePlant
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor, MakePerson

HOUR = timedelta(hours=1)
DEFINE = """mutation($input: EquipmentInput!) { defineEquipment(input: $input) {
  kind standbyKw loadKw ratedKw dwellS twinGroup statusPoint state
  node { slug } meter { slug } power { value } } }"""
CARD = """query($start: DateTime!, $end: DateTime!) { project(id: "acme") { equipment {
  node { slug } state loadRate(start: $start, end: $end)
  span(start: $start, end: $end) {
    offS idleS loadS unknownS starts idle idleCost idleShare resolutionS }
  specific(start: $start, end: $end) { value unit node { slug } }
  bestMonth(before: $end) { start idleShare }
  twins { node { slug } span(start: $start, end: $end) { idleShare } } } } }"""


def wanted(
    plant: Plant, node: str = "a", meter: str = "m1", **changes: object
) -> dict[str, object]:
    return {
        "project": "acme",
        "node": plant.nodes[node].text,
        "meter": plant.meters[meter].text,
        "kind": "compressor",
        "standbyKw": "5",
        "loadKw": "150",
        "ratedKw": "400",
        "twinGroup": "compressors",
        **changes,
    }


async def store_hours(
    tx: WriteSession, project: int, node: int, first: int, count: int, idle_s: int
) -> None:
    """Hours that begin `first` hours before NOW."""
    for number in range(count):
        await tx.execute(
            "INSERT INTO equipment_hour (project_id, node_id, start_ts, off_s, idle_s, load_s,"
            " unknown_s, starts, run_qty, idle_qty, idle_cost, samples, seen_at)"
            " VALUES (%s, %s, %s, 0, %s, %s, 0, 1, 300000000, 2500000, 1.5, 60, %s)",
            (project, node, NOW - (first - number) * HOUR, idle_s, 3600 - idle_s, NOW),
        )


async def test_a_person_defines_equipment_and_the_audit_says_so(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    hers = await client(alice)
    answer = await ask(hers, DEFINE, {"input": wanted(made)})
    assert answer == {
        "data": {
            "defineEquipment": {
                "kind": "compressor",
                "standbyKw": "5",
                "loadKw": "150",
                "ratedKw": "400",
                "dwellS": 60,
                "twinGroup": "compressors",
                "statusPoint": None,
                "state": "LOAD",
                "node": {"slug": "a"},
                "meter": {"slug": "m1"},
                "power": {"value": 200.0},
            }
        }
    }
    idle = await ask(hers, DEFINE, {"input": wanted(made, loadKw="201")})
    assert '"IDLE"' in str(idle).replace("'", '"')
    audit = await ask(hers, '{ project(id: "acme") { audit { action ref result old new } } }')
    entries = str(audit)
    assert entries.count("equipment.define") == 2
    assert "'load_kw': '150'" in entries or '"load_kw":"150"' in entries
    remove = f'mutation {{ removeEquipment(project: "acme", node: "{made.nodes["a"].text}") }}'
    assert await ask(hers, remove) == {"data": {"removeEquipment": True}}
    gone = await ask(hers, remove)
    assert "not_found" in str(gone)
    assert await ask(hers, '{ project(id: "acme") { equipment { kind } } }') == {
        "data": {"project": {"equipment": []}}
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "toaster"}, "equipment_kind"),
        ({"standbyKw": "150"}, "equipment_thresholds"),
        ({"standbyKw": "0"}, "equipment_thresholds"),
        ({"loadKw": "NaN"}, "graphql_invalid"),
        ({"loadKw": "1e308"}, "equipment_thresholds"),
        ({"ratedKw": "-1"}, "equipment_rated"),
        ({"dwellS": 901}, "equipment_dwell"),
        ({"statusPoint": "p"}, "equipment_status"),
        ({"twinGroup": ""}, "name_long"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_reason(
    client: Client,
    ask: Ask,
    alice: Actor,
    plant: MakePlant,
    change: dict[str, object],
    code: str,
) -> None:
    made = await plant(alice.tenant)
    hers = await client(alice)
    answer = await ask(hers, DEFINE, {"input": wanted(made) | change})
    assert code in str(answer), answer
    assert await ask(hers, '{ project(id: "acme") { equipment { kind } } }') == {
        "data": {"project": {"equipment": []}}
    }


async def test_a_shift_leader_may_look_only(
    client: Client, ask: Ask, alice: Actor, make_person: MakePerson, plant: MakePlant
) -> None:
    made = await plant(alice.tenant)
    leader = await client(await make_person("leader", alice.tenant, role="shift_leader"))
    answer = await ask(leader, DEFINE, {"input": wanted(made)})
    assert "not_allowed" in str(answer)
    assert await ask(leader, '{ project(id: "acme") { equipment { kind } } }') == {
        "data": {"project": {"equipment": []}}
    }


async def test_the_card_tells_hours_idling_best_month_and_twin(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    hers = await client(alice)
    await ask(hers, DEFINE, {"input": wanted(made)})
    await ask(hers, DEFINE, {"input": wanted(made, "b", "m2", loadKw="50", ratedKw=None)})
    day = NOW.replace(hour=16) - timedelta(days=2)
    async with platform.database.project(alice.tenant.id) as tx:
        zone = plant_time("Asia/Shanghai", 0)
        await keep_calendar(tx, alice.tenant.id, zone, NOW - timedelta(days=70), NOW)
        a, b = made.nodes["a"].id, made.nodes["b"].id
        await store_hours(tx, alice.tenant.id, a, 24 * 40, 30, 360)
        await store_hours(tx, alice.tenant.id, a, 24, 2, 900)
        await store_hours(tx, alice.tenant.id, b, 24, 2, 1800)
        quantities = (("m1", "electricity", 600), ("m2", "compressed_air", 5000))
        await tx.execute(
            "UPDATE meter SET energy = 'compressed_air' WHERE project_id = %s AND id = %s",
            (alice.tenant.id, made.meters["m2"].id),
        )
        for meter, energy, quantity in quantities:
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, quality, updated_at) VALUES (%s, 1, %s, %s, 1, %s, %s, %s, 0, %s)",
                (
                    alice.tenant.id,
                    made.meters[meter].id,
                    energy,
                    day,
                    day + HOUR / 4,
                    quantity * 10**6,
                    NOW,
                ),
            )
        await tx.execute(
            "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
            " valid_from) VALUES (%s, gen_random_uuid(), %s, 'compressor', %s, %s, '{}', %s)",
            (
                alice.tenant.id,
                a,
                Jsonb([made.meters["m1"].id]),
                Jsonb([made.meters["m2"].id]),
                day,
            ),
        )
    span = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
    answer = await ask(hers, CARD, span)
    first, second = answer["data"]["project"]["equipment"]  # type: ignore[index]
    assert first["span"] == {
        "offS": 0,
        "idleS": 1800,
        "loadS": 5400,
        "unknownS": 0,
        "starts": 2,
        "idle": "5.000000",
        "idleCost": "3.0",
        "idleShare": 0.25,
        "resolutionS": 60,
    }
    assert first["loadRate"] == 600 / 2 / 400
    assert first["specific"] == {"value": "0.1200", "unit": "kWh/m3", "node": {"slug": "a"}}
    assert first["bestMonth"] == {"start": "2026-01-31T16:00:00Z", "idleShare": 0.1}
    assert first["twins"] == [{"node": {"slug": "b"}, "span": {"idleShare": 0.5}}]
    assert (second["loadRate"], second["specific"]) == (None, None)
    assert second["bestMonth"] is None, "two hours are no month"
    assert Decimal(str(second["span"]["idleShare"])) == Decimal("0.5")
