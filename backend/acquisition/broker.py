"""The embedded MQTT broker: amqtt made into a wall between tenants (`kilowise broker`).

amqtt 0.12.1 by itself lets clients see what is not theirs; this module closes that:

- a CONNECT is judged before it touches anything: wrong secret, a client id that does not begin
  with `<credential>/`, or a will on a topic the credential may not publish are refused, and the
  session they name goes on undisturbed;
- a take-over closes the older connection (MQTT-3.1.4-2);
- retained messages go only to a session that itself holds the filter;
- `$` topics and `$SYS` are the internal credential's; every publish and subscribe is checked;
- credentials are a snapshot file, looked at every second: whoever is revoked is disconnected;
- with MQTT_TLS_PORT a second listener speaks TLS and takes a client certificate for the secret
  (broker_tls.py);
- a client silent for 1.5 times its keep-alive is disconnected and its will published;
- every queue is bounded: a slow reader loses messages (counted), the broker does not grow.

Sessions are not kept over a disconnect and nothing is stored: the journal of the gateway, not the
broker, is what makes data durable (docs/architecture.md, "The wire").
"""

import asyncio
import logging
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError, MQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.publish import PublishPacket
from amqtt.session import ApplicationMessage, Session

from backend.acquisition import counters
from backend.acquisition.broker_clients import Handler, Incoming, Oversized, Reader, Writer
from backend.acquisition.broker_tls import ClientProof, TlsListener, client_proof
from backend.acquisition.credentials import (
    INTERNAL,
    SNAPSHOT_FILE,
    Credential,
    broker_folder,
    read_snapshot,
    verify_secret,
)
from backend.core.ports import handed_socket

if TYPE_CHECKING:
    from backend.core.platform import Platform

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
RELOAD_S = 1.0
MAX_RETAINED = 10_000
"""Topics of all clients together whose last message is kept."""
MAX_RETAINED_OWN = 100_000
"""The same for the platform's own topics: last values for third parties crowd nobody out, nor does
anybody crowd out them."""
MAX_OUTGOING_BYTES = 8 << 20
"""Bytes waiting in the socket of one client before messages to it are dropped."""
MAX_INFLIGHT = 1000
"""Messages of QoS 1 or 2 to one client that are not yet acknowledged."""


class TenantBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """The broker of one listener, with credentials from the snapshot in `folder`."""

    def __init__(self, folder: Path, held: socket.socket) -> None:
        """Take where the credentials are, and the listening socket to serve."""
        host, port = held.getsockname()[:2]
        listener = ListenerConfig(bind=f"{host}:{port}", max_connections=-1)
        super().__init__(BrokerConfig(listeners={"default": listener}, plugins={}))
        self._held = held
        self._folder = folder
        self._credentials = read_snapshot(folder)
        self._stamp = self._snapshot_stamp()
        self._wildcards: list[str] | None = None
        self._publishing: set[asyncio.Task[object]] = set()
        self._own_retained: set[str] = set()

    # -- credentials -----------------------------------------------------------------------

    def _snapshot_stamp(self) -> tuple[int, int] | None:
        try:
            stat = (self._folder / SNAPSHOT_FILE).stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    async def watch_credentials(self) -> None:
        """Reload the snapshot whenever it changes, until cancelled."""
        while True:
            await asyncio.sleep(RELOAD_S)
            stamp = self._snapshot_stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                await self._use(read_snapshot(self._folder))

    async def _use(self, fresh: dict[str, Credential]) -> None:
        # The platform's own hash has a fresh salt at every read, and is not a change.
        internal = {INTERNAL: self._credentials[INTERNAL]}
        old, self._credentials = self._credentials, {**fresh, **internal}
        for session, handler in list(self._sessions.values()):
            name = session.username or ""
            if not _still_good(session, old.get(name), self._credentials.get(name)):
                counters.broker_refused.labels("revoked").inc()
                log.info("The credential %s changed: %s is disconnected", name, session.client_id)
                await handler.handle_connection_closed()

    def _refusal(self, session: Session) -> str | None:
        """Answer why a CONNECT is refused; None when it is welcome."""
        proof = client_proof(session.ssl_object)
        if proof is not None:
            session.username = session.username or proof.name
        credential = self._credentials.get(session.username or "")
        if proof is not None:
            if credential is None or not _is_proof_of(credential, proof):
                return "certificate"
        elif credential is None or not verify_secret(session.password or "", credential.secret):
            return "secret"
        if not credential.owns(session.client_id or ""):
            return "client_id"
        if session.will_flag and not credential.may_publish(session.will_topic or ""):
            return "will"
        return None

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        # Judged when the session was made, before it could take over another.
        return True

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        credential = self._credentials.get(session.username or "")
        if credential is None:
            return False
        if action == Action.SUBSCRIBE:
            return credential.may_subscribe(topic)
        return action == Action.RECEIVE or credential.may_publish(topic)

    # -- connections -----------------------------------------------------------------------

    async def _create_server_instance(self, listener_name: str, *_: object) -> asyncio.Server:
        """Serve the socket that listens already."""
        connected = partial(self.stream_connected, listener_name=listener_name)
        return await asyncio.start_server(connected, sock=self._held)

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve one TCP connection until it ends."""
        await self._client_connected(listener_name, Reader(reader), Writer(writer))

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        """Read CONNECT and judge it; AMQTTError when it is refused, with nothing disturbed."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                handler, session = await Handler.init_from_connect(
                    reader, writer, self.plugins_manager
                )
        except (AMQTTError, Oversized, TimeoutError, EOFError, OSError, ValueError) as error:
            await writer.close()
            raise AMQTTError(f"no CONNECT from {remote_address}:{remote_port}: {error}") from error
        refusal = self._refusal(session)
        if refusal is not None:
            counters.broker_refused.labels(refusal).inc()
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise AMQTTError(f"CONNECT from {remote_address}:{remote_port} refused: {refusal}")
        await self._take_over(session)
        session.delivered_message_queue = Incoming()
        session.clean_session = True
        session.keep_alive += session.keep_alive // 2
        session.parent = 0
        return handler, session

    async def _take_over(self, session: Session) -> None:
        """Close the connection that holds this client id and forget its session."""
        held = self._sessions.get(session.client_id or "")
        if held is None:
            return
        older, handler = held
        older.will_flag = older.will_flag and older.transitions.state == "connected"
        await handler.handle_connection_closed()
        await handler.stop()
        await self._delete_session(session.client_id or "")

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Send what is retained under a filter, only to a session that holds this filter."""
        holders = self._subscriptions.get(subscription[0], ())
        if any(holder is session for holder, _ in holders):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    # -- messages --------------------------------------------------------------------------

    async def _handle_message_delivery(
        self,
        client_session: Session,
        handler: BrokerProtocolHandler,
        wait_deliver: asyncio.Future[ApplicationMessage | None],
    ) -> bool:
        """Route one message that a client published."""
        message = wait_deliver.result()
        if message is None:
            return True
        credential = self._credentials.get(client_session.username or "")
        if not message.topic or credential is None or not credential.may_publish(message.topic):
            # MQTT 3.1.1 has no refusal for a PUBLISH: it is taken and goes nowhere.
            counters.broker_refused.labels("publish").inc()
            return True
        self._route(message.topic, bytes(message.data or b""), message.qos or 0)
        packet = message.publish_packet
        if packet is not None and packet.retain_flag:
            await self.retain_message(client_session, message.topic, message.data, message.qos)
        return True

    async def retain_message(
        self,
        source_session: Session | None,
        topic_name: str | None,
        data: bytes | bytearray | None,
        qos: int | None = None,
    ) -> None:
        """Keep the newest message of a topic, up to a number of topics."""
        own = source_session is not None and source_session.username == INTERNAL
        if data and not self._has_room(topic_name or "", own=own):
            counters.broker_dropped.labels("retained").inc()
            return
        if data and own:
            self._own_retained.add(topic_name or "")
        elif not data:
            self._own_retained.discard(topic_name or "")
        await super().retain_message(source_session, topic_name, data, qos)

    def _has_room(self, topic: str, *, own: bool) -> bool:
        """Tell whether another message may be kept under a topic, of the platform or a client."""
        kept: dict[str, RetainedApplicationMessage] = self._retained_messages
        if topic in kept:
            return True
        if own:
            return len(self._own_retained) < MAX_RETAINED_OWN
        return len(kept) - len(self._own_retained) < MAX_RETAINED

    async def _broadcast_message(
        self,
        session: Session | None,
        topic: str | None,
        data: bytes | bytearray | None,
        force_qos: int | None = None,
    ) -> None:
        """Route a will or a message of the broker itself."""
        if topic:
            self._route(topic, bytes(data or b""), force_qos or 0)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Add a filter of a session; answer the granted QoS, or 0x80 when it may not."""
        granted: int = await super().add_subscription(subscription, session)
        if granted == 0x80:
            counters.broker_refused.labels("subscribe").inc()
        self._wildcards = None
        return granted

    def _route(self, topic: str, data: bytes, qos: int) -> None:
        """Hand a message to every session that holds a matching filter, in order, now."""
        packet: bytes | None = None
        for session, granted in self._targets(topic):
            handler = self._get_handler(session)
            if handler is None or session.transitions.state != "connected":
                continue
            if min(qos, granted) > 0:
                self._send_acknowledged(handler, session, topic, data, min(qos, granted))
                continue
            packet = packet or _qos0(topic, data)
            writer = handler.writer
            if not isinstance(writer, Writer) or writer.waiting_bytes > MAX_OUTGOING_BYTES:
                counters.broker_dropped.labels("outgoing").inc()
                continue
            writer.write(packet)
        counters.broker_routed.inc()

    def _targets(self, topic: str) -> list[tuple[Session, int]]:
        if self._wildcards is None:
            self._wildcards = [f for f in self._subscriptions if "+" in f or "#" in f]
        found = list(self._subscriptions.get(topic, ()))
        for topic_filter in self._wildcards:
            if self._matches(topic, topic_filter):
                found.extend(self._subscriptions.get(topic_filter, ()))
        return found

    def _send_acknowledged(
        self, handler: BrokerProtocolHandler, session: Session, topic: str, data: bytes, qos: int
    ) -> None:
        if len(session.inflight_out) >= MAX_INFLIGHT:
            counters.broker_dropped.labels("inflight").inc()
            return
        task = asyncio.ensure_future(_send(handler, topic, data, qos))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)


def _is_proof_of(credential: Credential, proof: ClientProof) -> bool:
    return credential.name == proof.name and proof.fingerprint in credential.certificates


def _still_good(session: Session, old: Credential | None, new: Credential | None) -> bool:
    """Tell whether what a session showed at its CONNECT would still let it in, to no fewer topics.

    More topics, or a certificate that was added (a renewal), disturb nobody.
    """
    if old is None or new is None:
        return False
    proof = client_proof(session.ssl_object)
    shown = old.secret == new.secret if proof is None else _is_proof_of(new, proof)
    kept = set(old.publish) <= set(new.publish) and set(old.subscribe) <= set(new.subscribe)
    return shown and kept


async def _send(handler: BrokerProtocolHandler, topic: str, data: bytes, qos: int) -> None:
    """Deliver with QoS 1 or 2; a client that goes away or does not answer loses the message."""
    try:
        await handler.mqtt_publish(topic, data, qos, retain=False)
    except (AMQTTError, MQTTError, TimeoutError, asyncio.CancelledError, OSError):
        counters.broker_dropped.labels("unacknowledged").inc()


def _qos0(topic: str, data: bytes) -> bytes:
    packet = PublishPacket.build(topic, data, None, dup_flag=False, qos=0, retain=False)
    return bytes(packet.to_bytes())


async def serve(
    folder: Path,
    host: str,
    port: int,
    tls: tuple[str, int] | None = None,
    held: socket.socket | None = None,
) -> None:
    """Run the broker until cancelled; OSError when the port is taken.

    `tls` is the address of the listener that speaks TLS, None = no such listener; `held` is
    the socket that listens on the port already.
    """
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.WARNING)
    broker = TenantBroker(folder, held or socket.create_server((host, port)))
    await broker.start()
    log.info("The embedded MQTT broker listens on %s:%s", host, port)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(broker.watch_credentials())
            if tls is not None:
                connected = partial(broker.stream_connected, listener_name="default")
                group.create_task(TlsListener(folder, *tls, connected).run())
    finally:
        await broker.shutdown()


async def run(platform: "Platform") -> None:
    """Serve the address of the platform's MQTT URL until cancelled."""
    address = urlsplit(platform.mqtt_url)
    settings = platform.settings
    folder = broker_folder(settings.data_folder)
    tls = (settings.mqtt_tls_bind, settings.mqtt_tls_port) if settings.mqtt_tls_port else None
    host, port = address.hostname or "127.0.0.1", address.port or 1883
    await serve(folder, host, port, tls, handed_socket("mqtt"))
