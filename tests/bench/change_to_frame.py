"""On the running demonstration: a register changes -> websocket frame; an alarm -> push request.

The change is made at the simulated meter, which is read over Modbus TCP once a second; the clock
stops when the frame with the new value is here. The alarm's clock starts with the time
of the first sample that carries the overload. Beside both 13 months of history are imported and
accounted: what people wait for waits for no bulk work.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.server import figure
from tests.e2e.plant import Plant
from tests.graphql.sockets import SocketClient, open_socket
from tests.product import Product, product
from tests.push_service import PushService, push_service

DEVICE, POINT = "furnace-2", "p"
CHANGES, ALARMS = 60, 5
FRAME_REACH_S, PUSH_REACH_S = 1.5, 0.5
FORECAST_S = 150
HISTORY_DAYS = 395
BESIDE = "13 months of history imported and accounted beside"
LIVE = """subscription($devices: [ID!], $keys: [String!]) {
  live(project: "demo", devices: $devices, keys: $keys) { values { value } } }"""
REGISTER = "mutation($input: RegisterPushInput!) { registerPush(input: $input) }"


async def frames(running: Product, plant: Plant) -> list[float]:
    """Seconds from each change at the meter to its frame."""
    devices = running.graphql('{ project(id: "demo") { devices { id slug } } }')
    device = next(one["id"] for one in devices["project"]["devices"] if one["slug"] == DEVICE)
    took = []
    async with open_socket(urlsplit(running.url).netloc, bearer=running.token("manager")) as socket:
        await socket.subscribe(LIVE, {"devices": [device], "keys": [POINT]})
        for number in range(CHANGES):
            wanted = 100.0 + 10 * number
            began = time.monotonic()
            await asyncio.to_thread(plant.read_as, DEVICE, POINT, wanted)
            await until(socket, wanted)
            took.append(time.monotonic() - began)
            # Changes fall anywhere within the second of the poll.
            await asyncio.sleep(0.05 + number % 10 / 10)
    return took


async def until(socket: SocketClient, wanted: float) -> None:
    """Wait for the frame with this value."""
    while True:
        message = json.loads(json.dumps(await socket.receive()))
        data = message.get("payload", {}).get("data")
        if data and any(abs(one["value"] - wanted) < 0.5 for one in data["live"]["values"]):
            return


def pushes(plant: Plant, push: PushService) -> list[float]:
    """Seconds from the first sample of each overload to the request at the push service."""
    took = []
    for _ in range(ALARMS):
        seen, asked = len(push.messages), datetime.fromtimestamp(time.time(), UTC)
        plant.overload()
        alarm = plant.alarm()
        message = push.wait(seen + 1, 60)[seen]
        arrived = time.time() - (time.monotonic() - message.at)
        took.append(arrived - plant.overloaded_at(alarm["id"], asked).timestamp())
        plant.calm()
    return took


def register(running: Product, push: PushService) -> None:
    """Have the push service's subscription notified as the manager's browser."""
    browser = push.subscribe()
    given = {"project": "demo", "endpoint": browser.endpoint, "locale": "en"}
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    running.graphql(REGISTER, input=given | keys)


def high(values: Sequence[float], percent: int) -> float:
    """A percentile, by the nearest rank."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def main() -> None:
    """Measure both on one product and print their lines."""
    with (
        tempfile.TemporaryDirectory(prefix="kw-bench-") as name,
        push_service() as push,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with product(
            folder, KILOWISE_PUSH_HOSTS=push.host, KILOWISE_HISTORY_DAYS=str(HISTORY_DAYS)
        ) as running:
            running.wait_ready()
            plant = Plant(running)
            plant.wait_forecast(FORECAST_S)
            register(running, push)
            pushed = pushes(plant, push)
            shown = asyncio.run(frames(running, plant))
    for name, value, reach in (
        ("register change -> websocket frame, p50", statistics.median(shown), FRAME_REACH_S),
        ("register change -> websocket frame, p95", high(shown, 95), FRAME_REACH_S),
        ("alarm sample -> push request, worst of 5", max(pushed), PUSH_REACH_S),
    ):
        line = figure(name, value, "s", against=BESIDE, ratio=None, reach=reach, at_most=True)
        print(line, flush=True)


if __name__ == "__main__":
    main()
