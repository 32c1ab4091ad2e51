"""Data budget: bytes as an operator bills them, months, forecast, levels."""

from datetime import UTC, datetime, timedelta

import pytest
from amqtt.mqtt.publish import PublishPacket
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Budget, Level, Month, packet_bytes, wire_bytes

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("size", [0, 100, 110, 120, 16_300, 16_400, 2_097_000, 2_100_000])
def test_a_packet_has_the_bytes_that_another_library_makes(size: int) -> None:
    topic = "spBv1.0/demo/DDATA/gateway-1/m1"

    packet = PublishPacket.build(topic, b"x" * size, None, False, 0, False)
    assert packet_bytes(2 + len(topic) + size) == len(packet.to_bytes())


def test_tls_and_tcp_come_on_top() -> None:
    assert wire_bytes(100, tls=False) == 100 + 104
    assert wire_bytes(100, tls=True) == 122 + 104
    assert wire_bytes(16_385, tls=True) == 16_385 + 44 + 12 * 104


@given(st.integers(0, 20 * 365 * 86_400), st.integers(1, 28))
def test_months_follow_each_other_without_a_gap(second: int, day: int) -> None:
    now = START + timedelta(seconds=second)
    month = Month.of(now, day)
    assert month.start <= now < month.end
    assert month.start.day == month.end.day == day
    assert 28 <= (month.end - month.start).days <= 31
    assert Month.of(month.end, day).start == month.end


def test_levels_forecast_and_a_new_month() -> None:
    budget = Budget(limit=1_000_000, tls=True)
    assert budget.level(START) is Level.NORMAL
    found: dict[Level, int] = {}
    for hour in range(240):
        now = START + timedelta(hours=hour)
        budget.count(packet_bytes(4_000), now)
        found.setdefault(budget.level(now), hour)
    one = wire_bytes(packet_bytes(4_000), tls=True)
    assert budget.used == 240 * one
    assert found == {
        Level.NORMAL: 0,
        Level.ALARM: -(-800_000 // one) - 1,
        Level.THRIFT: -(-950_000 // one) - 1,
    }
    assert budget.forecast(START + timedelta(days=10)) == round(240 * one * 3.1)
    april = START + timedelta(days=31)
    assert budget.level(april) is Level.NORMAL
    budget.count(packet_bytes(4_000), april)
    assert budget.used == one


def test_no_limit_has_no_level() -> None:
    budget = Budget()
    budget.count(1 << 30, START)
    assert budget.level(START) is Level.NORMAL
