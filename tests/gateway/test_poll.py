"""Polling a line: periods kept, dead units aside, sample times on the grid (cases 13 and 15)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from gateway.contract.clock import ManualClock
from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.profile_file import find_profile
from gateway.drivers.capabilities import Address, DeviceSilent, LinkDown, Reader, Refused, Tcp, Unit
from gateway.drivers.modbus import open_line
from gateway.poll import DeviceStanding, LinePoller, Polled
from tests.gateway.modbus_server import free_port, sdm630_field, serving

START = datetime(2026, 3, 1, 7, 59, 58, 300_000, tzinfo=UTC)
SDM630 = find_profile("eastron/sdm630")


class Notes:
    """A sink that writes down what it is told."""

    def __init__(self) -> None:
        self.samples: dict[str, list[int]] = {}
        self.lengths: dict[str, list[int]] = {}
        self.values: dict[str, list[Sequence[float | None]]] = {}
        self.alive: list[str] = []
        self.dead: list[tuple[str, str]] = []
        self.measures: list[tuple[str, str, int, float | None]] = []

    def sampled(self, device: Polled, at_ms: int, values: Sequence[float | None]) -> None:
        self.samples.setdefault(device.slug, []).append(at_ms)
        self.lengths.setdefault(device.slug, []).append(len(values))
        self.values.setdefault(device.slug, []).append(values)

    def measured(self, device: Polled, name: str, at_ms: int, value: float | None) -> None:
        self.measures.append((device.slug, name, at_ms, value))

    def came_alive(self, device: Polled) -> None:
        self.alive.append(device.slug)

    def went_dead(self, device: Polled, reason: str) -> None:
        self.dead.append((device.slug, reason))


class FakeUnit:
    """A device whose answers take a given time of a manual clock."""

    def __init__(self, line: "FakeLine", takes_s: float) -> None:
        self.line, self.takes_s, self.silent = line, takes_s, False

    def reader(self, points: Sequence[Point], ratios: Ratios) -> Reader:
        async def read() -> list[float | None]:
            self.line.check()
            await self.line.clock.sleep(self.line.timeout_s if self.silent else self.takes_s)
            self.line.check()
            if self.silent:
                raise DeviceSilent("does not answer")
            return [1.0] * len(points)

        return read

    async def ratios(self) -> Ratios:
        return Ratios()


class FakeLine:
    """A line on a manual clock, so that minutes of polling run in milliseconds."""

    def __init__(self, clock: ManualClock, timeout_s: float = 0.5) -> None:
        self.clock, self.timeout_s, self.up, self.opened = clock, timeout_s, True, 0

    def check(self) -> None:
        if not self.up:
            raise LinkDown("the cable is out")

    async def open(self) -> None:
        self.opened += 1
        self.check()

    def close(self) -> None:
        return

    def device(self, profile: Profile, unit: Unit) -> FakeUnit:
        return FakeUnit(self, 0.005)


def unit_of(line: FakeLine, slug: str, period_ms: int, takes_s: float = 0.005) -> Polled:
    return Polled(slug, SDM630, FakeUnit(line, takes_s), period_ms)


async def run_for(clock: ManualClock, poller: LinePoller, seconds: float) -> None:
    task = asyncio.create_task(poller.run())
    await clock.advance(seconds)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


async def test_samples_lie_on_the_grid_without_drift() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, "m1", 1000, takes_s=0.3)], clock, notes)
    await run_for(clock, poller, 60)
    first, *rest = notes.samples["m1"]
    begin = ms(datetime(2026, 3, 1, 7, 59, 59, tzinfo=UTC))
    assert first == ms(START) + 300
    assert rest == [begin + 1000 * n for n in range(60)]


class RestlessClock(ManualClock):
    """A clock that goes on at every look, and wakes sleepers a little early as real ones do."""

    EARLY_S = 2.5e-6

    def monotonic(self) -> float:
        self._elapsed += 1e-6
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        await super().sleep(max(seconds - self.EARLY_S, 2e-7))


async def test_an_instant_that_comes_between_two_looks_at_the_clock_is_not_slept_through() -> None:
    clock = RestlessClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, "m1", 1000)], clock, notes)
    await run_for(clock, poller, 300)
    begin = ms(datetime(2026, 3, 1, 7, 59, 59, tzinfo=UTC))
    assert notes.samples["m1"][1:] == [begin + 1000 * n for n in range(300)]


async def test_the_slow_class_is_read_at_every_tenth_instant_and_at_the_quarter_hour() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, "m1", 1000)], clock, notes)
    await run_for(clock, poller, 21)
    everything = len(SDM630.points)
    read_all = [
        at
        for at, length in zip(notes.samples["m1"][1:], notes.lengths["m1"][1:], strict=True)
        if length == everything
    ]
    quarter = ms(datetime(2026, 3, 1, 8, tzinfo=UTC))
    assert read_all == [quarter, quarter + 10_000]
    assert set(notes.lengths["m1"]) == {everything, everything - 3}


async def test_ten_dead_of_fifty_delay_no_healthy_one() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    devices = [unit_of(line, f"m{n}", 1000) for n in range(50)]
    for device in devices[:10]:
        unit = device.reads
        assert isinstance(unit, FakeUnit)
        unit.silent = True
    poller = LinePoller(line, devices, clock, notes)
    await run_for(clock, poller, 310)
    begin = ms(datetime(2026, 3, 1, 8, 0, 9, tzinfo=UTC))
    expected = [begin + 1000 * n for n in range(300)]
    for device in devices[10:]:
        assert [at for at in notes.samples[device.slug] if at >= begin] == expected
    assert sorted(slug for slug, _ in notes.dead) == sorted(d.slug for d in devices[:10])
    assert {reason for _, reason in notes.dead} == {"does not answer"}


async def test_on_a_busy_line_the_dead_get_a_twentieth_of_the_time() -> None:
    """40 healthy devices fill half of each 400 ms, so every probe of 500 ms costs somebody."""
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    devices = [unit_of(line, f"m{n}", 400) for n in range(50)]
    for device in devices[:10]:
        unit = device.reads
        assert isinstance(unit, FakeUnit)
        unit.silent = True
    poller = LinePoller(line, devices, clock, notes)
    await run_for(clock, poller, 130)
    begin = ms(datetime(2026, 3, 1, 8, 0, 8, 400_000, tzinfo=UTC))
    for device in devices[10:]:
        kept = [at for at in notes.samples[device.slug] if at >= begin and at % 400 == 0]
        assert len(kept) >= 0.95 * 300
    assert sorted(notes.alive) == sorted(device.slug for device in devices[10:])


async def test_a_dead_device_is_found_again() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    device = unit_of(line, "m1", 1000)
    unit = device.reads
    assert isinstance(unit, FakeUnit)
    poller = LinePoller(line, [device], clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(10)
    unit.silent = True
    await clock.advance(600)
    unit.silent = False
    await clock.advance(120)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [slug for slug, _ in notes.dead] == ["m1"]
    assert notes.alive == ["m1", "m1"]
    assert notes.samples["m1"][-1] == ms(START) + 729_700


async def test_one_lost_poll_is_neither_a_death_nor_a_birth() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    device = unit_of(line, "m1", 1000)
    unit = device.reads
    assert isinstance(unit, FakeUnit)
    task = asyncio.create_task(LinePoller(line, [device], clock, notes).run())
    await clock.advance(10)
    unit.silent = True
    await clock.advance(1)
    unit.silent = False
    await clock.advance(10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (notes.alive, notes.dead) == (["m1"], [])
    assert notes.samples["m1"][-1] == ms(START) + 20_700


async def test_a_cut_line_reconnects_and_polling_goes_on() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, f"m{n}", 1000) for n in range(3)], clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(10)
    line.up = False
    await clock.advance(100)
    tries = line.opened
    line.up = True
    await clock.advance(120)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert tries < 12
    assert {slug for slug, _ in notes.dead} == {"m0", "m1", "m2"}
    last = ms(datetime(2026, 3, 1, 8, 3, 48, tzinfo=UTC))
    assert {times[-1] for times in notes.samples.values()} == {last}


async def test_an_overloaded_line_skips_instants_but_never_a_quarter_hour() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    devices = [unit_of(line, "m1", 1000, takes_s=0.7), unit_of(line, "m2", 1000, takes_s=0.6)]
    await run_for(clock, LinePoller(line, devices, clock, notes), 30)
    quarter = ms(datetime(2026, 3, 1, 8, tzinfo=UTC))
    for times in notes.samples.values():
        # Read for the boundary, and honest about having been late for it.
        assert any(quarter <= at < quarter + 2000 for at in times)
        assert times == sorted(set(times))
        # 1.3 s of work for every second of schedule: both get the same share of the line.
        assert 20 <= len(times) <= 23


async def test_a_quarter_hour_read_after_a_late_sample_does_not_go_back_in_time() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    unit = FakeUnit(line, 0.01)
    poller = LinePoller(line, [Polled("m1", SDM630, unit, 1000)], clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(0.6)
    unit.takes_s = 1.2
    await clock.advance(0.5)
    unit.takes_s = 0.01
    await clock.advance(4)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    quarter = ms(datetime(2026, 3, 1, 8, tzinfo=UTC))
    # Due one second before the quarter hour, read until 200 ms after it: that one gives way.
    assert [at - quarter for at in notes.samples["m1"]] == [-1690, 0, 1000, 2000, 3000]


async def test_an_urgent_job_waits_for_one_poll_and_not_for_the_round() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    devices = [unit_of(line, f"m{n}", 5000, takes_s=0.1) for n in range(20)]
    poller = LinePoller(line, devices, clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(11.75)
    # 08:00:10.05: the second round began 50 ms ago and takes two seconds.
    polled = sum(len(times) for times in notes.samples.values())

    async def job() -> str:
        await clock.sleep(0.3)
        return f"after {sum(len(times) for times in notes.samples.values()) - polled} polls"

    jobs = [asyncio.create_task(poller.urgent(job)) for _ in range(2)]
    await clock.advance(0.06)
    assert poller.standing.urgent == 1
    await clock.advance(0.6)
    assert [job.result() for job in jobs] == ["after 1 polls", "after 1 polls"]
    await clock.advance(7)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    # The jobs' 0.6 s delay this round and cost nobody a sample.
    ten = ms(datetime(2026, 3, 1, 8, 0, 10, tzinfo=UTC))
    assert {tuple(times[-2:]) for times in notes.samples.values()} == {(ten, ten + 5000)}


async def test_an_urgent_job_of_an_idle_line_begins_at_once() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, "m1", 5000)], clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(3)

    async def job() -> str:
        return "done"

    assert await poller.urgent(job) == "done"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_an_urgent_job_says_why_it_failed_and_polling_goes_on() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    poller = LinePoller(line, [unit_of(line, "m1", 1000)], clock, notes)

    async def refused() -> None:
        raise Refused("no", 2)

    async def gone() -> None:
        line.check()

    task = asyncio.create_task(poller.run())
    await clock.advance(3)
    with pytest.raises(Refused):
        await poller.urgent(refused)
    line.up = False
    with pytest.raises(LinkDown, match="the cable is out"):
        await poller.urgent(gone)
    with pytest.raises(LinkDown, match="the next try waits"):
        await poller.urgent(gone)
    line.up = True
    await clock.advance(10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert notes.alive == ["m1"]
    assert notes.samples["m1"][-1] == ms(START) + 12_700


async def test_the_standing_says_how_busy_the_line_is_and_how_each_device_does() -> None:
    clock = ManualClock(START)
    line, notes = FakeLine(clock), Notes()
    devices = [unit_of(line, "m1", 1000, takes_s=0.25), unit_of(line, "m2", 1000, takes_s=0.25)]
    poller = LinePoller(line, devices, clock, notes)
    task = asyncio.create_task(poller.run())
    await clock.advance(120)
    before = poller.standing
    unit = devices[1].reads
    assert isinstance(unit, FakeUnit)
    unit.silent = True
    await clock.advance(120)
    after = poller.standing
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert before.busy == pytest.approx(0.5, abs=0.01)
    assert after.busy == pytest.approx(0.25 + 2 * 0.5 / 60, abs=0.02)
    assert (before.connected, before.urgent) == (True, 0)
    assert before.devices == (
        DeviceStanding("m1", alive=True, polls=121, late=0, failed=0),
        DeviceStanding("m2", alive=True, polls=120, late=0, failed=0),
    )
    assert [(one.alive, one.failed) for one in after.devices] == [(True, 0), (False, 7)]


async def test_one_meter_is_polled_over_real_modbus() -> None:
    port = free_port()
    field, notes = sdm630_field(1), Notes()
    field.put_value(1, SDM630, "p", 42.5, Ratios())
    line = open_line(Address("modbus", Tcp("127.0.0.1", port)), 0.5)
    clock = ManualClock(START)
    device = Polled("m1", SDM630, line.device(SDM630, 1), 1000)
    async with serving(field, port):
        task = asyncio.create_task(LinePoller(line, [device], clock, notes).run())
        for wanted in range(1, 4):
            while len(notes.samples.get("m1", [])) < wanted:  # noqa: ASYNC110 - real Modbus answers
                await asyncio.sleep(0.01)
            await clock.advance(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    place = [point.name for point in device.points].index("p")
    assert {values[place] for values in notes.values["m1"]} == {42.5}
    assert all(at % 1000 == 0 for at in notes.samples["m1"][1:])
