"""The journal on a real file: numbers, acknowledgements, bounds, full disk, damage (case 17)."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.journal import Journal, Record
from gateway.journal_file import JournalFault


class Open:
    """A journal and what it told."""

    def __init__(self, file: Path, max_bytes: int = 1 << 20) -> None:
        self.journal = Journal(file, max_bytes)
        self.told: list[Record] = []
        self.journal.on_journaled = self.told.extend
        self.journal.open()

    async def settled(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.told) < count:  # noqa: ASYNC110 - what a thread tells
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        await asyncio.to_thread(self.journal.close)


async def test_records_are_numbered_told_and_read_in_order(tmp_path: Path) -> None:
    book = Open(tmp_path / "j")
    assert [book.journal.append("m1", bytes([n])) for n in range(5)] == [1, 2, 3, 4, 5]
    await book.settled(5)
    assert book.told == await book.journal.read(0, 10)
    assert [record.rec for record in await book.journal.read(2, 2)] == [3, 4]
    assert book.journal.standing.bytes == 5
    await book.close()


async def test_numbers_epoch_and_aliases_go_on_after_a_restart(tmp_path: Path) -> None:
    book = Open(tmp_path / "j")
    epoch = book.journal.epoch
    assert 0 < epoch < 1 << 63
    assert await book.journal.aliases("m1", ["p", "q"]) == [1, 2]
    assert await book.journal.next_session() == 0
    book.journal.append("m1", b"a")
    book.journal.append("m1", b"b")
    await book.settled(2)
    book.journal.acknowledge([(1, 2)])
    await book.close()
    book = Open(tmp_path / "j")
    assert book.journal.epoch == epoch
    assert book.journal.append("m1", b"c") == 3
    assert await book.journal.aliases("m1", ["q", "s", "p"]) == [2, 3, 1]
    assert await book.journal.aliases("m2", ["p"]) == [4]
    assert await book.journal.next_session() == 1
    await book.close()


async def test_acknowledged_ranges_are_gone_and_nothing_else(tmp_path: Path) -> None:
    book = Open(tmp_path / "j")
    for _ in range(10):
        book.journal.append("m1", b"xy")
    await book.settled(10)
    book.journal.acknowledge([(2, 4), (9, 20)])
    assert [record.rec for record in await book.journal.read(0, 99)] == [1, 5, 6, 7, 8]
    assert (book.journal.standing.records, book.journal.standing.bytes) == (5, 10)
    await book.close()


async def test_a_full_journal_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    book = Open(tmp_path / "j", max_bytes=100 * (64 + 36))
    for _ in range(130):
        book.journal.append("m1", b"x" * 36)
        await asyncio.sleep(0)
    await book.settled(130)
    kept = [record.rec for record in await book.journal.read(0, 999)]
    dropped = book.journal.standing.dropped_total
    assert kept == list(range(dropped + 1, 131))
    assert len(kept) <= 130
    # The bound is looked at once a batch; further batches bring it below.
    for _ in range(20):
        book.journal.append("m1", b"x" * 36)
        await book.settled(book.journal.last)
    kept = [record.rec for record in await book.journal.read(0, 999)]
    assert len(kept) <= 100
    assert kept == list(range(book.journal.standing.dropped_total + 1, 151))
    dropped = book.journal.standing.dropped_total
    await book.close()
    book = Open(tmp_path / "j")
    assert book.journal.standing.dropped_total == dropped == 150 - len(kept)
    await book.close()


async def test_a_full_disk_neither_stops_the_process_nor_the_messages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = Open(tmp_path / "j")
    for _ in range(50):
        book.journal.append("m1", b"x" * 2000)
    await book.settled(50)
    # The engine's own limit answers SQLITE_FULL exactly as a full disk does.
    full = (await book.journal.ask(lambda c: c.execute("PRAGMA page_count").fetchone()))[0]
    await book.journal.ask(lambda c: c.execute(f"PRAGMA max_page_count = {full}").fetchone())
    for _ in range(100):
        book.journal.append("m1", b"y" * 2000)
    await book.settled(150)
    async with asyncio.timeout(60):
        while not book.journal.standing.healthy:  # noqa: ASYNC110 - what a thread tells
            await asyncio.sleep(0.02)
    kept = [record.rec for record in await book.journal.read(0, 999)]
    standing = book.journal.standing
    assert standing.dropped_total > 0
    assert kept == list(range(standing.dropped_total + 1, 151))
    assert "cannot be written (database or disk is full)" in caplog.text
    assert "can be written again" in caplog.text
    await book.close()


async def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "j").write_bytes(b"this is not a database" * 100)
    book = Open(tmp_path / "j")
    assert book.journal.append("m1", b"a") == 1
    await book.settled(1)
    await book.close()
    assert (tmp_path / "j.damaged-1").read_bytes().startswith(b"this is not")
    assert "is damaged" in caplog.text


async def test_a_second_gateway_on_the_same_file_is_a_sentence(tmp_path: Path) -> None:
    book = Open(tmp_path / "j")
    with pytest.raises(JournalFault, match="Is another gateway using it"):
        Journal(tmp_path / "j").open()
    await book.close()


async def test_every_committed_record_survives_without_a_close(tmp_path: Path) -> None:
    book = Open(tmp_path / "j")
    for n in range(20):
        book.journal.append("m1", bytes([n]))
    await book.settled(20)
    # A copy of the files as they lie there is what a kill -9 leaves.
    for name in ("j", "j-wal"):
        (tmp_path / f"copy{name[1:]}").write_bytes((tmp_path / name).read_bytes())
    found = sqlite3.connect(tmp_path / "copy")
    assert found.execute("SELECT count(*), max(rec) FROM record").fetchone() == (20, 20)
    found.close()
    await book.close()


async def test_messages_that_cannot_be_written_wait_in_a_bounded_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.journal.MAX_WAITING", 40)
    book = Open(tmp_path / "j")
    full = (await book.journal.ask(lambda c: c.execute("PRAGMA page_count").fetchone()))[0]
    await book.journal.ask(lambda c: c.execute(f"PRAGMA max_page_count = {full}").fetchone())
    for number in range(100):
        book.journal.append("m1", b"z" * 9000)
        if number % 10 == 0:
            await book.settled(number)
    assert book.journal.standing.waiting == 40
    assert book.journal.standing.dropped_total == 60
    await book.journal.ask(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone())
    async with asyncio.timeout(60):
        while book.journal.standing.waiting:  # noqa: ASYNC110 - what a thread tells
            await asyncio.sleep(0.02)
    assert [record.rec for record in await book.journal.read(0, 999)] == list(range(61, 101))
    await book.close()
