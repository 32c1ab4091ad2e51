"""The host's side of the wire as pure state: aliases, sequence, epochs, rebirth, acks.

One `EdgeNode` per claimed gateway. It decides nothing about the database: it reads payloads into
samples of known points and says what is unknown. Its project comes from the claim, never from a
payload. Rules (docs/architecture.md, "The wire"):

- an alias belongs to the birth it came with; under another journal epoch it is not believed;
- a DATA message of a node with a journal is taken whole or not at all: with an unknown alias
  nothing of it is stored or acknowledged, a rebirth is asked for, and the journal sends it again;
- a hole in `seq` is counted; only a node without a journal is asked for a rebirth because of it,
  after the reorder time-out (`order.py`);
- after a take-over the first `seq` seen is the new base.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from backend.acquisition.born import NODE_DEVICE, is_reserved, text_of
from backend.acquisition.order import Order
from gateway.contract import topics
from gateway.contract.lines import LinesFault, LineState, decode_lines
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Payload, Property

REBIRTH_EVERY_S = 10.0
MAX_REPORT = 65_536
"""Characters of what a node says of itself; longer texts are dropped."""
REPORTS = frozenset(
    {
        topics.EXT_COMMAND_RESULT,
        topics.EXT_CONFIG_RESULT,
        topics.EXT_ASK_RESULT,
        topics.EXT_UPDATE_RESULT,
    }
)
"""Texts that a node says of itself through its journal."""
DATA = (topics.EXT_DATA_BYTES, topics.EXT_DATA_FORECAST, topics.EXT_DATA_BUDGET)

_BIGINT = 1 << 63
_QUALITIES = frozenset(Quality)


@dataclass(frozen=True, slots=True)
class KnownPoint:
    """A point the database knows: its id, whether it is a register, its datatype if born here."""

    id: int
    register: bool
    signed_bits: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a known point; None says that the point had none at that time."""

    point: KnownPoint
    ts_ms: int
    value: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class Report:
    """Something a node says of itself: the metric's name and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Data:
    """A DATA message read: its samples, its journal record, how many samples were unknown, and
    what the node says of itself.
    """

    samples: tuple[Sample, ...]
    unknown: int
    record: int | None
    epoch: int | None
    reports: tuple[Report, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Tell whether a journalled message must come again because not all of it is known."""
        return self.record is not None and self.unknown > 0


@dataclass(slots=True)
class EdgeNode:
    """What this worker knows of one gateway it has claimed."""

    project_id: int
    gateway_id: int
    project: str
    slug: str
    aliases: dict[int, KnownPoint] = field(default_factory=dict)
    names: dict[tuple[str, str], KnownPoint] = field(default_factory=dict)
    epoch: int | None = None
    wire: str | None = None
    bd_seq: int | None = None
    order: Order = field(default_factory=Order)
    online: bool = False
    clock_offset_ms: int | None = None
    dropped_total: int = 0
    rebirths: int = 0
    committed_through: int | None = None
    config_version: int | None = None
    config_hash: str | None = None
    software: str | None = None
    lines: list[LineState] | None = None
    backlog: int | None = None
    data: dict[str, int] = field(default_factory=dict)
    """What the node said of its data budget, by metric: bytes."""
    seen_at: datetime | None = None
    rebirth_asked_at: float = -math.inf

    @property
    def has_journal(self) -> bool:
        """Tell whether the node numbers its messages and resends what is not acknowledged."""
        return self.epoch is not None

    @property
    def filters(self) -> tuple[str, ...]:
        """The topics on which the node speaks (its commands are ours, so they are left out)."""
        own = (topics.NBIRTH, topics.NDATA, topics.NDEATH)
        devices = (topics.DBIRTH, topics.DDATA, topics.DDEATH)
        root = f"{topics.NAMESPACE}/{self.project}"
        return (
            *(f"{root}/{kind}/{self.slug}" for kind in own),
            *(f"{root}/{kind}/{self.slug}/+" for kind in devices),
        )

    @property
    def command_topic(self) -> str:
        """Where the node hears NCMD."""
        return str(topics.NodeTopic(self.project, topics.NCMD, self.slug))

    def may_ask_rebirth(self, now_s: float) -> bool:
        """Tell whether a rebirth may be asked for now (not too often), and count it."""
        if now_s - self.rebirth_asked_at < REBIRTH_EVERY_S:
            return False
        self.rebirth_asked_at = now_s
        self.rebirths += 1
        return True

    def node_born(self, payload: Payload) -> None:
        """Take an NBIRTH: all aliases of the birth before are forgotten."""
        metrics = {metric.name: metric for metric in payload.metrics if metric.name}
        self.aliases.clear()
        self.order.begin(payload.seq)
        self.bd_seq = _integer(metrics.get(topics.BDSEQ))
        self.epoch = _integer(metrics.get(topics.EXT_EPOCH))
        self.wire = text_of(metrics.get(topics.EXT_WIRE))
        self.config_version = _integer(metrics.get(topics.EXT_CONFIG_VERSION))
        self.config_hash = text_of(metrics.get(topics.EXT_CONFIG_HASH))
        self.software = text_of(metrics.get(topics.EXT_SOFTWARE))
        self.online = True
        self._see_extras(metrics)

    def node_died(self, payload: Payload) -> bool:
        """Take an NDEATH; False when it is the will of a connection before the current one."""
        metrics = {metric.name: metric for metric in payload.metrics if metric.name}
        died = _integer(metrics.get(topics.BDSEQ))
        if self.bd_seq is not None and died is not None and died != self.bd_seq:
            return False
        self.online = False
        return True

    def read_data(self, payload: Payload, device: str | None, now_ms: int) -> Data:
        """Read an NDATA or DDATA message into samples of known points."""
        extras = {m.name: m for m in payload.metrics if m.name and m.name.startswith("Ext/")}
        record, epoch = _integer(extras.get(topics.EXT_REC)), _integer(extras.get(topics.EXT_EPOCH))
        if extras:
            self._see_extras(extras)
        if epoch is not None and self.epoch is None:
            # Taken over, or the birth was missed: the aliases stored are those of this journal.
            self.epoch = epoch
        trusted = epoch == self.epoch
        samples: list[Sample] = []
        unknown = 0
        for metric in payload.metrics:
            if is_reserved(metric.name):
                continue
            point = self._point(metric, device) if trusted else None
            if point is None:
                unknown += 1
                continue
            ts_ms = metric.timestamp or payload.timestamp or now_ms
            samples.append(self.sample(point, metric, ts_ms))
        return Data(
            tuple(samples),
            unknown,
            record,
            self.epoch if epoch is None else epoch,
            tuple(_reports(extras)),
        )

    def sample(self, point: KnownPoint, metric: Metric, ts_ms: int) -> Sample:
        """Read one metric; a value that is no finite number is a missing sample, never a 0."""
        value = _number(metric, point.signed_bits)
        if value is None:
            return Sample(point, ts_ms, None, Quality.MISSING)
        quality = _quality(metric.properties)
        if quality == Quality.MISSING:
            return Sample(point, ts_ms, None, Quality.MISSING)
        return Sample(point, ts_ms, value, int(quality))

    def _point(self, metric: Metric, device: str | None) -> KnownPoint | None:
        if metric.alias is not None:
            return self.aliases.get(metric.alias)
        return self.names.get((device or NODE_DEVICE, metric.name or ""))

    def _see_extras(self, metrics: Mapping[str, Metric]) -> None:
        offset = _integer(metrics.get(topics.EXT_OFFSET))
        if offset is not None and abs(offset) < _BIGINT:
            self.clock_offset_ms = offset
        dropped = _integer(metrics.get(topics.EXT_DROPPED))
        if dropped is not None and 0 <= dropped < _BIGINT:
            self.dropped_total = dropped
        backlog = _integer(metrics.get(topics.EXT_BACKLOG))
        if backlog is not None and backlog >= 0:
            self.backlog = backlog
        for name in DATA:
            size = _integer(metrics.get(name))
            if size is not None and 0 <= size < _BIGINT:
                self.data[name] = size
        lines = metrics.get(topics.EXT_LINES)
        if lines is not None and isinstance(lines.value, str) and len(lines.value) <= MAX_REPORT:
            with suppress(LinesFault):
                self.lines = decode_lines(lines.value)


def ranges(records: set[int]) -> str:
    """Answer numbers as ascending ranges: {1, 2, 3, 7} is `1-3,7-7`."""
    parts: list[list[int]] = []
    for number in sorted(records):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{low}-{high}" for low, high in parts)


def acknowledgement(epoch: int, records: set[int], now_ms: int) -> Payload:
    """Answer the NCMD that says what is committed, and the platform's time."""
    return Payload(
        now_ms,
        (
            Metric(
                topics.EXT_COMMITTED,
                datatype=Datatype.STRING,
                value=f"{epoch}:{ranges(records)}",
                timestamp=now_ms,
            ),
            Metric(topics.EXT_TIME, datatype=Datatype.INT64, value=now_ms, timestamp=now_ms),
        ),
    )


def rebirth_request(now_ms: int) -> Payload:
    """Answer the NCMD that asks a node to be born again (Sparkplug 3.0, 6.4.20)."""
    rebirth = Metric(topics.REBIRTH, datatype=Datatype.BOOLEAN, value=True, timestamp=now_ms)
    return Payload(now_ms, (rebirth,))


def _reports(extras: Mapping[str, Metric]) -> Iterator[Report]:
    for name in REPORTS & extras.keys():
        value = extras[name].value
        if isinstance(value, str) and len(value) <= MAX_REPORT:
            yield Report(name, value)


def _quality(properties: Mapping[str, Property]) -> int:
    """Answer the quality a metric says of itself: ours by its number, others' by their code."""
    own = properties.get(topics.PROPERTY_QUALITY)
    if own is not None and isinstance(own.value, int):
        return own.value if own.value in _QUALITIES else Quality.SUSPECT
    code = properties.get(topics.PROPERTY_STANDARD_QUALITY)
    if code is None or not isinstance(code.value, int):
        return Quality.GOOD
    return Quality.GOOD if code.value == topics.QUALITY_GOOD else Quality.SUSPECT


def _number(metric: Metric, signed_bits: int) -> float | None:
    value = metric.value
    if metric.is_null or value is None or isinstance(value, str | bytes):
        return None
    if isinstance(value, int) and metric.datatype is None:
        # Two's complement; without a birth seen by us, a number above 2^63 can only be negative.
        bits = signed_bits or 64
        value = value - (1 << bits) if value >> (bits - 1) else value
    number = float(value)
    return number if math.isfinite(number) else None


def _integer(metric: Metric | None) -> int | None:
    value = metric.value if metric is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
