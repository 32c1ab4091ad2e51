"""Bench meters: one device for every profile that the plant does not use, so that a new profile
file alone makes a simulated meter that is read and shown.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from gateway.contract.energy import energy_type, energy_types
from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, profile_names
from gateway.simulator.loads import LoadModel
from gateway.simulator.plant_file import CircuitModel, DeviceModel, PlantModel

BUS = "bench"
PERIOD_S = 5
_UNITS_AN_HOUR = 12
_FIRST_UNIT_ID = 1


def with_bench(model: PlantModel, extra: Sequence[Path] = ()) -> PlantModel:
    """The plant with a bus of bench meters, one a profile that no device of the plant has."""
    used = {device.profile for device in model.devices}
    others = [find_profile(name, extra) for name in profile_names(extra) if name not in used]
    # The simulated field speaks by registers only.
    profiles = [profile for profile in others if profile.has_registers]
    devices, circuits, loads = list(model.devices), dict(model.circuits), dict(model.loads)
    for number, profile in enumerate(profiles):
        energy = profile.energy or next(iter(energy_types()))
        circuit = f"bench-{energy}"
        loads[circuit] = _load(circuit, energy)
        circuits[circuit] = CircuitModel(
            circuit,
            energy,
            {circuit: Fraction(1)},
            tan_permille=330,
            volts=400,
            kpa=300,
            celsius=22,
        )
        devices.append(_device(profile, _FIRST_UNIT_ID + number, circuit))
    return replace(
        model,
        loads=loads,
        circuits=circuits,
        devices=tuple(devices),
        buses={**model.buses, BUS: PERIOD_S} if profiles else model.buses,
    )


def _device(profile: Profile, unit_id: int, circuit: str) -> DeviceModel:
    slug = "bench-" + profile.name.replace("/", "-")
    ratios = profile.sample.ratios
    return DeviceModel(slug, BUS, unit_id, profile.name, ratios.pt, ratios.ct, {None: circuit})


def _load(name: str, energy: str) -> LoadModel:
    nominal = _UNITS_AN_HOUR * energy_type(energy).smallest_per_unit
    options = {"rest": 1000, "festival": 1000}
    return LoadModel(name, "continuous", nominal, options, name)
