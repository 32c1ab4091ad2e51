"""Balances on a real PostgreSQL: exact integers, what is open, and the suspect by its node."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from psycopg.types.json import Jsonb

from backend.core.db import Database
from backend.core.errors import InvalidInput
from backend.service.balance.flows import Span
from backend.service.balance.losses import Split
from backend.service.balance.node_balance import NodeBalance, Part, node_balance
from backend.service.balance.suspects import Fault
from tests.backend.plant_accounts import DAY, Metered, Plant, every
from tests.postgres import NOW, MakeProject
from tests.unit.synthetic_balance import KWH, metered
from tests.unit.synthetic_balance import plant as synthetic

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    """A plant in Shanghai."""
    return Plant(database, await make_project("works"))


async def classes(plant: Plant, accuracy: Mapping[Metered, str]) -> None:
    """Give meters their classes."""
    async with plant.database.project(plant.project) as tx:
        for meter, percent in accuracy.items():
            await tx.execute(
                "UPDATE meter SET accuracy = %s WHERE project_id = %s AND id = %s",
                (Decimal(percent), plant.project, meter.id),
            )


async def balance(
    plant: Plant,
    node: int,
    end: datetime,
    now: datetime = NOW,
) -> NodeBalance:
    async with plant.database.read(plant.project) as tx:
        span = Span(node, "electricity", START, end)
        found = await node_balance(tx, plant.project, span, now)
    assert found is not None
    return found


async def small(plant: Plant) -> tuple[int, int, int, list[Metered]]:
    """A site over two places: 100, 60 and 38 kWh in each quarter hour, for two hours."""
    meters = [await plant.meter() for _ in range(3)]
    site = await plant.node({meters[0]: 1})
    one = await plant.node({meters[1]: 1}, site)
    two = await plant.node({meters[2]: 1}, site)
    for meter, each in zip(meters, (100, 60, 38), strict=True):
        await plant.store(meter, every(START, QUARTER, [1000.0 + each * n for n in range(9)]))
    await plant.settle()
    return site, one, two, meters


async def test_in_less_out_is_the_loss_and_its_parts_in_integers(plant: Plant) -> None:
    site, one, two, meters = await small(plant)
    found = await balance(plant, site, START + 2 * HOUR)
    assert (found.quarters, found.open_quarters, found.quantity) == (8, 0, 800 * KWH)
    assert found.parts == [Part(one, 480 * KWH, 0), Part(two, 304 * KWH, 0)]
    assert (found.loss, found.open) == (16 * KWH, 0)
    assert (found.uncertainty, found.unclassed) == (None, sorted(m.id for m in meters))
    assert found.split == Split(0, 0, 16 * KWH, within=None)

    await classes(plant, dict.fromkeys(meters, "0.5"))
    found = await balance(plant, site, START + 2 * HOUR)
    # 0.5 % of 800, 480 and 304 kWh: root of 16 + 5.76 + 2.3104.
    assert found.uncertainty == 4_906_159
    assert found.split == Split(0, 4_906_159, 16 * KWH - 4_906_159, within=False)

    # 240 kW leave a transformer of 500 kVA: (0.8 + 0.48^2 * 5) kW * 2 h.
    nameplate = {"p0_kw": "0.8", "pk_kw": "5", "sn_kva": "500", "cos_phi": "1"}
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
            " valid_from) VALUES (%s, gen_random_uuid(), %s, 'transformer', '[]', '[]', %s, %s)",
            (plant.project, one, Jsonb(nameplate), START - DAY),
        )
    found = await balance(plant, site, START + 2 * HOUR)
    assert found.split == Split(
        3_904_000, 4_906_159, 16 * KWH - 3_904_000 - 4_906_159, within=False
    )


async def test_what_is_missing_or_estimated_is_open_and_no_loss(plant: Plant) -> None:
    site, _, two, meters = await small(plant)
    # The second place goes on after an hour of silence: four quarter hours are estimated.
    late = every(START + 3 * HOUR, QUARTER, [1304.0 + 4 * 38, 1304.0 + 5 * 38])
    await plant.store(meters[2], late)
    for meter, each in zip(meters[:2], (100, 60), strict=True):
        values = [1000.0 + each * n for n in range(9, 15)]
        await plant.store(meter, every(START + 9 * QUARTER, QUARTER, values))
    await plant.settle()
    found = await balance(plant, site, START + 14 * QUARTER)
    assert (found.quarters, found.open_quarters) == (14, 5), "one without any account of it"
    assert (found.quantity, found.open_quantity) == (1400 * KWH, 500 * KWH)
    assert found.parts[1] == Part(two, 13 * 38 * KWH, 4 * 38 * KWH)
    assert found.loss == 9 * 2 * KWH
    assert found.open == 5 * 100 * KWH - 5 * 60 * KWH - 4 * 38 * KWH
    running = await balance(plant, site, START + 14 * QUARTER, now=START + HOUR + QUARTER / 2)
    assert running.end == START + HOUR, "the quarter hour that runs is not judged"


async def test_the_part_with_the_wrong_ratio_is_named(plant: Plant) -> None:
    made = synthetic(4, 3)
    wrong = max(made.parts, key=lambda part: max(made.parts[part]))
    whole = await plant.meter()
    site = await plant.node({whole: 1})
    nodes, shown = {}, {whole: metered(1, made.whole)}
    for part, values in made.parts.items():
        meter = await plant.meter()
        nodes[part] = await plant.node({meter: 1}, site)
        shown[meter] = metered(part, values, 0.75 if part == wrong else 1.0)
    for meter, quantities in shown.items():
        registers = [total / KWH for total in accumulate(quantities, initial=0)]
        await plant.store(meter, every(START, QUARTER, registers))
    await classes(plant, dict.fromkeys(shown, "0.5"))
    await plant.settle()
    found = await balance(plant, site, START + 3 * DAY)
    assert found.suspicion is not None
    assert (found.suspicion.fault, found.suspicion.part) == (Fault.RATIO, nodes[wrong])
    assert found.suspicion.mixups[0].installed == "200/5"
    assert found.split is not None
    assert found.split.within is False


async def test_a_part_that_is_connected_the_wrong_way_round_counts_as_export(
    plant: Plant,
) -> None:
    made = synthetic(4, 3)
    turned = max(made.parts, key=lambda part: max(made.parts[part]))
    whole = await plant.meter()
    site = await plant.node({whole: 1})
    meters = {part: await plant.meter() for part in made.parts}
    nodes = {part: await plant.node({meter: 1}, site) for part, meter in meters.items()}
    export = await plant.one(
        "INSERT INTO point (project_id, device_id, name, kind, unit, max_gap_s)"
        " SELECT project_id, device_id, 'ep_exp', 'register', 'kWh', 900 FROM point"
        " WHERE project_id = %s AND id = %s RETURNING id",
        meters[turned].point,
    )
    shown = {whole: metered(1, made.whole)}
    shown |= {meters[part]: metered(part, values) for part, values in made.parts.items()}
    shown[Metered(0, export)] = shown[meters[turned]]
    shown[meters[turned]] = [0] * len(made.whole)
    for meter, quantities in shown.items():
        registers = [total / KWH for total in accumulate(quantities, initial=0)]
        await plant.store(meter, every(START, QUARTER, registers))
    await plant.settle()
    found = (await balance(plant, site, START + 3 * DAY)).suspicion
    assert found is not None
    assert (found.fault, found.part) == (Fault.DIRECTION, nodes[turned])


async def test_what_has_no_figure_is_unknown_and_not_zero(plant: Plant) -> None:
    """History that is being read in, and a meter that has told nothing yet."""
    site, one, two, _ = await small(plant)
    later = START + DAY
    async with plant.database.read(plant.project) as tx:
        span = Span(site, "electricity", later, later + HOUR)
        found = await node_balance(tx, plant.project, span, NOW)
    assert found is not None
    assert (found.quantity, found.open_quantity, found.loss, found.open) == (None,) * 4
    assert found.parts == [Part(one, None, None), Part(two, None, None)]
    assert (found.split, found.uncertainty, found.suspicion) == (None, None, None)
    assert (found.quarters, found.open_quarters) == (4, 4)

    silent = await plant.node({await plant.meter(): 1}, site)
    found = await balance(plant, site, START + 2 * HOUR)
    assert (found.quantity, found.loss, found.open) == (800 * KWH, None, None)
    assert found.parts[-1] == Part(silent, None, None)

    # A part that counts no meter in this time takes nothing: that is known.
    idle = await plant.node({}, site)
    await plant.member(idle, await plant.meter(), "1", START + 30 * DAY)
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "DELETE FROM node_meter WHERE project_id = %s AND node_id = %s",
            (plant.project, silent),
        )
    found = await balance(plant, site, START + 2 * HOUR)
    assert (found.loss, found.parts[-1]) == (16 * KWH, Part(idle, 0, 0))


async def test_parts_that_make_the_place_cannot_lose(plant: Plant) -> None:
    meters = [await plant.meter() for _ in range(2)]
    both = await plant.node(dict.fromkeys(meters, 1))
    for meter in meters:
        await plant.node({meter: 1}, both)
        await plant.store(meter, every(START, QUARTER, [0.0, 5.0, 9.0]))
    await plant.settle()
    found = await balance(plant, both, START + HOUR / 2)
    assert (found.derived, found.loss, found.uncertainty, found.suspicion) == (True, 0, 0, None)


async def test_a_balance_without_parts_or_span_is_none(plant: Plant) -> None:
    site, one, _, _ = await small(plant)
    async with plant.database.read(plant.project) as tx:
        alone = Span(one, "electricity", START, START + HOUR)
        assert await node_balance(tx, plant.project, alone, NOW) is None
        other = Span(site, "water", START, START + HOUR)
        assert await node_balance(tx, plant.project, other, NOW) is None
        for end, code in ((START, "span_empty"), (START + 401 * DAY, "span_too_long")):
            late = Span(site, "electricity", START, end)
            with pytest.raises(InvalidInput) as refused:
                await node_balance(tx, plant.project, late, START + 500 * DAY)
            assert refused.value.error_code == code
