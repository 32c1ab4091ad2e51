"""Workbooks for tests: written from rows, and read back as rows."""

import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook, load_workbook

Row = dict[str, object]


def workbook(headers: Sequence[str], *rows: Sequence[object]) -> bytes:
    """A workbook with one sheet."""
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in (headers, *rows):
        sheet.append(list(row))
    book.save(out)
    return out.getvalue()


def rows_of(content: bytes) -> list[Row]:
    """The rows of the first sheet by header."""
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    headers, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    return [{str(name): cell for name, cell in zip(headers, row, strict=True)} for row in rows]


def edited(rows: Sequence[Mapping[str, object]]) -> bytes:
    """The same rows as a workbook again."""
    headers = list(dict.fromkeys(name for row in rows for name in row))
    return workbook(headers, *([row.get(name) for name in headers] for row in rows))
