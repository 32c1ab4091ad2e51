"""The demo plant: exact integrals, a balanced tree, repeatable chance, real figures."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache

import pytest

from gateway.contract.profile_file import find_profile
from gateway.simulator.loads import Change
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import read_plant
from gateway.simulator.scenario import Scenario
from gateway.simulator.story import site_kw, story_events
from gateway.simulator.workdays import (
    BLOCK_S,
    DayKind,
    block_of,
    block_start,
    day_kind,
    first_block,
    team_of,
)

ANCHOR = date(2026, 11, 23)
CONTRACT_KW = 4200


@cache
def plant(seed: int = 1) -> Plant:
    return Plant(read_plant("qichuan"), seed, ANCHOR)


def midnight(day: date) -> int:
    return block_start(first_block(day))


def month_total(circuit: str, year: int, month: int) -> Fraction:
    """Display units of one plant month."""
    start = date(year, month, 1)
    end = (start + timedelta(days=32)).replace(day=1)
    return plant().amount(circuit, midnight(start), midnight(end)) / 10**6


@pytest.mark.parametrize("load", ["furnace1", "quench1", "roof_east", "parts1", "oven1_gas"])
def test_amount_is_the_sum_of_the_flows_of_its_seconds(load: str) -> None:
    start = midnight(ANCHOR) + 2 * BLOCK_S - 700
    source = plant()._loads[load]  # noqa: SLF001 - the brute-force integral looks inside
    total = sum(source.flow(second) for second in range(start, start + 1500))
    assert source.amount(start + 1500) - source.amount(start) == total


def test_parents_are_the_sum_of_children_and_losses_exactly() -> None:
    p = plant()
    start, end = midnight(ANCHOR - timedelta(days=9)) + 60, midnight(ANCHOR) + 40_020

    def amount(circuit: str) -> Fraction:
        return p.amount(circuit, start, end)

    loops = sum(amount(c) for c in ("quench-1", "quench-2", "temper", "washer"))
    assert amount("heat-treatment") == loops * Fraction(1006, 1000)
    feeders = sum(amount(c) for c in ("furnace-1", "foundry-aux", "heat-treatment"))
    idle = Fraction(9 * 10**6 * (end - start), 3600)
    balance = (feeders - amount("pv-east")) * Fraction(1011, 1000) + idle
    assert amount("incomer-1") == balance
    gas = sum(amount(c) for c in ("gas-boiler", "gas-ovens", "gas-heat", "gas-foundry"))
    assert amount("gas-main") > gas
    assert amount("gas-boiler") == amount("steam-boiler") * 74


def test_the_same_seed_and_anchor_make_the_same_plant_and_another_seed_another() -> None:
    again = Plant(read_plant("qichuan"), 1, ANCHOR)
    second = midnight(ANCHOR) + 33_333
    assert again.amount_parts("incomer-1", second) == plant().amount_parts("incomer-1", second)
    other = plant(2).amount_parts("incomer-1", second)
    assert other != plant().amount_parts("incomer-1", second)


def test_the_order_of_questions_does_not_change_the_answers() -> None:
    late, early = midnight(ANCHOR) + 9_000, midnight(ANCHOR - timedelta(days=300)) + 1
    forwards, backwards = Plant(read_plant("qichuan"), 1, ANCHOR), plant()
    first = [forwards.amount_parts("incomer-2", s) for s in (early, late)]
    assert first == [backwards.amount_parts("incomer-2", s) for s in (late, early)][::-1]


@pytest.mark.parametrize(("year", "month"), [(2026, 3), (2026, 7), (2026, 11)])
def test_a_month_is_what_the_plant_is_said_to_use(year: int, month: int) -> None:
    grid = month_total("incomer-1", year, month) + month_total("incomer-2", year, month)
    assert 1_800_000 <= grid <= 2_200_000
    assert 90_000 <= month_total("gas-main", year, month) <= 110_000
    sun = month_total("pv-east", year, month) + month_total("pv-west", year, month)
    assert 60_000 <= sun <= 200_000


def demand_maximum(day: date) -> float:
    """The day's highest 15-minute demand in kW, sliding by the minute, windows inside the day."""
    p, start = plant(), midnight(day)
    energy = [
        sum(p.amount_parts(c, start + 60 * m) / p.circuits[c].parts for c in INCOMERS)
        for m in range(1441)
    ]
    return max((energy[m + 15] - energy[m]) * 4 / 10**6 for m in range(1426))


INCOMERS = ("incomer-1", "incomer-2")


def test_working_days_come_near_the_contract_and_never_over_it() -> None:
    days = [ANCHOR - timedelta(days=back) for back in range(1, 15)]
    peaks = [demand_maximum(day) for day in days if day_kind(day) is DayKind.WORK]
    assert len(peaks) == 12
    assert all(0.80 <= peak / CONTRACT_KW <= 0.97 for peak in peaks)


def test_sundays_and_spring_festival_are_visible() -> None:
    def day_kwh(day: date) -> Fraction:
        start = midnight(day)
        return (
            sum((plant().amount(c, start, start + 86_400) for c in INCOMERS), Fraction(0)) / 10**6
        )

    saturday, sunday = day_kwh(date(2026, 11, 21)), day_kwh(date(2026, 11, 22))
    festival, before = day_kwh(date(2026, 2, 17)), day_kwh(date(2026, 2, 10))
    assert sunday < saturday * Fraction(3, 10)
    assert festival < before * Fraction(2, 10)


def test_the_roof_never_feeds_the_grid() -> None:
    p, start = plant(), midnight(ANCHOR - timedelta(days=399))
    for day in range(0, 399, 3):
        for minute in range(6 * 60, 18 * 60, 7):
            second = start + day * 86_400 + minute * 60 + 30
            for incomer in INCOMERS:
                assert p.flow_parts(incomer, second) >= 0, (day, minute, incomer)


def test_each_team_has_two_of_each_shift_in_eight_days() -> None:
    first = first_block(ANCHOR)
    teams = [team_of(block) for block in range(first, first + 24)]
    for slot in range(3):
        assert sorted(teams[slot::3]) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert all(len(set(teams[day * 3 : day * 3 + 3])) == 3 for day in range(8))


def test_extra_loads_integrate_exactly_over_any_stretch() -> None:
    start = midnight(ANCHOR) + 1000
    changed = Plant(read_plant("qichuan"), 1, ANCHOR, [Change("furnace2", start, start + 90, 7)])
    extra = changed.amount_parts("furnace-2", start + 500) - plant().amount_parts(
        "furnace-2", start + 500
    )
    assert extra == 7 * 90
    half = changed.amount_parts("furnace-2", start + 45) - plant().amount_parts(
        "furnace-2", start + 45
    )
    assert half == 7 * 45


@pytest.mark.parametrize("day", [date(2026, 11, 20), date(2026, 11, 22), date(2026, 10, 1)])
@pytest.mark.parametrize("hour", [1, 10, 13, 20])
def test_the_story_crosses_105_percent_at_any_hour_and_ends(day: date, hour: int) -> None:
    begun = midnight(day) + hour * 3600
    told = Plant(read_plant("qichuan"), 1, ANCHOR)
    scenario = Scenario(story_events(told, begun))
    told.set_changes(scenario.changes())
    assert site_kw(told, begun + 300) > CONTRACT_KW * 1.10
    assert told.load_per_hour("furnace2", begun + 300) / 10**6 > 1200
    shed = scenario.ended(begun + 400, stories_only=True)
    told.set_changes(shed.changes())
    assert site_kw(told, begun + 401) == site_kw(plant(), begun + 401)
    assert site_kw(told, begun + 399) > CONTRACT_KW * 1.10


def test_blocks_begin_at_plant_midnight() -> None:
    assert block_of(midnight(ANCHOR)) == first_block(ANCHOR)
    assert midnight(date(1970, 1, 1)) == -8 * 3600


def test_a_meter_that_was_not_told_of_its_new_transformers_goes_on_with_the_old_ratio() -> None:
    plant = Plant(read_plant("qichuan"), 1, date(2026, 3, 20))
    model = next(one for one in plant.model.devices if one.slug == "paint")
    meter = SimulatedMeter(model, find_profile(model.profile), plant)
    assert model.exchange is not None
    at, day = model.exchange.second, 86_400
    assert datetime.fromtimestamp(at, UTC) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert (meter.shown_share(at - 1), meter.shown_share(at)) == (Fraction(1), Fraction(3, 4))
    shown = [meter.shown(plant, "ep_imp", second) for second in (at - 7 * day, at, at + 7 * day)]
    weeks = ((at - 7 * day, at), (at, at + 7 * day))
    real = [float(plant.amount("paint", *week)) / 10**6 for week in weeks]
    assert abs(shown[1] - shown[0] - real[0]) <= 3, "one count is 3 kWh"
    assert abs(shown[2] - shown[1] - real[1] * 0.75) <= 3
    power = next(point for point in meter.profile.points if point.name == "p")
    kw = meter.value(plant, power, at + day)
    assert kw is not None
    assert abs(kw - plant.flow_per_hour("paint", at + day) / 10**6 * 0.75) <= 3
