"""A gateway's memory at 50,000 points; how soon a sample is out through a durable journal.

Both on real parts: meters that answer Modbus TCP, the gateway as a process of its own, mosquitto, a
host that acknowledges. Delay is counted from the instant of the grid at which a device is read to
the message's arrival at the host, so the read itself is in it; the journal makes every batch
survive a power cut (one fsync a batch) before it is published.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from gateway.contract import topics
from gateway.contract.sparkplug import decode
from tests.bench.gateway_cpu import METER, REGISTERS, figure, write_config
from tests.bench.process import memory_mb
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port

BUSES, UNITS = 5, 200
SLOW_S, SETTLED_S = 10.0, 25.0
REACH_MB = 120.0
QUICK_BUSES, QUICK_UNITS, QUICK_S = 4, 5, 1.0
DELAYS_S = 20.0
REACH_MS, THINGSBOARD_MS = 30.0, 203.0


class Stopwatch(Host):
    """A host that notes how old the samples are when they arrive."""

    def __init__(self, group: str, port: int) -> None:
        """Count from the moment `since` is set."""
        super().__init__(group, port)
        self.delays_ms: list[float] = []
        self.measuring = False

    def _on_message(
        self, client: object, topic: str, payload: bytes, qos: int, properties: object
    ) -> int:
        place = topics.parse(topic)
        if self.measuring and place is not None and place.kind == topics.DDATA:
            now_ms = time.time() * 1000
            stamps = [m.timestamp for m in decode(bytes(payload)).metrics if m.alias is not None]
            self.delays_ms += [now_ms - stamp for stamp in stamps if stamp is not None]
        return super()._on_message(client, topic, payload, qos, properties)


async def run(
    folder: Path, buses: int, units: int, period_s: float, more: str, seconds: float
) -> tuple[float, list[float]]:
    """Memory (MB) of a gateway that reads so many devices, and the delays (ms) of its samples."""
    folder.mkdir()
    broker = Mosquitto(free_port())
    await broker.start()
    host = Stopwatch("works", broker.port)
    host.counting_only = True
    await host.start()
    ports = [free_port() for _ in range(buses)]
    places = [(port, unit) for port in ports for unit in range(1, units + 1)]
    file = write_config(folder, broker.port, places, period_s, more)
    with ExitStack() as ending:
        ending.callback(broker.close)
        for port in ports:
            words = [sys.executable, "-c", METER, str(port), str(units), str(REGISTERS)]
            end_with(ending, subprocess.Popen(words))
        argv = [sys.executable, "-m", "gateway", "run", "--config", str(file)]
        gateway = subprocess.Popen([*argv, "--log-level", "WARNING"])
        end_with(ending, gateway)
        await host.until(lambda: len(host.born) == len(places), 100)
        await asyncio.sleep(period_s)
        host.measuring = True
        await asyncio.sleep(seconds)
        memory = memory_mb(gateway.pid)
        await host.stop()
    return memory, host.delays_ms


def end_with(ending: ExitStack, process: subprocess.Popen[bytes]) -> None:
    """End a process with the stack."""
    ending.callback(process.wait)
    ending.callback(process.terminate)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memory, _ = asyncio.run(
            run(folder / "large", BUSES, UNITS, SLOW_S, "timeout_s: 3\n", SETTLED_S)
        )
        print(figure("gateway_memory_50000_points", memory, "MB", REACH_MB), flush=True)
        durable = "journal: {durable: true}\n"
        _, delays = asyncio.run(
            run(folder / "quick", QUICK_BUSES, QUICK_UNITS, QUICK_S, durable, DELAYS_S)
        )
    print(
        figure(
            "gateway_read_to_published_p50_durable",
            statistics.median(delays),
            "ms",
            REACH_MS,
            THINGSBOARD_MS,
        )
    )


if __name__ == "__main__":
    main()
