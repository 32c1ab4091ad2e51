"""JSON of third-party devices: items, numbers, times and what cannot be read; pure."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.profile import Point, Ratios
from gateway.contract.profile_file import parse_profile
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Reading
from gateway.drivers.mqtt_in.payload import (
    MOST_BYTES,
    Absent,
    BadItem,
    BadPayload,
    Item,
    find,
    moment_ms,
    number,
    parse_item,
    parse_path,
    parse_payload,
)
from gateway.drivers.mqtt_in.source import Source

NOW = 1_790_000_000_000
TOPIC = "meters/7"


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("p", Item("", ("p",))),
        ("#p", Item("", ("p",))),
        ("emeter/0#power.total[2].kw", Item("emeter/0", ("power", "total", 2, "kw"))),
        ("status/em1:0#a_act-power", Item("status/em1:0", ("a_act-power",))),
        ("values#[0][12]", Item("values", (0, 12))),
        ("energy#", Item("energy", ())),
    ],
)
def test_items(text: str, item: Item) -> None:
    assert parse_item(text) == item


@pytest.mark.parametrize(
    "text", ["", "a..b", "a.", ".a", "a[", "a[x]", "a[-1]", "a[12345]", "a[0]b", "x/+#p", "a#b#c"]
)
def test_what_is_no_item_is_a_sentence(text: str) -> None:
    with pytest.raises(BadItem, match="write"):
        parse_item(text)


def test_a_path_is_followed_through_keys_and_indexes_only() -> None:
    document = {"a": {"b": [{"c": 5}]}, "n": None, "0": 1}
    assert find(document, parse_path("a.b[0].c")) == 5
    assert find(document, parse_path("n")) is None
    assert find(document, ()) is document
    for absent in ("x", "a.b[1]", "a.b.c", "a[0]", "n.x", "[0]", "a.b[0].c.d"):
        with pytest.raises(Absent):
            find(document, parse_path(absent))


@pytest.mark.parametrize(
    ("found", "value"),
    [
        *[(1, 1.0), (-2.5, -2.5), (True, 1.0), (False, 0.0), (None, None), (2**63, 2.0**63)],
        *[("12.5", 12.5), (" -3 ", -3.0), ("1e3", 1000.0), (".5", 0.5), ("+7.", 7.0)],
    ],
)
def test_numbers(found: object, value: float | None) -> None:
    assert number(found) == value


@pytest.mark.parametrize(
    "found",
    [
        "",
        "five",
        "nan",
        "inf",
        "1_000",
        "12,5",
        "0x10",
        "1e999",
        10**400,
        {},
        [],
        [1],
        "1 2",
        "\u0661",
    ],
)
def test_what_is_no_number_is_a_sentence(found: object) -> None:
    with pytest.raises(BadPayload, match=r"is no number|is too large a number"):
        number(found)


@pytest.mark.parametrize(
    ("found", "ms"),
    [
        ("2026-03-01T08:15:00.250Z", 1_772_352_900_250),
        ("2026-03-01 16:15:00+08:00", 1_772_352_900_000),
        (1_772_352_900, 1_772_352_900_000),
        (1_772_352_900.25, 1_772_352_900_250),
        (1_772_352_900_250, 1_772_352_900_250),
        ("1772352900", 1_772_352_900_000),
        (0, 0),
    ],
)
def test_times(found: object, ms: int) -> None:
    assert moment_ms(found) == ms


@pytest.mark.parametrize(
    "found", ["2026-03-01T08:15:00", "noon", "", None, True, -1, 1e18, "1e300", {}, [5]]
)
def test_what_is_no_time_is_a_sentence(found: object) -> None:
    with pytest.raises(BadPayload, match=r"is no time|has no offset from UTC|is no number"):
        moment_ms(found)


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"{'a': 1}", b"\xff\xfe", b"NaN", b'{"a": 1} x', b"[" * 100_000]
)
def test_what_is_no_json_is_a_sentence(payload: bytes) -> None:
    with pytest.raises(BadPayload, match="this is not JSON"):
        parse_payload(payload)


def test_a_huge_message_is_not_even_parsed() -> None:
    with pytest.raises(BadPayload, match=f"are more than {MOST_BYTES}"):
        parse_payload(b" " * MOST_BYTES + b"1")


PROFILE = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: mqtt
values: secondary
ratio_source: configuration
defaults: {datatype: float64}
points:
  - {key: p, item: "power", unit: kW, scale: 0.001, ratio: ct, nan: [65535], max_gap_s: 60}
  - {key: f, item: "f", unit: Hz}
  - {key: ep_imp, item: "energy#total", unit: kWh, kind: register}
sample: {items: {power: 1500}, values: {p: 1.5}}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""
POINTS: Sequence[Point] = parse_profile("m/t", PROFILE).points


def heard(
    payload: object, topic: str = TOPIC, time: str | None = None, *, retained: bool = False
) -> tuple[list[Reading], list[str]]:
    """Readings and complaints of one message of a device with a ratio of 10."""
    source, readings = Source(TOPIC, parse_path(time) if time else None), list[Reading]()
    source.subscribe(POINTS, Ratios(ct=Fraction(10)), readings.extend)
    complaints = source.take(topic, payload, NOW, retained=retained)
    return readings, complaints


def test_a_message_speaks_of_what_it_holds_with_scale_and_ratio() -> None:
    assert heard({"power": 1500, "f": "50.02"}) == (
        [Reading(0, NOW, 15.0), Reading(1, NOW, 50.02)],
        [],
    )
    assert heard({"total": 7}, f"{TOPIC}/energy") == ([Reading(2, NOW, 7.0)], [])
    assert heard({"total": 7}) == ([], [])
    assert heard({"power": 1}, "meters/8") == ([], [])
    assert heard("just a text") == ([], [])


def test_a_second_subscription_takes_the_place_of_the_first() -> None:
    source, first, second = Source(TOPIC, None), list[Reading](), list[Reading]()
    source.subscribe(POINTS, Ratios(), first.extend)
    source.subscribe(POINTS[1:], Ratios(), second.extend)
    source.take(TOPIC, {"f": 50}, NOW, retained=False)
    assert (first, second) == ([], [Reading(0, NOW, 50.0)])


def test_null_and_the_device_s_own_mark_are_missing() -> None:
    missing = Reading(0, NOW, None, Quality.MISSING)
    assert heard({"power": None}) == ([missing], [])
    assert heard({"power": 65535}) == ([missing], [])


def test_a_wrong_type_is_missing_with_its_reason_and_the_rest_is_heard() -> None:
    readings, complaints = heard({"power": {"total": 5}, "f": 50})
    assert readings == [
        Reading(0, NOW, None, Quality.MISSING, "{'total': 5} is no number"),
        Reading(1, NOW, 50.0),
    ]
    assert complaints == ["p: {'total': 5} is no number"]


def test_a_message_has_its_own_time_or_that_of_receipt() -> None:
    own = {"power": 1000, "t": 1_772_352_900}
    assert heard(own, time="t")[0][0].at_ms == 1_772_352_900_000
    assert heard({"power": 1000}, time="t")[0][0].at_ms == NOW
    readings, complaints = heard(own | {"t": "2026-03-01T08:15:00"}, time="t")
    assert readings[0].at_ms == NOW
    assert complaints == [
        "the time '2026-03-01T08:15:00' has no offset from UTC; the time of receipt is taken"
    ]


def test_what_the_broker_kept_counts_only_with_its_own_time() -> None:
    assert heard({"power": 1000}, retained=True) == ([], [])
    [reading], _ = heard({"power": 1000, "t": 5}, time="t", retained=True)
    assert reading.at_ms == 5000


def test_what_is_not_spoken_of_any_more_is_taken_back_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("gateway.drivers.mqtt_in.source.monotonic", lambda: now)
    source, readings = Source(TOPIC, None), list[Reading]()
    source.subscribe(POINTS, Ratios(), readings.extend)
    source.take(TOPIC, {"power": 1000, "f": 50}, NOW, retained=False)
    readings.clear()
    now = 160.0
    source.take_back(NOW)
    assert readings == []
    now = 160.1
    for _ in range(2):
        source.take_back(NOW + 60_000)
    assert readings == [Reading(0, NOW + 60_000, None, Quality.MISSING, "no message for 60 s")]
    source.take(TOPIC, {"power": 2000}, NOW, retained=False)
    source.forget()
    now = 1e6
    readings.clear()
    source.take_back(NOW)
    assert readings == []


json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("pft"), below),
    max_leaves=8,
)


@given(json_values, st.booleans())
def test_no_message_makes_it_fail_or_report_what_is_no_number(
    document: Mapping[str, object], retained: bool
) -> None:
    try:
        parsed = parse_payload(json.dumps(document).encode())
    except BadPayload:
        return
    for time in (None, "t", "[0].t"):
        readings, complaints = heard(parsed, time=time, retained=retained)
        for reading in readings:
            assert reading.value is None or abs(reading.value) < float("inf")
            assert 0 <= reading.at_ms < 253_402_300_800_000
        assert all("\n" not in complaint for complaint in complaints)
