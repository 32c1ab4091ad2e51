"""An edge node for tests: real MQTT, real Sparkplug bytes, every message under their control."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from psycopg.types.json import Jsonb

from backend.acquisition.credentials import hash_secret
from backend.acquisition.ingest import Ingest
from backend.core.db import Database
from backend.core.ids import new_uuid
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Payload, Property, decode, encode
from tests.backend.acquisition_brokers import Caller, RunningBroker
from tests.postgres import NOW, Tenant

NOW_MS = int(NOW.timestamp() * 1000)
SUBSCRIBED_S = 0.5
EPOCH = 0x8000_0000_0000_0007
"""Above 2^63, to see that the whole unsigned range travels."""


async def make_gateway(database: Database, tenant: Tenant, slug: str, secret: str) -> int:
    """A gateway row with its credential; answers its id."""
    async with database.project(tenant.id) as tx:
        number = await tx.fetch_value(
            "INSERT INTO gateway (project_id, uid, slug, name, bus, credential_hash)"
            " VALUES (%s, %s, %s, %s, 'main', %s) RETURNING id",
            (tenant.id, new_uuid(NOW), slug, Jsonb({"en": slug}), hash_secret(secret)),
            into=int,
        )
    assert number is not None
    return number


def point(
    name: str, alias: int, *, kind: str = "gauge", unit: str = "kW", value: float = 0.0
) -> Metric:
    """A metric of a DBIRTH."""
    return Metric(
        name,
        alias,
        Datatype.DOUBLE,
        value,
        NOW_MS - 60_000,
        properties={
            topics.PROPERTY_KIND: Property(Datatype.STRING, kind),
            topics.PROPERTY_UNIT: Property(Datatype.STRING, unit),
            topics.PROPERTY_MAX_GAP: Property(Datatype.INT64, 900),
        },
    )


def sample(alias: int, ts_ms: int, value: float | None, quality: Quality = Quality.GOOD) -> Metric:
    """A metric of DATA."""
    properties = {}
    if quality:
        properties[topics.PROPERTY_QUALITY] = Property(Datatype.INT32, int(quality))
    return Metric(None, alias, None, value, ts_ms, properties=properties, is_null=value is None)


POINTS = (point("ep_imp", 1, kind="register", unit="kWh"), point("p", 2))


@dataclass
class Edge:
    """One edge node `group/node` that speaks when told to."""

    caller: Caller
    group: str
    node: str
    epoch: int | None = EPOCH
    seq: int = 0
    record: int = 0
    bd_seq: int = 0
    acknowledged: set[int] = field(default_factory=set)

    def publish(self, kind: str, device: str | None, metrics: Iterable[Metric]) -> None:
        """Send one message with the next sequence number."""
        payload = Payload(NOW_MS, tuple(metrics), None if kind == topics.NDEATH else self.seq)
        if kind != topics.NDEATH:
            self.seq = (self.seq + 1) % 256
        topic = str(topics.NodeTopic(self.group, kind, self.node, device))
        self.caller.client.publish(topic, encode(payload))

    def be_born(self, device: str = "m1", points: Iterable[Metric] = POINTS) -> None:
        """NBIRTH and one DBIRTH."""
        self.seq = 0
        metrics = [Metric(topics.BDSEQ, datatype=Datatype.INT64, value=self.bd_seq)]
        if self.epoch is not None:
            metrics += [
                Metric(topics.EXT_WIRE, datatype=Datatype.STRING, value="1.0"),
                Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=self.epoch),
                Metric(topics.EXT_DROPPED, datatype=Datatype.INT64, value=0),
            ]
        self.publish(topics.NBIRTH, None, metrics)
        self.publish(topics.DBIRTH, device, points)

    def send(self, *samples: Metric, device: str = "m1", record: int | None = None) -> int:
        """DDATA under the next journal record (or a given one, to resend); answers the record."""
        if record is None:
            self.record += 1
            record = self.record
        extras = []
        if self.epoch is not None:
            extras = [
                Metric(topics.EXT_REC, datatype=Datatype.UINT64, value=record),
                Metric(topics.EXT_EPOCH, datatype=Datatype.UINT64, value=self.epoch),
            ]
        self.publish(topics.DDATA, device, (*extras, *samples))
        return record

    def commands(self) -> list[Payload]:
        """Every NCMD heard so far."""
        return [decode(raw) for topic, raw in self.caller.heard if "/NCMD/" in topic]

    def rebirths_asked(self) -> int:
        """How many rebirths were asked of us."""
        return sum(m.name == topics.REBIRTH for p in self.commands() for m in p.metrics)

    def committed(self) -> set[int]:
        """All records acknowledged under our epoch."""
        found: set[int] = set()
        for payload in self.commands():
            for metric in payload.metrics:
                if metric.name == topics.EXT_COMMITTED:
                    found |= read_ranges(str(metric.value), self.epoch)
        return found

    async def until(self, done: Callable[["Edge"], bool], what: str) -> None:
        """Wait until something is so, woken by every command heard."""
        try:
            async with asyncio.timeout(60):
                while not done(self):
                    self.caller.news.clear()
                    await self.caller.news.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for: {what}") from None

    async def until_committed(self, *records: int) -> None:
        """Wait until these records are acknowledged."""
        await self.until(lambda edge: set(records) <= edge.committed(), f"records {records}")


def read_ranges(text: str, epoch: int | None) -> set[int]:
    """The records of an `Ext/Committed`; none when it is about another epoch."""
    head, _, tail = text.partition(":")
    if head != str(epoch):
        return set()
    parts = [part.split("-") for part in tail.split(",")]
    return {n for low, high in parts for n in range(int(low), int(high) + 1)}


async def connect_edge(
    broker: RunningBroker, group: str, node: str, epoch: int | None = EPOCH
) -> Edge:
    """Connects as the gateway's credential and hears its commands."""
    caller = await broker.connect(f"{group}.{node}")
    assert await caller.subscribe(f"spBv1.0/{group}/NCMD/{node}") == 0
    return Edge(caller, group, node, epoch)


@asynccontextmanager
async def working(platform: Platform) -> AsyncIterator[asyncio.Task[None]]:
    """An ingest worker in this process, ended at the end."""
    task = asyncio.create_task(Ingest(platform).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_leased(database: Database, gateway_id: int, owned: int = 1) -> str:
    """Wait until a gateway is claimed and its topics are subscribed; answers the owner."""
    async with asyncio.timeout(60):
        while True:
            async with database.ingest() as tx:
                owner = await tx.fetch_value(
                    "SELECT lease_owner FROM gateway_state WHERE gateway_id = %s",
                    (gateway_id,),
                    into=str,
                )
            if owner is not None:
                # Nothing outside the worker shows the subscription, which follows the claim.
                await asyncio.sleep(SUBSCRIBED_S)
                return owner
            await asyncio.sleep(0.05)


Rows = list[tuple[object, ...]]


async def readings(database: Database, project_id: int) -> Rows:
    """(device, point, ts in ms after NOW, value, quality), in order."""
    async with database.read(project_id) as tx:
        return await tx.fetch_tuples(
            "SELECT d.slug, p.name, (extract(epoch FROM r.ts) * 1000)::bigint - %s, r.value,"
            " r.quality FROM reading r"
            " JOIN point p ON p.project_id = r.project_id AND p.id = r.point_id"
            " JOIN device d ON d.project_id = p.project_id AND d.id = p.device_id"
            " WHERE r.project_id = %s ORDER BY 1, 2, 3",
            (NOW_MS, project_id),
        )


async def until_state(database: Database, gateway_id: int, column: str, wanted: int) -> None:
    """Wait until a column of the gateway's state has a value; it is written every two seconds."""
    sql = f"SELECT {column} FROM gateway_state WHERE gateway_id = %s"
    async with asyncio.timeout(60):
        while True:
            async with database.ingest() as tx:
                if await tx.fetch_value(sql.encode(), (gateway_id,), into=int) == wanted:
                    return
            await asyncio.sleep(0.1)


async def until_rows(database: Database, project_id: int, count: int) -> None:
    """Wait until a project has this many readings."""
    async with asyncio.timeout(60):
        while len(await readings(database, project_id)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
