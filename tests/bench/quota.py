"""A project that exhausts its quota for a minute, and what another one feels of it.

Broker, ingest and web are processes of their own. The loud project's gateway sends ten times the
points a second that its quota allows, from a third process, and sends again what is not taken, as a
journal does. The quiet project's gateway sends five devices in turn; a member watches each by a
subscription of its own. The time is from the message to the frame that tells its value, before the
flood and during it.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime

import httpx
import orjson
import psycopg

from backend.acquisition.credentials import (
    broker_folder,
    gateway_credential,
    gateway_secret,
    hash_secret,
    internal_url,
    write_snapshot,
)
from tests.backend.acquisition_brokers import free_port
from tests.bench.change_to_frame import high
from tests.bench.end_to_end import DEVICES, POINTS, Flood, connected, environment, message
from tests.bench.projects import make_managed_project, make_project
from tests.bench.roles import roles
from tests.bench.server import BenchServer, bench_server, figure, run
from tests.graphql.sockets import SocketClient, open_socket

NOW = datetime.now(UTC)
QUOTA, TIMES = 1_000, 10
"""Points a second that the loud project may send, and how many times that it sends."""
CALM_S, FLOOD_S = 20.0, 60.0
WATCHED, PACE_S = 5, 0.125
"""Devices of the quiet project, and seconds from one message to the next: 1.6 a second of each."""
BATCH_S = 0.05
REACH = 1.2
LIVE = """subscription($devices: [ID!]) { live(project: "bench", devices: $devices, keys: ["p1"]) {
  values { value } } }"""
DEVICES_QUERY = '{ project(id: "bench") { devices { id slug } } }'
USED = """
SELECT p.slug, sum(u.points), sum(u.refused) FROM project_use u
JOIN project p ON p.id = u.project_id GROUP BY 1 ORDER BY 1
"""


async def flood(port: int, secret: str) -> None:
    """Be born, say so, and send for ever."""
    _, sender = await connected("loud", port, secret)
    await sender.be_born(int(time.time() * 1000))
    print("born", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    each = round(QUOTA * TIMES * BATCH_S / POINTS)
    record, due = 0, time.monotonic()
    while True:
        for _ in range(each):
            record += 1
            device = record % DEVICES
            payload = message(record, device, int(time.time() * 1000))
            sender.publish(device, payload)
        due += BATCH_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))


class Quiet:
    """The other project: its gateway sends, its member sees."""

    def __init__(self, sender: Flood, socket: SocketClient) -> None:
        """Take the gateway that was born and the socket that is open."""
        self._sender = sender
        self._socket = socket
        self._sent: dict[float, float] = {}
        self._record = 0
        self.took: list[float] = []

    async def send(self, seconds: float) -> None:
        """Send one device after the other for so long."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._record += 1
            device, at_ms = self._record % WATCHED, int(time.time() * 1000)
            self._sent[1000.5 + self._record] = time.monotonic()
            self._sender.publish(device, message(self._record, device, at_ms))
            await asyncio.sleep(PACE_S)

    async def see(self) -> None:
        """Note when each value was told, for ever."""
        while True:
            told = orjson.loads(orjson.dumps(await self._socket.receive()))
            data = told.get("payload", {}).get("data") or {"live": {"values": []}}
            for one in data["live"]["values"]:
                sent = self._sent.pop(one["value"], None)
                if sent is not None:
                    self.took.append(time.monotonic() - sent)

    async def p99(self, seconds: float) -> float:
        """Send for so long; the 99th percentile of what was seen, in seconds."""
        self.took.clear()
        await self.send(seconds)
        await asyncio.sleep(1)
        due = seconds / PACE_S
        assert len(self.took) >= 0.8 * due, f"{len(self.took)} of {due:.0f} values were seen"
        return high(self.took, 99)


async def make_rows(server: BenchServer, hashed: dict[str, str]) -> str:
    """Both projects with a gateway each, the quota of the loud one; a token for the quiet one."""
    async with server.database() as database:
        quiet, token = await make_managed_project(database, NOW)
        loud = await make_project(database, "loud", NOW)
        for project, slug in ((quiet, "bench"), (loud, "loud")):
            async with database.project(project) as tx:
                await tx.execute(
                    "INSERT INTO gateway (project_id, uid, slug, name, bus, credential_hash)"
                    " VALUES (%s, gen_random_uuid(), 'g1', '{}', 'main', %s)",
                    (project, hashed[slug]),
                )
                if project == loud:
                    await tx.execute(
                        "INSERT INTO project_quota (project_id, points_per_s, storage_mb, people,"
                        " messages_per_day) VALUES (%s, %s, 0, 0, 0)",
                        (project, QUOTA),
                    )
    return token


async def watch(web: str, token: str, socket: SocketClient) -> None:
    """Subscribe to each of the quiet project's devices, once they are known."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as asked:
        told = await asked.post(f"http://{web}/graphql", json={"query": DEVICES_QUERY})
    ids = {one["slug"]: one["id"] for one in told.json()["data"]["project"]["devices"]}
    for number in range(WATCHED):
        await socket.subscribe(LIVE, {"devices": [ids[f"d{number}"]]})


async def until_served(web: str) -> None:
    """Wait until the web process answers."""
    async with httpx.AsyncClient(trust_env=False) as asked, asyncio.timeout(60):
        while True:
            try:
                await asked.get(f"http://{web}/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def measured(port: int, web: str, token: str, secrets: dict[str, str]) -> tuple[float, float]:
    """Seconds of the quiet project's frames before the flood and during it, p99 of each."""
    client, sender = await connected("bench", port, secrets["bench"])
    await sender.be_born(int(time.time() * 1000))
    command = (sys.executable, "-m", "tests.bench.quota", str(port), secrets["loud"])
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert child.stdout is not None
        assert child.stdin is not None
        assert await child.stdout.readline() == b"born\n"
        await until_served(web)
        async with open_socket(web, bearer=token) as socket:
            await watch(web, token, socket)
            quiet = Quiet(sender, socket)
            seeing = asyncio.create_task(quiet.see())
            await quiet.send(2)
            calm = await quiet.p99(CALM_S)
            child.stdin.write(b"\n")
            loud = await quiet.p99(FLOOD_S)
            seeing.cancel()
            await asyncio.gather(seeing, return_exceptions=True)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    await client.disconnect()
    return calm, loud


def used(server: BenchServer) -> dict[str, tuple[int, int]]:
    """Points taken and refused, by project."""
    with psycopg.connect(server.url("kw_backup")) as connection:
        rows = connection.execute(USED).fetchall()
    return {slug: (int(taken), int(refused)) for slug, taken, refused in rows}


async def main() -> list[str]:
    """Run the roles, measure, and see that the flood was one."""
    with bench_server(NOW) as server:
        port, web = free_port(), free_port()
        folder = broker_folder(server.folder)
        secrets = {slug: gateway_secret(folder, f"{slug}.g1") for slug in ("bench", "loud")}
        hashed = {slug: hash_secret(secret) for slug, secret in secrets.items()}
        token = await make_rows(server, hashed)
        write_snapshot(folder, [gateway_credential(slug, "g1", hashed[slug]) for slug in secrets])
        env = environment(server, internal_url(server.folder, port)) | {"PORT": str(web)}
        async with roles(env, server.folder / "roles.log", "broker", "ingest", "web"):
            calm, loud = await measured(port, f"127.0.0.1:{web}", token, secrets)
            await asyncio.sleep(3)  # ingest writes down every two seconds what it refused
        found = used(server)
    assert found["bench"][1] == 0, found
    assert found["loud"][1] > 0.5 * (TIMES - 1) * QUOTA * FLOOD_S, found
    refused = found["loud"][1] / FLOOD_S
    return [
        figure(
            "frame beside another project's exhausted quota, p99",
            loud * 1000,
            "ms",
            against=f"{calm * 1000:.0f} ms before; {refused:.0f} points/s of the other refused",
            ratio=loud / calm,
            reach=REACH,
            at_most=True,
        )
    ]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(flood(int(sys.argv[1]), sys.argv[2]))
    else:
        run(main)
