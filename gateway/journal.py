"""The journal: every reported message lies in a SQLite file until the platform has committed it.

A thread of its own writes what came within a batch window in one transaction, so callers never
wait for the disk. `synchronous=NORMAL` on a write-ahead log survives kill -9 of the process; a
power cut can cost the last moments before it, unless `durable` asks for FULL. When the disk fails
the process lives: records wait in a bounded memory queue, are still published, and what has to be
given up, oldest first, is counted.
"""

import asyncio
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.journal_file import JournalFault, open_file, read_meta, write_meta

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_S = 0.02
RETRY_S = 1.0
FULL_DISK_STEP = 16
"""Records in one transaction while the disk is full."""
MAX_WAITING = 20_000
"""Records in memory while the disk is slow or full."""
DEFAULT_MAX_BYTES = 512 * 1024 * 1024
EPOCHS = 1 << 28
"""Random identities of a journal file: as many as four bytes of every message can tell."""
NODE = ""
"""The device of what the node says of itself."""
ROOM = 64
"""Bytes a record costs beside its body."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message in the journal: its number in the epoch, its device, its encoded samples."""

    rec: int
    device: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """How full the journal is and what it had to give up."""

    records: int
    bytes: int
    waiting: int
    dropped_total: int
    healthy: bool


Committed = Callable[[Sequence[Record]], None]
Along = Callable[[sqlite3.Connection, int], None]
"""What is written in the same transaction as a record, whose number it is told."""


class Journal:
    """The file and its thread. Open it, set `on_journaled`, then append."""

    def __init__(
        self, file: Path, max_bytes: int = DEFAULT_MAX_BYTES, *, durable: bool = False
    ) -> None:
        """`durable` makes every batch survive a power cut as well (one fsync a batch)."""
        self._file = file
        self._max_bytes = max_bytes
        self._durable = durable
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = False
        self._waiting: dict[int, Record] = {}
        self._fresh: list[int] = []
        self._along: dict[int, Along] = {}
        self._jobs: list[Callable[[sqlite3.Connection], None]] = []
        self._records = 0
        self._bytes = 0
        self._dropped = 0
        self._healthy = True
        self._next = 1
        self.epoch = 0
        self.on_journaled: Committed = lambda records: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Open or make the file and start the thread; JournalFault when it cannot be used.

        A file that is damaged is set aside and a new one, with a new epoch, is begun.
        """
        self._loop = asyncio.get_running_loop()
        connection = open_file(self._file, durable=self._durable)
        self._load(connection)
        self._thread = threading.Thread(
            target=self._run, args=(connection,), name="journal", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    @property
    def last(self) -> int:
        """The highest number given to a record."""
        return self._next - 1

    @property
    def standing(self) -> Standing:
        """How full the journal is and what it had to give up."""
        return Standing(
            self._records, self._bytes, len(self._waiting), self._dropped, self._healthy
        )

    def append(self, device: str, body: bytes, along: Along | None = None) -> int:
        """Take a message; answers its number at once, `on_journaled` follows when it is written.

        `along` is written with the message or not at all.
        """
        with self._lock:
            rec = self._next
            self._next = rec + 1
            self._waiting[rec] = Record(rec, device, body)
            self._fresh.append(rec)
            if along is not None:
                self._along[rec] = along
            if len(self._waiting) > MAX_WAITING:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                self._along.pop(oldest, None)
                self._dropped += 1
        self._wake.set()
        return rec

    def acknowledge(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Forget the records in these closed ranges: they are in the platform's database."""
        wanted = list(ranges)
        with self._lock:
            for rec in [r for r in self._waiting if any(lo <= r <= hi for lo, hi in wanted)]:
                del self._waiting[rec]
        self._post(lambda connection: self._delete(connection, wanted))

    async def read(self, after: int, limit: int) -> list[Record]:
        """Records with a number above `after`, oldest first."""

        def fetch(connection: sqlite3.Connection) -> list[Record]:
            rows = connection.execute(
                "SELECT rec, device, body FROM record WHERE rec > ? ORDER BY rec LIMIT ?",
                (after, limit),
            )
            return [Record(*row) for row in rows]

        return await self.ask(fetch)

    async def aliases(self, device: str, metrics: Sequence[str]) -> list[int]:
        """The lasting alias of each metric of a device; unknown ones get the next numbers."""

        def find(connection: sqlite3.Connection) -> list[int]:
            known: dict[str, int] = dict(
                connection.execute("SELECT metric, alias FROM alias WHERE device = ?", (device,))
            )
            (top,) = connection.execute("SELECT coalesce(max(alias), 0) FROM alias").fetchone()
            for metric in metrics:
                if metric not in known:
                    top += 1
                    known[metric] = top
                    connection.execute("INSERT INTO alias VALUES (?, ?, ?)", (device, metric, top))
            return [known[metric] for metric in metrics]

        return await self.ask(find)

    async def next_session(self) -> int:
        """The next `bdSeq`, 0..255, counted over restarts."""

        def step(connection: sqlite3.Connection) -> int:
            number = (read_meta(connection, "bdseq", -1) + 1) % 256
            write_meta(connection, "bdseq", number)
            return number

        return await self.ask(step)

    def remember_birth(self, device: str, payload: bytes) -> None:
        """Keep a device's last birth, for backlog that outlives its configuration."""

        def keep(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO birth VALUES (?, ?)", (device, payload))

        self._post(keep)

    async def births_of_backlog(self) -> dict[str, bytes]:
        """The last birth of every device that has records waiting."""

        def fetch(connection: sqlite3.Connection) -> dict[str, bytes]:
            return dict(
                connection.execute(
                    "SELECT device, payload FROM birth "
                    "WHERE device IN (SELECT DISTINCT device FROM record)"
                )
            )

        return await self.ask(fetch)

    # From here on: the thread.

    def _load(self, connection: sqlite3.Connection) -> None:
        epoch = read_meta(connection, "epoch", 0)
        if not epoch:
            epoch = secrets.randbelow(EPOCHS) or 1
            write_meta(connection, "epoch", epoch)
        self.epoch = epoch
        self._next = read_meta(connection, "next", 1)
        self._dropped = read_meta(connection, "dropped", 0)
        self._records, self._bytes = connection.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM record"
        ).fetchone()
        connection.commit()

    def _run(self, connection: sqlite3.Connection) -> None:
        while not (self._stop and not self._fresh and not self._jobs):
            self._wake.wait()
            if not self._stop:
                time.sleep(BATCH_S)
            self._wake.clear()
            self._write(connection)
            if not self._healthy and not self._stop:
                self._wake.wait(RETRY_S)
                self._wake.set()
            elif not self._healthy:
                break
        connection.close()

    def _write(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            fresh = [self._waiting[rec] for rec in self._fresh if rec in self._waiting]
            records = list(self._waiting.values())
            self._fresh = []
            jobs, self._jobs = self._jobs, []
            following, dropped = self._next, self._dropped
        # On a full disk small steps get further than one that never fits.
        step = len(records) if self._healthy else FULL_DISK_STEP
        try:
            for start in range(0, len(records), max(1, step)):
                part = records[start : start + step]
                self._insert(connection, part, following, dropped)
                with self._lock:
                    for record in part:
                        self._waiting.pop(record.rec, None)
                        self._along.pop(record.rec, None)
        except sqlite3.Error as error:
            connection.rollback()
            self._suffer(connection, error)
        else:
            self._recover()
        # Published although not written when the disk fails: better at most once than never.
        if fresh:
            self._tell(lambda: self.on_journaled(fresh))
        for job in jobs:
            self._do(connection, job)

    def _insert(
        self,
        connection: sqlite3.Connection,
        records: Sequence[Record],
        following: int,
        dropped: int,
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
            [(record.rec, record.device, record.body) for record in records],
        )
        for record in records:
            if record.rec in self._along:
                self._along[record.rec](connection, record.rec)
        write_meta(connection, "next", following)
        write_meta(connection, "dropped", dropped)
        connection.commit()
        self._records += len(records)
        self._bytes += sum(len(record.body) for record in records)
        if self._bytes + ROOM * self._records > self._max_bytes:
            self._give_up_oldest(connection, max(1, self._records // 20))

    def _give_up_oldest(self, connection: sqlite3.Connection, share: int) -> None:
        """Delete this many of the oldest records and count them."""
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute(
            "SELECT count(*), sum(length(body)), max(rec) FROM "
            "(SELECT rec, body FROM record ORDER BY rec LIMIT ?)",
            (share,),
        ).fetchone()
        count, size, last = row
        if not count:
            connection.rollback()
            return
        connection.execute("DELETE FROM record WHERE rec <= ?", (last,))
        write_meta(connection, "dropped", self._dropped + count)
        connection.commit()
        with self._lock:
            self._dropped += count
        self._records -= count
        self._bytes -= size
        log.warning(
            "the journal %s is full: the %d oldest messages were given up (%d so far). "
            "Reconnect the platform or raise journal.max_mb.",
            self._file,
            count,
            self._dropped,
        )

    def _delete(self, connection: sqlite3.Connection, ranges: Sequence[tuple[int, int]]) -> None:
        for low, high in ranges:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM record "
                "WHERE rec BETWEEN ? AND ?",
                (low, high),
            ).fetchone()
            if row[0]:
                connection.execute("DELETE FROM record WHERE rec BETWEEN ? AND ?", (low, high))
                self._records -= row[0]
                self._bytes -= row[1]

    def _suffer(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        if self._healthy:
            log.error(
                "the journal %s cannot be written (%s): messages wait in memory, the oldest are "
                "given up beyond %d. Free space on its disk.",
                self._file,
                error,
                MAX_WAITING,
            )
        self._healthy = False
        try:
            # Pages of given-up records and of a restarted log are room again on a full disk.
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL and self._records:
                self._give_up_oldest(connection, max(1, len(self._waiting)))
        except sqlite3.Error:
            connection.rollback()

    def _recover(self) -> None:
        if not self._healthy:
            self._healthy = True
            log.warning("the journal %s can be written again.", self._file)

    def _do(
        self, connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], None]
    ) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            job(connection)
            connection.commit()
        except sqlite3.Error as error:
            connection.rollback()
            log.warning(
                "the journal %s: %s; it is tried again at the next resend.", self._file, error
            )

    # Between loop and thread.

    def _post(self, job: Callable[[sqlite3.Connection], None]) -> None:
        with self._lock:
            self._jobs.append(job)
        self._wake.set()

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        """What a question to the file answers, run in the thread; JournalFault when it cannot."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def job(connection: sqlite3.Connection) -> None:
            try:
                answer = question(connection)
                connection.commit()
            except sqlite3.Error as error:
                connection.rollback()
                fault = JournalFault(f"the journal {self._file}: {error}")
                self._tell(lambda: None if future.done() else future.set_exception(fault))
                return
            self._tell(lambda: None if future.done() else future.set_result(answer))

        self._post(job)
        return future

    def _tell(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)
