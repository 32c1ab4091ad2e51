"""The story: furnace 2 starts at full power beside everything else.

Loads are raised in the plant file's order until the site takes the story's power, whatever the
hour, so that the demand forecast always crosses 105 % of the contract. Extra loads are fixed minute
by minute when the story begins; they end early when people shed them.
"""

from collections.abc import Iterator

from gateway.contract.demo import Request
from gateway.simulator.plant import Plant
from gateway.simulator.scenario import MILLIWATTS_PER_KW, Event

STORY_MINUTES = 30
RAMP = (0.45, 0.8)
"""Shares of the extra load in the first minutes."""


def story_events(plant: Plant, now: int, minutes: int = STORY_MINUTES) -> list[Event]:
    """The extra loads of a story that begins now."""
    return [event for minute in range(minutes) for event in _minute(plant, now, minute)]


def site_kw(plant: Plant, second: int) -> float:
    """What the site takes from the grid, in kW."""
    incomers = plant.model.story.incomers
    return sum(plant.flow_per_hour(name, second) for name in incomers) / MILLIWATTS_PER_KW


def _minute(plant: Plant, began: int, minute: int) -> Iterator[Event]:
    story, start = plant.model.story, began + 60 * minute
    share = RAMP[minute] if minute < len(RAMP) else 1.0
    missing = (story.target_kw - site_kw(plant, start)) * share
    for load, most_kw in story.steps:
        if missing <= 0:
            return
        kw = round(min(missing, most_kw - plant.load_per_hour(load, start) / MILLIWATTS_PER_KW))
        if kw > 0:
            missing -= kw
            yield Event(Request.LOAD, start, start + 60, load=load, kw=kw, story=began)
