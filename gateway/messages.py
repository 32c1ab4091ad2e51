"""What the gateway says on the wire: births, samples, deaths (docs/architecture.md, "The wire").

Samples of one poll become one body of metrics by alias; its envelope (time, journal number,
sequence) is put around it when it is sent, because a resend has another sequence.
"""

from collections.abc import Mapping, Sequence

from gateway.contract import sparkplug_pb2 as wire
from gateway.contract import topics
from gateway.contract.profile import Kind, Point, Profile, Ratios
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Datatype, Metric, Payload, Property, encode

WIRE_VERSION = "1.0"
MISSING_REASON = "not available"
Doubt = tuple[Quality, str]
"""A quality that is not good, and why."""
NO_DOUBTS: Mapping[int, Doubt] = {}
LAST_RECORD = (1 << 63) - 1
"""The journal counts as SQLite does."""
_INT64_MASK = (1 << 64) - 1


def wire_type(point: Point, ratios: Ratios) -> Datatype:
    """The datatype a point travels in; a register never as Float, which would lose kWh."""
    if point.kind is Kind.GAUGE:
        return Datatype.FLOAT
    if not point.datatype.is_float and point.multiplier(ratios).denominator == 1:
        return Datatype.INT64
    return Datatype.DOUBLE


class DeviceMessages:
    """Encodes one device's births and samples."""

    def __init__(
        self,
        profile: Profile,
        points: Sequence[Point],
        aliases: Sequence[int],
        ratios: Ratios,
        *,
        serial: str = "",
        typed: bool = False,
    ) -> None:
        """`points` and `aliases` go together; values come in the same order.

        `typed` repeats the datatype in DATA (2 bytes a point) for hosts that cannot take it from
        the birth; the specification asks not to.
        """
        self._profile = profile
        self._points = points
        self._aliases = aliases
        self._ratios = ratios
        self._serial = serial
        self._types = [wire_type(point, ratios) for point in points]
        self._typed = typed

    def datatype(self, index: int) -> Datatype:
        """The datatype that the birth declares for a point."""
        return self._types[index]

    def body(
        self,
        indices: Sequence[int],
        values: Sequence[float | None],
        at_ms: int,
        doubts: Mapping[int, Doubt] = NO_DOUBTS,
    ) -> bytes:
        """The chosen values of one poll as metrics by alias, each with its sample time.

        `doubts` names those that are not good, by index.
        """
        message = wire.Payload()
        add = message.metrics.add
        aliases, types = self._aliases, self._types
        for index in indices:
            value = values[index]
            if value is None:
                _add_missing(add(alias=aliases[index], timestamp=at_ms))
            elif types[index] is Datatype.FLOAT:
                add(alias=aliases[index], timestamp=at_ms, float_value=value)
            elif types[index] is Datatype.DOUBLE:
                add(alias=aliases[index], timestamp=at_ms, double_value=value)
            else:
                number = int(value) & _INT64_MASK
                add(alias=aliases[index], timestamp=at_ms, long_value=number)
        if self._typed or doubts:
            self._annotate(message, indices, doubts)
        return message.SerializeToString()

    def _annotate(
        self, message: wire.Payload, indices: Sequence[int], doubts: Mapping[int, Doubt]
    ) -> None:
        for metric, index in zip(message.metrics, indices, strict=True):
            if self._typed:
                metric.datatype = self._types[index]
            if index in doubts:
                _doubt(metric, *doubts[index])

    def birth(
        self,
        name: str | None,
        values: Sequence[float | None],
        times: Sequence[int],
        now_ms: int,
    ) -> tuple[Metric, ...]:
        """The DBIRTH: what the device is, and every point with its last value and its time."""
        extras = [
            Metric(topics.EXT_PROFILE, None, Datatype.STRING, self._profile.name, now_ms),
            Metric(topics.EXT_PROFILE_HASH, None, Datatype.STRING, self._profile.hash, now_ms),
            Metric(topics.EXT_VERIFIED, None, Datatype.BOOLEAN, self._profile.verified, now_ms),
        ]
        ratio = f"ct={self._ratios.ct} pt={self._ratios.pt}"
        extras.append(Metric(topics.EXT_RATIO, None, Datatype.STRING, ratio, now_ms))
        if self._serial:
            extras.append(Metric(topics.EXT_SERIAL, None, Datatype.STRING, self._serial, now_ms))
        if name:
            extras.append(Metric(topics.EXT_NAME, None, Datatype.STRING, name, now_ms))
        metrics = [
            self._point_metric(index, values[index], times[index] or now_ms)
            for index in range(len(self._points))
        ]
        # In the order of their times, as the specification wants it (5.16).
        everything = (*metrics, *extras, *journal_metrics(0, 0, now_ms))
        return tuple(sorted(everything, key=lambda metric: metric.timestamp or now_ms))

    def _point_metric(self, index: int, value: float | None, at_ms: int) -> Metric:
        point, datatype = self._points[index], self._types[index]
        if value is not None and datatype is Datatype.INT64:
            value = int(value)
        return Metric(
            point.name,
            self._aliases[index],
            datatype,
            value,
            at_ms,
            is_null=value is None,
            properties=_properties(point, self._ratios, missing=value is None),
        )


def _properties(point: Point, ratios: Ratios, *, missing: bool) -> Mapping[str, Property]:
    multiplier = point.multiplier(ratios)
    found = {
        topics.PROPERTY_UNIT: Property(Datatype.STRING, point.unit),
        topics.PROPERTY_KIND: Property(Datatype.STRING, point.kind.value),
        topics.PROPERTY_MAX_GAP: Property(Datatype.INT64, point.max_gap_s),
    }
    if not point.datatype.is_float:
        found[topics.PROPERTY_RESOLUTION] = Property(Datatype.DOUBLE, float(multiplier))
    if point.modulus is not None:
        modulus = float(point.modulus * multiplier)
        found[topics.PROPERTY_MODULUS] = Property(Datatype.DOUBLE, modulus)
    if point.write is not None:
        found |= {
            name: Property(Datatype.DOUBLE, value)
            for name, value in (
                (topics.PROPERTY_WRITE_MIN, point.write.low),
                (topics.PROPERTY_WRITE_MAX, point.write.high),
                (topics.PROPERTY_WRITE_STEP, point.write.step),
            )
            if value is not None
        }
    if missing:
        found[topics.PROPERTY_STANDARD_QUALITY] = Property(Datatype.INT32, topics.QUALITY_BAD)
        found[topics.PROPERTY_QUALITY] = Property(Datatype.INT32, int(Quality.MISSING))
    return found


def _add_missing(metric: wire.Metric) -> None:
    metric.is_null = True
    _doubt(metric, Quality.MISSING, MISSING_REASON)


def _doubt(metric: wire.Metric, quality: Quality, reason: str) -> None:
    metric.ClearField("properties")
    metric.properties.keys.extend(
        [topics.PROPERTY_STANDARD_QUALITY, topics.PROPERTY_QUALITY, topics.PROPERTY_REASON]
    )
    metric.properties.values.add(type=Datatype.INT32, int_value=standard_quality(quality))
    metric.properties.values.add(type=Datatype.INT32, int_value=int(quality))
    metric.properties.values.add(type=Datatype.STRING, string_value=reason)


def standard_quality(quality: Quality) -> int:
    """Sparkplug's own code for a quality: it has no shades between good and bad."""
    return topics.QUALITY_BAD if quality >= Quality.SUSPECT else topics.QUALITY_GOOD


def journal_metrics(rec: int, epoch: int, now_ms: int) -> tuple[Metric, Metric]:
    """The two metrics that every DATA carries; a birth declares them with 0."""
    return (
        Metric(topics.EXT_REC, None, Datatype.UINT64, rec, now_ms),
        Metric(topics.EXT_EPOCH, None, Datatype.UINT64, epoch, now_ms),
    )


class Envelope:
    """Puts time, journal number and sequence around the bodies of one journal's records."""

    def __init__(self, epoch: int, *, typed: bool = False) -> None:
        self._epoch = epoch
        self._typed = typed

    def data(self, rec: int, body: bytes, now_ms: int, seq: int) -> bytes:
        """A DATA payload; protobuf messages may be laid end to end, the older samples first."""
        message = wire.Payload(timestamp=now_ms, seq=seq)
        add = message.metrics.add
        add(name=topics.EXT_REC, timestamp=now_ms, long_value=rec)
        add(name=topics.EXT_EPOCH, timestamp=now_ms, long_value=self._epoch)
        if self._typed:
            for metric in message.metrics:
                metric.datatype = Datatype.UINT64
        return body + message.SerializeToString()


def historical(body: bytes) -> bytes:
    """The same samples marked as backlog."""
    message = wire.Payload.FromString(body)
    for metric in message.metrics:
        metric.is_historical = True
    return message.SerializeToString()


def node_birth(
    session: int,
    epoch: int,
    dropped: int,
    offset_ms: int,
    now_ms: int,
    declared: Sequence[Metric] = (),
) -> bytes:
    """The NBIRTH, with sequence 0; `declared` is what else the node will speak of."""
    metrics = (
        Metric(topics.BDSEQ, None, Datatype.INT64, session, now_ms),
        Metric(topics.REBIRTH, None, Datatype.BOOLEAN, False, now_ms),
        Metric(topics.EXT_WIRE, None, Datatype.STRING, WIRE_VERSION, now_ms),
        Metric(topics.EXT_EPOCH, None, Datatype.UINT64, epoch, now_ms),
        Metric(topics.EXT_COMMITTED, None, Datatype.STRING, "", now_ms),
        Metric(topics.EXT_TIME, None, Datatype.INT64, None, now_ms, is_null=True),
        *node_standing(dropped, offset_ms, now_ms),
        *declared,
    )
    return encode(Payload(now_ms, metrics, 0))


def node_standing(dropped: int, offset_ms: int, now_ms: int) -> tuple[Metric, Metric]:
    """What the node says of itself while it runs: messages given up and clock offset."""
    return (
        Metric(topics.EXT_DROPPED, None, Datatype.INT64, dropped, now_ms),
        Metric(topics.EXT_OFFSET, None, Datatype.INT64, offset_ms, now_ms),
    )


def node_death(session: int, now_ms: int) -> bytes:
    """The NDEATH of a session; it has no sequence."""
    metric = Metric(topics.BDSEQ, None, Datatype.INT64, session, now_ms)
    return encode(Payload(now_ms, (metric,)))


def parse_committed(text: str) -> tuple[int, list[tuple[int, int]]]:
    """Epoch and closed ranges of `Ext/Committed`; ValueError when it is something else."""
    epoch, _, ranges = text.partition(":")
    found = []
    for part in ranges.split(","):
        low, dash, high = part.partition("-")
        if part:
            found.append((_record(low), _record(high if dash else low)))
    return int(epoch), found


def _record(text: str) -> int:
    number = int(text)
    if not 0 < number <= LAST_RECORD:
        raise ValueError(f"{number} is not a record's number")
    return number
