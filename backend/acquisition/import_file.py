"""The files of a bulk import: NDJSON or CSV, plain or gzip, read row by row with line numbers.

docs/operating.md, "Import", describes both forms. A fault of the file as a whole raises
ImportFault; a fault of one row is a `BadRow` beside the good rows, and the rest goes on.
"""

import csv
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec

from backend.acquisition.window import milliseconds
from gateway.contract.quality import Quality

FORMAT = "readings"
VERSION = 1
MAX_LINE = 1 << 16
DAY_MS = 86_400_000
MAX_BLOCKS = 5000
"""A file that changes the day more often is read as it lies."""
QUALITIES = frozenset(int(one) for one in Quality)
_GZIP = b"\x1f\x8b"


class ImportFault(Exception):
    """The file as a whole cannot be imported: `code` of the catalogue, `line`, parameters."""

    def __init__(self, code: str, line: int, **params: str | int) -> None:
        """Take the code under `errors.import_...`, the line (from 1) and what the text names."""
        super().__init__(f"line {line}: {code} {params}")
        self.code, self.line, self.params = code, line, params


class PointLine(msgspec.Struct, frozen=True):
    """One point of the header: `id` is the number its rows carry in this file."""

    id: int
    device: str
    name: str
    kind: str = "gauge"
    unit: str = ""
    modulus: float | None = None
    resolution: float | None = None
    max_gap_s: int = 900
    profile: str | None = None


class Header(msgspec.Struct, frozen=True):
    """First line of NDJSON: what the file is, whose gateway, and its points."""

    kilowise: str
    version: int
    points: list[PointLine] = msgspec.field(default_factory=list)
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    """One reading of the file: its point's number in the file, UTC milliseconds, value, quality."""

    line: int
    point: int
    ts_ms: int
    value: float | None
    quality: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """One line that cannot be read, with a code of the catalogue."""

    line: int
    code: str


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of one UTC day: where they begin in the plain file, and how many."""

    day: int
    offset: int
    line: int
    count: int


@dataclass(slots=True)
class ImportFile:
    """An opened file: its points by their number, and its blocks as they lie in it."""

    stream: BinaryIO
    gateway: str | None
    points: dict[int, PointLine]
    blocks: list[Block] = field(default_factory=list)
    is_csv: bool = False
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _columns: list[str] = field(default_factory=list)

    @property
    def rows_total(self) -> int:
        """Lines of all blocks."""
        return sum(block.count for block in self.blocks)

    def newest_first(self) -> list[Block]:
        """Answer the blocks so that the newest day comes first, as people want to see it."""
        return sorted(self.blocks, key=lambda block: -block.day)

    def rows(self, block: Block) -> Iterator[FileRow | BadRow]:
        """Read the rows of one block."""
        self.stream.seek(block.offset)
        for line in range(block.line, block.line + block.count):
            yield self.row(line, self.stream.readline(MAX_LINE))

    def row(self, line: int, raw: bytes) -> FileRow | BadRow:
        """Read one line."""
        try:
            return self._csv_row(line, raw) if self.is_csv else self._ndjson_row(line, raw)
        except _BadField as bad:
            return BadRow(line, str(bad))

    def _ndjson_row(self, line: int, raw: bytes) -> FileRow:
        try:
            fields = msgspec.json.decode(raw, type=list[int | float | str | None])
        except msgspec.DecodeError:
            raise _BadField("import_bad_line") from None
        if len(fields) not in {3, 4}:
            raise _BadField("import_bad_line")
        point, ts, value = fields[:3]
        quality = fields[3] if len(fields) == 4 else 0
        if not isinstance(point, int) or point not in self.points:
            raise _BadField("import_unknown_point")
        return FileRow(line, point, read_time(ts), *_measured(value, quality))

    def _csv_row(self, line: int, raw: bytes) -> FileRow:
        try:
            cells = next(csv.reader([raw.decode()]))
        except (UnicodeDecodeError, csv.Error, StopIteration):
            raise _BadField("import_bad_line") from None
        if len(cells) != len(self._columns):
            raise _BadField("import_bad_line")
        row = dict(zip(self._columns, cells, strict=True))
        point = self._csv_point(row)
        quality = _number_or_none(row.get("quality") or "0")
        return FileRow(
            line, point, read_time(row["ts"]), *_measured(_number_or_none(row["value"]), quality)
        )

    def _csv_point(self, row: dict[str, str]) -> int:
        """Answer the number of a row's point; a new one where it is named for the first time."""
        key = (row["device"], row["name"])
        if not all(key):
            raise _BadField("import_unknown_point")
        if key not in self._numbers:
            number = len(self._numbers)
            self._numbers[key] = number
            gap = _number_or_none(row.get("max_gap_s") or "")
            self.points[number] = PointLine(
                number,
                *key,
                row.get("kind") or "gauge",
                row.get("unit") or "",
                _number_or_none(row.get("modulus") or ""),
                _number_or_none(row.get("resolution") or ""),
                int(gap) if gap else 900,
            )
        return self._numbers[key]


class _BadField(ValueError):
    """A field of a row is unfit; the text is the catalogue's code."""


def open_import(path: Path, spool: BinaryIO) -> ImportFile:
    """Open a file and find its blocks; a gzip file is unpacked into `spool` first.

    Raises ImportFault when it is no import at all.
    """
    try:
        stream: BinaryIO = path.open("rb")
    except OSError as error:
        raise ImportFault("import_no_file", 0, path=path.name) from error
    if stream.read(2) == _GZIP:
        stream.close()
        with gzip.open(path, "rb") as packed:
            try:
                while chunk := packed.read(1 << 20):
                    spool.write(chunk)
            except (OSError, EOFError) as error:
                raise ImportFault("import_bad_gzip", 1) from error
        stream = spool
    stream.seek(0)
    try:
        file = _read_header(stream, stream.readline(MAX_LINE * 16))
    except ImportFault:
        stream.close()
        raise
    _find_blocks(file)
    return file


def _read_header(stream: BinaryIO, first: bytes) -> ImportFile:
    if first.lstrip().startswith(b"{"):
        try:
            header = msgspec.json.decode(first, type=Header)
        except msgspec.DecodeError as error:
            raise ImportFault("import_bad_header", 1, told=str(error)) from error
        if header.kilowise != FORMAT or header.version != VERSION:
            raise ImportFault("import_bad_version", 1, version=header.version)
        return ImportFile(stream, header.gateway, {point.id: point for point in header.points})
    try:
        columns = [cell.strip() for cell in next(csv.reader([first.decode("utf-8-sig")]))]
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise ImportFault("import_bad_header", 1, told="no columns") from error
    missing = [name for name in ("device", "name", "ts", "value") if name not in columns]
    if missing:
        raise ImportFault("import_bad_header", 1, told=", ".join(missing))
    return ImportFile(stream, None, {}, is_csv=True, _columns=columns)


def _find_blocks(file: ImportFile) -> None:
    """Cut the file where the day changes; a file in no order at all stays one block."""
    begin, begin_line, day, line = file.stream.tell(), 2, -1, 1
    offset = begin
    while raw := file.stream.readline(MAX_LINE):
        line += 1
        row = file.row(line, raw)
        row_day = row.ts_ms // DAY_MS if isinstance(row, FileRow) else day
        if row_day != day and line > begin_line:
            file.blocks.append(Block(day, begin, begin_line, line - begin_line))
            begin, begin_line = offset, line
        day = row_day
        offset += len(raw)
    if line >= begin_line:
        file.blocks.append(Block(day, begin, begin_line, line - begin_line + 1))
    if len(file.blocks) > MAX_BLOCKS:
        first = file.blocks[0]
        file.blocks[:] = [Block(first.day, first.offset, 2, line - 1)]


def read_time(given: int | float | str | None) -> int:
    """Answer ISO 8601 with an offset, or milliseconds since 1970, as UTC milliseconds."""
    if isinstance(given, int):
        return given
    if isinstance(given, str) and given.lstrip("-").isdigit():
        return int(given)
    try:
        instant = datetime.fromisoformat(str(given))
    except ValueError:
        raise _BadField("import_bad_time") from None
    if instant.tzinfo is None:
        # A local time without its offset is twice a year not one instant.
        raise _BadField("import_time_without_zone")
    if instant.microsecond % 1000:
        instant -= timedelta(microseconds=instant.microsecond % 1000)
    return milliseconds(instant)


def _measured(value: float | str | None, quality: float | str | None) -> tuple[float | None, int]:
    if not isinstance(quality, int | float) or int(quality) not in QUALITIES:
        raise _BadField("import_bad_quality")
    if value is None or int(quality) == Quality.MISSING:
        return None, Quality.MISSING
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise _BadField("import_bad_value")
    return float(value), int(quality)


def _number_or_none(cell: str) -> float | None:
    if not cell.strip():
        return None
    try:
        return float(cell)
    except ValueError:
        raise _BadField("import_bad_value") from None
