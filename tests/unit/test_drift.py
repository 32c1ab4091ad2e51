"""Clocks of meters: their digits, midnights, drift, spare time, and what of it is news."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gateway.contract.clock import ManualClock, parse_offset
from gateway.contract.profile import ClockFormat
from gateway.contract.registers import Order
from gateway.drift import DRIFT, ClockWatch, Look, drift_s
from gateway.drivers.capabilities import DeviceSilent
from gateway.drivers.dlt645.meter_time import may_be_next_day, meter_time
from gateway.drivers.modbus.clock import clock_time
from gateway.session import Reporting, Session
from gateway.spare import SpareTime
from tests.unit.test_plan import make_point

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
"""Noon in Shanghai."""
EIGHT = timedelta(hours=8)
PLAIN = Order(bytes_swapped=False, low_word_first=False)
CDAB = Order(bytes_swapped=False, low_word_first=True)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("date", "time", "told"),
    [
        # Weekday, day, month, year; second, minute, hour.
        ("07010326", "595923", "2026-03-01T23:59:59"),
        ("00290228", "000000", "2028-02-29T00:00:00"),
        ("00290226", "000000", None),
        ("07010326", "000024", None),
        ("FFFFFFFF", "595923", None),
        ("0701032A", "595923", None),
        ("070103", "595923", None),
        ("07010326", "5959", None),
    ],
)
def test_date_and_time_are_digits_low_byte_first(date: str, time: str, told: str | None) -> None:
    found = meter_time(bytes.fromhex(date), bytes.fromhex(time))
    assert found == (None if told is None else wall(told))


@pytest.mark.parametrize(
    ("time", "again"),
    [("000000", True), ("590000", True), ("000100", False), ("000001", False), ("595923", False)],
)
def test_the_date_is_read_again_in_the_first_minute_of_a_day(time: str, *, again: bool) -> None:
    assert may_be_next_day(bytes.fromhex(time)) is again


@pytest.mark.parametrize(
    ("words", "form", "order", "told"),
    [
        ((2026, 3, 1, 23, 59, 58), ClockFormat.YMDHMS_WORDS, PLAIN, "2026-03-01T23:59:58"),
        ((26, 3, 1, 23, 59, 58), ClockFormat.YMDHMS_WORDS, CDAB, "2026-03-01T23:59:58"),
        ((26, 13, 1, 0, 0, 0), ClockFormat.YMDHMS_WORDS, PLAIN, None),
        ((0xFFFF,) * 6, ClockFormat.YMDHMS_WORDS, PLAIN, None),
        ((0x69A3, 0x8180), ClockFormat.EPOCH_U32, PLAIN, "2026-03-01T00:00:00"),
        ((0x8180, 0x69A3), ClockFormat.EPOCH_U32, CDAB, "2026-03-01T00:00:00"),
        ((0, 0), ClockFormat.EPOCH_U32, PLAIN, None),
    ],
)
def test_a_clock_in_registers(
    words: Sequence[int], form: ClockFormat, order: Order, told: str | None
) -> None:
    assert len(words) == form.words
    assert clock_time(words, form, order) == (None if told is None else wall(told))


@pytest.mark.parametrize(
    ("told", "offset", "drift"),
    [
        ("2026-03-01T12:00:00", "+08:00", 0.0),
        ("2026-03-01T12:01:35", "+08:00", 95.0),
        ("2026-02-28T23:59:30", "-04:00", -30.0),
        ("2026-03-01T09:30:00", "+05:30", 0.0),
        ("2000-01-01T00:00:00", "+00:00", -825_652_800.0),
    ],
)
def test_the_drift_is_meter_minus_gateway(told: str, offset: str, drift: float) -> None:
    assert drift_s(wall(told), parse_offset(offset), NOON) == drift


class SlowMeter:
    """Tells a time after some seconds of a manual clock."""

    def __init__(self, clock: ManualClock, takes_s: float) -> None:
        self._clock, self._takes_s, self.told = clock, takes_s, wall("2026-03-01T12:00:05")

    async def clock(self) -> datetime:
        await self._clock.advance(self._takes_s)
        return self.told


async def test_the_drift_is_that_of_the_middle_of_the_read() -> None:
    clock = ManualClock(NOON)
    look = await ClockWatch("m1", SlowMeter(clock, 3.0), EIGHT).look(clock)
    assert look == Look(round(NOON.timestamp() * 1000) + 1500, 3.5)


async def test_a_clock_that_is_off_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(NOON)
    meter = SlowMeter(clock, 0)
    watch = ClockWatch("m1", meter, EIGHT)
    for told in ("12:01:00", "12:01:01", "11:58:00", "12:00:00", "11:58:00"):
        meter.told = wall(f"2026-03-01T{told}")
        await watch.look(clock)
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the clock of m1 is 61 s ahead",
        "the clock of m1 is 120 s behind",
    ]
    assert "Set it, or correct clock_offset" in caplog.text


async def test_a_meter_that_tells_no_time_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(NOON)
    watch = ClockWatch("m1", SlowMeter(clock, 0), EIGHT)
    looks = [watch.failed(DeviceSilent("no answer"), clock) for _ in range(2)]
    assert looks == [Look(round(NOON.timestamp() * 1000), None)] * 2
    assert [record.message for record in caplog.records] == [
        "m1 does not tell its time: no answer. It is asked again in an hour; "
        "take clock_offset out where the meter has no clock."
    ]


def test_spare_time_is_a_gap_or_a_twentieth() -> None:
    spare = SpareTime(cost_s=0.5, ended=100.0)
    assert spare.has_room(100.0, None)
    assert spare.has_room(100.0, 100.6)
    assert not spare.has_room(100.0, 100.5)
    assert not spare.has_room(110.0, 110.1)
    assert spare.has_room(110.1, 110.1)


def test_a_measured_point_follows_the_others_and_is_news_as_a_gauge() -> None:
    session = Session([make_point(0, 1)], Reporting(heartbeat_s=60), [DRIFT])
    assert [point.name for point in session.points] == ["r3_0_1", "clock_drift"]
    found = [session.measured("clock_drift", value, at) for value, at in ((5.0, 0), (5.0, 1000))]
    assert found[1] is None
    assert found[0] is not None
    assert (found[0].at_ms, found[0].indices, found[0].values) == (0, [1], [None, 5.0])
    missing = session.measured("clock_drift", None, 2000)
    assert missing is not None
    assert missing.values == [None, None]
    session.thrifty = True
    assert session.measured("clock_drift", 900.0, 3000) is None
