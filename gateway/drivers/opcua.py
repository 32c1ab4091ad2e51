"""OPC UA by subscription: the server reports changes with its own time and status (asyncua).

A point's `item` is a node id (`ns=2;s=Line1.P`); `{unit}` in it is the device's unit, so one
profile serves many devices of one server. A device whose node the server does not know has that
point missing; the others go on. Options of the line: `policy` (None, Basic256Sha256,
Aes128Sha256RsaOaep, Aes256Sha256RsaPss), `mode` (Sign, SignAndEncrypt), `certificate` and `key`
(files of this client), `server_certificate`, `application_uri`, `user`, `password`,
`publish_ms`.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.common.subscription import DataChangeNotif
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError

from gateway.contract.clock import Clock, SystemClock
from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    LinkDown,
    Reading,
    Report,
    ReportingLine,
    Unit,
    Url,
)

log = logging.getLogger(__name__)
# What happens to a connection is said by the listener, once and in a sentence.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

POLICIES = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
APPLICATION_URI = "urn:kilowise:gateway"
"""Our name in certificates, unless the line's `application_uri` says otherwise."""
UNIT = "{unit}"
DEFAULT_PUBLISH_MS = 1000.0
QUEUE = 100
"""Changes the server keeps for a node between two publishings, so that none is skipped."""
WATCH_S = 1.0
FAULTS = (OSError, TimeoutError, asyncio.TimeoutError, UaError)


def open_line(address: Address, timeout_s: float) -> ReportingLine:
    """A session with the server of a URL, not yet connected; `timeout_s` bounds each request."""
    if not isinstance(address.link, Url) or not address.link.url.startswith("opc.tcp://"):
        raise DriverFault(f"OPC UA needs a url like opc.tcp://host:4840, not {address.link}")
    policy = address.option("policy", "None")
    if policy not in ("None", *POLICIES):
        raise DriverFault(f"the policy {policy!r} is not one of None, {', '.join(POLICIES)}")
    return OpcUaLine(address, address.link.url, timeout_s, SystemClock())


@dataclass(frozen=True, slots=True)
class Wanted:
    """One point that was subscribed, and who hears of it."""

    node: str
    index: int
    point: Point
    ratios: Ratios
    report: Report


class OpcUaLine:
    """One session; its devices are groups of nodes."""

    def __init__(self, address: Address, url: str, timeout_s: float, clock: Clock) -> None:
        self._address = address
        self._url = url
        self._timeout_s = max(timeout_s, 1.0)
        self._clock = clock
        self._wanted: dict[str, list[Wanted]] = {}
        self._hearers: dict[str, list[Wanted]] = {}
        self._client: Client | None = None
        self._dropping: set[asyncio.Task[None]] = set()

    def device(self, profile: Profile, unit: Unit) -> "OpcUaDevice":
        """The nodes of one device."""
        return OpcUaDevice(self, unit)

    def want(self, wanted: Sequence[Wanted]) -> None:
        """Subscribe these from the next `open` on."""
        for one in wanted:
            self._wanted.setdefault(one.node, []).append(one)

    async def open(self) -> None:
        """Connect and subscribe; LinkDown with the reason when that does not work."""
        client = Client(self._url, timeout=self._timeout_s)
        try:
            await self._secure(client)
            await client.connect()
            self._client = client
            await self._subscribe(client)
        except (*FAULTS, ValueError) as error:
            await _drop(client)
            self._client = None
            raise LinkDown(f"{self._url}: {_reason(error)}") from error

    async def serve(self) -> None:
        """Watch the session; the reports come by themselves."""
        while True:
            await asyncio.sleep(WATCH_S)
            client = self._client
            if client is None:
                raise LinkDown(f"{self._url} is not connected")
            try:
                await client.check_connection()
            except FAULTS as error:
                raise LinkDown(f"{self._url}: {_reason(error)}") from error

    def close(self) -> None:
        """Give the session up; what is left of it ends by itself."""
        client, self._client = self._client, None
        if client is not None:
            task = asyncio.get_running_loop().create_task(_drop(client))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    def datachange_notification(self, node: Node, val: object, data: DataChangeNotif) -> None:
        """A change, as asyncua hands it over."""
        for one in self._hearers.get(node.nodeid.to_string(), ()):
            one.report([read_value(one, data.monitored_item.Value, self._now_ms())])

    async def _secure(self, client: Client) -> None:
        option = self._address.option
        client.application_uri = option("application_uri", APPLICATION_URI)
        if user := option("user"):
            client.set_user(user)
            client.set_password(option("password"))
        policy = option("policy", "None")
        if policy == "None":
            return
        server = option("server_certificate")
        await client.set_security(
            getattr(security_policies, f"SecurityPolicy{policy}"),
            Path(option("certificate", "client.der")),
            Path(option("key", "client.pem")),
            server_certificate=server or None,
            mode=ua.MessageSecurityMode[option("mode", "SignAndEncrypt")],
        )

    async def _subscribe(self, client: Client) -> None:
        period = float(self._address.option("publish_ms", str(DEFAULT_PUBLISH_MS)))
        subscription = await client.create_subscription(period, self)
        nodes: dict[Node, list[Wanted]] = {}
        for text, wanted in self._wanted.items():
            try:
                nodes[client.get_node(text)] = wanted
            except UaError:
                self._refused(wanted, "is no node id")
        self._hearers = {node.nodeid.to_string(): wanted for node, wanted in nodes.items()}
        answers = await subscription.subscribe_data_change(list(nodes), queuesize=QUEUE)
        for wanted, answer in zip(nodes.values(), answers if nodes else (), strict=True):
            if isinstance(answer, ua.StatusCode):
                self._refused(wanted, answer.name)

    def _refused(self, wanted: Sequence[Wanted], reason: str) -> None:
        log.warning(
            "%s: node %s: %s. The point stays without value; correct the profile's item.",
            self._url,
            wanted[0].node,
            reason,
        )
        for one in wanted:
            one.report([Reading(one.index, self._now_ms(), None, Quality.MISSING, reason)])

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


class OpcUaDevice:
    """The nodes of one device."""

    def __init__(self, line: OpcUaLine, unit: Unit) -> None:
        self._line = line
        self._unit = str(unit)

    def subscribe(self, points: Sequence[Point], ratios: Ratios, report: Report) -> None:
        """Have these points reported from the line's next `open` on."""
        self._line.want(
            [
                Wanted(point.item.replace(UNIT, self._unit), index, point, ratios, report)
                for index, point in enumerate(points)
            ]
        )


def read_value(wanted: Wanted, data: ua.DataValue, now_ms: int) -> Reading:
    """What a server's value, status and time mean for one point."""
    at = data.SourceTimestamp or data.ServerTimestamp
    at_ms = now_ms if at is None else _milliseconds(at)
    status = data.StatusCode
    if status is not None and not status.is_good() and not status.is_uncertain():
        return Reading(wanted.index, at_ms, None, Quality.MISSING, status.name)
    raw = None if data.Value is None else data.Value.Value
    if not isinstance(raw, int | float):
        return Reading(wanted.index, at_ms, None, Quality.MISSING, "not a number")
    value = wanted.point.decode(raw, wanted.ratios)
    if value is None:
        return Reading(wanted.index, at_ms, None, Quality.MISSING, "not available")
    if status is not None and status.is_uncertain():
        return Reading(wanted.index, at_ms, value, Quality.SUSPECT, status.name)
    return Reading(wanted.index, at_ms, value)


def _milliseconds(at: datetime) -> int:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _drop(client: Client) -> None:
    with suppress(*FAULTS):
        await client.disconnect()
