"""A month of the audit as a file: NDJSON, packed with gzip, the same bytes whenever it is written.

Its first line is a `Head`, each other line an entry with its hash in hexadecimal digits; `old` and
`new` are JSON as text, because the hash is over the text.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from backend.core.audit import Entry, MovedMonth
from backend.core.files import settle

FORMAT: Final = "kilowise-audit-1"
_DAMAGE: Final = (zlib.error, EOFError, gzip.BadGzipFile, msgspec.MsgspecError, ValueError)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: entries `first` to `last`; `before` is the hash before the first entry and
    `head` that of the last, both in hexadecimal digits.
    """

    format: str = FORMAT
    project: str
    month: str
    first: int
    last: int
    before: str
    head: str


class Line(msgspec.Struct, frozen=True):
    """An entry as a file holds it."""

    number: int
    at: datetime
    person_id: int | None
    actor: str
    action: str
    ref: str
    old: str | None
    new: str | None
    result: str
    hash: str

    def entry(self) -> Entry:
        """Answer the entry; ValueError for a hash that is none."""
        return Entry(
            number=self.number,
            at=self.at,
            person_id=self.person_id,
            actor=self.actor,
            action=self.action,
            ref=self.ref,
            old=self.old,
            new=self.new,
            result=self.result,
            hash=bytes.fromhex(self.hash),
        )

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Make the line of an entry."""
        return cls(
            number=entry.number,
            at=entry.at.astimezone(UTC),
            person_id=entry.person_id,
            actor=entry.actor,
            action=entry.action,
            ref=entry.ref,
            old=entry.old,
            new=entry.new,
            result=entry.result,
            hash=entry.hash.hex(),
        )


class FileFault(Exception):
    """A file that is not there, or not what its row says; `number` is the first entry of it that
    cannot be believed.
    """

    def __init__(self, file: Path, fault: Literal["missing", "damaged"], number: int) -> None:
        """Take the file, what is wrong with it, and from which entry on."""
        self.file, self.fault, self.number = file, fault, number
        super().__init__(f"{file} is {fault} from entry {number} on")


class Writer:
    """Writes a file entry by entry; it has its name only once it is whole and on the disk."""

    def __init__(self, file: Path, head: Head) -> None:
        """Begin beside `file`, over whatever an earlier attempt has left."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file, self._fresh = file, file.with_name(f"{file.name}.part")
        self._fresh.touch(mode=0o600)
        self._raw = self._fresh.open("wb")
        # Neither name nor time in it, so that a second attempt writes the same bytes.
        self._packed = gzip.GzipFile("", "wb", fileobj=self._raw, mtime=0)
        self._write(head)

    def add(self, entries: Sequence[Entry]) -> None:
        """Write entries on."""
        for entry in entries:
            self._write(Line.of(entry))

    def settle(self) -> None:
        """End the file and give it its name."""
        self._packed.close()
        self._raw.close()
        settle(self._fresh, self._file)

    def _write(self, line: Head | Line) -> None:
        self._packed.write(msgspec.json.encode(line) + b"\n")


def file_of(folder: Path, project: str, month: str) -> Path:
    """Answer where a project's month lies; `project` is its outside identity."""
    return folder / project / f"{month}.ndjson.gz"


def entries(file: Path, after: int) -> Iterator[Entry]:
    """Read a file's entries beyond a number; FileFault where it cannot be read on."""
    number = after
    try:
        with gzip.open(file, "rb") as lines:
            msgspec.json.decode(lines.readline(), type=Head)
            for line in lines:
                entry = msgspec.json.decode(line, type=Line).entry()
                if entry.number > after:
                    number = entry.number
                    yield entry
    except FileNotFoundError as error:
        raise FileFault(file, "missing", after + 1) from error
    except _DAMAGE as error:
        raise FileFault(file, "damaged", number + 1) from error


def look_through(file: Path, month: MovedMonth) -> None:
    """Compare a file with its row, entry by entry along the chain; FileFault where they part."""
    number, before = month.first_number - 1, month.before_hash
    for entry in entries(file, number):
        if entry.number != number + 1 or entry.hash != entry.hash_after(before):
            raise FileFault(file, "damaged", number + 1)
        number, before = entry.number, entry.hash
    if (number, before) != (month.last_number, month.head_hash):
        raise FileFault(file, "damaged", number + 1)
    if sum_of(file) != month.sha256:
        raise FileFault(file, "damaged", month.first_number)


def sum_of(file: Path) -> str:
    """Answer the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
