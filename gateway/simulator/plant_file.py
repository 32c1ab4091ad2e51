"""The plant file: loads, circuits and devices of a simulated plant, read from YAML and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from gateway.contract.documents import read_document
from gateway.contract.energy import energy_type
from gateway.simulator.loads import LoadModel
from gateway.simulator.noise import text_number
from gateway.simulator.shapes import SHAPES

PLANTS = Path(__file__).parent / "plants"
_LOAD_KEYS = frozenset({"energy", "per_hour", "shape", "group", "centre", "spread"})


class PlantFileError(ValueError):
    """A plant file that cannot be used; the text says where and what."""


@dataclass(frozen=True, slots=True)
class CircuitModel:
    """What a circuit carries: a weighted sum of loads, and its nominal conditions."""

    name: str
    energy: str
    weights: Mapping[str, Fraction]
    """Load name -> weight; nested circuits and losses are multiplied out."""
    tan_permille: int
    """Reactive over active power."""
    volts: int
    """Line to line."""
    kpa: int
    celsius: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """Current transformers were exchanged at a Unix second, and nobody told the meter."""

    second: int
    ct: Fraction
    """The ratio that is installed since then; the meter goes on with its own."""


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One installed meter: where it answers, its profile, ratios and what its circuits measure.

    `pt` and `ct` are the ratios that the meter is set to.
    """

    slug: str
    bus: str
    unit_id: int
    profile: str
    pt: Fraction
    ct: Fraction
    circuits: Mapping[str | None, str]
    """Circuit of the profile (None = the device itself) -> circuit of the plant."""
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class StoryModel:
    """What the story raises: loads in order, each up to its kW, until the site has `target_kw`."""

    incomers: tuple[str, ...]
    target_kw: int
    steps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PlantModel:
    """Everything a plant file says."""

    name: Mapping[str, str]
    zone: str
    project: str
    gateway: str
    loads: Mapping[str, LoadModel]
    energies: Mapping[str, str]
    circuits: Mapping[str, CircuitModel]
    buses: Mapping[str, int]
    """Bus -> seconds between two polls, which is also the step of its meters' registers."""
    devices: tuple[DeviceModel, ...]
    story: StoryModel


def plant_names() -> list[str]:
    """The plants that ship with the gateway."""
    return sorted(file.stem for file in PLANTS.glob("*.yaml"))


def read_plant(name: str) -> PlantModel:
    """The shipped plant of this name. Raises PlantFileError."""
    file = PLANTS / f"{name}.yaml"
    if not file.is_file():
        raise PlantFileError(f"there is no plant {name!r}; known are {', '.join(plant_names())}")
    document = read_document(file).data
    if not isinstance(document, dict):
        raise PlantFileError(f"{file.name} is no mapping")
    try:
        return _plant(document)
    except (KeyError, TypeError, ValueError) as error:
        raise PlantFileError(f"{file.name}: {error!r}") from error


def _plant(document: Mapping[str, object]) -> PlantModel:
    energies: dict[str, str] = {}
    loads: dict[str, LoadModel] = {}
    for name, row in _rows(document, "loads"):
        energies[name] = str(row["energy"])
        loads[name] = _load(name, row)
    circuits: dict[str, CircuitModel] = {}
    for name, row in _rows(document, "circuits"):
        circuits[name] = _circuit(name, row, loads, energies, circuits)
    names, buses, devices = document["name"], document["buses"], document["devices"]
    if not (isinstance(names, dict) and isinstance(buses, dict) and isinstance(devices, list)):
        raise PlantFileError("name and buses are mappings, devices is a list")
    return PlantModel(
        name={str(key): str(value) for key, value in names.items()},
        zone=str(document["zone"]),
        project=str(document["project"]),
        gateway=str(document["gateway"]),
        loads=loads,
        energies=energies,
        circuits=circuits,
        buses={str(bus): _whole(step) for bus, step in buses.items()},
        devices=tuple(_device(row, circuits) for row in devices),
        story=_story(document["story"], loads),
    )


def _story(row: object, loads: Mapping[str, LoadModel]) -> StoryModel:
    if not isinstance(row, dict):
        raise PlantFileError("story is a mapping of incomers, target_kw and steps")
    steps = tuple((str(load), _whole(kw)) for load, kw in row["steps"].items())
    unknown = [load for load, _ in steps if load not in loads]
    if unknown:
        raise PlantFileError(f"story: unknown load {unknown[0]!r}")
    return StoryModel(tuple(row["incomers"]), _whole(row["target_kw"]), steps)


def _rows(document: Mapping[str, object], key: str) -> list[tuple[str, dict[str, object]]]:
    rows = document[key]
    if not isinstance(rows, dict):
        raise PlantFileError(f"{key} is a mapping of names")
    return [(str(name), dict(row)) for name, row in rows.items()]


def _load(name: str, row: Mapping[str, object]) -> LoadModel:
    shape = str(row["shape"])
    if shape not in SHAPES:
        raise PlantFileError(f"load {name}: no shape {shape!r}; known are {', '.join(SHAPES)}")
    smallest = energy_type(str(row["energy"])).smallest_per_unit
    return LoadModel(
        name=name,
        shape=shape,
        nominal_per_hour=int(Fraction(str(row["per_hour"])) * smallest),
        options={key: _whole(value) for key, value in row.items() if key not in _LOAD_KEYS},
        group=str(row.get("group", name)),
        centre_permille=_whole(row.get("centre", 1000)),
        spread_permille=_whole(row.get("spread", 20)),
    )


def _circuit(
    name: str,
    row: Mapping[str, object],
    loads: Mapping[str, LoadModel],
    energies: Mapping[str, str],
    circuits: Mapping[str, CircuitModel],
) -> CircuitModel:
    weights: dict[str, Fraction] = {}
    loss = 1 + Fraction(_whole(row.get("loss_permille", 0)), 1000)
    energy = None
    for part, factor in ((row["of"], loss), (row.get("plus", {}), Fraction(1))):
        if not isinstance(part, dict):
            raise PlantFileError(f"circuit {name}: `of` and `plus` are mappings of weights")
        for child, weight in part.items():
            scale = factor * Fraction(str(weight))
            # A circuit may carry the name of its only load; the circuit of a child goes first.
            known = circuits[child].weights if child in circuits else {child: Fraction(1)}
            energy = energy or (circuits[child].energy if child in circuits else energies[child])
            for load, own in known.items():
                if load not in loads:
                    raise PlantFileError(f"circuit {name}: unknown part {child!r}")
                weights[load] = weights.get(load, Fraction(0)) + scale * own
    return CircuitModel(
        name=name,
        energy=str(row.get("energy", energy)),
        weights=weights,
        tan_permille=int(Fraction(str(row.get("tan", 0))) * 1000),
        volts=_whole(row.get("volts", 400)),
        kpa=_whole(row.get("kpa", 100)),
        celsius=_whole(row.get("celsius", 20)),
    )


def _device(row: Mapping[str, object], circuits: Mapping[str, CircuitModel]) -> DeviceModel:
    parts = row.get("circuits", {})
    if not isinstance(parts, dict):
        raise PlantFileError(f"device {row['slug']}: circuits is a mapping")
    places: dict[str | None, str] = {None: str(row["circuit"])}
    places.update({str(own): str(circuit) for own, circuit in parts.items()})
    for circuit in places.values():
        if circuit not in circuits:
            raise PlantFileError(f"device {row['slug']}: unknown circuit {circuit!r}")
    return DeviceModel(
        slug=str(row["slug"]),
        bus=str(row["bus"]),
        unit_id=_whole(row["unit"]),
        profile=str(row["profile"]),
        pt=Fraction(str(row.get("pt", 1))),
        ct=Fraction(str(row.get("ct", 1))),
        circuits=places,
        exchange=_exchange(row),
    )


def _exchange(row: Mapping[str, object]) -> Exchange | None:
    change = row.get("exchanged")
    if change is None:
        return None
    if not isinstance(change, dict):
        raise PlantFileError(f"device {row['slug']}: exchanged is a mapping of at and ct")
    at = datetime.fromisoformat(str(change["at"]))
    if at.tzinfo is None:
        raise PlantFileError(f"device {row['slug']}: {change['at']} has no UTC offset")
    return Exchange(int(at.timestamp()), Fraction(str(change["ct"])))


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise PlantFileError(f"{value!r} is not a whole number")
    return value


def base_units(circuit: str, seed: int, low: int = 9_000, high: int = 88_000) -> int:
    """What a register showed when its meter was installed here, in whole units."""
    return low + text_number(f"{circuit}/{seed}") % (high - low)
