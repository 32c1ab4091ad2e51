"""A meter list as a workbook, written row by row."""

import io
from collections.abc import Sequence
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from backend.service.meter_list.columns import PLAIN, Listed, Value, header_of

TEXT = "@"
WIDTH = 18
HEADER_ROW = "A2"


def write_workbook(rows: Sequence[Listed], trees: Sequence[str], locale: str) -> bytes:
    """Answer the rows as XLSX; headers in the reader's language, one column a tree."""
    names = [*PLAIN[:-1], *(f"place:{tree}" for tree in trees), PLAIN[-1]]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("meters")
    sheet.freeze_panes = HEADER_ROW
    for place in range(len(names)):
        sheet.column_dimensions[get_column_letter(place + 1)].width = WIDTH
    headers = [WriteOnlyCell(sheet, value=header_of(name, locale)) for name in names]
    for cell in headers:
        cell.font = Font(bold=True)
    sheet.append(headers)
    for row in rows:
        sheet.append([_cell(sheet, row.told(name)) for name in names])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: WriteOnlyWorksheet, value: Value) -> Cell:
    """A cell that a program reads as it was meant: texts are texts, never formulas or numbers."""
    if isinstance(value, bool):
        return WriteOnlyCell(sheet, value=None)
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=value)
        cell.data_type, cell.number_format = "s", TEXT
        return cell
    return WriteOnlyCell(sheet, value=float(value) if isinstance(value, Decimal) else value)
