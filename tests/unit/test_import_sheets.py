"""Files of rows from everywhere: encodings, delimiters, workbooks, and what is no file at all."""

import io
import json
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from backend.core.errors import InvalidInput
from backend.service.imports import cells
from backend.service.imports.cells import BadCell
from backend.service.imports.columns import find_columns
from backend.service.imports.sheet import (
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_ROWS,
    Cell,
    Formula,
    SheetFault,
    read_sheet,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def workbook(*rows: list[object]) -> bytes:
    """A workbook with one sheet."""
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "计量点,时间,读数\n一号表,2026-03-01,12.5\n".encode(),
        "\ufeff计量点,时间,读数\r\n一号表,2026-03-01,12.5\r\n".encode(),
        "计量点;时间;读数\n一号表;2026-03-01;12,5\n".encode("gb18030"),
        "计量点\t时间\t读数\n一号表\t2026-03-01\t12,5\n".encode("utf-16"),
        json.dumps([{"计量点": "一号表", "时间": "2026-03-01", "读数": 12.5}]).encode(),
        workbook(["计量点", "时间", "读数"], ["一号表", datetime(2026, 3, 1), 12.5]),  # noqa: DTZ001
    ],
)
def test_every_form_says_the_same(content: bytes) -> None:
    sheet = read_sheet(content)
    columns = find_columns(sheet.headers, "readings")
    ((number, row),) = sheet.rows
    assert number == 2
    assert cells.text(row[columns.places["meter"]]) == "一号表"
    at = cells.instant(row[columns.places["time"]], SHANGHAI)
    assert at == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert cells.number(row[columns.places["value"]], comma=sheet.comma) == Decimal("12.5")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sheet_empty"),
        (b"\xef\xbb\xbf\r\n \n", "sheet_empty"),
        (b"meter,time,value\n", "sheet_no_rows"),
        (b"[]", "sheet_empty"),
        (b"[1, 2]", "sheet_json"),
        (b'{"rows": 3}', "sheet_json"),
        (b"[{", "sheet_unreadable"),
        (b"[" * 100_000, "sheet_unreadable"),
        (b"\x00\xff\x00\xff\x80\x81", "sheet_encoding"),
        (b"PK\x03\x04 no zip", "sheet_unreadable"),
        (b"a" * (MAX_BYTES + 1), "sheet_too_large"),
        (b",".join([b"x"] * (MAX_COLUMNS + 1)) + b"\n1\n", "sheet_columns"),
        (b"meter,time,value\n" + b"m,2026-03-01,1\n" * (MAX_ROWS + 1), "sheet_rows"),
        (b'a,b\n"' + b"x" * 200_000 + b'",1\n', "sheet_unreadable"),
    ],
)
def test_what_is_no_file_of_rows(content: bytes, code: str) -> None:
    with pytest.raises(SheetFault) as caught:
        read_sheet(content)
    assert caught.value.error_code == code


def test_a_bomb_is_not_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * 30_000_000)
    with pytest.raises(SheetFault, match="sheet_bomb"):
        read_sheet(packed.getvalue())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as other:
        other.writestr("hello.txt", "no workbook")
    with pytest.raises(SheetFault, match="sheet_unreadable"):
        read_sheet(packed.getvalue())


def test_a_formula_is_no_value() -> None:
    sheet = read_sheet(workbook(["meter", "time", "value"], ["m", "2026-03-01", "=1+1"]))
    cell = sheet.rows[0][1][2]
    assert cell == Formula("=1+1")
    with pytest.raises(BadCell) as caught:
        cells.number(cell, comma=False)
    assert caught.value.code == "cell_formula"


@pytest.mark.parametrize(
    ("written", "comma", "wanted"),
    [
        ("1234.5", False, "1234.5"),
        ("1,234.5", False, "1234.5"),
        ("1.234,5", False, "1234.5"),
        ("1 234,5", True, "1234.5"),
        ("1,234", False, "1234"),
        ("1,234", True, "1.234"),
        ("12,5", False, "12.5"),
        ("-0,5", True, "-0.5"),
        ("1e3", False, "1000"),
    ],
)
def test_numbers_of_both_commas(written: str, comma: bool, wanted: str) -> None:
    assert cells.number(written, comma=comma) == Decimal(wanted)


@pytest.mark.parametrize(
    "written", ["NaN", "nan", "Infinity", "-inf", "1e308", "1e15", "twelve", "1,2,3", "--1", True]
)
def test_what_is_no_number(written: Cell) -> None:
    with pytest.raises(BadCell) as caught:
        cells.number(written, comma=False)
    assert caught.value.code == "entry_number"


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2026-03-01 08:00", "2026-03-01T00:00:00+00:00"),
        ("2026/3/1 8:00:30", "2026-03-01T00:00:30+00:00"),
        ("2026年3月1日 08:00", "2026-03-01T00:00:00+00:00"),
        ("1.3.2026 08:00", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00+00:00"),
        ("2026-03-01T08:00+0530", "2026-03-01T02:30:00+00:00"),
        ("2026-03-01 24:00", "2026-03-01T16:00:00+00:00"),
    ],
)
def test_times_by_the_plants_clock(written: str, wanted: str) -> None:
    found = cells.instant(written, SHANGHAI)
    assert found is not None
    assert found.isoformat() == wanted


@pytest.mark.parametrize(
    ("written", "zone", "code"),
    [
        ("2026-13-01", SHANGHAI, "cell_time"),
        ("2026-02-30", SHANGHAI, "cell_time"),
        ("03/04/2026", SHANGHAI, "cell_time"),
        ("2026-03-01 25:00", SHANGHAI, "cell_time"),
        ("2026-03-01 24:30", SHANGHAI, "cell_time"),
        ("2026-03-01 08:61", SHANGHAI, "cell_time"),
        ("yesterday", SHANGHAI, "cell_time"),
        ("2026-03-29 02:30", BERLIN, "cell_time_jumped"),
        ("2026-10-25 02:30", BERLIN, "cell_time_twice"),
    ],
)
def test_what_is_no_instant(written: str, zone: ZoneInfo, code: str) -> None:
    with pytest.raises(BadCell) as caught:
        cells.instant(written, zone)
    assert caught.value.code == code


def test_columns_by_header_in_both_languages() -> None:
    headers = ["Meter", "单据类型", "Date_Time", "Quantity (kg)", "热值（MJ/kg）", "colour", ""]
    found = find_columns(headers, "stock")
    assert found.places == {
        "meter": 0,
        "kind": 1,
        "time": 2,
        "quantity": 3,
        "calorific_value": 4,
    }
    assert found.units == {"unit": "kg", "calorific_unit": "MJ/kg"}
    assert found.unknown == ("colour",)
    with pytest.raises(InvalidInput, match="sheet_column_missing"):
        find_columns(["meter", "time"], "readings")
    with pytest.raises(InvalidInput, match="sheet_column_twice"):
        find_columns(["meter", "time", "value", "读数"], "readings")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        sheet = read_sheet(content)
    except SheetFault:
        return
    assert sheet.rows
    for _, row in sheet.rows:
        for cell in row:
            for read in (
                lambda cell=cell: cells.number(cell, comma=False),
                lambda cell=cell: cells.instant(cell, SHANGHAI),
            ):
                try:
                    read()
                except BadCell as bad:
                    assert bad.code  # noqa: PT017 - the other outcome is a value


WORKBOOK = workbook(*([f"m{row}", row * 1.5] for row in range(30)))


@given(
    st.lists(st.tuples(st.integers(0, len(WORKBOOK) - 1), st.integers(1, 255)), min_size=1),
)
def test_a_damaged_workbook_is_read_or_refused(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(WORKBOOK)
    for at, flip in flips:
        damaged[at] ^= flip
    with suppress(SheetFault):
        read_sheet(bytes(damaged))
