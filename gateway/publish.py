"""The Sparkplug edge node: births, live data, backlog and acknowledgements over one MQTT session.

Every connection is a session of its own with a new `bdSeq` and will; gmqtt's own reconnecting is
off because it would repeat the old will. Nothing is handed to gmqtt while disconnected. The
acknowledgement is the truth; STATE counts only where a primary host is configured.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from gmqtt import Client, Message
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from gateway import mqtt_socket
from gateway.broker import Broker
from gateway.contract import topics
from gateway.contract.clock import Clock
from gateway.contract.complaints import Complaints
from gateway.contract.sparkplug import Metric, Payload, WireFault, decode, encode, signed
from gateway.journal import NODE, Journal, Record
from gateway.journal_file import JournalFault
from gateway.messages import (
    Envelope,
    historical,
    node_birth,
    node_death,
    node_standing,
    parse_committed,
)
from gateway.primary_host import PrimaryHost
from gateway.traffic import Traffic
from gateway.window import OutgoingWindow

log = logging.getLogger(__name__)
quiet = logging.getLogger("gateway.mqtt")
quiet.setLevel(logging.CRITICAL)
# What happens to the connection is said by this module, once and in a sentence.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)

CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 15
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
BACKLOG_EVERY_S = 0.1
BACKLOG_AT_ONCE = 200
"""With the pause above: at most 2,000 backlog messages a second, so that live data stays first."""
MAX_UNSENT_BYTES = 1 << 20
"""Bytes waiting in the socket above which messages stay in the journal."""
STANDING_EVERY_S = 10.0
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
"""Years 2000 and 2100: a platform's time beyond them is a mistake."""
OFFSET_STEP_MS = 250
NOTABLE_OFFSET_MS = 2000
NO_RECONNECT = -2


class Births(Protocol):
    """Who knows the devices' births."""

    def births(self) -> Mapping[str, tuple[tuple[Metric, ...], bool]]:
        """Slug -> (metrics of its DBIRTH, whether it is alive)."""
        ...


class Obeys(Protocol):
    """Who carries out what hosts ask of this node and its devices."""

    def heard(self, place: topics.NodeTopic, payload: Payload) -> None:
        """Take the metrics of an NCMD or DCMD; ValueError when they cannot be read."""
        ...

    def declared(self, now_ms: int) -> tuple[Metric, ...]:
        """What the NBIRTH says of it."""
        ...

    def news(self, now_ms: int) -> tuple[Metric, ...]:
        """What an NDATA is to say now; nothing most of the time."""
        ...


class EdgeNode:
    """One Sparkplug edge node; `run` keeps it connected until cancelled."""

    def __init__(
        self,
        group: str,
        node: str,
        broker: Broker,
        journal: Journal,
        clock: Clock,
        births: Births,
        window: OutgoingWindow | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._group = group
        self._node = node
        self._broker = broker
        self._journal = journal
        self._clock = clock
        self._births = births
        self._traffic = traffic
        self._window = window or OutgoingWindow()
        self._envelope = Envelope(journal.epoch, typed=broker.typed)
        self._data_topics: dict[str, str] = {}
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._online = False
        self._session = 0
        self._seq = 0
        self._born: set[str] = set()
        self._rebirth = asyncio.Event()
        self._said: tuple[int, int] = (0, 0)
        self._last_sentence = ""
        self._obeys: Obeys | None = None
        self.clock_offset_ms = 0
        self._host = PrimaryHost(broker.primary_host)
        self._complaints = Complaints(log)
        self.contact_s: float | None = None
        """When the platform last acknowledged, on the clock's monotonic scale."""

    @property
    def online(self) -> bool:
        """Whether births are out and data may follow."""
        return self._online

    @property
    def unsent_bytes(self) -> int:
        """Bytes handed to the socket that the broker has not taken yet."""
        return mqtt_socket.unsent_bytes(self._client)

    def obey_by(self, obeys: Obeys) -> None:
        """Let this one carry out what hosts ask, from now on."""
        self._obeys = obeys

    def platform_ms(self) -> int:
        """The platform's time as last measured, UTC milliseconds."""
        return self._now_ms() - self.clock_offset_ms

    def move_to(self, host: str, port: int, *, tls: bool) -> None:
        """Be connected to this broker from now on; nothing happens when it is the one already."""
        moved = replace(self._broker, host=host, port=port, tls=tls)
        if self._place() != (host, port) or moved.tls != self._broker.tls:
            self._broker = moved
            self.drop_socket()

    def rebirth(self) -> None:
        """Say all births again, soon."""
        self._rebirth.set()

    def drop_socket(self) -> None:
        """Lose the connection as a cut cable does: without a word to the broker."""
        mqtt_socket.cut(self._client)

    async def run(self) -> None:
        """Connect, serve, and connect again with growing pauses, until cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            begun = time.monotonic()
            try:
                await self._serve()
            except (OSError, TimeoutError, MQTTConnectError, JournalFault) as error:
                self._explain(error)
            if time.monotonic() - begun > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(pause * 1.5, LONGEST_PAUSE_S)

    def journaled(self, records: Sequence[Record]) -> None:
        """Send fresh records at once when possible; otherwise the backlog takes them."""
        if not self._can_send():
            return
        now, now_ms = time.monotonic(), self._now_ms()
        for record in records:
            if record.device in self._born and self.unsent_bytes < MAX_UNSENT_BYTES:
                self._send_data(record, record.body, now_ms)
                self._window.sent_live(record.rec, now)

    def device_born(self, slug: str, metrics: tuple[Metric, ...]) -> None:
        """A device came alive: its DBIRTH goes out (or waits for the next session)."""
        payload = encode(Payload(None, metrics))
        self._journal.remember_birth(slug, payload)
        if self._online:
            self._send_birth(slug, metrics)

    def device_died(self, slug: str) -> None:
        """A device went silent: its DDEATH goes out."""
        if self._online:
            self._send(topics.DDEATH, slug, Payload(self._now_ms(), (), self._next_seq()))

    async def close(self) -> None:
        """End in order."""
        client, self._online = self._client, False
        if client is not None:
            await self._leave(client)

    async def _leave(self, client: Client) -> None:
        """NDEATH, then DISCONNECT: an end in order makes the broker forget the will."""
        if client.is_connected:
            topic = str(topics.NodeTopic(self._group, topics.NDEATH, self._node))
            client.publish(topic, node_death(self._session, self._now_ms()), qos=0)
        await mqtt_socket.disconnect(client)

    async def _serve(self) -> None:
        self._session = await self._journal.next_session()
        client = self._make_client()
        self._host.forget()
        self._lost.clear()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connecting = client.connect(
                    self._broker.host,
                    self._broker.port,
                    ssl=self._broker.context(),
                    keepalive=KEEPALIVE_S,
                    version=MQTTv311,
                )
                await mqtt_socket.unless_lost(connecting, self._lost)
            self._client = client
            if self._traffic is not None:
                self._traffic.connected()
                mqtt_socket.count(client, self._traffic.moved)
            self._subscribe(client)
            if not await self._host.admits(self._is_up):
                return
            await self._be_born()
            log.info("connected to %s:%d as %s", *self._place(), self._broker.client_id)
            self._last_sentence = ""
            await self._keep_up()
        finally:
            self._online = False
            self._client = None
            await self._leave(client)

    def _make_client(self) -> Client:
        topic = str(topics.NodeTopic(self._group, topics.NDEATH, self._node))
        will = Message(topic, node_death(self._session, self._now_ms()), qos=1)
        client = Client(self._broker.client_id, will_message=will, logger=quiet)
        client.set_config({"reconnect_retries": NO_RECONNECT})
        if self._broker.secret is not None:
            client.set_auth_credentials(self._broker.credential, self._broker.secret)
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _subscribe(self, client: Client) -> None:
        root = f"{topics.NAMESPACE}/{self._group}"
        for filter_ in (
            f"{root}/{topics.NCMD}/{self._node}",
            f"{root}/{topics.DCMD}/{self._node}/#",
            self._host.topic,
        ):
            if filter_ is not None:
                client.subscribe(filter_, qos=1)

    async def _be_born(self) -> None:
        """NBIRTH and every DBIRTH; devices that are away say so at once."""
        retired = await self._journal.births_of_backlog()
        self._rebirth.clear()
        now_ms = self._now_ms()
        dropped = self._journal.standing.dropped_total
        self._said = (dropped, self.clock_offset_ms)
        self._born.clear()
        topic = str(topics.NodeTopic(self._group, topics.NBIRTH, self._node))
        self._seq = 0
        declared = self._obeys.declared(now_ms) if self._obeys is not None else ()
        birth = node_birth(
            self._session, self._journal.epoch, dropped, self.clock_offset_ms, now_ms, declared
        )
        self._publish(topic, birth)
        self._born.add(NODE)
        known = self._births.births()
        for slug, (metrics, alive) in known.items():
            self._send_birth(slug, metrics)
            if not alive:
                self._send(topics.DDEATH, slug, Payload(now_ms, (), self._next_seq()))
        for slug, payload in retired.items():
            if slug not in known:
                self._send_birth(slug, decode(payload).metrics)
                self._send(topics.DDEATH, slug, Payload(now_ms, (), self._next_seq()))
        self._window.reset()
        self._online = True

    def _send_birth(self, slug: str, metrics: tuple[Metric, ...]) -> None:
        self._send(topics.DBIRTH, slug, Payload(self._now_ms(), metrics, self._next_seq()))
        self._born.add(slug)

    async def _keep_up(self) -> None:
        """Backlog, rebirths and standing, until the connection is lost."""
        next_standing = time.monotonic() + STANDING_EVERY_S
        # A link that went dead without a word: gmqtt closes after two silent keep-alives, but a
        # socket that cannot flush tells nobody.
        while self._is_up():
            if self._rebirth.is_set():
                await self._be_born()
            await self._send_backlog()
            if time.monotonic() >= next_standing:
                next_standing = time.monotonic() + STANDING_EVERY_S
                self._send_standing()
            with suppress(TimeoutError):
                async with asyncio.timeout(BACKLOG_EVERY_S):
                    await self._lost.wait()

    async def _send_backlog(self) -> None:
        wanted = self._window.wanted(time.monotonic(), self._journal.last)
        if wanted is None or not self._can_send():
            return
        after, room = wanted
        records = await self._journal.read(after, min(room, BACKLOG_AT_ONCE))
        if not self._can_send():
            return
        now_ms = self._now_ms()
        for record in self._window.take(records, time.monotonic()):
            if record.device in self._born and self.unsent_bytes < MAX_UNSENT_BYTES:
                self._send_data(record, historical(record.body), now_ms)

    def _send_standing(self) -> None:
        now, now_ms = (self._journal.standing.dropped_total, self.clock_offset_ms), self._now_ms()
        metrics = self._obeys.news(now_ms) if self._obeys is not None else ()
        if now[0] != self._said[0] or abs(now[1] - self._said[1]) >= OFFSET_STEP_MS:
            self._said = now
            metrics = (*node_standing(*now, now_ms), *metrics)
        if metrics:
            self._send(topics.NDATA, None, Payload(now_ms, metrics, self._next_seq()))

    def _send_data(self, record: Record, body: bytes, now_ms: int) -> None:
        topic = self._data_topics.get(record.device)
        if topic is None:
            kind, device = (topics.DDATA, record.device) if record.device else (topics.NDATA, None)
            topic = str(topics.NodeTopic(self._group, kind, self._node, device))
            self._data_topics[record.device] = topic
        self._publish(topic, self._envelope.data(record.rec, body, now_ms, self._next_seq()))

    def _send(self, kind: str, device: str | None, payload: Payload) -> None:
        topic = str(topics.NodeTopic(self._group, kind, self._node, device))
        self._publish(topic, encode(payload))

    def _publish(self, topic: str, payload: bytes) -> None:
        if self._client is not None and self._client.is_connected:
            self._client.publish(topic, payload, qos=0)

    def _can_send(self) -> bool:
        # A rebirth that is asked for comes before any other DATA.
        if not self._online or self._rebirth.is_set() or not self._is_up():
            return False
        # gmqtt has no back-pressure of its own: what does not fit stays in the journal.
        return self.unsent_bytes < MAX_UNSENT_BYTES

    def _is_up(self) -> bool:
        client = self._client
        return not self._lost.is_set() and client is not None and client.is_connected

    def _next_seq(self) -> int:
        self._seq = (self._seq + 1) % 256
        return self._seq

    def _on_disconnect(self, client: Client, packet: object, exc: object = None) -> None:
        if client is self._client or self._client is None:
            self._online = False
            self._lost.set()

    def _on_message(
        self, client: Client, topic: str, payload: bytes, qos: int, properties: object
    ) -> int:
        if topic.startswith(topics.state("")):
            self._hear_host(topic, bytes(payload))
            return 0
        place = topics.parse(topic)
        if place is not None and place.kind in (topics.NCMD, topics.DCMD):
            try:
                self._command(place, decode(bytes(payload)))
            except (WireFault, ValueError) as error:
                self._complaints.say(topic, "a command cannot be read", error)
        return 0

    def _hear_host(self, topic: str, payload: bytes) -> None:
        self._host.heard(topic, payload)
        if self._online and not self._host.allows:
            # Nobody listens: NDEATH, DISCONNECT and a session anew, which waits.
            self._online = False
            self._lost.set()

    def _command(self, place: topics.NodeTopic, payload: Payload) -> None:
        for metric in payload.metrics if place.kind == topics.NCMD else ():
            if metric.name == topics.REBIRTH and metric.value:
                self._rebirth.set()
            elif metric.name == topics.EXT_COMMITTED and isinstance(metric.value, str):
                self._committed(metric.value)
            elif metric.name == topics.EXT_TIME and type(metric.value) is int:
                self._measure(signed(metric.value, 64))
        if self._obeys is not None:
            self._obeys.heard(place, payload)

    def _committed(self, text: str) -> None:
        epoch, ranges = parse_committed(text)
        if epoch == self._journal.epoch:
            self.contact_s = self._clock.monotonic()
            self._window.acknowledge(ranges)
            self._journal.acknowledge(ranges)

    def _measure(self, platform_ms: int) -> None:
        if not EARLIEST_MS <= platform_ms < LATEST_MS:
            raise ValueError(f"{platform_ms} ms is no time of a platform")
        offset = self._now_ms() - platform_ms
        if abs(offset) > NOTABLE_OFFSET_MS and abs(self.clock_offset_ms) <= NOTABLE_OFFSET_MS:
            log.warning(
                "this gateway's clock is %+.1f s off the platform's. Samples keep its time; "
                "set up time synchronisation (NTP) here or there.",
                offset / 1000,
            )
        self.clock_offset_ms = offset
        self._broker.tells_time(platform_ms)

    def _explain(self, error: Exception) -> None:
        sentence = (
            f"no MQTT session with {self._broker.host}:{self._broker.port}: "
            f"{str(error) or 'no answer in time'}. Samples stay in the journal. "
            f"{self._broker.advice(error)}"
        )
        if sentence != self._last_sentence:
            self._last_sentence = sentence
            log.warning(sentence)

    def _place(self) -> tuple[str, int]:
        return self._broker.host, self._broker.port

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
