"""A storm of wrong passwords beside live frames: more at once than may wait, and frames come on.

Each try comes from an address and for a login of its own, so that no brake but the pool of hashes
stops it. The server and the one who watches frames run in this process, the storm in another. A
frame's time is from its values in the process to the watcher's socket.
"""

import asyncio
import itertools
import socket
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime

import httpx
from websockets.asyncio.client import ClientConnection, connect

from backend.application.graphql import live as live_topic
from backend.application.live_cache import ProjectLive
from backend.application.web import build_app, serve
from backend.application.web_process import make_process
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.people.passwords import THREADS, WAITING
from tests.bench.change_to_frame import high
from tests.bench.frame import begin, fill
from tests.bench.server import bench_server, figure, run
from tests.graphql.sockets import PROTOCOL

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
AT_ONCE, FRAMES, PACE_S = THREADS + WAITING + 6, 200, 0.05
"""A few more than are hashed or wait for it: those are refused, and try again at once."""
REACH_MS = 50.0


async def storm(url: str) -> None:
    """Sign in with wrong passwords for ever, so many at once; say when it is under way."""
    numbers = itertools.count()
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=60) as web:

        async def one() -> None:
            number = next(numbers)
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            body = {"login": f"nobody{number}", "password": "four words apart here"}
            with suppress(httpx.TransportError):  # a storm minds no broken connection
                await web.post(url, json=body, headers={"X-Forwarded-For": address})
            if number == 2 * AT_ONCE:
                print("under way", flush=True)

        async def worker() -> None:
            while True:
                await one()

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def watched(
    live: ProjectLive, points: list[int], frames: ClientConnection, first: int
) -> float:
    """The 99th percentile of a frame's time, in seconds; the samples are numbered from `first`."""
    took = []
    for number in range(first, first + FRAMES):
        at = int(NOW.timestamp() * 1000) + number * 1000
        began = time.monotonic()
        live.take((point, at, at % 977 + 0.5 + number, 0) for point in points)
        await frames.recv()
        took.append(time.monotonic() - began)
        await asyncio.sleep(PACE_S)
    return high(took, 99)


async def main() -> list[str]:
    """Watch frames without and with the storm."""
    live_topic.LiveSource.interval_s = 0.01
    with bench_server(NOW) as server:
        async with server.database() as database:
            project, token, points = await fill(database)
            settings = Settings.model_validate(
                {"KILOWISE_DATA": server.folder, "KILOWISE_TRUSTED_PROXIES": "127.0.0.1"}
            )
            process = make_process(
                Platform(settings, ManualClock(NOW), database, "", "http://localhost")
            )
            live = await process.live.project(project)
            held = socket.create_server(("127.0.0.1", 0))
            address = f"127.0.0.1:{held.getsockname()[1]}"
            serving = asyncio.create_task(serve(process, build_app(process), held))
            bearer = {"Authorization": f"Bearer {token}"}
            async with connect(
                f"ws://{address}/graphql",
                subprotocols=[PROTOCOL],
                additional_headers=bearer,
                proxy=None,
                ping_interval=None,
            ) as frames:
                await begin(frames)
                calm = await watched(live, points, frames, 1)
                child = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.bench.argon2_storm",
                    f"http://{address}/api/v1/session", stdout=asyncio.subprocess.PIPE,
                )  # fmt: skip
                try:
                    assert child.stdout is not None
                    assert await child.stdout.readline() == b"under way\n"
                    stormy = await watched(live, points, frames, 1 + FRAMES)
                finally:
                    if child.returncode is None:
                        child.kill()
                        await child.wait()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    return [
        figure(
            f"frame beside {AT_ONCE} wrong passwords at once, p99",
            stormy * 1000,
            "ms",
            against=f"{calm * 1000:.1f} ms without them, {stormy / calm:.1f} times",
            ratio=None,
            reach=REACH_MS,
            at_most=True,
        )
    ]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        asyncio.run(storm(sys.argv[1]))
    else:
        run(main)
