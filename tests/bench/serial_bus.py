"""Serial buses at their real speed: how near to the paper rate the driver comes, and what dead
units cost the healthy ones.

The other end of each terminal is a process that delays bytes as the line would (serial_line).
Rates: blocks of 125 registers, one after the other. Dead units: 1 of 32, and 10 of 50, on 9600 baud
with about 75 % of the line in use; kept = samples taken within their period, of all that were due.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from gateway.contract.clock import SystemClock
from gateway.contract.profile import Block, Profile
from gateway.contract.profile_file import parse_profile
from gateway.drivers.capabilities import Address, Serial
from gateway.drivers.modbus import open_line
from gateway.drivers.modbus.frames import ask_registers
from gateway.drivers.modbus.timing import SerialTiming
from gateway.poll import LinePoller, Polled
from gateway.run import loop_factory

BLOCK, RATE_S = 125, 6.0
REGISTERS, USE = 20, 0.75
WARM_S, MEASURE_S = 12.0, 36.0
REACH_RATE, REACH_KEPT = 0.90, 0.95
TIMEOUT_S = 0.5


@contextmanager
def bus(baud: int, last_unit: int, dead: Sequence[int] = ()) -> Iterator[Address]:
    """A bus with units 1 to `last_unit`."""
    command = [sys.executable, "-m", "tests.bench.serial_line", str(baud), str(last_unit)]
    with subprocess.Popen(
        [*command, *map(str, dead)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Address("modbus", Serial(process.stdout.readline().strip(), baud))
        finally:
            process.kill()


def profile() -> Profile:
    """A meter with its values in one block."""
    points = "\n".join(
        f"  - {{key: r{n}, address: {n}, datatype: uint16, unit: '1'}}" for n in range(REGISTERS)
    )
    return parse_profile(
        "bench/serial",
        "maker: Bench\ntype: S\ntitle: {en: S, zh-CN: S}\nprotocol: modbus\nvalues: primary\n"
        f"points:\n{points}\n"
        "sample:\n  blocks: [{fc: 3, start: 0, words: [1]}]\n  values: {r0: 1}\n"
        "verify: {point: r0, tolerance_percent: 1}\nsource: bench\nverified: no\n",
    )


async def share_of_paper(baud: int) -> float:
    """Registers a second read back to back, divided by what the line carries on paper."""
    with bus(baud, 4) as address:
        line = open_line(address, TIMEOUT_S)
        await line.open()
        reads, begun = 0, time.monotonic()
        while time.monotonic() - begun < RATE_S:
            await line.ask(ask_registers(1 + reads % 4, Block(3, 0, BLOCK)))
            reads += 1
        took = time.monotonic() - begun
        line.close()
    return reads * SerialTiming(baud).read_s(BLOCK) / took


class Kept:
    """Counts the samples that were taken within their period."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.counting = False

    def sampled(self, device: Polled, at_ms: int, values: Sequence[float | None]) -> None:
        """One poll came back."""
        self.count[device.slug] += self.counting and at_ms == device.instant_ms

    def measured(self, device: Polled, name: str, at_ms: int, value: float | None) -> None:
        """Nothing to note."""

    def came_alive(self, device: Polled) -> None:
        """Nothing to note."""

    def went_dead(self, device: Polled, reason: str) -> None:
        """Nothing to note."""


async def kept_share(units: int, dead: int) -> float:
    """Samples of the healthy units, of all that were due."""
    healthy = units - dead
    period_ms = round(healthy * SerialTiming(9600).read_s(REGISTERS) / USE * 10) * 100
    meter, kept, clock = profile(), Kept(), SystemClock()
    # The dead ones in between, as they would be.
    missing = [1 + n * units // dead for n in range(dead)]
    with bus(9600, units, missing) as address:
        line = open_line(address, TIMEOUT_S)
        devices = [
            Polled(f"m{unit}", meter, line.device(meter, unit), period_ms)
            for unit in range(1, units + 1)
        ]
        task = asyncio.create_task(LinePoller(line, devices, clock, kept).run())
        await asyncio.sleep(WARM_S)
        kept.counting = True
        begun = time.monotonic()
        await asyncio.sleep(MEASURE_S)
        took = time.monotonic() - begun
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    due = healthy * took * 1000 / period_ms
    return sum(kept.count.values()) / due


async def measure() -> dict[str, float]:
    """All figures by name."""
    found = {
        f"rtu_share_of_paper_rate_{baud}": await share_of_paper(baud) for baud in (9600, 115200)
    }
    ten, one = await asyncio.gather(kept_share(50, 10), kept_share(32, 1))
    return {**found, "schedule_kept_10_dead_of_50": ten, "schedule_kept_1_dead_of_32": one}


def main() -> None:
    """Print the figures."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        found = runner.run(measure())
    for name, value in found.items():
        reach = REACH_RATE if name.startswith("rtu") else REACH_KEPT
        print(
            json.dumps(
                {
                    "name": name,
                    "value": round(value, 4),
                    "unit": "share",
                    "against": 1.0,
                    "ratio": round(value, 4),
                    "reach": reach,
                    "ok": value >= reach,
                }
            )
        )


if __name__ == "__main__":
    main()
