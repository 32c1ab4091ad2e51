"""A thousand live sockets for a minute, ten of which never read: memory and the time of a frame.

The server runs in this process and is measured; all clients run in one child process, which only
notes when bytes came. A frame's time is from the values that change to the last byte's arrival at
each client.
"""

import asyncio
import bisect
import os
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from time import monotonic

import orjson

from backend.application.live_cache import ProjectLive
from backend.application.web import build_app, serve
from backend.application.web_process import make_process, warm_up
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.core.ports import choose_port
from backend.core.settings import Settings
from tests.bench.frame import QUERY, fill
from tests.bench.process import memory_mb
from tests.bench.server import bench_server, figure, run
from tests.graphql.raw_clients import open_clients

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
READERS, IDLE = 990, 10
LASTS_S, PACE_S = 60.0, 0.6
REACH_KIB, REACH_GROWTH, REACH_MS = 40.0, 1.05, 50.0
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}


async def clients(port: int, token: str, readers: int, idle: int) -> None:
    """Open all, say so, and at a line on stdin tell when frames came."""
    opened = await open_clients(port, token, orjson.dumps(SUBSCRIBE), readers, idle)
    print("open", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    came = [client.came for client in opened[:readers]]
    sys.stdout.buffer.write(orjson.dumps(came))
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Measured:
    """Megabytes before, with all sockets and at the end; milliseconds of each frame."""

    before: float
    opened: float
    end: float
    left: int
    """Sockets that were there at the end: those that never read are dropped by then."""
    frames_ms: list[float]


async def measured(
    port: int, token: str, live: ProjectLive, points: list[int], sockets: Collection[object]
) -> Measured:
    """Open the clients, send frames for so long, and ask them when those came."""
    before = memory_mb(os.getpid())
    command = (sys.executable, "-m", "tests.bench.sockets", str(port), token)
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26
    )
    try:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"open\n"
        opened = memory_mb(os.getpid())
        sent = await send(live, points, LASTS_S)
        end, left = memory_mb(os.getpid()), len(sockets)
        said, _ = await child.communicate(b"\n")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return Measured(before, opened, end, left, took(sent, orjson.loads(said)))


async def send(live: ProjectLive, points: list[int], seconds: float) -> list[float]:
    """Change all points again and again; when."""
    sent: list[float] = []
    at, ends = int(NOW.timestamp() * 1000), monotonic() + seconds
    while monotonic() < ends:
        at += 1000
        sent.append(monotonic())
        live.take((point, at, at % 977 + 0.5, 0) for point in points)
        await asyncio.sleep(PACE_S)
    return sent


def took(sent: list[float], came: list[list[float]]) -> list[float]:
    """Milliseconds from each change to each client's frame; first frames are left out."""
    found = []
    for times in came:
        for at in times:
            number = bisect.bisect_right(sent, at) - 1
            if number >= 0:
                found.append((at - sent[number]) * 1000)
    assert len(found) >= 0.99 * len(sent) * len(came), f"{len(found)} frames"
    return found


async def main() -> list[str]:
    """Measure, and print the lines."""
    with bench_server(NOW) as server:
        async with server.database() as database:
            project, token, points = await fill(database)
            settings = Settings(data=server.folder, cost_project=10**9)
            platform = Platform(settings, ManualClock(NOW), database, "", "http://localhost")
            process = make_process(platform)
            live = await process.live.project(project)
            port = choose_port("PORT", "127.0.0.1", 18700, explicit=False)
            held = socket.create_server(("127.0.0.1", port), backlog=READERS + IDLE)
            serving = asyncio.create_task(serve(process, build_app(process), held))
            warm_up()
            try:
                found = await measured(port, token, live, points, process.sockets)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
    many = READERS + IDLE
    against = f"{many} clients for {LASTS_S:.0f} s, {IDLE} never read; {found.left} left at the end"
    return [
        figure(
            "socket memory a client",
            (found.opened - found.before) * 1e6 / 1024 / many,
            "KiB",
            against=against,
            ratio=None,
            reach=REACH_KIB,
            at_most=True,
        ),
        figure(
            "socket memory after a minute",
            found.end,
            "MB",
            against=f"{found.opened:.1f} MB when all were open; {against}",
            ratio=found.end / found.opened,
            reach=REACH_GROWTH,
            at_most=True,
        ),
        figure(
            "socket frame p99",
            quantiles(found.frames_ms, n=100)[-1],
            "ms",
            against=against,
            ratio=None,
            reach=REACH_MS,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(clients(int(sys.argv[1]), sys.argv[2], READERS, IDLE))
    else:
        run(main)
