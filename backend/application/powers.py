"""Powers of nodes now: sums of coefficient x newest power of their meters of the main energy."""

from dataclasses import dataclass
from datetime import datetime

from backend.aggregation.figures import main_energy
from backend.application.directory import Directory
from backend.application.live_cache import LiveView
from backend.service.plant.rows import SUPPLY, NodeRow


@dataclass(frozen=True, slots=True)
class Power:
    """A power in kW and the oldest instant it stands on."""

    kw: float
    at: datetime


def node_power(live: LiveView, directory: Directory, node: NodeRow) -> Power | None:
    """Answer a node's power now; None unless every one of its meters has a fresh value.

    A sum that lacks a meter would look like less power, and a missing value is never a zero.
    """
    main = main_energy().code
    terms = [term for term in directory.terms.get(node.id, []) if term.energy == main]
    total, oldest = 0.0, None
    for term in terms:
        meter = directory.meters[term.meter_id]
        sample = live.fresh(directory.point(meter, meter.power_name))
        if sample is None:
            return None
        total += float(term.coefficient) * sample.value
        oldest = sample.at if oldest is None else min(oldest, sample.at)
    return None if oldest is None else Power(total, oldest)


def top_powers(
    live: LiveView, directory: Directory, parent: NodeRow
) -> list[tuple[NodeRow, Power]]:
    """Answer the parent's consumers with their powers, greatest first."""
    found = []
    for child in directory.children.get(parent.id, []):
        if child.kind == SUPPLY:
            continue
        power = node_power(live, directory, child)
        if power is not None:
            found.append((child, power))
    return sorted(found, key=lambda pair: (-pair[1].kw, pair[0].id))
