"""The DL/T 645 driver against a simple meter that misbehaves in every way a line knows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import load_config
from gateway.contract.clock import ManualClock
from gateway.contract.profile import Profile, Ratios
from gateway.contract.profile_file import find_profile, parse_profile
from gateway.drivers.capabilities import (
    Address,
    DeviceSilent,
    Discovers,
    DriverFault,
    Line,
    LinkDown,
    Refused,
    Tcp,
    Unit,
    Url,
)
from gateway.drivers.dlt645.daily_time import DailyTime
from gateway.drivers.dlt645.line import Dlt645Line, open_line
from tests.gateway.dlt645_meter import (
    SimpleMeter,
    answer,
    refusal,
    sample_items,
    serving,
    telegram,
)

ROOT = Path(__file__).parents[2]
LONG_S = 5.0
"""For answers that come: never what a slow machine fails on."""
SHORT_S = 0.05
"""For answers that do not come."""
METER = "123456781012"
NEIGHBOUR = "000000000007"
PROFILE = find_profile("dlt645/three-phase")
DIRECT = Ratios()
U_A, U_B, BLOCK_U = "02010100", "02010200", "0201FF00"


def held() -> dict[str, bytes]:
    """An item for every point: the sample's, else zeros of the right length."""
    sizes = {point.item: point.datatype.bits // 8 for point in PROFILE.points}
    return {item: bytes(size) for item, size in sizes.items()} | sample_items(PROFILE)


@asynccontextmanager
async def line_to(*meters: SimpleMeter, timeout_s: float = LONG_S) -> AsyncIterator[Dlt645Line]:
    async with serving(*meters) as port:
        line = open_line(Address("dlt645", Tcp("127.0.0.1", port)), timeout_s)
        assert isinstance(line, Dlt645Line)
        await line.open()
        yield line
        line.close()


async def values(line: Line, profile: Profile = PROFILE) -> dict[str, float | None]:
    read = line.device(profile, METER).reader(profile.points, DIRECT)
    return dict(zip([point.name for point in profile.points], await read(), strict=True))


async def test_families_are_read_as_blocks() -> None:
    meter = SimpleMeter(METER, held(), blocks=True)
    async with line_to(meter) as line:
        found = await values(line)
    assert found | dict(PROFILE.sample.values) == found
    asked = [item for _, item in meter.requests]
    assert asked[:3] == [BLOCK_U, "0202FF00", "0203FF00"]
    # Eleven requests for eighteen points: the rest of the items stand alone in their family.
    assert len(asked) == 11
    assert sum(item[4:6] == "FF" for item in asked) == 3


async def test_a_refused_block_is_split_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    meter = SimpleMeter(METER, held())
    async with line_to(meter) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        first = await read()
        assert len(meter.requests) == 3 + 18
        meter.requests.clear()
        assert await read() == first
    assert len(meter.requests) == 18
    assert all(item[4:6] != "FF" for _, item in meter.requests)
    assert "refuses the block 0201FF00" in caplog.text


async def test_an_item_that_the_meter_does_not_know_is_given_up_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    items = held()
    del items["02800002"]
    meter = SimpleMeter(METER, items, blocks=True)
    async with line_to(meter) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        for _ in range(3):
            assert (await read())[13] is None
    assert [item for _, item in meter.requests].count("02800002") == 1
    assert "refuses 02800002: point f stays without value" in caplog.text


async def test_a_passing_refusal_costs_one_value_and_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    meter = SimpleMeter(METER, held(), blocks=True)
    busy = True
    meter.say = lambda item, usual: [refusal(METER, 1)] if busy and item == "00010000" else usual
    async with line_to(meter) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        assert [(await read())[14] for _ in range(2)] == [None, None]
        busy = False
        assert (await read())[14] == 1234.56
    assert caplog.text.count("refuses 00010000: another error (error 0x01)") == 1


async def test_a_meter_that_refuses_everything_is_a_refusal() -> None:
    meter = SimpleMeter(METER, {})
    async with line_to(meter) as line:
        with pytest.raises(Refused, match=r"meter 123456781012 refuses \w+: no such data"):
            await values(line)


async def test_a_block_that_is_ignored_is_split_once_the_meter_was_heard() -> None:
    meter = SimpleMeter(METER, held())
    meter.silent_for = {BLOCK_U, "0202FF00", "0203FF00"}
    async with line_to(meter, timeout_s=0.5) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        with pytest.raises(DeviceSilent):
            await read()
        assert (await read())[0] == 220.4
        meter.requests.clear()
        assert (await read())[0] == 220.4
    assert len(meter.requests) == 18


async def test_a_block_that_was_lost_once_is_asked_again() -> None:
    meter = SimpleMeter(METER, held(), blocks=True)
    meter.silent_for = {"0202FF00"}
    async with line_to(meter, timeout_s=0.5) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        with pytest.raises(DeviceSilent):
            await read()
        meter.silent_for = set()
        await read()
        meter.requests.clear()
        await read()
    assert "0202FF00" in {item for _, item in meter.requests}


async def test_a_meter_that_was_away_keeps_its_blocks() -> None:
    meter = SimpleMeter(METER, held(), blocks=True)
    everything = {point.item for point in PROFILE.points} | {BLOCK_U}
    meter.silent_for = everything
    async with line_to(meter, timeout_s=SHORT_S) as line:
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        for _ in range(3):
            meter.requests.clear()
            with pytest.raises(DeviceSilent, match=r"meter 123456781012 at .* does not answer"):
                await read()
            assert len(meter.requests) == 1, "a dead meter costs one time-out a round"
        meter.silent_for, line.timeout_s = set(), LONG_S
        await read()
        meter.requests.clear()
        await read()
    assert BLOCK_U in {item for _, item in meter.requests}


async def test_follow_up_frames_are_joined() -> None:
    async with serving_parts([b"\x04\x22", b"\x05\x22", b"\x06\x22"]) as line:
        found = await line.read(METER, BLOCK_U)
    assert found == b"\x04\x22\x05\x22\x06\x22"


@asynccontextmanager
async def serving_parts(parts: Sequence[bytes]) -> AsyncIterator[Dlt645Line]:
    meter = SimpleMeter(METER, {BLOCK_U: b""})
    sent = 0

    def say(item: str, usual: Sequence[bytes]) -> Sequence[bytes]:
        nonlocal sent
        more = 0x20 if sent + 1 < len(parts) else 0
        control = (0x91 if sent == 0 else 0x92) | more
        name = bytes.fromhex(item)[::-1]
        part = parts[min(sent, len(parts) - 1)]
        data = name + part + (bytes([sent]) if sent else b"")
        # A copy of the telegram before comes late: its number says that it is not meant.
        late = telegram(METER, control, name + part + b"\x63") if sent else b""
        sent += 1
        return [late, telegram(METER, control, data)]

    meter.say = say
    async with line_to(meter) as line:
        yield line


async def test_an_answer_without_end_is_refused() -> None:
    meter = SimpleMeter(METER, {})
    asked = 0

    def say(item: str, usual: Sequence[bytes]) -> Sequence[bytes]:
        nonlocal asked
        name = bytes.fromhex(item)[::-1]
        control, number = (0xB2, bytes([asked])) if asked else (0xB1, b"")
        asked += 1
        return [telegram(METER, control, name + b"\x00" + number)]

    meter.say = say
    async with line_to(meter) as line:
        with pytest.raises(Refused, match="has no end of answers to 02010100"):
            await line.read(METER, U_A)
    assert asked == 17


async def test_a_late_answer_is_never_taken_for_another_item() -> None:
    meter, late = SimpleMeter(METER, held()), list[bytes]()
    meter.say = lambda item, usual: [*late, *usual]
    async with line_to(meter) as line:
        late[:] = [answer(METER, U_B, b"\x99\x99"), answer(NEIGHBOUR, U_A, b"\x99\x99")]
        assert await line.read(METER, U_A) == b"\x04\x22"
        late.clear()
        # Late by more than the time-out: it waits in the kernel until the next request.
        await meter.speak(answer(METER, U_A, b"\x99\x99"))
        await asyncio.sleep(0.05)
        assert await line.read(METER, U_A) == b"\x04\x22"


FAULTS: dict[str, Callable[[bytes], Sequence[bytes]]] = {
    "truncated": lambda usual: [usual[:-1]],
    "half of it": lambda usual: [usual[: len(usual) // 2]],
    "wrong check sum": lambda usual: [usual[:-2] + bytes([usual[-2] ^ 1]) + usual[-1:]],
    "wrong end": lambda usual: [usual[:-1] + b"\x17"],
    "wrong meter": lambda usual: [answer(NEIGHBOUR, U_A, b"\x99\x99")],
    "wrong item": lambda usual: [answer(METER, U_B, b"\x99\x99")],
    "no item": lambda usual: [telegram(METER, 0x91, b"\x00\x01")],
    "an echo": lambda usual: [telegram(METER, 0x11, bytes.fromhex(U_A)[::-1])],
    "too long": lambda usual: [telegram(METER, 0x91, bytes.fromhex(U_A)[::-1] + bytes(197))],
    "noise": lambda usual: [b"\x68" * 40],
    "talks for ever": lambda usual: [b"\xfe" * 5000],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_answer_is_one_clear_fault_and_the_next_is_right(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.drivers.dlt645.line.LONGEST_PAUSE_S", 0.05)
    meter = SimpleMeter(METER, held())
    async with line_to(meter, timeout_s=SHORT_S) as line:
        meter.say = lambda item, usual: FAULTS[fault](usual[0])
        with pytest.raises(DeviceSilent, match=r"meter 123456781012 at 127.* does not answer"):
            await line.read(METER, U_A)
        line.timeout_s = LONG_S
        meter.say = lambda item, usual: [b"\x00\x68\xff", *usual]
        assert await line.read(METER, U_A) == b"\x04\x22"


async def test_a_fault_says_that_something_came() -> None:
    meter = SimpleMeter(METER, held())
    meter.say = lambda item, usual: [b"\x16" * 7]
    async with line_to(meter, timeout_s=0.5) as line:
        with pytest.raises(DeviceSilent, match="answer: 7 bytes came that are no answer to this"):
            await line.read(METER, U_A)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=30), st.binary(max_size=30))
def test_noise_around_an_answer_changes_no_value(before: bytes, after: bytes) -> None:
    meter = SimpleMeter(METER, held(), blocks=True)
    meter.say = lambda item, usual: [before, *usual, after]

    async def read() -> dict[str, float | None]:
        async with line_to(meter) as line:
            return await values(line)

    found = asyncio.run(read())
    assert found | dict(PROFILE.sample.values) == found


async def test_an_answer_of_another_length_is_no_value(caplog: pytest.LogCaptureFixture) -> None:
    items = held() | {"02800002": b"\x98\x49\x00"}
    async with line_to(SimpleMeter(METER, items, blocks=True)) as line:
        assert (await values(line))["f"] is None
    assert "answers 3 bytes to 02800002: point f stays without value" in caplog.text


async def test_a_block_shorter_than_wanted_is_split() -> None:
    meter = SimpleMeter(METER, held() | {BLOCK_U: b"\x04\x22"})
    async with line_to(meter) as line:
        found = await values(line)
    assert (found["u_a"], found["u_b"], found["u_c"]) == (220.4, 229.7, None)


async def test_meters_of_one_bus_do_not_mix() -> None:
    near = SimpleMeter(NEIGHBOUR, held() | {U_A: b"\x11\x11"}, blocks=True)
    async with line_to(SimpleMeter(METER, held(), blocks=True), near) as line:
        assert (await values(line))["u_a"] == 220.4
        read = line.device(PROFILE, "7").reader(PROFILE.points, DIRECT)
        assert (await read())[0] == 111.1


async def test_a_lone_meter_is_found_and_read_without_its_address() -> None:
    async with line_to(SimpleMeter(METER, held(), blocks=True)) as line:
        assert isinstance(line, Discovers)
        told: list[tuple[int, int, Sequence[Unit]]] = []
        assert await line.discover(lambda *step: told.append(step), LONG_S) == [METER]
        assert told == [(1, 1, (METER,))]
        read = line.device(PROFILE, "AAAAAAAAAAAA").reader(PROFILE.points, DIRECT)
        assert (await read())[0] == 220.4
    async with line_to(timeout_s=SHORT_S) as line:
        assert await line.discover(lambda *_: None, LONG_S) == []
        line.timeout_s = LONG_S
        assert await line.discover(lambda *_: None, SHORT_S) == []


async def test_a_line_tells_the_time_once_a_day_when_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.drivers.dlt645.line.LONGEST_PAUSE_S", 0)
    meter, clock = SimpleMeter(METER, held()), ManualClock(datetime(2026, 3, 1, 4, tzinfo=UTC))
    async with serving(meter) as port:
        link = Tcp("127.0.0.1", port)
        for daily in (None, DailyTime(timedelta(hours=8), clock)):
            line = Dlt645Line(link, LONG_S, daily)
            await line.open()
            for _ in range(2):
                assert await line.read(METER, U_A) == b"\x04\x22"
            line.close()
    assert meter.broadcasts == [bytes.fromhex("000012010326")]
    with pytest.raises(DriverFault, match="tell_time is 'noon'; write an offset"):
        open_line(Address("dlt645", link, (("tell_time", "noon"),)), 1)


async def test_a_closed_connection_is_link_down() -> None:
    async with serving(SimpleMeter(METER, held())) as port:
        line = open_line(Address("dlt645", Tcp("127.0.0.1", port)), LONG_S)
        read = line.device(PROFILE, METER).reader(PROFILE.points, DIRECT)
        with pytest.raises(LinkDown, match="is not connected"):
            await read()
        await line.open()
        await read()
    with pytest.raises(LinkDown, match=r"127\.0\.0\.1:\d+ (was closed|broke)"):
        await read()
    line.close()


ITEM = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: dlt645
values: primary
points: [{key: u_a, item: %s, datatype: bcd2, scale: 0.1, unit: V}]
sample: {items: {%s: "0422"}, values: {u_a: 220.4}}
verify: {point: u_a, tolerance_percent: 1}
source: a test
verified: no
"""


def test_what_cannot_be_used_is_a_sentence() -> None:
    with pytest.raises(DriverFault, match="needs a serial port or a host and a port, not mqtt:"):
        open_line(Address("dlt645", Url("mqtt://x")), 1)
    line = open_line(Address("dlt645", Tcp("127.0.0.1", 1)), 1)
    with pytest.raises(DriverFault, match="is no meter address: write the twelve digits"):
        line.device(PROFILE, "12-34")
    with pytest.raises(DriverFault, match="write the meter's twelve digits in quotes"):
        line.device(PROFILE, 0o12345670)
    line.device(PROFILE, 123456781012)
    # YAML reads 02010100 without quotes as an octal number.
    octal = parse_profile("m/t", ITEM % ("02010100", "02010100"))
    with pytest.raises(DriverFault, match="u_a has the item '528448'; write the eight hexadecimal"):
        line.device(octal, METER)
    line.device(parse_profile("m/t", ITEM % ('"02010100"', '"02010100"')), METER)


def test_the_configuration_in_the_docs_is_right(tmp_path: Path) -> None:
    text = (ROOT / "docs/extending.md").read_text().partition("### DL/T 645-2007")[2]
    yaml = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "gateway.yaml").write_text(f"project: p\nnode: n\n{yaml}")
    config = load_config(tmp_path / "gateway.yaml", {})
    assert config.problems == ()
    serial, tcp = config.devices
    assert str(serial.address) == "dlt645:///dev/ttyS1@2400/8E1"
    assert (tcp.unit, tcp.ratios.ct) == ("000012345670", Fraction(80))
    for device in config.devices:
        open_line(device.address, 1).device(device.profile, device.unit)
