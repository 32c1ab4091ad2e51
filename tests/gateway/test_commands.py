"""Commands: whitelist, range, time, once, read back, and a journalled answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.command_memory import CommandMemory
from gateway.commands import MAX_WAITING, Commands
from gateway.contract.commands import Command, CommandResult, State, decode_result
from gateway.contract.sparkplug import decode
from gateway.drivers.capabilities import DeviceSilent, DriverFault, LinkDown, Refused
from gateway.journal import NODE, Journal
from tests.gateway.bench import BenchField

NOW = 1_700_000_000_000


class Site:
    """Commands over a bench, with the journal they answer into."""

    def __init__(self, folder: Path) -> None:
        self.field = BenchField()
        self.folder = folder
        self.journal = Journal(folder / "j")
        self.now_ms = NOW

    def open(self) -> Journal:
        """The journal as the next process finds it."""
        self.journal = Journal(self.folder / "j")
        return self.journal

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Commands]:
        self.open().open()
        commands = Commands(self.journal, self.field, lambda: self.now_ms)
        task = asyncio.create_task(commands.run())
        try:
            yield commands
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.to_thread(self.journal.close)

    async def results(self) -> list[CommandResult]:
        """Every answer in the journal, in order."""
        records = await self.journal.read(0, 1000)
        assert all(record.device == NODE for record in records)
        metrics = [metric for record in records for metric in decode(record.body).metrics]
        return [decode_result(str(metric.value)) for metric in metrics]

    async def answer(self, count: int = 1) -> list[CommandResult]:
        """The last answers, once `count` commands have one."""
        async with asyncio.timeout(60):
            while True:
                found = [result for result in await self.results() if result.state != "accepted"]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def command(
    id: str = "c1", value: float = 55.5, point: str = "opening", device: str = "v1",
    expected: float | None = None, not_after_ms: int = NOW + 60_000,
) -> Command:  # fmt: skip
    return Command(id, device, point, value, not_after_ms, "per_anna", expected)


async def test_a_command_is_carried_out_and_read_back(site: Site) -> None:
    async with site.running() as commands:
        commands.offer(command(expected=40.0))
        [result] = await site.answer()
        accepted = (await site.results())[0]
    assert accepted.state == "accepted"
    assert result == CommandResult(
        "c1", State.VERIFIED, "done", NOW, "v1", "opening", 55.5, "per_anna", 40.0, 55.5
    )
    assert site.field.v1.valve.written == [("opening", 55.5)]


@pytest.mark.parametrize(
    ("wrong", "state", "code"),
    [
        (command(device="v2"), "rejected", "unknown_device"),
        (command(point="closing"), "rejected", "unknown_point"),
        (command(point="t"), "rejected", "not_writable"),
        (command(value=9.5), "rejected", "out_of_range"),
        (command(value=90.5), "rejected", "out_of_range"),
        (command(value=55.6), "rejected", "off_step"),
        (command(expected=41.0), "rejected", "changed"),
        (command(not_after_ms=NOW - 1), "expired", "late"),
    ],
)
async def test_what_is_not_allowed_is_refused(
    site: Site, wrong: Command, state: str, code: str
) -> None:
    async with site.running() as commands:
        commands.offer(wrong)
        [result] = await site.answer()
    assert (result.state, result.code) == (state, code)
    assert site.field.v1.valve.written == []


async def test_a_command_that_waited_too_long_for_its_line_expires(site: Site) -> None:
    async with site.running() as commands:
        site.field.v1.gate.clear()
        commands.offer(command())
        async with asyncio.timeout(60):
            while not await site.results():  # noqa: ASYNC110 - the journal has no bell
                await asyncio.sleep(0.01)
        site.now_ms += 60_001
        site.field.v1.gate.set()
        [result] = await site.answer()
    assert (result.state, result.code, result.old) == ("expired", "late", 40.0)
    assert site.field.v1.valve.written == []


@pytest.mark.parametrize(
    ("faults", "state", "code"),
    [
        ([LinkDown("gone")], "failed", "link_down"),
        ([None, DeviceSilent("mute")], "failed", "device_silent"),
        ([None, Refused("no", 3)], "failed", "refused"),
        ([None, None, DeviceSilent("mute")], "written", "not_read"),
    ],
)
async def test_what_the_field_does_not_do_is_told(
    site: Site, faults: list[DriverFault | None], state: str, code: str
) -> None:
    site.field.v1.valve.faults = faults
    async with site.running() as commands:
        commands.offer(command())
        [result] = await site.answer()
    assert (result.state, result.code) == (state, code)
    assert result.detail


async def test_a_device_that_does_not_follow_has_failed(site: Site) -> None:
    site.field.v1.valve.stuck = True
    async with site.running() as commands:
        commands.offer(command())
        [result] = await site.answer()
    assert (result.state, result.code, result.read) == ("failed", "differs", 40.0)


async def test_a_second_time_is_no_second_write(site: Site) -> None:
    async with site.running() as commands:
        commands.offer(command())
        commands.offer(command())
        await site.answer()
        commands.offer(command())
        commands.offer(command("c2", value=60.0))
        results = await site.answer(2)
    async with site.running() as commands:
        commands.offer(command())
        commands.offer(command("c3", value=61.0))
        results = await site.answer(3)
    assert [result.id for result in results] == ["c1", "c2", "c3"]
    assert site.field.v1.valve.written == [("opening", value) for value in (55.5, 60.0, 61.0)]


async def test_an_answer_that_the_journal_gave_up_is_given_again(site: Site) -> None:
    async with site.running() as commands:
        commands.offer(command())
        await site.answer()
        site.journal.acknowledge([(1, 2)])
        commands.offer(command())
        [again] = await site.answer()
    assert (again.id, again.state) == ("c1", "verified")
    assert site.field.v1.valve.written == [("opening", 55.5)]


@pytest.mark.parametrize(
    ("holds", "state", "code"), [(55.5, "verified", "done"), (40.0, "failed", "interrupted")]
)
async def test_after_a_kill_the_device_is_looked_at_and_not_written(
    site: Site, holds: float, state: str, code: str
) -> None:
    # What a kill -9 between the write and its answer leaves behind.
    site.open().open()
    memory = CommandMemory(site.journal)
    await memory.open()
    await memory.take(command())
    await memory.begin(command(), 40.0)
    await asyncio.to_thread(site.journal.close)
    site.field.v1.valve.values["opening"] = holds
    async with site.running() as commands:
        commands.offer(command())
        [result] = await site.answer()
        await asyncio.sleep(0)
        assert len(await site.results()) == 1
    assert (result.state, result.code, result.old) == (state, code, 40.0)
    assert site.field.v1.valve.written == []


async def test_a_kill_before_the_write_loses_no_command(site: Site) -> None:
    site.open().open()
    memory = CommandMemory(site.journal)
    await memory.open()
    await memory.take(command())
    await asyncio.to_thread(site.journal.close)
    async with site.running():
        [result] = await site.answer()
    assert (result.id, result.state) == ("c1", "verified")
    assert site.field.v1.valve.written == [("opening", 55.5)]


async def test_too_many_commands_are_refused(site: Site) -> None:
    async with site.running() as commands:
        site.field.v1.gate.clear()
        for number in range(MAX_WAITING + 1):
            commands.offer(command(f"c{number}"))
        [busy] = await site.answer()
        assert (busy.id, busy.state, busy.code) == (f"c{MAX_WAITING}", "rejected", "busy")
        site.field.v1.gate.set()
        assert len(await site.answer(MAX_WAITING + 1)) == MAX_WAITING + 1


async def test_a_bug_ends_one_command_and_not_the_rest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.running() as commands:
        monkeypatch.setattr(site.field.v1, "ratios", None)
        commands.offer(command())
        [result] = await site.answer()
        assert (result.state, result.code) == ("failed", "interrupted")
        monkeypatch.undo()
        commands.offer(command("c2"))
        assert (await site.answer(2))[1].state == "verified"
