"""The demo's wrong ratio is found by the balance from what the demo's meters show."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from backend.service.balance.onset import Day, onset
from backend.service.balance.suspects import Fault, Flows, suspect
from gateway.contract.profile_file import find_profile
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import read_plant
from gateway.simulator.workdays import block_start, first_block

DAYS = 7
FIRST = date(2026, 11, 17)
PAINT = 4
ZONE = ZoneInfo("Asia/Shanghai")


def shown(first: date, days: int, step_s: int) -> dict[str, list[int]]:
    """mWh in steps of every meter that counts electricity, as its register shows them."""
    plant = Plant(read_plant("qichuan"), 1, date(2026, 11, 23))
    start = block_start(first_block(first))
    instants = range(start, start + days * 86_400 + 1, step_s)
    places = []
    for device in plant.model.devices:
        meter = SimulatedMeter(device, find_profile(device.profile), plant)
        for name, register in meter.registers.items():
            if name.endswith("ep_imp") and device.bus != "bench":
                places.append((register.circuit, meter, name))
    rows = [[meter.shown(plant, name, at) for _, meter, name in places] for at in instants]
    columns = zip(places, zip(*rows, strict=True), strict=True)
    return {
        circuit: [round((after - before) * 10**6) for before, after in pairwise(values)]
        for (circuit, _, _), values in columns
    }


def minus(one: list[int], other: list[int]) -> list[int]:
    return [a - b for a, b in zip(one, other, strict=True)]


def total(meters: dict[str, list[int]], *names: str) -> list[int]:
    return [sum(values) for values in zip(*(meters[name] for name in names), strict=True)]


WORKSHOPS = ("heat-treatment", "machining", "paint", "utilities")
FOUNDRY = ("furnace-1", "furnace-2", "foundry-aux")
SITE = ("incomer-1", "incomer-2", "pv-east", "pv-west")


def test_its_first_wrong_day_is_the_day_of_the_exchange() -> None:
    first = date(2026, 1, 10)
    meters = shown(first, 100, 86_400)
    site, out = total(meters, *SITE), total(meters, *FOUNDRY, *WORKSHOPS)
    inside = total(meters, "booths", "pretreatment", "oven-1", "oven-2")
    begins = [datetime.combine(first, time(), ZONE) + n * timedelta(days=1) for n in range(100)]
    above = [Day(*row) for row in zip(begins, meters["paint"], minus(site, out), site, strict=True)]
    missing = minus(inside, meters["paint"])
    own = [Day(*row) for row in zip(begins, meters["paint"], missing, inside, strict=True)]
    for made, factor in ((above, 1.331), (own, 1.338)):
        assert onset(made, factor, begins[96]) == datetime.fromisoformat(
            "2026-03-01T00:00:00+08:00"
        )


def test_the_plant_and_the_paint_shop_both_point_at_the_paint_shops_meter() -> None:
    meters = shown(FIRST, DAYS, 900)
    workshops = {
        1: total(meters, *FOUNDRY),
        2: meters["heat-treatment"],
        3: meters["machining"],
        PAINT: meters["paint"],
        5: meters["utilities"],
    }
    site = total(meters, *SITE)
    found = suspect(Flows(site, workshops, {}), sum(site) // 300)
    assert found is not None
    assert (found.fault, found.part) == (Fault.RATIO, PAINT)
    assert (found.mixups[0].configured, found.mixups[0].installed) == ("150/5", "200/5")

    names = ("booths", "pretreatment", "oven-1", "oven-2")
    inside = {number: meters[name] for number, name in enumerate(names)}
    own = suspect(Flows(meters["paint"], inside, {}), sum(meters["paint"]) // 100)
    assert own is not None
    assert (own.fault, own.part) == (Fault.RATIO, None), "all parts ask for the same"
    assert (own.mixups[0].configured, own.mixups[0].installed) == ("150/5", "200/5")

    for whole, parts in (
        ("machining", ("line-1", "line-2", "line-3", "line-4")),
        ("heat-treatment", ("quench-1", "quench-2", "temper", "washer")),
    ):
        right = Flows(meters[whole], {number: meters[p] for number, p in enumerate(parts)}, {})
        assert suspect(right, sum(meters[whole]) // 100) is None, whole
