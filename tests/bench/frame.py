"""CPU of a live frame to many clients: our shared subscription against a raw broadcast.

The server runs in this process and is measured; all clients run in one child process. Raw
broadcast is a starlette websocket app that sends the same text to every socket.
"""

import asyncio
import socket
import sys
import time
from datetime import UTC, datetime
from statistics import median

import orjson
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from backend.application.graphql import live as live_topic
from backend.application.live_cache import ProjectLive
from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess, make_process
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from backend.core.ports import choose_port
from backend.core.settings import Settings
from tests.bench.projects import make_managed_project
from tests.bench.server import bench_server, figure, run

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
CLIENTS, FRAMES, ROUNDS, POINTS = 200, 40, 3, 40
PACE_S = 0.1
REACH = 1.6
QUERY = 'subscription { live(project: "bench") { at values { deviceId key value at } } }'


async def fill(database: Database) -> tuple[int, str, list[int]]:
    """Make a project with one device of `POINTS` points; its number, a token, the points."""
    project, token = await make_managed_project(database, NOW)
    async with database.project(project) as tx:
        gateway = await tx.fetch_value(
            "INSERT INTO gateway (project_id, uid, slug, name, bus)"
            " VALUES (%s, %s, 'g', '{}', 'main') RETURNING id",
            (project, new_uuid(NOW)),
            into=int,
        )
        device = await tx.fetch_value(
            "INSERT INTO device (project_id, uid, gateway_id, slug, verified, online)"
            " VALUES (%s, %s, %s, 'd', true, true) RETURNING id",
            (project, new_uuid(NOW), gateway),
            into=int,
        )
        rows = await tx.fetch_tuples(
            "INSERT INTO point (project_id, device_id, name, kind, unit)"
            " SELECT %s, %s, 'p' || n, 'gauge', 'kW' FROM generate_series(1, %s) n RETURNING id",
            (project, device, POINTS),
        )
    return project, token, [int(row[0]) for row in rows]


async def clients(url: str, token: str) -> None:
    """Open all sockets, say so, and read for ever."""

    async def one(opened: asyncio.Semaphore) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(
            url,
            subprotocols=[protocol],
            additional_headers=headers,
            proxy=None,
            compression=None,
            ping_interval=None,
        ) as socket:
            await begin(socket)
            opened.release()
            while True:
                await socket.recv(decode=False)

    opened = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(one(opened)) for _ in range(CLIENTS)]
    for _ in range(CLIENTS):
        await opened.acquire()
    print("open", flush=True)
    await asyncio.gather(*tasks)


async def begin(socket: ClientConnection) -> None:
    """Subscribe and wait for the first frame."""
    await socket.send('{"type":"connection_init"}')
    await socket.recv()
    payload = {"query": QUERY}
    await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
    await socket.recv()


class Broadcast:
    """The raw side: every socket gets the same text."""

    def __init__(self) -> None:
        """Begin without sockets."""
        self.sockets: set[WebSocket] = set()
        self.text = ""

    async def serve(self, websocket: WebSocket) -> None:
        """Answer init and subscribe as ours does, then hold the socket."""
        await websocket.accept("graphql-transport-ws")
        for answer in ('{"type":"connection_ack"}', self.text):
            await websocket.receive_text()
            await websocket.send_text(answer)
        self.sockets.add(websocket)
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            self.sockets.discard(websocket)

    async def send(self) -> None:
        """Send one frame to all."""
        for websocket in self.sockets:
            await websocket.send_text(self.text)


async def cpu_us(frame: "Frame") -> float:
    """CPU microseconds of this process for one frame to one client."""
    began = time.process_time()
    for number in range(FRAMES):
        await frame(number)
        await asyncio.sleep(PACE_S)
    return (time.process_time() - began) * 1e6 / FRAMES / CLIENTS


class Frame:
    """Sends one frame to all clients, ours or raw."""

    def __init__(self, live: ProjectLive | None, points: list[int], raw: Broadcast) -> None:
        """Take the side: with newest values it is ours."""
        self._live, self._points, self._raw = live, points, raw
        self._at = int(NOW.timestamp() * 1000)

    async def __call__(self, _number: int) -> None:
        """Send it."""
        if self._live is None:
            await self._raw.send()
            return
        self._at += 1000
        self._live.take((point, self._at, self._at % 977 + 0.5, 0) for point in self._points)


async def measured(
    port: int, app: Starlette, process: WebProcess, token: str, frame: Frame
) -> float:
    """Serve the app, open the clients, take the median of some rounds."""
    serving = asyncio.create_task(serve(process, app, socket.create_server(("127.0.0.1", port))))
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.frame",
        f"ws://127.0.0.1:{port}/graphql",
        token,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"open\n"
        return median([await cpu_us(frame) for _ in range(ROUNDS)])
    finally:
        child.kill()
        await child.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def main() -> list[str]:
    """Measure ours, then raw with a frame of the same length."""
    live_topic.LiveSource.interval_s = 0.01
    with bench_server(NOW) as server:
        async with server.database() as database:
            project, token, points = await fill(database)
            platform = Platform(
                Settings(data=server.folder), ManualClock(NOW), database, "", "http://localhost"
            )
            process = make_process(platform)
            live = await process.live.project(project)
            raw = Broadcast()
            first = choose_port("PORT", "127.0.0.1", 18500, explicit=False)
            ours = await measured(
                first, build_app(process), process, token, Frame(live, points, raw)
            )
            value = {
                "deviceId": "dev_" + "0" * 26,
                "key": "p10",
                "value": 500.5,
                "at": "2026-03-15T04:00:01Z",
            }
            frame = {"at": "2026-03-15T04:00:00Z", "values": [value] * POINTS}
            message = {"id": "1", "type": "next", "payload": {"data": {"live": frame}}}
            raw.text = orjson.dumps(message).decode()
            second = choose_port("PORT", "127.0.0.1", first + 1, explicit=False)
            app = Starlette(routes=[WebSocketRoute("/graphql", raw.serve)])
            theirs = await measured(second, app, process, token, Frame(None, points, raw))
    return [
        figure(
            "subscription frame CPU a client",
            ours,
            "us",
            against=f"raw broadcast {theirs:.1f} us, {CLIENTS} clients",
            ratio=ours / theirs,
            reach=REACH,
            at_most=True,
        )
    ]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(clients(sys.argv[1], sys.argv[2]))
    else:
        run(main)
