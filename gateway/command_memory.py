"""What became of each command, in the journal's file, so that none is carried out twice.

A row is written before a command is looked at, again before the device is written to, and last in
one transaction with the record of its result: after a kill -9 it is known whether the device may
have been written to, and a result is journalled once.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from gateway.contract import topics
from gateway.contract.commands import (
    Command,
    CommandResult,
    decode_command,
    encode_command,
    encode_result,
)
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.journal import NODE, Journal

KEPT = 1000
"""Commands remembered; one that is asked for again later has expired long ago."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY, request TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0, old REAL,
    result BLOB, rec INTEGER, number INTEGER NOT NULL) WITHOUT ROWID
"""
_INSERT = """
INSERT OR IGNORE INTO command (id, request, number)
VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM command))
"""
_FORGET = """
DELETE FROM command
WHERE result IS NOT NULL AND number <= (SELECT max(number) FROM command) - ?
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A command that had no result when the gateway ended; `begun` = it may have been written."""

    command: Command
    begun: bool
    old: float | None


class CommandMemory:
    """The table `command` of a journal that is open."""

    def __init__(self, journal: Journal) -> None:
        """Use this journal's file and thread."""
        self._journal = journal

    async def open(self) -> list[Unfinished]:
        """Make the table and answer what was left unfinished, oldest first."""

        def read(connection: sqlite3.Connection) -> list[Unfinished]:
            connection.execute(SCHEMA)
            rows = connection.execute(
                "SELECT request, begun, old FROM command WHERE result IS NULL ORDER BY number"
            )
            return [Unfinished(decode_command(row[0]), bool(row[1]), row[2]) for row in rows]

        return await self._journal.ask(read)

    async def knows(self, id: str) -> bool:
        """Whether a command was taken before; a result that was given up is journalled again."""

        def read(connection: sqlite3.Connection) -> tuple[bool, bytes | None]:
            row = connection.execute(
                "SELECT result, EXISTS (SELECT 1 FROM record r WHERE r.rec = c.rec)"
                " FROM command c WHERE id = ?",
                (id,),
            ).fetchone()
            return (False, None) if row is None else (True, None if row[1] else row[0])

        known, lost = await self._journal.ask(read)
        if lost is not None:
            self._journal.append(NODE, lost, _naming(id))
        return known

    async def take(self, command: Command) -> None:
        """Remember that a command came."""
        await self._durably(lambda connection: _take(connection, command))

    async def begin(self, command: Command, old: float | None) -> None:
        """Remember, over a power cut too, that the device is about to be written to."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE command SET begun = 1, old = ? WHERE id = ?", (old, command.id)
            )

        await self._durably(write)

    def report(self, result: CommandResult) -> None:
        """Journal how far a command is, for the platform."""
        self._journal.append(NODE, _body(result))

    def finish(self, result: CommandResult) -> None:
        """Journal a command's last result, with the memory of it."""
        body = _body(result)

        def write(connection: sqlite3.Connection, rec: int) -> None:
            connection.execute(
                "UPDATE command SET result = ?, rec = ? WHERE id = ?", (body, rec, result.id)
            )

        self._journal.append(NODE, body, write)

    async def _durably(self, write: Callable[[sqlite3.Connection], None]) -> None:
        """Write and flush to the disk: what a device does cannot be taken back."""

        def whole(connection: sqlite3.Connection) -> None:
            connection.commit()
            (before,) = connection.execute("PRAGMA synchronous").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                write(connection)
                connection.commit()
            except sqlite3.Error:
                connection.rollback()
                raise
            finally:
                connection.execute(f"PRAGMA synchronous = {int(before)}")

        await self._journal.ask(whole)


def _take(connection: sqlite3.Connection, command: Command) -> None:
    connection.execute(_INSERT, (command.id, encode_command(command)))
    connection.execute(_FORGET, (KEPT,))


def _naming(id: str) -> Callable[[sqlite3.Connection, int], None]:
    def write(connection: sqlite3.Connection, rec: int) -> None:
        connection.execute("UPDATE command SET rec = ? WHERE id = ?", (rec, id))

    return write


def _body(result: CommandResult) -> bytes:
    text = encode_result(result)
    metric = Metric(topics.EXT_COMMAND_RESULT, None, Datatype.STRING, text, result.at_ms)
    return encode(Payload(None, (metric,)))
