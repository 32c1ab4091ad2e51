"""A broker on which third-party devices publish JSON: one session, one topic a device.

Options of the line: `user`, `password`, `topic` (what all device topics begin with), `client_id`,
`ca` (file of the authority that signed the broker's certificate, for mqtts).
"""

import asyncio
import logging
import secrets
import ssl
import time
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from gmqtt import Client, Subscription
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from gateway import mqtt_socket
from gateway.contract.clock import Clock, SystemClock
from gateway.contract.profile import Profile
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    LinkDown,
    ReportingLine,
    Unit,
    Url,
)
from gateway.drivers.mqtt_in.payload import (
    BadItem,
    BadPayload,
    parse_item,
    parse_path,
    parse_payload,
)
from gateway.drivers.mqtt_in.source import Source

log = logging.getLogger(__name__)
quiet = logging.getLogger("gateway.mqtt")
quiet.setLevel(logging.CRITICAL)
# What happens to the connection is said by the listener, once and in a sentence.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)

PORTS = {"mqtt": 1883, "mqtts": 8883}
CONNECT_S = 10.0
KEEPALIVE_S = 15
NO_RECONNECT = -2
REFUSED = 0x80
WATCH_S = 1.0
COMPLAIN_EVERY_S = 600.0
"""What is wrong with the messages of one topic is said at most this often."""


def open_line(address: Address, timeout_s: float) -> ReportingLine:
    """A session with a broker, not yet connected; DriverFault for a link it cannot use."""
    what = f"MQTT needs a url like mqtt://host:1883, not {address.link}"
    if not isinstance(address.link, Url):
        raise DriverFault(what)
    try:
        place = urlsplit(address.link.url)
        port = place.port or PORTS[place.scheme]
    except (KeyError, ValueError) as error:
        raise DriverFault(what) from error
    if place.scheme not in PORTS or not place.hostname:
        raise DriverFault(what)
    if place.username is not None:
        raise DriverFault("write user and password as options of the line, not into its url")
    return MqttIn(address, place, port, SystemClock())


class MqttIn:
    """One session; its devices are topics."""

    def __init__(self, address: Address, place: SplitResult, port: int, clock: Clock) -> None:
        self._address = address
        self._host = place.hostname or ""
        self._port = port
        self._tls = place.scheme == "mqtts"
        self._clock = clock
        self._sources: list[Source] = []
        self._by_topic: dict[str, list[Source]] = {}
        self._topics: list[str] = []
        self._client: Client | None = None
        self._said: dict[str, float] = {}

    def device(self, profile: Profile, unit: Unit) -> Source:
        """The device of a topic; DriverFault when it is none, or the profile's items are."""
        base = self._address.option("topic").strip("/")
        topic = "/".join(part for part in (base, str(unit).strip("/")) if part)
        if not topic or set("+#\0") & set(topic):
            raise DriverFault(
                f"{str(unit)!r} is no topic of a device; write its topic without + and #"
            )
        try:
            for point in profile.points:
                parse_item(point.item)
            time_path = parse_path(profile.time_item) if profile.time_item else None
        except BadItem as fault:
            raise DriverFault(f"{profile.name}: {fault}") from fault
        source = Source(topic, time_path)
        self._sources.append(source)
        return source

    async def open(self) -> None:
        """Connect and subscribe; LinkDown with the reason when that does not work."""
        by_topic: dict[str, list[Source]] = {}
        for source in self._sources:
            source.forget()
            for topic in source.topics:
                by_topic.setdefault(topic, []).append(source)
        self._by_topic = by_topic
        client = self._make_client()
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.connect(
                    self._host,
                    self._port,
                    ssl=self._context(),
                    keepalive=KEEPALIVE_S,
                    version=MQTTv311,
                )
        except (OSError, TimeoutError, MQTTConnectError) as error:
            await mqtt_socket.disconnect(client)
            reason = str(error) or "no answer in time"
            raise LinkDown(f"{self._address}: {reason}") from error
        self._client = client
        self._topics = list(self._by_topic)
        if self._topics:
            client.subscribe([Subscription(topic, qos=1) for topic in self._topics])

    async def serve(self) -> None:
        """Watch the session and take back what went silent; the reports come by themselves."""
        while self._client is not None and self._client.is_connected:
            now_ms = self._now_ms()
            for source in self._sources:
                source.take_back(now_ms)
            await asyncio.sleep(WATCH_S)
        raise LinkDown(f"{self._address}: the broker closed the connection")

    def close(self) -> None:
        """Give the session up."""
        client, self._client = self._client, None
        mqtt_socket.cut(client)

    def _make_client(self) -> Client:
        option = self._address.option
        name = option("client_id") or f"kilowise-in-{secrets.token_hex(4)}"
        client = Client(name, logger=quiet)
        client.set_config({"reconnect_retries": NO_RECONNECT})
        if user := option("user"):
            client.set_auth_credentials(user, option("password"))
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _context(self) -> ssl.SSLContext | bool:
        if not self._tls:
            return False
        return ssl.create_default_context(cafile=self._address.option("ca") or None)

    def _on_message(
        self, client: Client, topic: str, payload: bytes, qos: int, properties: dict[str, object]
    ) -> int:
        now_ms = self._now_ms()
        try:
            document = parse_payload(bytes(payload))
        except BadPayload as fault:
            self._complain(topic, [str(fault)])
            return 0
        retained = bool(properties.get("retain"))
        for source in self._by_topic.get(topic, ()):
            self._complain(topic, source.take(topic, document, now_ms, retained=retained))
        return 0

    def _on_subscribe(
        self, client: Client, mid: int, granted: Sequence[int], properties: object
    ) -> None:
        for topic, qos in zip(self._topics, granted, strict=False):
            if qos >= REFUSED:
                self._complain(topic, ["the broker refuses to pass these messages on"])

    def _complain(self, topic: str, what: Sequence[str]) -> None:
        """Say what is wrong with a topic's messages in one line, and not again for a while."""
        now = time.monotonic()
        if not what or now < self._said.get(topic, now):
            return
        self._said[topic] = now + COMPLAIN_EVERY_S
        log.warning(
            "%s, topic %s: %s. What is wrong here is not said again for %.0f minutes.",
            self._address,
            topic,
            "; ".join(what),
            COMPLAIN_EVERY_S / 60,
        )

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
