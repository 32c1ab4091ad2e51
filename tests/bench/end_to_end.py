"""MQTT to committed, and on to accounts: broker, ingest and accounting as processes of their own.

One gateway floods. Committed is what came back acknowledged, so every point was in the database by
then. Accounted is it once nothing waits any more: 100 meters, one point in ten, and a node of all.
"""

import asyncio
import os
import time
from datetime import UTC, datetime

import psycopg
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from backend.acquisition.credentials import (
    broker_folder,
    gateway_credential,
    gateway_secret,
    hash_secret,
    internal_url,
    write_snapshot,
)
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, Property, decode, encode
from tests.backend.acquisition_brokers import free_port
from tests.backend.acquisition_edge import read_ranges
from tests.bench.roles import roles
from tests.bench.server import BenchServer, bench_server, figure, run

NOW = datetime.now(UTC)
EPOCH = 7
DEVICES, POINTS = 20, 50
MESSAGES = 12_000
WINDOW = 1500
"""Records that may be unacknowledged, as a gateway with a backlog allows."""
REACH = 30_000


class Flood:
    """One gateway that sends prepared messages as fast as they are acknowledged."""

    def __init__(self, client: Client, project: str = "a") -> None:
        """Take a client that is connected, and the project of its node `g1`."""
        self._client = client
        self._root = f"spBv1.0/{project}"
        self._news = asyncio.Event()
        self.acknowledged: set[int] = set()

    def hear(self, _client: Client, _topic: str, payload: bytes, *_: object) -> int:
        """Take an acknowledgement."""
        for metric in decode(bytes(payload)).metrics:
            if metric.name == topics.EXT_COMMITTED:
                self.acknowledged |= read_ranges(str(metric.value), EPOCH)
        self._news.set()
        return 0

    async def be_born(self, base_ms: int) -> None:
        """Births until one of them is answered by an acknowledgement."""
        birth = [
            Metric(topics.BDSEQ, datatype=Datatype.INT64, value=0),
            Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=EPOCH),
        ]
        while 0 not in self.acknowledged:
            born = encode(Payload(base_ms, tuple(birth), 0))
            self._client.publish(f"{self._root}/NBIRTH/g1", born)
            for device in range(DEVICES):
                payload = Payload(base_ms, device_birth(device), (device + 1) % 256)
                self._client.publish(f"{self._root}/DBIRTH/g1/d{device}", encode(payload))
            self.publish(0, message(0, 0, base_ms))
            await self._wait(0.5)

    def publish(self, device: int, payload: bytes) -> None:
        """Send one message of a device."""
        self._client.publish(f"{self._root}/DDATA/g1/d{device}", payload)

    async def send(self, prepared: list[tuple[str, bytes]]) -> None:
        """Send all and wait until all are acknowledged."""
        for record, (topic, payload) in enumerate(prepared, 1):
            while record - len(self.acknowledged) > WINDOW:
                await self._wait(5)
            self._client.publish(topic, payload)
            if record % 50 == 0:
                await asyncio.sleep(0)
        while len(self.acknowledged) <= len(prepared):
            await self._wait(30)

    async def _wait(self, seconds: float) -> None:
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            if seconds > 1:
                raise


def device_birth(device: int) -> tuple[Metric, ...]:
    """50 points, one in ten a register."""
    return tuple(
        Metric(
            f"p{n}",
            device * POINTS + n + 1,
            Datatype.DOUBLE,
            0.0,
            properties={
                topics.PROPERTY_KIND: Property(Datatype.STRING, "gauge" if n % 10 else "register"),
                topics.PROPERTY_UNIT: Property(Datatype.STRING, "kW" if n % 10 else "kWh"),
            },
        )
        for n in range(POINTS)
    )


def message(record: int, device: int, at_ms: int) -> bytes:
    """One DDATA of all points of a device."""
    samples = (
        Metric(None, device * POINTS + n + 1, None, 1000.5 + record, at_ms) for n in range(POINTS)
    )
    extras = (
        Metric(topics.EXT_REC, datatype=Datatype.UINT64, value=record),
        Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=EPOCH),
    )
    return encode(Payload(at_ms, (*extras, *samples), record % 256))


def environment(server: BenchServer, mqtt_url: str) -> dict[str, str]:
    """What the processes of the platform are told."""
    return {
        **os.environ,
        "KILOWISE_DATA": str(server.folder),
        "KILOWISE_DATABASE_URL": server.address,
        "KILOWISE_DATABASE_PASSWORDS": str(server.folder / "passwords.json"),
        "KILOWISE_MQTT_URL": mqtt_url,
        "KILOWISE_LOG": "warning",
    }


def make_rows(server: BenchServer, hashed: str) -> None:
    """The project and its gateway."""
    with psycopg.connect(server.url("kw_app"), autocommit=True) as connection:
        found = connection.execute(
            "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo,"
            " created_at) VALUES (gen_random_uuid(), 'a', '{}', 'UTC', 0, 'CNY', false, now())"
            " RETURNING id"
        ).fetchone()
        assert found is not None
        connection.execute("SELECT set_config('app.project', %s, false)", (str(found[0]),))
        connection.execute(
            "INSERT INTO gateway (project_id, uid, slug, name, bus, credential_hash)"
            " VALUES (%s, gen_random_uuid(), 'g1', '{}', 'main', %s)",
            (found[0], hashed),
        )


METERS = """
INSERT INTO meter (project_id, uid, slug, name, energy, device_id, register_name, level)
SELECT p.project_id, gen_random_uuid(), 'm' || p.id, '{}', 'electricity', p.device_id, p.name, 3
FROM point p WHERE p.kind = 'register';
INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)
SELECT m.project_id, 1, m.id, 1 FROM meter m
"""
WAITING = "SELECT (SELECT count(*) FROM dirty) + (SELECT count(*) FROM stale)"
DUE = """
SELECT sum(d.qty)::bigint FROM (
    SELECT round((max(r.value) - min(r.value)) * 1000000) AS qty FROM reading r
    JOIN point p ON p.project_id = r.project_id AND p.id = r.point_id AND p.kind = 'register'
    GROUP BY r.point_id) AS d
"""
FOUND = "SELECT sum(qty)::bigint FROM account WHERE scope = 2 AND period = 5"


def make_meters(server: BenchServer) -> None:
    """A meter on each register that was born, and a node of all of them."""
    with psycopg.connect(server.url("kw_app")) as connection:
        connection.execute("SELECT set_config('app.project', id::text, false) FROM project")
        for statement in METERS.split(";\n"):
            connection.execute(statement.encode())


def wait_for_accounts(server: BenchServer) -> None:
    """Wait until nothing is dirty; what the node has is then what its registers counted."""
    with psycopg.connect(server.url("kw_backup"), autocommit=True) as connection:
        while connection.execute(WAITING).fetchone() != (0,):
            time.sleep(0.05)
        due, found = (connection.execute(query.encode()).fetchone() for query in (DUE, FOUND))
    assert found == due, (found, due)


async def connected(project: str, port: int, secret: str) -> tuple[Client, Flood]:
    """The gateway `g1` of a project, connected and listening for acknowledgements."""
    client = Client(f"{project}.g1/gateway")
    client.set_auth_credentials(f"{project}.g1", secret)
    client.set_config({"reconnect_retries": 0})
    sender = Flood(client, project)
    client.on_message = sender.hear
    async with asyncio.timeout(30):
        while True:
            try:
                await client.connect("127.0.0.1", port, version=MQTTv311)
                break
            except OSError:
                await asyncio.sleep(0.1)
    # From here on it comes back by itself, as a gateway does.
    client.set_config({"reconnect_retries": -1, "reconnect_delay": 1})
    client.subscribe(f"spBv1.0/{project}/NCMD/g1")
    return client, sender


async def flood(server: BenchServer, port: int, secret: str) -> tuple[float, float]:
    """Seconds from the first message to the last acknowledgement, and to the last account."""
    base_ms = int(NOW.timestamp() * 1000) - MESSAGES * 1000
    client, sender = await connected("a", port, secret)
    await sender.be_born(base_ms)
    make_meters(server)
    prepared = [
        (f"spBv1.0/a/DDATA/g1/d{n % DEVICES}", message(n, n % DEVICES, base_ms + n * 1000))
        for n in range(1, MESSAGES + 1)
    ]
    began = time.perf_counter()
    await sender.send(prepared)
    committed = time.perf_counter() - began
    await asyncio.wait_for(asyncio.to_thread(wait_for_accounts, server), 60)
    accounted = time.perf_counter() - began
    await client.disconnect()
    return committed, accounted


async def main() -> list[str]:
    """Run the processes, flood them, count the rows."""
    with bench_server(NOW) as server:
        port = free_port()
        secret = gateway_secret(broker_folder(server.folder), "a.g1")
        hashed = hash_secret(secret)
        make_rows(server, hashed)
        write_snapshot(broker_folder(server.folder), [gateway_credential("a", "g1", hashed)])
        env = environment(server, internal_url(server.folder, port))
        async with roles(env, server.folder / "roles.log", "broker", "ingest", "aggregate"):
            times = await flood(server, port, secret)
        with psycopg.connect(server.url("kw_backup")) as connection:
            # Births say 0.0; whether that is stored depends on the birth that ingest hears first.
            query = "SELECT count(*) FROM reading WHERE value > 0"
            found = connection.execute(query).fetchone()
        assert found == ((MESSAGES + 1) * POINTS,), found
    return [
        figure(
            name,
            MESSAGES * POINTS / seconds,
            "points/s",
            against=f"{POINTS} points a message, embedded broker, one worker, accounting beside",
            ratio=None,
            reach=REACH,
        )
        for name, seconds in zip(("MQTT to committed", "MQTT to accounts"), times, strict=True)
    ]


if __name__ == "__main__":
    run(main)
