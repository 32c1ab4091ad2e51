"""The balance of a year is the sum of its months' balances, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb

from backend.aggregation.rollup import Scope
from backend.core.db import Database
from backend.service.balance.flows import Span
from backend.service.balance.losses import uncertainty
from backend.service.balance.node_balance import NodeBalance, node_balance
from backend.service.balance.suspects import Fault
from tests.backend.plant_accounts import DAY, Plant
from tests.postgres import NOW, MakeProject
from tests.unit.synthetic_balance import Plant as Synthetic
from tests.unit.synthetic_balance import metered
from tests.unit.synthetic_balance import plant as synthetic

QUARTER = timedelta(minutes=15)
ZONE = ZoneInfo("Asia/Shanghai")
MONTHS = [datetime(2025, month, 1, tzinfo=ZONE).astimezone(UTC) for month in range(2, 13)]
MONTHS += [datetime(2026, month, 1, tzinfo=ZONE).astimezone(UTC) for month in (1, 2)]
NAMEPLATE = {"p0_kw": "0.83", "pk_kw": "5.3", "sn_kva": "499", "cos_phi": "0.97"}
# Every quarter hour of a day about each border of months: what lies between is open.
ACCOUNTS = """
INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts, qty, quality,
                     updated_at)
SELECT %(project)s, %(scope)s, s.id, 'electricity', 1, t, t + interval '15 minutes',
       1000000 * %(scope)s + (s.id * 7919 + extract(epoch FROM t)::bigint / 900 * 104729) %% 99991,
       CASE WHEN extract(epoch FROM t)::bigint / 900 %% 13 = s.id %% 13 THEN 1 ELSE 0 END, t
FROM unnest(%(ids)s::bigint[]) AS s (id), unnest(%(borders)s::timestamptz[]) AS b (border),
     generate_series(b.border - interval '12 hours', b.border + interval '11 hours 45 minutes',
                     interval '15 minutes') AS t
"""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def filled(plant: Plant) -> tuple[int, list[int]]:
    """A site over two places, one behind a transformer; answers the site and the meters."""
    meters = [await plant.meter() for _ in range(3)]
    site = await plant.node({meters[0]: 1})
    parts = [await plant.node({meter: 1}, site) for meter in meters[1:]]
    ids = [meter.id for meter in meters]
    async with plant.database.project(plant.project) as tx:
        for scope, of in ((Scope.METER, ids), (Scope.NODE, [site, *parts])):
            keys = {"project": plant.project, "scope": int(scope), "ids": of, "borders": MONTHS}
            await tx.execute(ACCOUNTS, keys)
        await tx.execute(
            "UPDATE meter SET accuracy = 0.5 WHERE project_id = %s AND id = ANY(%s)",
            (plant.project, ids),
        )
        await tx.execute(
            "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
            " valid_from) VALUES (%s, gen_random_uuid(), %s, 'transformer', '[]', '[]', %s, %s)",
            (plant.project, parts[0], Jsonb(NAMEPLATE), MONTHS[0] - DAY),
        )
    return site, ids


async def balance(plant: Plant, site: int, start: datetime, end: datetime) -> NodeBalance:
    async with plant.database.read(plant.project) as tx:
        found = await node_balance(tx, plant.project, Span(site, "electricity", start, end), NOW)
    assert found is not None
    return found


def additive(one: NodeBalance) -> list[int]:
    """What adds up over spans that follow each other."""
    parts = [number for part in one.parts for number in (part.quantity, part.open_quantity)]
    assert one.split is not None
    found = [
        one.quarters, one.open_quarters, one.quantity, one.open_quantity, one.loss, one.open,
        one.split.transformer, *parts,
    ]  # fmt: skip
    return [told(number) for number in found]


def told(number: int | None) -> int:
    """A number that is known."""
    assert number is not None
    return number


SUMMER = MONTHS[4], MONTHS[7]
"""From 1 June to 1 September."""
LAID = """
INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts, end_ts, qty, quality,
                     updated_at)
SELECT %(project)s, %(scope)s, %(id)s, 'electricity', 1, t, t + interval '15 minutes', q, 0, t
FROM unnest(%(starts)s::timestamptz[], %(quantities)s::bigint[]) AS u (t, q)
"""


async def laid(plant: Plant, made: Synthetic, wrong: int) -> tuple[int, int]:
    """A year of which three days of each month are known; a part reads 3/4 in summer.

    Answers the site and the node of that part.
    """
    whole = await plant.meter()
    site = await plant.node({whole: 1})
    meters = {part: await plant.meter() for part in made.parts}
    nodes = {part: await plant.node({meter: 1}, site) for part, meter in meters.items()}
    starts = [month + (10 * 96 + n) * QUARTER for month in MONTHS[:-1] for n in range(3 * 96)]
    rows = {(whole.id, site): [q for month in MONTHS[:-1] for q in metered(1, made.whole)]}
    for part, values in made.parts.items():
        rows[meters[part].id, nodes[part]] = [
            quantity
            for month in MONTHS[:-1]
            for quantity in metered(
                part, values, 0.75 if part == wrong and SUMMER[0] <= month < SUMMER[1] else 1.0
            )
        ]
    async with plant.database.project(plant.project) as tx:
        for (meter, node), quantities in rows.items():
            for scope, number in ((Scope.METER, meter), (Scope.NODE, node)):
                keys = {"project": plant.project, "scope": int(scope), "id": number}
                await tx.execute(LAID, keys | {"starts": starts, "quantities": quantities})
        await tx.execute("UPDATE meter SET accuracy = 0.5 WHERE project_id = %s", (plant.project,))
    return site, nodes[wrong]


async def test_a_fault_of_some_months_is_found_in_the_year_with_its_months(plant: Plant) -> None:
    made = synthetic(4, 3)
    site, wrong = await laid(plant, made, max(made.parts, key=lambda part: max(made.parts[part])))
    year = await balance(plant, site, MONTHS[0], MONTHS[-1])
    [pattern] = year.patterns
    assert (pattern.start, pattern.end) == SUMMER
    assert (pattern.suspicion.fault, pattern.suspicion.part) == (Fault.RATIO, wrong)
    assert pattern.suspicion.mixups[0].installed == "200/5"
    assert pattern.suspicion.evidence.quarters == 3 * 96
    month = await balance(plant, site, SUMMER[0], MONTHS[5])
    assert month.suspicion is not None
    assert month.suspicion.part == wrong
    later = await balance(plant, site, SUMMER[1], MONTHS[-1])
    assert (later.patterns, later.suspicion) == ([], None)


async def counted(plant: Plant, meter: int) -> int:
    """What a meter counted in quarter hours in which no place's figure is estimated."""
    async with plant.database.read(plant.project) as tx:
        found = await tx.fetch_value(
            "SELECT sum(m.qty)::bigint FROM account m WHERE m.project_id = %(project)s"
            " AND m.scope = 1 AND m.scope_id = %(meter)s AND m.start_ts >= %(first)s"
            " AND m.start_ts < %(last)s AND NOT EXISTS (SELECT 1 FROM account n"
            " WHERE n.project_id = %(project)s AND n.scope = 2 AND n.start_ts = m.start_ts"
            " AND n.quality <> 0)",
            {
                "project": plant.project, "meter": meter, "first": MONTHS[0], "last": MONTHS[-1],
            },
            into=int,
        )  # fmt: skip
    assert found
    return found


async def test_a_year_is_the_sum_of_its_months(plant: Plant) -> None:
    site, meters = await filled(plant)
    year = await balance(plant, site, MONTHS[0], MONTHS[-1])
    months = [await balance(plant, site, *span) for span in pairwise(MONTHS)]
    assert additive(year) == [sum(column) for column in zip(*map(additive, months), strict=True)]
    # Twelve days have accounts, and in three of thirteen quarter hours one place's is estimated.
    assert (year.quarters, year.quarters - year.open_quarters) == (365 * 96, 880)
    assert all(part.open_quantity for part in year.parts)
    outs = sum(told(part.quantity) for part in year.parts)
    assert told(year.loss) + told(year.open) == told(year.quantity) - outs
    split = year.split
    assert split is not None
    assert split.transformer + split.metering + split.unmetered == year.loss
    terms = [(Decimal("0.5"), await counted(plant, meter)) for meter in meters]
    assert year.uncertainty == uncertainty(terms)
