"""What the demo plant costs on a mobile link in a month, and what deadbands save.

The plant's own numbers of a working day go through the gateway's change filter and encoder; bytes
are counted as gateway/budget.py counts them: every MQTT packet in both directions with TLS and its
share of TCP/IP. A stretch of simulated time is extrapolated to 30 days, with one connection a day
(births, TLS handshake), an acknowledgement for each instant and keep-alives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from backend.acquisition.host import acknowledgement
from gateway.budget import SESSION_BYTES, packet_bytes, wire_bytes
from gateway.contract import topics
from gateway.contract.clock import ManualClock
from gateway.contract.profile import Deadband, Kind, Point
from gateway.contract.sparkplug import Payload, encode
from gateway.grid import is_boundary, on_grid
from gateway.messages import DeviceMessages, Envelope, node_birth
from gateway.poll import SLOW_FACTOR
from gateway.publish import KEEPALIVE_S
from gateway.session import Reporting, Session
from gateway.simulator.field import Field
from gateway.simulator.meters import SimulatedMeter
from gateway.simulator.simulation import Identity, build_field
from tests.bench.server import figure

BEGIN = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
"""10:00 of a working day in the plant."""
MONTH_S = 30 * 86_400
CONNECTIONS = 30
EPOCH = 123_456_789
MUTE = Deadband()

REPORTING_MB = ((1, 300, 25_000), (15, 3_600, 3_000), (900, 86_400, 150))
"""Seconds between reports, seconds of plant time that are counted, and MB a month as a ceiling that
shows when a change makes reports larger (the design names none).
"""
SAVED_REACH = 0.80
SAVED_S = 900
REGISTER_EVERY_S = 60
"""Registers between quarter hours; at quarter hours always."""


@dataclass(slots=True)
class Traffic:
    """What one gateway sent and what its registers were at quarter hours."""

    messages: int = 0
    samples: int = 0
    bytes: int = 0
    births: int = 0
    quarters: dict[tuple[str, str, int], float | None] = field(default_factory=dict)


class Device:
    """One simulated meter behind the change filter and the encoder of a gateway."""

    def __init__(
        self, meter: SimulatedMeter, first_alias: int, reporting: Reporting, *, off: bool
    ) -> None:
        """`off` = deadbands off: every change of a gauge is reported."""
        points = meter.profile.points
        fast = [point for point in points if not point.slow]
        self.fast = len(fast)
        self.points = (*fast, *(point for point in points if point.slow))
        own = tuple(replace(p, deadband=MUTE) if off else p for p in self.points)
        self.slug = meter.device.slug
        self.session = Session(own, reporting)
        aliases = [first_alias + index for index in range(len(own))]
        self.messages = DeviceMessages(meter.profile, own, aliases, meter.ratios)


def replay(
    sites: Sequence[tuple[Traffic, Sequence[Device]]], plant: Field, period_s: int, seconds: int
) -> None:
    """Let gateways that read the same plant report for so many seconds of its time."""
    begin = int(BEGIN.timestamp())
    rec = [0] * len(sites)
    envelope = Envelope(EPOCH)
    for second in range(begin, begin + seconds + 1, period_s):
        at_ms = second * 1000
        sent: list[set[int]] = [set() for _ in sites]
        for devices in zip(*(devices for _, devices in sites), strict=True):
            points = chosen(devices[0], at_ms, period_s)
            values = [plant.value(devices[0].slug, point, second) for point in points]
            for number, device in enumerate(devices):
                news = device.session.sampled(values, at_ms, boundary=is_boundary(at_ms))
                if news is None:
                    continue
                traffic = sites[number][0]
                rec[number] += 1
                sent[number].add(rec[number])
                body = device.messages.body(news.indices, news.values, at_ms, news.doubts)
                payload = envelope.data(rec[number], body, at_ms, rec[number] % 256)
                count(traffic, topics.DDATA, device.slug, len(payload))
                traffic.messages += 1
                traffic.samples += len(news.indices)
                keep_quarters(traffic, device, news.indices, news.values, at_ms)
        for (traffic, _), records in zip(sites, sent, strict=True):
            if records:
                told = encode(acknowledgement(EPOCH, records, at_ms))
                count(traffic, topics.NCMD, None, len(told))


def chosen(device: Device, at_ms: int, period_s: int) -> Sequence[Point]:
    """The points that the poller reads at an instant."""
    if on_grid(at_ms, period_s * 1000 * SLOW_FACTOR):
        return device.points
    return device.points[: device.fast]


def count(traffic: Traffic, kind: str, device: str | None, payload: int) -> None:
    """Count one packet as the data budget does."""
    topic = str(topics.NodeTopic("demo", kind, "gateway-1", device))
    traffic.bytes += wire_bytes(packet_bytes(2 + len(topic) + payload), tls=True)


def keep_quarters(
    traffic: Traffic,
    device: Device,
    indices: Iterable[int],
    values: Sequence[float | None],
    at_ms: int,
) -> None:
    """Keep what registers were reported with at a quarter hour."""
    if not is_boundary(at_ms):
        return
    for index in indices:
        point = device.points[index]
        if point.kind is Kind.REGISTER:
            traffic.quarters[device.slug, point.name, at_ms] = values[index]


def births(devices: Sequence[Device]) -> int:
    """Bytes of the births of one connection."""
    traffic = Traffic()
    count(traffic, topics.NBIRTH, None, len(node_birth(0, EPOCH, 0, 0, 0)))
    for device in devices:
        values: list[float | None] = [0.0] * len(device.points)
        metrics = device.messages.birth(device.slug, values, [0] * len(values), 0)
        count(traffic, topics.DBIRTH, device.slug, len(encode(Payload(0, metrics, 1))))
    return traffic.bytes


def site(plant: Field, reporting: Reporting, *, off: bool = False) -> tuple[Traffic, list[Device]]:
    """A gateway that reads the whole plant."""
    alias, devices = 1, []
    for meter in plant.meters.values():
        devices.append(Device(meter, alias, reporting, off=off))
        alias += len(devices[-1].points)
    return Traffic(), devices


def month_mb(every_s: int, seconds: int, plant: Field) -> float:
    """MB of 30 days at this reporting interval."""
    every = Reporting(register_every_s=every_s, gauge_every_s=every_s)
    traffic, devices = site(plant, every)
    replay([(traffic, devices)], plant, every_s, seconds)
    pings = MONTH_S // KEEPALIVE_S if every_s >= KEEPALIVE_S else 0
    fixed = CONNECTIONS * (births(devices) + SESSION_BYTES[True]) + pings * 2 * wire_bytes(
        2, tls=True
    )
    return (traffic.bytes * MONTH_S / seconds + fixed) / 1e6


def main() -> None:
    """Print the figures."""
    which = Identity("qichuan", 1, "2026-11-24")
    plant = build_field(which, ManualClock(BEGIN), bench=False)
    for every_s, seconds, reach in REPORTING_MB:
        print(
            figure(
                f"demo plant, reports every {every_s} s",
                month_mb(every_s, seconds, plant),
                "MB a month",
                against=f"34 meters, {seconds / 60:.0f} simulated minutes extrapolated, TLS",
                ratio=None,
                reach=reach,
                at_most=True,
            ),
            flush=True,
        )
    print(saved(plant))


def saved(plant: Field) -> str:
    """The figure of what deadbands save, on the same numbers with and without them."""
    on, with_deadbands = site(plant, Reporting(register_every_s=REGISTER_EVERY_S))
    off, without = site(plant, Reporting(), off=True)
    replay([(on, with_deadbands), (off, without)], plant, 1, SAVED_S)
    wrong = {
        key for key in off.quarters | on.quarters if off.quarters.get(key) != on.quarters.get(key)
    }
    share = 1 - on.messages / off.messages
    return figure(
        "messages that deadbands save on the demo plant",
        share if off.quarters and not wrong else 0.0,
        "share",
        against=f"every change of every point at 1 s polling: {off.messages} messages with"
        f" {off.samples} values, then {on.messages} with {on.samples}; of {len(off.quarters)}"
        f" registers at quarter hours {len(wrong)} differ",
        ratio=None,
        reach=SAVED_REACH,
    )


if __name__ == "__main__":
    main()
