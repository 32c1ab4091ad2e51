"""A small Sparkplug host for tests: collects samples, checks sequences, acknowledges."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from gateway.contract import sparkplug_pb2 as wire
from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, Value, decode, encode

Key = tuple[str, str, int]
"""(device, metric, sample time)."""


class Host:
    """Listens to one group; tests switch `acknowledging` off, or play a platform that is `deaf`."""

    def __init__(self, group: str, port: int, login: tuple[str, str] | None = None) -> None:
        """`login` = name and secret of a broker that admits only those it knows."""
        self.group, self.port, self.login = group, port, login
        self.acknowledging = True
        self.deaf = False
        self.counting_only = False
        """Count points and bytes instead of keeping them (benchmarks)."""
        self.points = 0
        self.bytes = 0
        self.samples: dict[Key, Value | None] = {}
        self.live: Counter[Key] = Counter()
        self.backlog: Counter[Key] = Counter()
        self.records: Counter[int] = Counter()
        self.reports: list[tuple[str, str]] = []
        """(name, text) of what nodes said of themselves through their journal."""
        self.births: list[str] = []
        self.deaths: list[str] = []
        self.died: list[Value | None] = []
        """The bdSeq of each NDEATH."""
        self.born: dict[str, dict[str, Metric]] = {}
        self.aliases: dict[int, tuple[str, str]] = {}
        self.node: dict[str, Metric] = {}
        self.unknown = 0
        self.sequence_gaps = 0
        self.time_ms: Callable[[], int] | None = None
        self._seq: int | None = None
        self._client: Client | None = None
        self._pending: list[tuple[int, int]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        client = Client(f"{self.login[0] if self.login else 'test'}/host-{id(self)}")
        if self.login is not None:
            client.set_auth_credentials(*self.login)
        client.set_config({"reconnect_retries": -2})
        client.on_message = self._on_message
        await client.connect("127.0.0.1", self.port, version=MQTTv311, keepalive=10)
        client.subscribe(f"{topics.NAMESPACE}/{self.group}/#", qos=0)
        self._client = client
        self._task = asyncio.create_task(self._acknowledge())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._client is not None:
            with suppress(OSError, AttributeError):
                await self._client.disconnect()
            self._client = None

    def command(self, node: str, *metrics: Metric) -> None:
        self.publish(str(topics.NodeTopic(self.group, topics.NCMD, node)), metrics)

    def publish(self, topic: str, metrics: tuple[Metric, ...]) -> None:
        assert self._client is not None
        self._client.publish(topic, encode(Payload(1, metrics)), qos=0)

    def ask_rebirth(self, node: str) -> None:
        self.command(node, Metric(topics.REBIRTH, None, Datatype.BOOLEAN, True))

    def values_of(self, device: str, metric: str) -> dict[int, Value | None]:
        return {
            ts: v for (d, m, ts), v in sorted(self.samples.items()) if (d, m) == (device, metric)
        }

    async def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for something that must come; the time-out only ends a test that failed."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions over collected messages
                await asyncio.sleep(0.02)

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if not (self.acknowledging and self._pending and self._client):
                continue
            pending, self._pending = self._pending, []
            by_epoch: dict[int, list[int]] = {}
            for epoch, rec in pending:
                by_epoch.setdefault(epoch, []).append(rec)
            for epoch, recs in by_epoch.items():
                text = f"{epoch}:" + ",".join(f"{rec}-{rec}" for rec in sorted(set(recs)))
                metrics = [Metric(topics.EXT_COMMITTED, None, Datatype.STRING, text)]
                if self.time_ms is not None:
                    metrics.append(Metric(topics.EXT_TIME, None, Datatype.INT64, self.time_ms()))
                for node in {topic.split("/")[1] for topic in self.births}:
                    self.command(node, *metrics)

    def _on_message(
        self, client: Client, topic: str, payload: bytes, qos: int, properties: object
    ) -> int:
        place = topics.parse(topic)
        if self.deaf or place is None or place.kind in (topics.NCMD, topics.DCMD):
            return 0
        if self.counting_only and place.kind == topics.DDATA:
            self._count(bytes(payload))
            return 0
        message = decode(bytes(payload))
        if place.kind == topics.NDEATH:
            self.deaths.append(f"NDEATH/{place.node}")
            self.died.extend(metric.value for metric in message.metrics)
            return 0
        self._check(place.kind, message)
        device = place.device or ""
        if place.kind in (topics.NBIRTH, topics.DBIRTH):
            self.births.append(f"{place.kind}/{place.node}/{device}".rstrip("/"))
            self._take_birth(place.kind, device, message)
        elif place.kind == topics.DDEATH:
            self.deaths.append(f"DDEATH/{device}")
        else:
            self._take_data(message)
        return 0

    def _count(self, payload: bytes) -> None:
        message = wire.Payload.FromString(payload)
        extras = {metric.name: metric.long_value for metric in message.metrics[-2:]}
        self.points += len(message.metrics) - 2
        self.bytes += len(payload)
        self._pending.append((extras[topics.EXT_EPOCH], extras[topics.EXT_REC]))

    def _check(self, kind: str, message: Payload) -> None:
        expected = 0 if self._seq is None else (self._seq + 1) % 256
        if kind != topics.NBIRTH and message.seq != expected:
            self.sequence_gaps += 1
        self._seq = message.seq

    def _take_birth(self, kind: str, device: str, message: Payload) -> None:
        named = {metric.name: metric for metric in message.metrics if metric.name}
        if kind == topics.NBIRTH:
            self.node = named
            self.aliases.clear()
            return
        self.born[device] = named
        for metric in message.metrics:
            if metric.alias is not None and metric.name is not None:
                self.aliases[metric.alias] = (device, metric.name)

    def _take_data(self, message: Payload) -> None:
        extras = {metric.name: metric.value for metric in message.metrics if metric.name}
        known = [m for m in message.metrics if m.alias is not None and m.alias in self.aliases]
        self.unknown += sum(m.alias is not None for m in message.metrics) - len(known)
        for metric in known:
            assert metric.alias is not None
            assert metric.timestamp is not None
            device, name = self.aliases[metric.alias]
            datatype = self.born[device][name].datatype
            assert datatype is not None
            key = (device, name, metric.timestamp)
            value = metric.as_datatype(datatype).value
            assert self.samples.setdefault(key, value) == value
            (self.backlog if metric.is_historical else self.live)[key] += 1
        self.reports += [
            (name, value)
            for name, value in extras.items()
            if isinstance(value, str) and name.startswith("Ext/")
        ]
        rec, epoch = extras.get(topics.EXT_REC), extras.get(topics.EXT_EPOCH)
        if isinstance(rec, int) and isinstance(epoch, int):
            self.records[rec] += 1
            self._pending.append((epoch, rec))
