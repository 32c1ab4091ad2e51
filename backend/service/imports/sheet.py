"""Files of rows, whatever wrote them: CSV, XLSX or JSON as headers and cells. Pure, bounded.

CSV may be UTF-8 (with or without a mark), UTF-16 with a mark or GB18030, divided by comma,
semicolon, tab or bar. A workbook's first sheet is read, never its formulas. JSON is a list of
objects. A file that cannot be read at all raises SheetFault.
"""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Final
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from backend.core.errors import InvalidInput, Param

MAX_BYTES: Final = 10_000_000
MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 60
MAX_TEXT: Final = 1000
MAX_UNPACKED: Final = 200_000_000
MAX_RATIO: Final = 200
"""A workbook that unpacks to more than this times its size was made to harm."""
MAX_PARTS: Final = 2000
DELIMITERS: Final = ",;\t|"
UNREADABLE: Final = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ParseError,
    KeyError,
    ValueError,
    IndexError,
)
"""What a damaged, encrypted or foreign workbook raises, wherever its first bad byte is."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell whose value only its program knows."""

    text: str


Cell = str | Decimal | bool | datetime | Formula | None


class SheetFault(InvalidInput):
    """The file as a whole cannot be read: a code of the catalogue and what its text names."""

    def __init__(self, code: str, **params: Param) -> None:
        """Take the code under `errors.sheet_...`."""
        super().__init__(code, **params)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Headers and rows with their line numbers; `comma` tells that a decimal comma is likely."""

    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    comma: bool = False


def read_sheet(content: bytes) -> Sheet:
    """Answer the rows of a file. Raises SheetFault."""
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise SheetFault("sheet_empty")
    if len(content) > MAX_BYTES:
        raise SheetFault("sheet_too_large", most=MAX_BYTES // 1_000_000)
    if content[:4] == b"PK\x03\x04":
        return _workbook(content)
    text = _text(content)
    if text.lstrip()[:1] in {"[", "{"}:
        return _json(text)
    return _csv(text)


def _text(content: bytes) -> str:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings: Sequence[str] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SheetFault("sheet_encoding")


def _csv(text: str) -> Sheet:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [
            (reader.line_num, tuple(cell.strip() or None for cell in row))
            for row in islice(reader, MAX_ROWS + 2)
        ]
    except csv.Error as error:
        raise SheetFault("sheet_unreadable", told=str(error)) from error
    return _sheet(rows, comma=delimiter in ";\t")


def _json(text: str) -> Sheet:
    try:
        found: object = json.loads(text, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise SheetFault("sheet_unreadable", told=str(error)[:100]) from error
    if isinstance(found, dict):
        found = found.get("rows")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise SheetFault("sheet_json")
    headers = list(dict.fromkeys(str(key) for row in found for key in row))
    rows: list[tuple[int, tuple[Cell, ...]]] = [(1, tuple(headers))]
    for number, row in enumerate(found[: MAX_ROWS + 1], start=2):
        rows.append((number, tuple(_value(row.get(name)) for name in headers)))
    return _sheet(rows)


def _workbook(content: bytes) -> Sheet:
    _refuse_bomb(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    except UNREADABLE as error:
        raise SheetFault("sheet_unreadable", told=type(error).__name__) from error
    try:
        rows = list(islice(_cells(book.worksheets[0].iter_rows()), MAX_ROWS + 2))
    except UNREADABLE as error:
        raise SheetFault("sheet_unreadable", told=type(error).__name__) from error
    finally:
        book.close()
    return _sheet(rows)


def _cells(rows: Iterator[Sequence[object]]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    for number, row in enumerate(rows, start=1):
        found: list[Cell] = []
        for cell in row[: MAX_COLUMNS + 1]:
            value = getattr(cell, "value", None)
            if getattr(cell, "data_type", "n") == "f":
                found.append(Formula(str(value)[:MAX_TEXT]))
            else:
                found.append(_value(value))
        yield number, tuple(found)


def _refuse_bomb(content: bytes) -> None:
    """Raise SheetFault for a workbook with macros, or one that unpacks to far more than it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except UNREADABLE as error:
        raise SheetFault("sheet_unreadable", told="zip") from error
    if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
        raise SheetFault("sheet_macros")
    unpacked = sum(part.file_size for part in parts)
    if (
        len(parts) > MAX_PARTS
        or unpacked > MAX_UNPACKED
        or unpacked > MAX_RATIO * max(len(content), 1000)
    ):
        raise SheetFault("sheet_bomb", unpacked=unpacked // 1_000_000)


def _value(value: object) -> Cell:
    if value is None or isinstance(value, bool | datetime | Decimal):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the plant's own day
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    return str(value).strip()[:MAX_TEXT] or None


def _sheet(rows: Sequence[tuple[int, tuple[Cell, ...]]], *, comma: bool = False) -> Sheet:
    """Take the first row that is not empty for the headers."""
    filled = [(number, row) for number, row in rows if any(cell is not None for cell in row)]
    if not filled:
        raise SheetFault("sheet_empty")
    headers = tuple("" if cell is None else str(cell) for cell in filled[0][1])
    if len(headers) > MAX_COLUMNS:
        raise SheetFault("sheet_columns", most=MAX_COLUMNS)
    if len(filled) == 1:
        raise SheetFault("sheet_no_rows")
    if len(filled) > MAX_ROWS + 1:
        raise SheetFault("sheet_rows", most=MAX_ROWS)
    return Sheet(headers, tuple(filled[1:]), comma)
