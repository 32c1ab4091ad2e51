"""A simulated plant put together: which plant, seed and anchor date, its meters and its faults.

Seed and anchor stay with the data folder, so that registers go on where they were after a restart
on any later day.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from gateway.contract.clock import Clock
from gateway.contract.profile_file import find_profile
from gateway.simulator.bench import with_bench
from gateway.simulator.field import Field
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.plant import Plant
from gateway.simulator.plant_file import read_plant
from gateway.simulator.scenario import read_events
from gateway.simulator.workdays import block_date, block_of

FOLDER = "simulator"
IDENTITY_FILE = "plant.json"
EVENTS_FILE = "events.jsonl"


class SimulationError(Exception):
    """The simulation cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides every number of a simulated plant, beside its events."""

    plant: str
    seed: int
    anchor: str
    """ISO date: day 0 of the plant's history."""


def events_file(data: Path) -> Path:
    """Where the events of a data folder are kept."""
    return data / FOLDER / EVENTS_FILE


def identity(
    data: Path, clock: Clock, plant: str | None, seed: int | None, anchor: date | None
) -> Identity:
    """The identity kept in the data folder, made at the first call. Raises SimulationError when
    the folder belongs to another plant than the one asked for.
    """
    file = data / FOLDER / IDENTITY_FILE
    if not file.is_file():
        today = block_date(block_of(int(clock.now().timestamp())))
        made = Identity(plant or "qichuan", 1 if seed is None else seed, str(anchor or today))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(made)) + "\n", encoding="utf-8")
        return made
    try:
        kept = Identity(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise SimulationError(
            f"{file} cannot be read ({error}). Delete it to begin anew."
        ) from error
    asked = Identity(
        plant or kept.plant, kept.seed if seed is None else seed, str(anchor or kept.anchor)
    )
    if asked != kept:
        raise SimulationError(
            f"{data} holds the plant {kept.plant} with seed {kept.seed} and anchor {kept.anchor}; "
            f"leave these options out or take another data folder."
        )
    return kept


def build_field(
    which: Identity,
    clock: Clock,
    *,
    extra_profiles: Sequence[Path] = (),
    step_s: int | None = None,
    bench: bool = True,
) -> Field:
    """The plant's meters without any fault. `step_s` replaces the poll period of every bus."""
    model = read_plant(which.plant)
    if bench:
        model = with_bench(model, extra_profiles)
    if step_s is not None:
        model = replace(model, buses=dict.fromkeys(model.buses, step_s))
    plant = Plant(model, which.seed, date.fromisoformat(which.anchor))
    names = sorted({device.profile for device in model.devices})
    profiles = {name: find_profile(name, extra_profiles) for name in names}
    meters = [SimulatedMeter(device, profiles[device.profile], plant) for device in model.devices]
    return Field(plant, meters, clock, model.buses)


def load_events(field: Field, data: Path) -> None:
    """Live under the events kept in the data folder."""
    field.set_scenario(read_events(events_file(data)))
