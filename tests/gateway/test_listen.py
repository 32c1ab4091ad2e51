"""Devices that speak by themselves: source times, the grid, cuts and qualities."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.contract import topics
from gateway.contract.clock import ManualClock
from gateway.contract.profile import Point, Profile, Ratios
from gateway.contract.profile_file import find_profile
from gateway.contract.quality import Quality
from gateway.contract.sparkplug import Metric, decode
from gateway.drivers.capabilities import LinkDown, Reading, Report, ReportingLine, Unit
from gateway.journal import Journal
from gateway.listen import Heard, LineListener
from gateway.pipeline import Pipeline
from gateway.session import Reporting

START = datetime(2026, 3, 1, 8, 14, 30, tzinfo=UTC)
BOUNDARY = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


class Source:
    """A reporting line whose reports the test speaks."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.opened = 0
        self.cut = asyncio.Event()

    def subscribe(self, points: Sequence[Point], ratios: Ratios, report: Report) -> None:
        self.reports.append(report)

    def device(self, profile: Profile, unit: Unit) -> "Source":
        return self

    async def open(self) -> None:
        self.opened += 1

    async def serve(self) -> None:
        await self.cut.wait()
        self.cut.clear()
        raise LinkDown("the source hung up")

    def close(self) -> None:
        pass

    def say(
        self,
        index: int,
        at: datetime,
        value: float | None,
        quality: int = 0,
        *,
        holds: bool = True,
    ) -> None:
        self.reports[0]([Reading(index, ms(at), value, Quality(quality), "said so", holds)])


@asynccontextmanager
async def listening(
    tmp_path: Path, clock: ManualClock, source: Source
) -> AsyncIterator[tuple[Heard, Journal]]:
    profile = find_profile("eastron/sdm630")
    journal = Journal(tmp_path / "edge.journal")
    journal.open()
    pipeline = Pipeline(journal)
    device = Heard("m1", profile, source, 10_000)
    await pipeline.add(device, Reporting())
    assert isinstance(source, ReportingLine)
    task = asyncio.create_task(LineListener(source, [device], clock, pipeline).run())
    await clock.advance(0)
    try:
        yield device, journal
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(journal.close)


async def journaled(device: Heard, journal: Journal) -> list[tuple[str, int, Metric]]:
    """(point, time, metric) of everything in the journal, in its order."""
    names = {
        alias: point.name
        for alias, point in zip(
            await journal.aliases("m1", [point.name for point in device.points]),
            device.points,
            strict=True,
        )
    }
    return [
        (names[metric.alias or 0], metric.timestamp or 0, metric)
        for record in await journal.read(0, 1000)
        for metric in decode(record.body).metrics
    ]


async def test_source_times_travel_and_registers_are_there_at_the_quarter_hour(
    tmp_path: Path,
) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source) as (device, journal):
        names = [point.name for point in device.points]
        energy, power = names.index("ep_imp"), names.index("p")
        source.say(energy, BOUNDARY - timedelta(seconds=20), 100.5)
        source.say(power, BOUNDARY - timedelta(seconds=19.5), 7.0)
        await clock.advance(30.2)
        # Spoken after the instant and before it is sampled: it belongs to the time after it.
        source.say(energy, BOUNDARY + timedelta(seconds=0.1), 100.75)
        await clock.advance(1)
        found = [(name, at) for name, at, _ in await journaled(device, journal)]
        assert (("ep_imp", ms(BOUNDARY - timedelta(seconds=20)))) == found[0]
        assert ("ep_imp", ms(BOUNDARY)) in found
        assert ("p", ms(BOUNDARY)) not in found
        boundary = next(
            metric
            for name, at, metric in await journaled(device, journal)
            if (name, at) == ("ep_imp", ms(BOUNDARY))
        )
        assert boundary.value == 100.5


async def test_a_counter_that_was_read_for_its_moment_is_not_sampled_later(
    tmp_path: Path,
) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source) as (device, journal):
        energy = [point.name for point in device.points].index("ep_imp")
        source.say(energy, START, 100.5, holds=False)
        await clock.advance(32)
        assert [at for _, at, _ in await journaled(device, journal)] == [ms(START)]
        source.say(energy, BOUNDARY + timedelta(minutes=15), 100.5, holds=False)
        await clock.advance(900)
        assert [at for _, at, _ in await journaled(device, journal)] == [
            ms(START),
            ms(BOUNDARY + timedelta(minutes=15)),
            ms(BOUNDARY + timedelta(minutes=15)),
        ]


async def test_a_source_that_never_spoke_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source):
        for _ in range(3):
            source.cut.set()
            await clock.advance(30)
    assert source.opened == 4
    assert [text for text in caplog.messages if "the source hung up" in text] == [
        "m1: the source hung up. It is asked again with growing pauses; "
        "check its power, address and cable."
    ]


async def test_nothing_is_sampled_while_the_connection_is_away(tmp_path: Path) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source) as (device, journal):
        energy = [point.name for point in device.points].index("ep_imp")
        source.say(energy, START, 100.5)
        await clock.advance(1)
        source.cut.set()
        await clock.advance(0)
        assert not device.alive
        await clock.advance(60)
        assert [at for _, at, _ in await journaled(device, journal)] == [ms(START)]
        assert source.opened == 2
        source.say(energy, BOUNDARY + timedelta(seconds=31), 101.0)
        assert device.alive


async def test_a_doubtful_value_keeps_its_quality_and_reason(tmp_path: Path) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source) as (device, journal):
        source.say(0, START, 230.0)
        source.say(0, START + timedelta(seconds=1), 230.0, Quality.SUSPECT)
        source.say(0, START + timedelta(seconds=2), 230.0, Quality.SUSPECT)
        source.say(0, START + timedelta(seconds=3), None, Quality.MISSING)
        source.say(0, START + timedelta(seconds=4), 230.0)
        said = [
            (at - ms(START), metric.value, metric.properties.get(topics.PROPERTY_QUALITY))
            for _, at, metric in await journaled(device, journal)
        ]
        assert [(at, value, quality and quality.value) for at, value, quality in said] == [
            (0, 230.0, None),
            (1000, 230.0, Quality.SUSPECT),
            (3000, None, Quality.MISSING),
            (4000, 230.0, None),
        ]


async def test_history_that_comes_late_is_kept_and_changes_no_present(tmp_path: Path) -> None:
    clock, source = ManualClock(START), Source()
    async with listening(tmp_path, clock, source) as (device, journal):
        source.say(0, START, 230.0)
        source.say(0, START - timedelta(seconds=5), 100.0)
        source.say(0, START + timedelta(seconds=1), 230.0)
        found = [
            (at - ms(START), metric.value) for _, at, metric in await journaled(device, journal)
        ]
        assert found == [(0, 230.0), (-5000, 100.0)]
        assert device.latest[0].value == 230.0
