"""Rows of any number as CSV, NDJSON or a workbook, with bounded memory.

CSV and NDJSON leave as they are read; a workbook is written to a file first, because its index
stands at its end, and sent in pieces.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import IO, Final

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse
from openpyxl import Workbook
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from backend.application.exports import Export
from backend.application.rest.json_answers import NO_STORE
from backend.core.errors import InvalidInput

Cell = str | int | float | Decimal | datetime | None
Row = Sequence[Cell]
Rows = AsyncIterator[Sequence[Row]]
"""Rows as they are read, some thousands at a time."""

MARK: Final = "\ufeff"
"""So that spreadsheet programs read a CSV file as UTF-8."""
MOST_IN_A_SHEET: Final = 1_000_000
PIECE: Final = 64 * 1024
KEPT_IN_MEMORY: Final = 1_000_000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a text begins that a spreadsheet program would compute; the last four are full width."""


class Form(Enum):
    """How an answer is written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"


async def exported(form: Form, export: Export, columns: Sequence[str], rows: Rows) -> Response:
    """Answer rows as a file, and write down who takes it.

    InvalidInput for more than a workbook holds.
    """
    answer = await written(form, export.name, columns, rows)
    await export.note(form.value)
    return answer


async def written(form: Form, name: str, columns: Sequence[str], rows: Rows) -> Response:
    """Answer rows as a file called `name`. InvalidInput for more than a workbook holds."""
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}.{form.value}"'}
    if form is Form.XLSX:
        file = await _workbook(columns, rows)
        return StreamingResponse(_pieces(file), headers=headers, media_type=XLSX)
    if form is Form.CSV:
        return StreamingResponse(_csv(columns, rows), headers=headers, media_type="text/csv")
    media = "application/x-ndjson"
    return StreamingResponse(_ndjson(columns, rows), headers=headers, media_type=media)


async def at_hand(rows: Iterable[Row], at_once: int = 1000) -> Rows:
    """Answer rows that are in memory already, some at a time."""
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == at_once:
            yield part
            part = []
    if part:
        yield part


async def _csv(columns: Sequence[str], rows: Rows) -> AsyncIterator[str]:
    yield MARK + ",".join(columns) + "\r\n"
    async for part in rows:
        text = io.StringIO()
        csv.writer(text).writerows([_csv_cell(cell) for cell in row] for row in part)
        yield text.getvalue()


def _csv_cell(cell: Cell) -> str | int | float | None:
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


async def _ndjson(columns: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    async for part in rows:
        lines = (
            orjson.dumps(
                {name: _json_cell(cell) for name, cell in zip(columns, row, strict=True)},
                option=orjson.OPT_UTC_Z,
            )
            for row in part
        )
        yield b"\n".join([*lines, b""])


def _json_cell(cell: Cell) -> object:
    return orjson.Fragment(format(cell, "f")) if isinstance(cell, Decimal) else cell


async def _workbook(columns: Sequence[str], rows: Rows) -> IO[bytes]:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("kilowise")
    sheet.append(list(columns))
    written = 0
    try:
        async for part in rows:
            written += len(part)
            if written > MOST_IN_A_SHEET:
                raise InvalidInput("export_rows", most=MOST_IN_A_SHEET)
            cells = [[_sheet_cell(cell) for cell in row] for row in part]
            await asyncio.to_thread(_append, sheet, cells)
    except InvalidInput:
        sheet.close()
        raise
    return await asyncio.to_thread(_saved, book)


def _append(sheet: WriteOnlyWorksheet, rows: Sequence[Sequence[Cell]]) -> None:
    for row in rows:
        sheet.append(row)


def _sheet_cell(cell: Cell) -> Cell:
    """Times as texts in UTC, because a workbook has no zones; texts never as formulas."""
    found = _csv_cell(cell)
    return float(cell) if isinstance(cell, Decimal) else found


def _saved(book: Workbook) -> IO[bytes]:
    # Closed by `_pieces`, when it was sent or nobody takes it any more.
    file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115
    book.save(file)
    file.seek(0)
    return file


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
