"""Gateway CPU per 1,000 points, bytes per changed point and memory, on real parts.

20 devices of 50 registers that all change, read every 100 ms over Modbus TCP, journaled, published
through mosquitto to a host that acknowledges. CPU is the gateway process's own (user + system).
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import thingsboard
from tests.bench.process import cpu_s, memory_mb
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port

DEVICES, REGISTERS, PERIOD_S = 20, 50, 0.1
WARM_S, MEASURE_S = 4.0, 12.0
REACH_CPU_S, THINGSBOARD_CPU_S = 0.010, 0.067
REACH_BYTES, REACH_MB = 18.0, 45.0

METER = """
import asyncio, sys
from functools import partial
import logging
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

async def change(function_code, start, address, count, registers, values):
    for index in range(count):
        registers[index] = (registers[index] + 1) % 65536

async def main(port, units, count):
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL + 1)
    devices = [
        SimDevice(id=unit, simdata=[SimData(0, values=[0] * count, datatype=DataType.REGISTERS)],
                  action=change)
        for unit in range(1, units + 1)
    ]
    await ModbusTcpServer(devices, address=("127.0.0.1", port)).serve_forever()

asyncio.run(main(*map(int, sys.argv[1:])))
"""


def profile_text(registers: int = REGISTERS) -> str:
    """A profile of gauges that are reported at every change."""
    points = "\n".join(
        f"  - {{key: r{n}, address: {n}, datatype: uint16, unit: '1', scale: 0.1, deadband: 0}}"
        for n in range(registers)
    )
    return (
        "maker: Bench\ntype: B\ntitle: {en: B, zh-CN: B}\nprotocol: modbus\nvalues: primary\n"
        f"points:\n{points}\n"
        "sample:\n  blocks: [{fc: 3, start: 0, words: [1]}]\n  values: {r0: 0.1}\n"
        "verify: {point: r0, tolerance_percent: 1}\nsource: bench\nverified: no\n"
    )


def write_config(
    folder: Path,
    mqtt_port: int,
    units: Sequence[tuple[int, int]],
    period_s: float = PERIOD_S,
    more: str = "",
) -> Path:
    """Units by (port, number), read with this period; `more` is appended as it is."""
    (folder / "bench").mkdir()
    (folder / "bench" / "b.yaml").write_text(profile_text(), encoding="utf-8")
    devices = "\n".join(
        f"  - {{slug: m{n}, profile: bench/b, host: 127.0.0.1, port: {port}, unit: {unit}, "
        f"poll_s: {period_s}}}"
        for n, (port, unit) in enumerate(units)
    )
    file = folder / "gateway.yaml"
    file.write_text(
        f"project: works\nnode: edge\nprofile_dirs: ['.']\n"
        f"mqtt: {{url: 'mqtt://127.0.0.1:{mqtt_port}'}}\ndevices:\n{devices}\n{more}",
        encoding="utf-8",
    )
    return file


async def measure(folder: Path) -> tuple[dict[str, float], thingsboard.YardStick | None]:
    """Run everything; CPU seconds per 1,000 points, bytes a point, memory in MB; then the
    yard-stick on the same meters and broker.
    """
    broker, meter_port = Mosquitto(free_port()), free_port()
    await broker.start()
    meters = subprocess.Popen(
        [sys.executable, "-c", METER, str(meter_port), str(DEVICES), str(REGISTERS)]
    )
    host = Host("works", broker.port)
    host.counting_only = True
    await host.start()
    units = [(meter_port, number) for number in range(1, DEVICES + 1)]
    file = write_config(folder, broker.port, units)
    gateway = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", "--config", str(file), "--log-level", "WARNING"]
    )
    try:
        await host.until(lambda: len(host.born) == DEVICES, 30)
        await asyncio.sleep(WARM_S)
        points, size, cpu, begun = host.points, host.bytes, cpu_s(gateway.pid), time.monotonic()
        await asyncio.sleep(MEASURE_S)
        used, took = cpu_s(gateway.pid) - cpu, time.monotonic() - begun
        points, size = host.points - points, host.bytes - size
        found = {
            "cpu": used / points * 1000,
            "bytes": size / points,
            "memory": memory_mb(gateway.pid),
            "rate": points / took,
            "share": points / (DEVICES * REGISTERS * took / PERIOD_S),
        }
        gateway.terminate()
        gateway.wait()
        await host.stop()
        yard = await thingsboard.measure(broker.port, meter_port, DEVICES, REGISTERS, PERIOD_S)
        return found, yard
    finally:
        for child in (gateway, meters):
            child.terminate()
            child.wait()
        await host.stop()
        broker.close()


def figure(
    name: str,
    value: float,
    unit: str,
    reach: float,
    against: float | None = None,
    said: str | None = None,
) -> str:
    """One line of the bench: smaller is better for all of these. `said` explains `against`."""
    return json.dumps(
        {
            "name": name,
            "value": round(value, 5),
            "unit": unit,
            "against": said or against,
            "ratio": round(value / against, 4) if against else None,
            "reach": reach,
            "ok": value <= reach,
        }
    )


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        found, yard = asyncio.run(measure(Path(folder)))
    if found["share"] < 0.95:
        print(f"only {found['share']:.0%} of the schedule was kept", file=sys.stderr)
    against = THINGSBOARD_CPU_S
    said: str | None = f"{against} measured before; it cannot be installed now"
    if yard is not None:
        against, said = round(yard.cpu_s, 4), None
        print(
            f"thingsboard-gateway on the same meters: {yard.rate:.0f} points/s, "
            f"{yard.share:.0%} of the schedule",
            file=sys.stderr,
        )
    print(
        figure("gateway_cpu_per_1000_points", found["cpu"], "s", REACH_CPU_S, against, said),
        figure("gateway_bytes_per_changed_point", found["bytes"], "B", REACH_BYTES),
        figure("gateway_memory_1000_points", found["memory"], "MB", REACH_MB),
        sep="\n",
    )


if __name__ == "__main__":
    main()
