"""The demo's wrong ratio is found by the balance from what the demo's meters show."""

from datetime import date
from itertools import pairwise

from backend.service.balance.suspects import Fault, Flows, suspect
from gateway.contract.profile_file import find_profile
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import read_plant
from gateway.simulator.workdays import block_start, first_block

DAYS = 7
FIRST = date(2026, 11, 17)
PAINT = 4


def shown() -> dict[str, list[int]]:
    """mWh in quarter hours of every meter that counts electricity, as its register shows them."""
    plant = Plant(read_plant("qichuan"), 1, date(2026, 11, 23))
    start = block_start(first_block(FIRST))
    instants = range(start, start + DAYS * 86_400 + 1, 900)
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


def total(meters: dict[str, list[int]], *names: str) -> list[int]:
    return [sum(values) for values in zip(*(meters[name] for name in names), strict=True)]


def test_the_plant_and_the_paint_shop_both_point_at_the_paint_shops_meter() -> None:
    meters = shown()
    workshops = {
        1: total(meters, "furnace-1", "furnace-2", "foundry-aux"),
        2: meters["heat-treatment"],
        3: meters["machining"],
        PAINT: meters["paint"],
        5: meters["utilities"],
    }
    site = total(meters, "incomer-1", "incomer-2", "pv-east", "pv-west")
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
