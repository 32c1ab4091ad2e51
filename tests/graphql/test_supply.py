"""Sources of a plant by GraphQL, from accounts that are laid by hand."""

from datetime import UTC, datetime, timedelta

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, MakePlant
from tests.postgres import NOW, Actor

TODAY = datetime(2026, 3, 14, 16, tzinfo=UTC)
SUPPLY = """{ project(id: "acme") { supply(period: DAY, start: "2026-03-14T16:00:00Z",
  end: "2026-03-15T16:00:00Z") { start unit slots missing consumption consumptionValue made sold
  selfUse selfSufficiency parts { role quantity value } } } }"""


async def test_the_roof_and_the_grid(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made, hers = await plant(alice.tenant), await client(alice)
    empty = await ask(hers, SUPPLY)
    assert empty == {"data": {"project": {"supply": []}}}
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
            " VALUES (%s, 3, %s, %s, '2026-03-15')",
            (alice.tenant.id, TODAY, TODAY + timedelta(days=1)),
        )
        for meter, role in (("m0", "grid_import"), ("m1", "pv"), ("m2", "grid_export")):
            await tx.execute(
                "UPDATE meter SET role = %s, level = 1 WHERE project_id = %s AND id = %s",
                (role, alice.tenant.id, made.meters[meter].id),
            )
    [unknown] = (await ask(hers, SUPPLY))["data"]["project"]["supply"]  # type: ignore[index]
    assert unknown == {
        "start": "2026-03-14T16:00:00Z",
        "unit": "kWh",
        "slots": 48,
        "missing": 48,
        "parts": [],
        **dict.fromkeys(
            ("consumption", "consumptionValue", "made", "sold", "selfUse", "selfSufficiency")
        ),
    }
    async with platform.database.project(alice.tenant.id) as tx:
        for meter, kwh in (("m0", 2), ("m1", 1), ("m2", 0)):
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, updated_at) SELECT %s, 1, %s, 'electricity', 1, t,"
                " t + interval '15 minutes', %s, %s FROM generate_series(%s::timestamptz,"
                " %s::timestamptz - interval '1 second', interval '15 minutes') t",
                (alice.tenant.id, made.meters[meter].id, kwh * 10**6, NOW, TODAY, NOW),
            )
    [day] = (await ask(hers, SUPPLY))["data"]["project"]["supply"]  # type: ignore[index]
    parts = {row["role"]: (row["quantity"], row["value"]) for row in day.pop("parts")}
    assert parts["grid_import"] == ("96000000", "96.000000")
    assert parts["pv"] == ("48000000", "48.000000")
    assert parts["storage_charge"] == ("0", "0.000000")
    assert day == {
        "start": "2026-03-14T16:00:00Z",
        "unit": "kWh",
        "slots": 48,
        "missing": 0,
        "consumption": "144000000",
        "consumptionValue": "144.000000",
        "made": "48000000",
        "sold": "0",
        "selfUse": "1.000000",
        "selfSufficiency": "0.333333",
    }
