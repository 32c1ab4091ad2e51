"""A project as one archive: a ZIP of a CSV a table, with schema, checksums and a page to read.

It is written as a stream: nothing of it is held but a part of `PART` bytes. What is left out stands
in `LEFT_OUT` with its reason, and no secret is in it.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from backend.core.tables import GLOBAL_TABLES, metadata

PART: Final = 1_000_000
"""Bytes."""
VERSION: Final = 1
LEFT_OUT: Final[Mapping[str, str]] = {
    "account_rate": "how fast accounts were made: of the running platform",
    "alarm_lease": "which process looks: of the running platform",
    "answered_request": "answers to repeats, for a day",
    "dirty": "what waits to be accounted: of the running platform",
    "enrolment_code": "a secret's hash",
    "event": "news between processes",
    "event_counter": "news between processes",
    "mqtt_credential": "a secret's hash",
    "project_export": "exports themselves",
    "project_export_part": "exports themselves",
    "push_subscription": "keys of people's browsers",
    "regroup": "what waits to be regrouped: of the running platform",
    "stale": "what waits to be accounted: of the running platform",
}
SECRETS: Final[Mapping[str, frozenset[str]]] = {
    "gateway": frozenset({"credential_hash"}),
    "webhook": frozenset({"secret", "old_secret"}),
}
"""Columns that stay here."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of the archive and its columns with their types."""

    table: str
    columns: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Where it stands in the archive."""
        return f"tables/{self.table}.csv"


@dataclass(slots=True)
class Written:
    """What stands in the archive: rows of a sheet, and the checksum of each file."""

    rows: dict[str, int] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)


def sheets() -> list[Sheet]:
    """Answer what an archive has of a project, by name of table."""
    found = []
    for name in sorted(set(map(str, metadata.tables)) - GLOBAL_TABLES - LEFT_OUT.keys()):
        secret = SECRETS.get(name, frozenset())
        columns = tuple(
            (str(column.name), str(column.type).lower())
            for column in metadata.tables[name].columns
            if column.name not in secret
        )
        found.append(Sheet(name, columns))
    return found


def schema(
    project: Mapping[str, object], at: datetime, written: Written, missing: Sequence[str]
) -> bytes:
    """Answer `schema.json`: what the archive is, and what its tables hold.

    `missing` are paths of files that should be in it and are not there.
    """
    told = {
        "format": "kilowise-project",
        "version": VERSION,
        "exported_at": at.isoformat(),
        "project": dict(project),
        "left_out": {**LEFT_OUT, **dict.fromkeys(missing, "the platform has not got it")},
        "tables": {
            sheet.table: {
                "file": sheet.path,
                "rows": written.rows[sheet.table],
                "columns": [{"name": name, "type": kind} for name, kind in sheet.columns],
            }
            for sheet in sheets()
        },
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def checksums(written: Written) -> bytes:
    """Answer `SHA256SUMS`, as the program sha256sum reads it."""
    return "".join(f"{one}  {path}\n" for path, one in sorted(written.sums.items())).encode()


class Stream:
    """A ZIP that goes out in parts while it is written."""

    def __init__(self) -> None:
        """Begin an empty archive."""
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self.written = Written()

    @contextmanager
    def file(self, path: str) -> Iterator[Callable[[bytes], None]]:
        """Write a file of the archive by the function that is answered; one after the other."""
        digest = hashlib.sha256()
        with self._zip.open(path, "w", force_zip64=True) as entry:

            def write(content: bytes) -> None:
                digest.update(content)
                entry.write(content)

            yield write
        self.written.sums[path] = digest.hexdigest()

    def add(self, path: str, content: bytes) -> None:
        """Add a small file."""
        with self.file(path) as write:
            write(content)

    def parts(self, *, last: bool = False) -> Iterator[bytes]:
        """Answer the parts that are whole; with `last` the archive is closed and all of it goes."""
        if last:
            self._zip.close()
        yield from self._sink.take(last=last)


class _Sink:
    """Takes what a ZIP writes, which finds that it cannot go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, content: bytes, /) -> int:
        self._held += content
        return len(content)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self, *, last: bool) -> Iterator[bytes]:
        while len(self._held) >= PART or (last and self._held):
            yield bytes(self._held[:PART])
            del self._held[:PART]
