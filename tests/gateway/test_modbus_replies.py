"""Replies that come late, damaged, from others or not at all: never a wrong value (case 16)."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.contract.clock import ManualClock
from gateway.contract.profile import Profile, Ratios
from gateway.contract.profile_file import parse_profile
from gateway.drivers.capabilities import Address, DeviceSilent, Line, LinkDown, Reader, Refused
from gateway.drivers.modbus import open_line, quiet
from gateway.journal import Journal
from gateway.pipeline import Pipeline
from gateway.poll import FIRST_PAUSE_S, LinePoller, Polled
from gateway.session import Reporting
from tests.gateway.modbus_peers import Say, Script, later, mbap, on_tcp, on_terminal, rtu, words_pdu

TIMEOUT_S, PATIENT_S = 0.1, 0.3
"""For answers that never come, and for those that must."""
METER = """
maker: M
type: T
title: {en: T, zh-CN: T}
protocol: modbus
values: primary
points:
  - {key: p, address: 10, datatype: float32, unit: kW}
  - {key: ep_imp, address: 12, datatype: uint32, unit: kWh, kind: register}
sample:
  blocks: [{fc: 3, start: 10, words: [0x3F80, 0, 0, 7]}]
  values: {p: 1.0, ep_imp: 7}
verify: {point: p, tolerance_percent: 1}
source: a test
verified: no
"""
PROFILE: Profile = parse_profile("m/t", METER)
OLD, NEW = (0x4120, 0, 0, 100), (0x41A0, 0, 0, 200)
"""Registers of p = 10 and ep_imp = 100, then of p = 20 and ep_imp = 200."""


def reader(line: Line, unit: int = 1) -> Reader:
    return line.device(PROFILE, unit).reader(PROFILE.points, Ratios())


Bus = AbstractAsyncContextManager[Address]


def rtu_bus(script: Script) -> Bus:
    return on_terminal(script)


def rtu_converter(script: Script) -> Bus:
    return on_tcp(script, "rtu")


class Slow:
    """A unit 1 that does not answer its first request in time; the test says when it does. It
    takes its time for later ones, so that a late reply would be there first.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.say: Say = lambda data: None

    def __call__(self, request: bytes, say: Say) -> None:
        unit = request[0]
        self.asked.append(unit)
        self.say = say
        if self.asked != [1]:
            later(0.04, say, rtu(unit, words_pdu(NEW)))

    def answers_late(self, after_s: float) -> None:
        """Say good registers of the first request's time."""
        later(after_s, self.say, rtu(1, words_pdu(OLD)))


@pytest.mark.parametrize("bus", [rtu_bus, rtu_converter])
@pytest.mark.parametrize("after_s", [0.0, 0.02])
async def test_a_late_reply_is_not_taken_for_the_next_one(
    bus: Callable[[Script], Bus], after_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "LATE_S", 0.2)
    unit = Slow()
    async with bus(unit) as address:
        line = open_line(address, PATIENT_S)
        await line.open()
        read = reader(line)
        with pytest.raises(DeviceSilent, match=r"unit 1 at .* does not answer"):
            await read()
        unit.answers_late(after_s)
        assert await read() == [20.0, 200.0]
        line.close()
    assert unit.asked == [1, 1]


@pytest.mark.parametrize("bus", [rtu_bus, rtu_converter])
async def test_other_units_are_asked_meanwhile_and_hear_only_their_own(
    bus: Callable[[Script], Bus],
) -> None:
    unit = Slow()
    async with bus(unit) as address:
        line = open_line(address, PATIENT_S)
        await line.open()
        with pytest.raises(DeviceSilent):
            await reader(line)()
        unit.answers_late(0.02)
        assert await reader(line, 2)() == [20.0, 200.0]
        line.close()
    assert unit.asked == [1, 2]


async def test_a_late_reply_on_modbus_tcp_goes_by_its_number() -> None:
    numbers = []

    def script(request: bytes, say: Say) -> None:
        numbers.append(request[1])
        if len(numbers) == 1:
            return
        say(mbap(numbers[0], 1, words_pdu(OLD)))
        later(0.01, say, mbap(numbers[1], 1, words_pdu(NEW)))

    async with on_tcp(script) as address:
        line = open_line(address, PATIENT_S)
        await line.open()
        read = reader(line)
        with pytest.raises(DeviceSilent):
            await read()
        assert await read() == [20.0, 200.0]
        line.close()


GOOD = words_pdu(NEW)
FAULTY = {
    "nothing": (b"", "does not answer"),
    "noise": (bytes(range(40)), "does not answer registers 10.4 .*; 40 other bytes came .00 01 02"),
    "cut": (rtu(1, GOOD)[:-3], "does not answer registers 10.4 .*; 10 other bytes came"),
    "check bytes": (rtu(1, GOOD)[:-1] + b"\x00", "the reply of unit 1 came damaged"),
    "a bit of the value": (
        b"\x01\x03\x08\x41\xa1" + rtu(1, GOOD)[5:],
        "the reply of unit 1 came damaged",
    ),
    "another unit": (rtu(2, GOOD), "does not answer registers 10.4"),
    "another function": (rtu(1, words_pdu(NEW, 4)), "does not answer registers 10.4"),
    "fewer registers": (rtu(1, words_pdu(NEW[:2])), "does not answer registers 10.4"),
    "more registers": (rtu(1, words_pdu((*NEW, 5, 6))), "does not answer registers 10.4"),
    "oversized": (rtu(1, bytes((3, 250)) + bytes(250)), "does not answer registers 10.4"),
    "endless": (bytes(4000), "does not answer registers 10.4"),
}


@pytest.mark.parametrize("bus", [rtu_bus, rtu_converter])
@pytest.mark.parametrize("fault", FAULTY)
async def test_a_reply_that_is_none_is_silence_with_a_reason(
    bus: Callable[[Script], Bus], fault: str
) -> None:
    said, reason = FAULTY[fault]
    async with bus(lambda _, say: say(said)) as address:
        line = open_line(address, TIMEOUT_S)
        await line.open()
        with pytest.raises(DeviceSilent, match=reason):
            await reader(line)()
        line.close()


def test_the_poller_never_waits_for_late_replies() -> None:
    """It asks a unit again after a pause that is no shorter."""
    assert quiet.LATE_S <= FIRST_PAUSE_S


async def test_noise_before_a_reply_does_no_harm() -> None:
    async with rtu_bus(lambda _, say: say(b"\x00\xff\x01\x03" + rtu(1, GOOD))) as address:
        line = open_line(address, PATIENT_S)
        await line.open()
        assert await reader(line)() == [20.0, 200.0]
        line.close()


@pytest.mark.parametrize(
    ("spoil", "kind", "reason"),
    [
        (lambda number: mbap(number, 9, GOOD), DeviceSilent, "unit 1 was asked and unit 9 answer"),
        (lambda number: mbap(number, 1, words_pdu(NEW[:2])), Refused, "with what does not fit"),
        (lambda number: mbap(number, 1, b"\x83\x04"), Refused, r"unit 1 refuses .* .exception 4"),
        (lambda number: mbap(number, 1, b"\x83\x0b"), DeviceSilent, "the converter says that"),
        (lambda number: mbap(number, 1, GOOD)[:-1], DeviceSilent, "does not answer registers"),
        (lambda _: rtu(1, GOOD), LinkDown, r"sends what is no Modbus TCP .01 03 .* framing"),
        (lambda _: b"\0\1\0\0\0\0\1\3", LinkDown, "sends what is no Modbus TCP"),
        (lambda _: b"\0\1\0\0\1\1\1\3", LinkDown, "sends what is no Modbus TCP"),
    ],
)
async def test_what_is_no_reply_on_modbus_tcp_is_said(
    spoil: Callable[[int], bytes], kind: type[Exception], reason: str
) -> None:
    async with on_tcp(lambda request, say: say(spoil(request[1]))) as address:
        line = open_line(address, TIMEOUT_S)
        await line.open()
        with pytest.raises(kind, match=reason):
            await reader(line)()
        line.close()


async def test_a_bus_that_never_falls_silent_is_a_broken_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def babble(request: bytes, say: Say) -> None:
        say(b"babble")
        later(0.001, lambda data: babble(data, say), request)

    monkeypatch.setattr(quiet, "CHATTER_S", 0.2)
    monkeypatch.setattr(quiet, "LATE_S", 0.2)
    # At 1200 baud 3.5 characters are 29 ms.
    async with on_terminal(babble, 1200) as address:
        line = open_line(address, TIMEOUT_S)
        await line.open()
        with pytest.raises(LinkDown, match="does not fall silent"):
            await ask_on(reader(line))
        line.close()


async def ask_on(read: Reader) -> None:
    """Read until the line is down: on a machine that stalls, a busy bus seems silent at times."""
    while True:
        with suppress(DeviceSilent):
            await read()


async def test_a_unit_that_talks_nonsense_costs_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet, "LATE_S", 0.01)
    caplog.set_level(logging.INFO)
    faults = [said for said, _ in FAULTY.values()]
    asked = []

    def script(request: bytes, say: Say) -> None:
        asked.append(request)
        say(faults[len(asked) % len(faults)])

    journal = Journal(tmp_path / "journal", 1 << 20)
    journal.open()
    async with rtu_bus(script) as address:
        line = open_line(address, 0.05)
        pipeline = Pipeline(journal)
        device = Polled("m1", PROFILE, line.device(PROFILE, 1), 1000)
        await pipeline.add(device, Reporting())
        clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        poller = LinePoller(line, [device], clock, pipeline)
        task = asyncio.create_task(poller.run())
        async with asyncio.timeout(20):
            while len(asked) < len(FAULTY):
                await clock.advance(60)
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    journal.close()
    said = [record.getMessage() for record in caplog.records if record.name.startswith("gateway")]
    assert len(said) == 1
    assert said[0].startswith("m1: ")
    assert pipeline.samples == 0
