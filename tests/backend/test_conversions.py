"""Conversion nodes and comprehensive energy against numbers worked out by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from backend.aggregation.calendar import Period
from backend.core.db import Database
from backend.core.errors import KilowiseError
from backend.core.ids import new_uuid
from backend.service.people.asker import Asker
from backend.service.plant.comprehensive import Comprehensive, Why, comprehensive
from backend.service.plant.conversions import (
    Conversion,
    Wanted,
    end_conversion,
    list_conversions,
    set_conversion,
)
from backend.service.plant.editing import begin
from backend.service.plant.efficiency import Efficiency, efficiencies
from tests.backend.plant_accounts import Metered, Plant
from tests.postgres import NOW, MakeProject

QUARTER = timedelta(minutes=15)
TODAY = datetime(2026, 3, 14, 16, tzinfo=UTC)
"""Midnight in Shanghai; NOW is noon."""
FACTORS = (
    ("electricity", "calorific", "0.1229"),
    ("natural_gas", "calorific", "1.33"),
    ("steam", "calorific", "90"),
    ("water", "equivalent", "0.2571"),
    ("compressed_air", "equivalent", "0.04"),
)
"""kgce per kWh, m3, t, m3, m3."""


@pytest.fixture
async def plant(database: Database, make_project: MakeProject) -> Plant:
    plant = Plant(database, await make_project("works"))
    async with database.project(plant.project) as tx:
        for energy, basis, value in FACTORS:
            await tx.execute(
                "INSERT INTO factor (project_id, energy, substance, value, basis, valid_from,"
                " source) VALUES (%s, %s, 'kgce', %s, %s, '2021-04-01Z', 'test')",
                (plant.project, energy, Decimal(value), basis),
            )
    return plant


async def metered(
    plant: Plant, energy: str, steps: list[float], *, own_product: bool = False
) -> Metered:
    """A meter and what it counts in the first quarter hours of today, display unit."""
    meter = await plant.meter(energy, resolution=0.001)
    value, rows = 0.0, [(TODAY, 0.0)]
    for place, step in enumerate(steps, start=1):
        value += step
        rows.append((TODAY + place * QUARTER, value))
    async with plant.database.project(plant.project) as tx:
        await tx.execute(
            "UPDATE meter SET own_product = %s WHERE project_id = %s AND id = %s",
            (own_product, plant.project, meter.id),
        )
    await plant.store(meter, rows)
    return meter


async def uid(plant: Plant, table: str, number: int) -> UUID:
    async with plant.database.read(plant.project) as tx:
        found = await tx.fetch_value(
            f"SELECT uid FROM {table} WHERE project_id = %s AND id = %s".encode(),
            (plant.project, number),
            into=UUID,
        )
    assert found is not None
    return found


async def define(
    plant: Plant,
    node: int,
    kind: str,
    inputs: list[Metered],
    outputs: list[Metered],
    params: Mapping[str, str],
    start: datetime = TODAY,
) -> Conversion:
    """Define a conversion."""
    wanted = Wanted(
        await uid(plant, "node", node),
        kind,
        [await uid(plant, "meter", one.id) for one in inputs],
        [await uid(plant, "meter", one.id) for one in outputs],
        {name: Decimal(value) for name, value in params.items()},
        start,
    )
    async with plant.database.project(plant.project) as tx:
        edit = await begin(tx, plant.project, Asker(1, new_uuid(NOW)), NOW)
        return await set_conversion(edit, wanted)


async def today(plant: Plant) -> list[Efficiency]:
    async with plant.database.read(plant.project) as tx:
        found = await list_conversions(tx, plant.project)
        span = (TODAY, NOW)
        told = await efficiencies(tx, plant.project, found, Period.DAY, span, NOW)
    return [one for _, one in told]


BOILER = {"lhv_mj": "35.5", "h_steam": "2760", "h_feed": "420"}


async def test_a_boiler_by_enthalpies_and_by_factors(plant: Plant) -> None:
    gas = await metered(plant, "natural_gas", [500, 240])
    steam = await metered(plant, "steam", [6, 4])
    await plant.settle()
    node = await plant.node({gas: 1})
    await define(plant, node, "boiler", [gas], [steam], BOILER)
    [found] = await today(plant)
    # 10,000 kg x 2,340 kJ/kg / (740 m3 x 35.5 MJ/m3)
    assert found.efficiency == Fraction(10_000 * 2_340, 740 * 35_500)
    await define(plant, node, "boiler", [gas], [steam], {}, TODAY + QUARTER)
    first, second = await today(plant)
    assert first.efficiency == Fraction(6_000 * 2_340, 500 * 35_500)
    # 4 t x 90 kgce / (240 m3 x 1.33 kgce)
    assert second.efficiency == Fraction(360_00, 319_20)
    assert (first.end, second.start) == (TODAY + QUARTER, TODAY + QUARTER)


async def test_a_transformer_loses_by_the_square_of_its_load(plant: Plant) -> None:
    feeder = await metered(plant, "electricity", [100, 250])
    roof = await metered(plant, "electricity", [0, 50])
    node = await plant.node({feeder: 1, roof: -1})
    await plant.settle()
    params = {"p0_kw": "2", "pk_kw": "10", "sn_kva": "1000", "cos_phi": "0.8"}
    await define(plant, node, "transformer", [], [], params)
    [found] = await today(plant)
    # 100 kWh: 400 kW, 500 kVA, beta 0.5; 200 kWh: beta 1.
    assert (found.load_rate, found.peak_load_rate) == (Fraction(3, 4), Fraction(1))
    # (2 + 0.25 x 10 + 2 + 1 x 10) kW x 0.25 h
    assert found.loss == Fraction(4125, 1000)
    assert found.efficiency == Fraction(300_000, 304_125)
    assert found.best_load_rate == Decimal("0.4472")


async def test_a_compressor_station_is_kwh_per_cubic_metre(plant: Plant) -> None:
    power = await metered(plant, "electricity", [50, 70])
    air = await metered(plant, "compressed_air", [400, 600])
    node = await plant.node({power: 1})
    await plant.settle()
    await define(plant, node, "compressor", [power], [air], {})
    [found] = await today(plant)
    assert (found.specific, found.efficiency) == (Fraction(12, 100), None)


async def test_nothing_is_said_where_a_meter_is_silent(plant: Plant) -> None:
    power = await metered(plant, "electricity", [50])
    air = await plant.meter("compressed_air")
    node = await plant.node({power: 1})
    await plant.settle()
    await define(plant, node, "compressor", [power], [air], {})
    [found] = await today(plant)
    assert found.specific is None


async def test_comprehensive_energy_counts_nothing_twice(plant: Plant) -> None:
    gas = await metered(plant, "natural_gas", [740])
    power = await metered(plant, "electricity", [1000])
    sold = await metered(plant, "electricity", [50])
    water = await metered(plant, "water", [100])
    steam = await metered(plant, "steam", [10], own_product=True)
    steam_used = await metered(plant, "steam", [6], own_product=True)
    air = await metered(plant, "compressed_air", [1000], own_product=True)
    pieces = await metered(plant, "product_count", [12])
    site = await plant.node(
        {gas: 1, power: 1, sold: -1, water: 1, steam_used: 1, air: 1, pieces: 1}
    )
    boiler_house = await plant.node({gas: 1, steam: 1}, parent=site)
    paint = await plant.node({steam_used: 1, air: 1, pieces: 1}, parent=site)
    await plant.settle()
    await define(plant, boiler_house, "boiler", [gas], [steam], BOILER)

    async def of(node: int) -> Comprehensive:
        async with plant.database.read(plant.project) as tx:
            return await comprehensive(tx, plant.project, node, TODAY, NOW)

    # 740 x 1.33 + 1000 x 0.1229 - 50 x 0.1229 + 100 x 0.2571; steam and air come of these.
    whole = await of(site)
    assert whole.kgce == Decimal("984.2") + Decimal("122.9") - Decimal("6.145") + Decimal("25.71")
    assert {term.meter_id: term.why for term in whole.terms} == {
        gas.id: Why.TAKEN,
        power.id: Why.TAKEN,
        sold.id: Why.PASSED_ON,
        water.id: Why.TAKEN,
        steam_used.id: Why.MADE_HERE,
        air.id: Why.MADE_HERE,
        pieces.id: Why.NO_ENERGY,
    }
    # 740 x 1.33 - 10 x 90: what the boiler house puts out is taken off.
    assert (await of(boiler_house)).kgce == Decimal("984.2") - 900
    # 6 x 90 comes from outside the shop; air is of electricity that the site counts.
    shop = await of(paint)
    assert shop.kgce == 540
    assert [term.why for term in shop.terms] == [Why.MADE_HERE, Why.NO_ENERGY, Why.TAKEN]


async def test_an_energy_without_a_factor_leaves_the_sum_unknown(plant: Plant) -> None:
    coke = await metered(plant, "coke", [3])
    oxygen = await metered(plant, "oxygen", [3])
    await plant.settle()
    for meter in (coke, oxygen):
        node = await plant.node({meter: 1})
        async with plant.database.read(plant.project) as tx:
            found = await comprehensive(tx, plant.project, node, TODAY, NOW)
        assert (found.kgce, found.terms[0].why) == (None, Why.UNKNOWN)


async def test_definitions_follow_each_other(plant: Plant) -> None:
    power, air = await plant.meter(), await plant.meter("compressed_air")
    node = await plant.node({})
    one = await define(plant, node, "compressor", [power], [air], {}, TODAY + 4 * QUARTER)
    with pytest.raises(KilowiseError) as caught:
        await define(plant, node, "compressor", [power], [air], {})
    assert caught.value.error_code == "conversion_overlap"
    async with plant.database.project(plant.project) as tx:
        edit = await begin(tx, plant.project, Asker(1, new_uuid(NOW)), NOW)
        await end_conversion(edit, one.uid, None)
    async with plant.database.read(plant.project) as tx:
        [stored] = await list_conversions(tx, plant.project, node)
    assert (stored.valid_from, stored.valid_to) == (TODAY + 4 * QUARTER, NOW + QUARTER)


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "params", "code"),
    [
        ("mill", [], [], {}, "conversion_kind"),
        ("boiler", ["natural_gas"], [], {}, "conversion_meters"),
        ("transformer", ["electricity"], [], {}, "conversion_meters"),
        ("boiler", ["steam"], ["steam"], {}, "conversion_energy"),
        ("compressor", ["electricity"], ["steam"], {}, "conversion_energy"),
        ("boiler", ["natural_gas"], ["steam"], {"lhv_mj": "35"}, "conversion_param"),
        ("boiler", ["natural_gas"], ["steam"], {**BOILER, "h_feed": "2800"}, "conversion_param"),
        ("boiler", ["natural_gas"], ["heat"], BOILER, "conversion_amounts"),
        ("boiler", ["natural_gas", "coal"], ["steam"], BOILER, "conversion_amounts"),
        ("transformer", [], [], {"p0_kw": "2"}, "conversion_param"),
        (
            "transformer",
            [],
            [],
            {"p0_kw": "2", "pk_kw": "10", "sn_kva": "1000", "cos_phi": "1.1"},
            "conversion_param",
        ),
    ],
)
async def test_what_cannot_convert_says_why(
    plant: Plant,
    kind: str,
    inputs: list[str],
    outputs: list[str],
    params: dict[str, str],
    code: str,
) -> None:
    node = await plant.node({})
    into = [await plant.meter(energy) for energy in inputs]
    out = [await plant.meter(energy) for energy in outputs]
    with pytest.raises(KilowiseError) as caught:
        await define(plant, node, kind, into, out, params)
    assert caught.value.error_code == code
