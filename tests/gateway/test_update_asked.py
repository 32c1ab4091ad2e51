"""Updates that the platform asks for, as one gateway takes them; the whole way is
tests/graphql/test_update_at_the_site.py.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from gateway.contract import topics
from gateway.contract.sparkplug import decode
from gateway.contract.update import (
    Update,
    UpdateResult,
    UpdateTextFault,
    decode_update,
    decode_update_result,
)
from gateway.installed import software_version
from gateway.journal import Journal
from gateway.update.asked import Asked, Means, Updates
from gateway.update.software import Outcome, Software

NOW_MS = 1_000
ZEROS = "0" * 64
WHOLE = {"enrolled": True, "has_keys": True, "supervised": True}


def wish(id: str = "cmd_1", version: str = "9.0.0", not_after_ms: int = 2_000) -> Update:
    return Update(id, version, ZEROS, not_after_ms, "per_1")


class Bench:
    """A gateway's journal and releases, and its updates."""

    def __init__(self, folder: Path, **means: bool) -> None:
        self.journal = Journal(folder / "j")
        self.journal.open()
        self.software = Software(folder / "software")
        what = Means(folder / "gateway.yaml", **{**WHOLE, **means})
        self.updates = Updates(what, self.journal, lambda: NOW_MS, self.software)

    def asked(self, update: Update, before: str) -> None:
        """As the process before this one left it."""
        self.software.folder.mkdir(exist_ok=True)
        text = msgspec.json.encode(Asked(update, before))
        (self.software.folder / "asked.json").write_bytes(text)

    async def said(self, count: int) -> Sequence[UpdateResult]:
        """The results in the journal, once there are so many."""
        async with asyncio.timeout(20):
            while len(records := await self.journal.read(0, 100)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        metrics = [metric for record in records for metric in decode(record.body).metrics]
        assert {metric.name for metric in metrics} == {topics.EXT_UPDATE_RESULT}
        return [decode_update_result(str(metric.value)) for metric in metrics]


@pytest.mark.parametrize(
    ("means", "update", "code"),
    [
        ({"has_keys": False}, wish(), "no_keys"),
        ({"enrolled": False}, wish(), "not_enrolled"),
        ({"supervised": False}, wish(), "not_supervised"),
        ({}, wish(not_after_ms=NOW_MS - 1), "late"),
        ({}, wish(version=software_version()), "runs_already"),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    tmp_path: Path, means: dict[str, bool], update: Update, code: str
) -> None:
    bench = Bench(tmp_path, **means)
    bench.updates.offer(update)
    [told] = await bench.said(1)
    assert (told.id, told.state, told.code) == ("cmd_1", "refused", code)
    assert told.now == told.before == software_version()
    bench.journal.close()


async def test_one_at_a_time_and_each_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for id in ("cmd_1", "cmd_1", "cmd_2", "cmd_1"):
        bench.updates.offer(wish(id))
    told = await bench.said(2)
    assert [(one.id, one.state, one.code) for one in told] == [
        ("cmd_1", "accepted", "done"),
        ("cmd_2", "refused", "busy"),
    ]
    bench.journal.close()


async def test_what_cannot_be_fetched_is_told_and_the_next_may_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.updates.offer(wish())
    running = asyncio.create_task(bench.updates.run())
    told = await bench.said(2)
    assert (told[1].state, told[1].code) == ("failed", "not_installed")
    assert "the file does not exist. Create it or name another." in told[1].detail
    bench.updates.offer(wish("cmd_2"))
    assert [one.state for one in await bench.said(3)][2] == "accepted"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bench.journal.close()


async def test_the_process_after_the_trial_tells_how_it_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.asked(wish(), "1.0.0")
    bench.software.end_trial(Outcome("9.0.0", kept=False, reason="it ended with code 1"))
    bench.updates.offer(wish())
    running = asyncio.create_task(bench.updates.run())
    [told] = await bench.said(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (told.state, told.code, told.before, told.detail) == (
        "rolled_back",
        "not_healthy",
        "1.0.0",
        "it ended with code 1",
    )
    assert not (bench.software.folder / "asked.json").exists()
    bench.journal.close()


async def test_an_installation_that_was_cut_off_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.asked(wish(), "1.0.0")
    # How an earlier trial of another version ended says nothing of this one.
    bench.software.end_trial(Outcome("8.0.0", kept=True, reason=""))
    running = asyncio.create_task(bench.updates.run())
    [told] = await bench.said(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (told.state, told.code, told.before) == ("failed", "interrupted", "1.0.0")
    bench.journal.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"id": "x"}',
        f'{{"id": "x", "version": "1.0/..", "sha256": "{ZEROS}", "not_after_ms": 1, "actor": ""}}',
        '{"id": "x", "version": "1.0", "sha256": "../../x", "not_after_ms": 1, "actor": ""}',
        f'{{"id": "x", "version": "1.0", "sha256": "{ZEROS}", "not_after_ms": 1e9, "actor": 1}}',
    ],
)
def test_what_is_no_update(text: str) -> None:
    with pytest.raises(UpdateTextFault):
        decode_update(text)
