"""The yard-stick: thingsboard-gateway in a virtual environment of its own, on the same meters.

It is installed once below `.cache` by the ordinary pip; where that does not work, or takes longer
than a benchmark may, the figures fall back on what was measured before.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from tests.bench.process import cpu_s

VERSION = "3.8.5"
# The last three are what its Modbus connector would install by itself at the first start.
PACKAGES = (f"thingsboard-gateway=={VERSION}", "pymodbus==3.9.2", "pyserial", "pyserial-asyncio")
ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".cache" / f"thingsboard-gateway-{VERSION}"
INSTALL_S = 90.0
START_S, WARM_S, MEASURE_S = 60.0, 4.0, 12.0
TELEMETRY = "v1/gateway/telemetry"
REQUEST, RESPONSE = "v1/devices/me/rpc/request", "v1/devices/me/rpc/response"
SESSION_LIMITS = (
    b'{"maxInflightMessages": 100, "maxPayloadSize": 65536, "rateLimits": {},'
    b' "gatewayRateLimits": {}}'
)
NO_LIMIT = "0:0,"


def program() -> Path | None:
    """The Python that has the gateway; None when it cannot be installed."""
    python = HOME / "bin" / "python"
    done = HOME / "installed"
    if done.exists():
        return python
    shutil.rmtree(HOME, ignore_errors=True)
    commands = (
        [sys.executable, "-m", "venv", str(HOME)],
        [str(python), "-m", "pip", "install", "--quiet", *PACKAGES],
    )
    ends = time.monotonic() + INSTALL_S
    try:
        for command in commands:
            subprocess.run(
                command, check=True, capture_output=True, timeout=ends - time.monotonic()
            )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"thingsboard-gateway cannot be installed: {error}", file=sys.stderr)
        return None
    done.touch()
    return python


def write_config(
    folder: Path, mqtt_port: int, meter_port: int, devices: int, registers: int, period_ms: int
) -> None:
    """The configuration of as many meters of single registers."""
    tags = [
        {"tag": f"r{n}", "type": "16uint", "functionCode": 3, "objectsCount": 1, "address": n}
        for n in range(registers)
    ]
    slaves = [
        {
            "host": "127.0.0.1",
            "port": meter_port,
            "type": "tcp",
            "method": "socket",
            "unitId": unit,
            "deviceName": f"m{unit}",
            "timeout": 5,
            "pollPeriod": period_ms,
            "attributes": [],
            "timeseries": tags,
        }
        for unit in range(1, devices + 1)
    ]
    main = {
        "thingsboard": {
            "host": "127.0.0.1",
            "port": mqtt_port,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False},
            "security": {"type": "accessToken", "accessToken": "bench"},
            "qos": 1,
            "rateLimits": NO_LIMIT,
            "dpRateLimits": NO_LIMIT,
            "messagesRateLimits": NO_LIMIT,
            "deviceMessagesRateLimits": NO_LIMIT,
            "deviceRateLimits": NO_LIMIT,
            "deviceDpRateLimits": NO_LIMIT,
        },
        "storage": {"type": "memory", "read_records_count": 1000, "max_records_count": 100000},
        "grpc": {"enabled": False},
        "connectors": [{"type": "modbus", "name": "bus", "configuration": "modbus.json"}],
    }
    (folder / "tb_gateway.json").write_text(json.dumps(main), encoding="utf-8")
    (folder / "modbus.json").write_text(
        json.dumps({"master": {"slaves": slaves}}), encoding="utf-8"
    )
    (folder / "logs.json").write_text(json.dumps(LOGS), encoding="utf-8")


LOGS = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "root": {"level": "ERROR", "handlers": ["null"]},
}


@dataclass(frozen=True, slots=True)
class YardStick:
    """What it did: CPU seconds per 1,000 values, values a second, share of the schedule."""

    cpu_s: float
    rate: float
    share: float


class Platform:
    """Takes telemetry as the platform would, and counts values."""

    def __init__(self, port: int) -> None:
        self.points = 0
        self.begun = asyncio.Event()
        self._port = port
        self._client = Client("platform")

    async def start(self) -> None:
        """Listen; a request for the session's limits is answered, else nothing is sent."""
        self._client.on_message = self._on_message
        await self._client.connect("127.0.0.1", self._port, version=MQTTv311)
        self._client.subscribe(TELEMETRY, qos=0)
        self._client.subscribe(f"{REQUEST}/+", qos=0)

    async def stop(self) -> None:
        """Hang up."""
        await self._client.disconnect()

    def _on_message(
        self, client: Client, topic: str, payload: bytes, qos: int, properties: object
    ) -> int:
        if topic == TELEMETRY:
            for entries in json.loads(payload).values():
                self.points += sum(len(entry["values"]) for entry in entries)
            self.begun.set()
        else:
            client.publish(topic.replace(REQUEST, RESPONSE), SESSION_LIMITS, qos=1)
        return 0


async def measure(
    mqtt_port: int, meter_port: int, devices: int, registers: int, period_s: float
) -> YardStick | None:
    """Let it read these meters for a while; None when it cannot be had."""
    python = await asyncio.to_thread(program)
    if python is None:
        return None
    platform = Platform(mqtt_port)
    await platform.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_config(folder, mqtt_port, meter_port, devices, registers, round(period_s * 1000))
        gateway = subprocess.Popen(
            [str(python), "-m", "thingsboard_gateway.tb_gateway"],
            env={**os.environ, "TB_GW_CONFIG_DIR": name},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_S):
                await platform.begun.wait()
            await asyncio.sleep(WARM_S)
            points, cpu, begun = platform.points, cpu_s(gateway.pid), time.monotonic()
            await asyncio.sleep(MEASURE_S)
            came, took = platform.points - points, time.monotonic() - begun
            used = cpu_s(gateway.pid) - cpu
        except TimeoutError:
            print("thingsboard-gateway sent nothing", file=sys.stderr)
            return None
        finally:
            gateway.kill()
            gateway.wait()
            await platform.stop()
    due = devices * registers * took / period_s
    return YardStick(used / came * 1000, came / took, came / due)
