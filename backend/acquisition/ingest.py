"""The host of the wire (`kilowise ingest`): claims gateways, stores what they send, acknowledges.

Per worker: one connection to the broker, subscribed to the topics of claimed gateways only; an
inbox; a reader that turns messages into batches; a writer that stores a batch, and once it is
committed acknowledges its records to the gateways and puts its readings on the live bus.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
from psycopg import errors

from backend.acquisition import births, counters, leases, life, live, reports
from backend.acquisition.accounted import read_accounted
from backend.acquisition.admission import Admission
from backend.acquisition.asks import wanted_asks
from backend.acquisition.batch import Batch, Missing, PointKey, Row, Unfit
from backend.acquisition.broker_files import keep_broker_files
from backend.acquisition.commands import wanted_commands
from backend.acquisition.configs import wanted_configs
from backend.acquisition.connection import Connection, unique_name
from backend.acquisition.credentials import is_slug
from backend.acquisition.host import (
    EdgeNode,
    Report,
    Sample,
    acknowledgement,
    rebirth_request,
)
from backend.acquisition.host_state import TOPIC as STATE
from backend.acquisition.host_state import Announced, HostState
from backend.acquisition.inbox import Inbox
from backend.acquisition.quotas import Quotas
from backend.acquisition.sender import Sender
from backend.acquisition.store import FIRST_RETRY_S, Stored, store
from backend.acquisition.window import REFRESH, Window, clamp, milliseconds, read_window
from backend.core.clock import SystemClock
from backend.core.errors import Unavailable
from backend.core.platform import Platform
from gateway.contract import topics
from gateway.contract.complaints import Complaints
from gateway.contract.sparkplug import Payload, WireFault, decode, encode

log = logging.getLogger(__name__)

MAX_ROWS = 20_000
"""Rows of one batch under load; a small batch goes as soon as the writer is free."""
LINGER_S = 0.05
"""How long the first message of a batch waits for others: a transaction has a price."""
SOURCES = (wanted_commands, wanted_configs, wanted_asks)
"""What is sent to gateways on somebody's behalf."""
TURN = 50
"""Messages read before the event loop gets its turn."""


@dataclass(slots=True)
class Round:
    """A batch being built, with the records it will acknowledge.

    `records` is keyed by (project_id, gateway_id, epoch): a node may be born with another journal
    before the batch is committed.
    """

    batch: Batch = field(default_factory=Batch)
    records: dict[tuple[int, int, int], set[int]] = field(default_factory=dict)
    reports: list[tuple[EdgeNode, Report]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to store or to acknowledge."""
        return bool(self.batch or self.records or self.reports)


class Ingest:
    """One ingest worker."""

    def __init__(self, platform: Platform) -> None:
        """Take the platform; nothing is claimed yet."""
        self._platform = platform
        self._owner = leases.new_owner()
        self._inbox = Inbox()
        self._quotas = Quotas()
        self._announced = Announced()
        self._complaints = Complaints(log)
        self._connection = Connection(
            platform.mqtt_url,
            unique_name("ingest"),
            on_message=self._heard,
            on_connect=self._announced.begin,
        )
        self._connection.subscribe(STATE, qos=1)
        self._claimed = asyncio.Event()
        self._nodes: dict[tuple[str, str], EdgeNode] = {}
        self._sender = Sender(platform, self._connection, self._nodes, self._announced, SOURCES)
        self._rounds: asyncio.Queue[Round] = asyncio.Queue(1)
        self._gauges: frozenset[PointKey] | None = None
        self._window: Window | None = None
        self._window_until = 0.0
        self._writer_free = asyncio.Event()
        self._writer_free.set()

    async def run(self) -> None:
        """Work until cancelled, then let go of the claims."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._connection.run())
                group.create_task(self._keep_leases())
                group.create_task(self._read())
                group.create_task(self._write())
                group.create_task(self._sender.run())
                group.create_task(HostState(self._platform, self._listening).run())
                group.create_task(keep_broker_files(self._platform))
                group.create_task(Admission(self._platform).run())
        finally:
            with contextlib.suppress(psycopg.OperationalError, Unavailable):
                async with self._platform.database.ingest() as tx:
                    await leases.give_up(tx, self._owner)
                    await self._quotas.write_down(tx, self._platform.clock.now())

    def _heard(self, topic: str, payload: bytes) -> None:
        if topic == STATE:
            self._announced.heard(payload)
        elif self._quotas.admit(topic, len(payload), time.monotonic()):
            self._inbox.put(topic, payload)

    async def _listening(self) -> None:
        """Wait until this worker hears the nodes it has claimed."""
        await self._claimed.wait()
        await self._connection.subscribed.wait()

    # -- leases ----------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        while True:
            try:
                await self._renew()
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("Leases could not be renewed: %s", error)
            await asyncio.sleep(leases.RENEW_S)

    async def _renew(self) -> None:
        async with self._platform.database.ingest() as tx:
            # Certificates end by the real time, whatever clock a demonstration has.
            listed = await leases.list_gateways(tx, SystemClock().now())
            held = await leases.claim(tx, self._owner)
            now = self._platform.clock.now()
            self._gauges = await read_accounted(tx, self._gauges, now)
            await self._quotas.renew(tx, now, leases.shares(listed, held))
        ours = {
            (one.project, one.gateway): one
            for one in listed
            if (one.project_id, one.gateway_id) in held
            and is_slug(one.project)
            and is_slug(one.gateway)
        }
        for key in self._nodes.keys() - ours.keys():
            self._connection.unsubscribe(*self._nodes.pop(key).filters)
            log.info("The gateway %s/%s is another worker's now", *key)
        begun = [await self._begin(ours[key]) for key in sorted(ours.keys() - self._nodes.keys())]
        self._claimed.set()
        for node in begun:
            if node.names and not node.has_journal:
                # Taken over from another worker: what its births said of datatypes is not stored.
                await self._announced.wait()
                self._ask_rebirth(node)
        counters.leases.set(len(self._nodes))
        async with self._platform.database.ingest() as tx:
            await leases.report(tx, self._owner, list(self._nodes.values()))

    async def _begin(self, one: leases.ListedGateway) -> EdgeNode:
        node = EdgeNode(one.project_id, one.gateway_id, one.project, one.gateway)
        async with self._platform.database.ingest() as tx:
            await births.load_node(tx, node)
        self._nodes[one.project, one.gateway] = node
        self._connection.subscribe(*node.filters)
        log.info("The gateway %s/%s is claimed", one.project, one.gateway)
        return node

    # -- reading ---------------------------------------------------------------------------

    async def _read(self) -> None:
        current = Round()
        while True:
            await self._inbox.wait()
            if not current:
                await asyncio.sleep(LINGER_S)
            await self._fill(current)
            if not current:
                continue
            if len(current.batch.rows) < MAX_ROWS and not self._writer_free.is_set():
                await self._wait_for_more()
                if not self._writer_free.is_set():
                    continue
            self._writer_free.clear()
            await self._rounds.put(current)
            current = Round()

    async def _wait_for_more(self) -> None:
        """Wait until the writer is free or a message has come."""
        tasks = [
            asyncio.ensure_future(self._writer_free.wait()),
            asyncio.ensure_future(self._inbox.wait()),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _fill(self, current: Round) -> None:
        """Read messages until there is none, or the batch is full."""
        window = await self._storable()
        counters.queue_length.set(len(self._inbox))
        count = 0
        while len(current.batch.rows) < MAX_ROWS:
            message = self._inbox.take()
            if message is None:
                return
            await self._receive(current, window, *message)
            count += 1
            if count % TURN == 0:
                await asyncio.sleep(0)

    async def _storable(self) -> Window:
        """Answer the window of sample times, read from the database once a minute.

        Its later end is of the moment it was read: whoever judges by it sets the present.
        """
        while self._window is None or time.monotonic() > self._window_until:
            try:
                async with self._platform.database.ingest() as tx:
                    self._window = await read_window(tx, self._platform.clock.now())
                self._window_until = time.monotonic() + REFRESH.total_seconds()
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("The partitions could not be read: %s", error)
                await asyncio.sleep(FIRST_RETRY_S)
        return self._window

    async def _receive(self, current: Round, window: Window, topic: str, raw: bytes) -> None:
        parsed = topics.parse(topic)
        node = self._nodes.get((parsed.group, parsed.node)) if parsed else None
        if parsed is None or node is None:
            counters.unknown_nodes.inc()
            return
        try:
            payload = decode(raw)
        except WireFault as fault:
            self._refuse(parsed, "unreadable", fault)
            return
        counters.messages.labels(parsed.kind).inc()
        node.seen_at = self._platform.clock.now()
        if parsed.kind in {topics.NDATA, topics.DDATA}:
            at = window.at(node.seen_at)
            points = self._take_data(current, at, node, payload, parsed.device)
            self._quotas.settle(node.project, len(raw), points)
        else:
            await self._take_life(current, window, node, payload, parsed)

    def _refuse(self, topic: topics.NodeTopic, reason: str, detail: object) -> None:
        counters.messages_dropped.labels(reason).inc()
        who = f"{topic.group}/{topic.node}"
        self._complaints.say(who, f"a {topic.kind} is not taken ({reason})", detail)

    def _take_data(
        self, current: Round, window: Window, node: EdgeNode, payload: Payload, device: str | None
    ) -> int:
        """Take a message's samples; answers how many there are, 0 when it is not taken."""
        gap = node.order.see(payload.seq)
        data = node.read_data(payload, device, milliseconds(self._platform.clock.now()))
        if gap:
            counters.sequence_gaps.inc()
        if data.unknown:
            counters.unknown_aliases.inc(data.unknown)
        if data.unknown:
            self._ask_rebirth(node)
        if gap and not node.has_journal:
            later = self._platform.settings.reorder_s
            asyncio.get_running_loop().call_later(later, self._reorder, node)
        if data.is_refused:
            counters.messages_dropped.labels("unknown_alias").inc()
            return 0
        self._add(current.batch, window, node, data.samples)
        current.reports.extend((node, report) for report in data.reports)
        if data.record is not None and data.epoch is not None:
            key = (node.project_id, node.gateway_id, data.epoch)
            current.records.setdefault(key, set()).add(data.record)
        return len(data.samples)

    def _reorder(self, node: EdgeNode) -> None:
        """The reorder time-out is over: what has not come by now is lost."""
        if node.order.give_up():
            self._ask_rebirth(node)

    def _add(self, batch: Batch, window: Window, node: EdgeNode, samples: Iterable[Sample]) -> None:
        project = node.project_id
        for sample in samples:
            key = (project, sample.point.id)
            if sample.value is None:
                batch.missing.append(Missing(*key, clamp(sample.ts_ms)))
                counters.samples_missing.inc()
                continue
            refusal = window.refusal(sample.ts_ms)
            if refusal is not None:
                row = Row(*key, clamp(sample.ts_ms), sample.value, int(sample.quality))
                batch.unfit.append(Unfit(row, node.gateway_id, refusal))
                continue
            row = Row(*key, sample.ts_ms, sample.value, int(sample.quality))
            if window.is_late(sample.ts_ms):
                batch.late.append(row)
                continue
            batch.rows.append(row)
            batch.gateways[key] = node.gateway_id
            if sample.point.register or (self._gauges and key in self._gauges):
                batch.registers.add(key)

    # -- births and deaths -----------------------------------------------------------------

    async def _take_life(
        self,
        current: Round,
        window: Window,
        node: EdgeNode,
        payload: Payload,
        topic: topics.NodeTopic,
    ) -> None:
        """Take a birth or a death; it waits as long as the database is away."""
        if topic.device is not None and node.order.see(payload.seq):
            counters.sequence_gaps.inc()
        while True:
            try:
                await self._store_life(current, window, node, payload, topic)
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("A %s waits for the database: %s", topic.kind, error)
                await asyncio.sleep(FIRST_RETRY_S)
            except (life.Unfit, errors.DataError, errors.IntegrityError) as error:
                self._refuse(topic, "bad_birth", error)
                return
            else:
                return

    async def _store_life(
        self,
        current: Round,
        window: Window,
        node: EdgeNode,
        payload: Payload,
        topic: topics.NodeTopic,
    ) -> None:
        now = self._platform.clock.now()
        known = await life.store(self._platform.database, node, payload, topic, now)
        if not node.has_journal:
            at_ms = payload.timestamp or milliseconds(now)
            samples = [node.sample(p, b.metric, b.metric.timestamp or at_ms) for p, b in known]
            self._add(current.batch, window.at(now), node, samples)

    # -- writing ---------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            current = await self._rounds.get()
            stored = await store(self._platform.database, current.batch, self._platform.clock)
            await reports.store(self._platform, current.reports)
            await self._announced.wait()
            now_ms = milliseconds(self._platform.clock.now())
            self._acknowledge(current, now_ms)
            self._publish_live(stored, now_ms)
            self._writer_free.set()

    def _acknowledge(self, current: Round, now_ms: int) -> None:
        nodes = {(node.project_id, node.gateway_id): node for node in self._nodes.values()}
        for (project, gateway, epoch), records in current.records.items():
            node = nodes.get((project, gateway))
            if node is None:
                # Another worker's now; the gateway sends the records again, and they are there.
                continue
            payload = encode(acknowledgement(epoch, records, now_ms))
            if self._connection.publish(node.command_topic, payload):
                counters.acknowledged.inc(len(records))
            node.committed_through = max(records | {node.committed_through or 0})

    def _publish_live(self, stored: Stored, now_ms: int) -> None:
        slugs = {node.project_id: node.project for node in self._nodes.values()}
        by_project: dict[int, list[live.LiveRow]] = {}
        for project, point, ts_ms, value, quality in stored.rows:
            by_project.setdefault(project, []).append((point, ts_ms, value, quality))
        for project, rows in by_project.items():
            if project in slugs:
                live.publish(
                    self._connection, slugs[project], live.LiveBatch(project, now_ms, rows)
                )

    def _ask_rebirth(self, node: EdgeNode) -> None:
        if not self._announced.is_set or not self._connection.connected.is_set():
            return
        if not node.may_ask_rebirth(time.monotonic()):
            return
        payload = encode(rebirth_request(milliseconds(self._platform.clock.now())))
        self._connection.publish(node.command_topic, payload)
        counters.rebirths.inc()


async def run(platform: Platform) -> None:
    """Run one ingest worker until cancelled."""
    await Ingest(platform).run()
