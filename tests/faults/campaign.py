"""Random faults on the whole product under load, decided by a seed, and the verdict afterwards.

Two legs: on the machine's own time kills and cuts of seconds; on a clock that runs 3,600 times as
fast kills and cuts of up to 24 h. Each leg is a product of its own that starts, suffers, is left
alone, drains its journal and is compared.
"""

import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from gateway.contract.clock import parse_clock
from tests.faults.balance import Balance, balance
from tests.faults.ledger import audit, devices, import_done, wait_drained
from tests.faults.strike import cut_link, silence, strike, until, values_go_on
from tests.product import Product, product

FAST = 3600.0
BEGIN = datetime(2026, 10, 20, 1, tzinfo=UTC)
STEP_S = 900
"""Clock seconds between two values of a register in the fast leg: four polls a real second."""
LONGEST_PAUSE_S = 3.0
HOUR_S, DAY_S = 3600.0, 86_400.0

Say = Callable[[str], None]


class What(StrEnum):
    """What can happen."""

    GATEWAY = "gateway"
    BROKER = "broker"
    INGEST = "ingest"
    POSTGRES = "postgres"
    CUT = "cut"


KILLS = tuple(what for what in What if what is not What.CUT)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: a role that is killed, or a cut of so many clock seconds."""

    what: What
    cut_s: float
    pause_s: float
    """Real seconds until the next one, which may so hit a product that still recovers."""

    def __str__(self) -> str:
        if self.what is not What.CUT:
            return f"kill -9 of {self.what}"
        return f"link cut for {_span(self.cut_s)}"


@dataclass(frozen=True, slots=True)
class Leg:
    """Faults on one product: how fast its clock runs and how long its cuts are (clock seconds)."""

    name: str
    faults: tuple[Fault, ...]
    rate: float = 1.0


def schedule(
    chance: random.Random, count: int, cuts: tuple[float, float] | None
) -> tuple[Fault, ...]:
    """So many faults: every kind once in a round, in random order, then the next round.

    Cuts are drawn evenly over the orders of magnitude between two lengths; the first one has the
    greater length. None: no cuts.
    """
    kinds = KILLS if cuts is None else tuple(What)
    low, high = cuts or (1.0, 1.0)
    found: list[Fault] = []
    longest_done = False
    while len(found) < count:
        for what in chance.sample(kinds, len(kinds)):
            length = low * (high / low) ** chance.random()
            if what is What.CUT and not longest_done:
                length, longest_done = high, True
            found.append(Fault(what, length, chance.uniform(0.0, LONGEST_PAUSE_S)))
    return tuple(found[:count])


def legs(seed: int, count: int) -> list[Leg]:
    """The faults of a campaign: three fifths on real time, two fifths on the fast clock."""
    chance = random.Random(seed)
    slow = count - count * 2 // 5
    return [
        Leg("real time", schedule(chance, slow, (1.0, 20.0))),
        Leg(f"clock x {FAST:.0f}", schedule(chance, count - slow, (60.0, DAY_S)), FAST),
    ]


def run_leg(folder: Path, leg: Leg, say: Say) -> Balance:
    """Let the faults of a leg happen to a product of its own; what the comparison says."""
    folder.mkdir(mode=0o755, exist_ok=True)
    data = folder / "data folder"
    data.mkdir()
    audit(data)
    fast = leg.rate > 1
    clock_text = f"{BEGIN.isoformat()},{leg.rate},{time.time()!r}" if fast else None
    clock = parse_clock(clock_text)
    port = _free_port()
    words = f"--no-bench --cut 127.0.0.1:{port}" + (f" --step {STEP_S}" if fast else "")
    environment = {"MQTT_PORT": str(port), "KILOWISE_SIMULATE": words}
    if clock_text is not None:
        environment["KILOWISE_CLOCK"] = clock_text
    with product(folder, demo=True, **environment) as running:
        running.wait_ready()
        until(lambda: import_done(data), running)
        suffer(running, leg.faults, say)
        values_go_on(running, clock)
        say(f"{leg.name}: values go on after all of it; the journal is being drained")
        return drained_balance(running)


def suffer(running: Product, faults: Sequence[Fault], say: Say) -> None:
    """One fault after the other; nobody waits until the product recovered from the one before."""
    for number, fault in enumerate(faults, start=1):
        began = time.monotonic()
        if fault.what is What.CUT:
            cut_link(running, fault.cut_s)
        else:
            strike(running, fault.what)
        time.sleep(fault.pause_s)
        say(f"{number:3}/{len(faults)} {fault}, {time.monotonic() - began:.1f} s")


def drained_balance(running: Product) -> Balance:
    """Let the meters fall silent, drain the journal and compare."""
    silence(running, devices(running.data))
    wait_drained(running.data)
    return balance(running.data)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < HOUR_S else f"{seconds / HOUR_S:.1f} h"
