"""What a birth says of a device and its points, read from its payload (docs/architecture.md)."""

import math
import re
from dataclasses import dataclass
from typing import TypeVar

from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload

T = TypeVar("T")

MAX_NAME = 200
MAX_METRICS = 20_000
NODE_DEVICE = "_node"
"""The device under which the metrics of an edge node itself are kept."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_RESERVED = ("Ext/", "Node Control/", "Device Control/", "Node Info/", "Node Properties/")
_INTEGERS = {Datatype.INT8: 32, Datatype.INT16: 32, Datatype.INT32: 32, Datatype.INT64: 64}


@dataclass(frozen=True, slots=True)
class BornPoint:
    """A point as its birth describes it; `metric` holds the last value and its time."""

    name: str
    alias: int | None
    kind: str
    unit: str
    modulus: float | None
    resolution: float | None
    max_gap_s: int
    metric: Metric
    write_min: float | None = None
    write_max: float | None = None
    write_step: float | None = None

    @property
    def signed_bits(self) -> int:
        """Width of a signed integer, which travels as two's complement; 0 for other types."""
        return _INTEGERS.get(self.metric.datatype, 0) if self.metric.datatype else 0


@dataclass(frozen=True, slots=True)
class BornDevice:
    """A device as its birth describes it."""

    slug: str
    name: str | None
    profile: str | None
    profile_hash: str | None
    verified: bool
    points: tuple[BornPoint, ...]
    serial: str | None = None
    ratio: str | None = None


def read_birth(payload: Payload, device: str | None) -> BornDevice:
    """Read a DBIRTH (or the own metrics of an NBIRTH, device None) into points.

    Metrics whose name is empty, longer than MAX_NAME or not printable are left out, and so are
    texts: they are not measurements.
    """
    metrics = {metric.name: metric for metric in payload.metrics[:MAX_METRICS] if metric.name}
    points = tuple(
        _born_point(name, metric)
        for name, metric in metrics.items()
        if name != topics.BDSEQ and not is_reserved(name) and _is_measurement(name, metric)
    )
    verified = metrics.get(topics.EXT_VERIFIED)
    return BornDevice(
        device or NODE_DEVICE,
        text_of(metrics.get(topics.EXT_NAME)),
        text_of(metrics.get(topics.EXT_PROFILE)),
        text_of(metrics.get(topics.EXT_PROFILE_HASH)),
        verified is not None and verified.value is True,
        points,
        text_of(metrics.get(topics.EXT_SERIAL)),
        text_of(metrics.get(topics.EXT_RATIO)),
    )


def is_fit_name(name: str) -> bool:
    """Tell whether a device's or point's name from outside can be kept."""
    return 0 < len(name) <= MAX_NAME and not _UNPRINTABLE.search(name)


def is_reserved(name: str | None) -> bool:
    """Tell whether a metric is the wire's own, not one of the site."""
    return name is not None and (name == topics.BDSEQ or name.startswith(_RESERVED))


def _born_point(name: str, metric: Metric) -> BornPoint:
    kind = _property(metric, topics.PROPERTY_KIND, str)
    unit = _property(metric, topics.PROPERTY_UNIT, str) or ""
    gap = _property(metric, topics.PROPERTY_MAX_GAP, int)
    fallback = "status" if metric.datatype == Datatype.BOOLEAN else "gauge"
    return BornPoint(
        name,
        metric.alias,
        kind if kind in {"register", "gauge", "status"} else fallback,
        unit if len(unit) <= MAX_NAME and not _UNPRINTABLE.search(unit) else "",
        _positive(_property(metric, topics.PROPERTY_MODULUS, float)),
        _positive(_property(metric, topics.PROPERTY_RESOLUTION, float)),
        gap if gap is not None and 0 < gap < 1 << 31 else 900,
        metric,
        *_writable(metric),
    )


def _writable(metric: Metric) -> tuple[float | None, float | None, float | None]:
    """What the point may be set to: limits and step, or nothing when a limit is missing."""
    low = _finite(_property(metric, topics.PROPERTY_WRITE_MIN, float))
    high = _finite(_property(metric, topics.PROPERTY_WRITE_MAX, float))
    if low is None or high is None:
        return None, None, None
    return low, high, _positive(_property(metric, topics.PROPERTY_WRITE_STEP, float))


def _property(metric: Metric, name: str, kind: type[T]) -> T | None:
    prop = metric.properties.get(name)
    return prop.value if prop is not None and isinstance(prop.value, kind) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _is_measurement(name: str, metric: Metric) -> bool:
    is_text = metric.datatype is not None and metric.datatype >= Datatype.STRING
    return is_fit_name(name) and not is_text and not isinstance(metric.value, str | bytes)


def text_of(metric: Metric | None) -> str | None:
    """Answer a text of the wire, cut to MAX_NAME; None for what cannot be kept."""
    value = metric.value if metric is not None else None
    return value[:MAX_NAME] if isinstance(value, str) and is_fit_name(value[:MAX_NAME]) else None
