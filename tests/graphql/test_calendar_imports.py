"""States by file: a dry run tells everything and keeps nothing; what is kept is kept once."""

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import TypedDict

import httpx
import pytest
from openpyxl import Workbook

from tests.graphql.conftest import Ask, Client, code
from tests.graphql.plants import Plant
from tests.postgres import Actor

IMPORT = """mutation I($node: ID!, $file: String!, $state: State, $dry: Boolean!, $rest: Boolean!) {
  importStates(project: "acme", node: $node, file: $file, state: $state, dryRun: $dry,
               keepRest: $rest)
  { kept known states { row nodeId state firstDay lastDay start end deEnergised note }
    faults { row field code params } } }"""
KEPT = """query K($node: ID!) { project(id: "acme") { audit { action } calendar {
  states(scope: $node, start: "2026-01-01T00:00:00Z", end: "2027-01-01T00:00:00Z")
  { state firstDay lastDay source note } } } }"""
ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
SUMMARY:春节 休
DTSTART;VALUE=DATE:20260215
DTEND;VALUE=DATE:20260224
END:VEVENT
BEGIN:VEVENT
SUMMARY:春节 班
DTSTART;VALUE=DATE:20260214
END:VEVENT
END:VCALENDAR
"""
HEADERS = ("节点", "状态", "开始日期", "结束日期", "断电", "备注")


@pytest.fixture
async def hers(client: Client, alice: Actor) -> httpx.AsyncClient:
    return await client(alice)


def workbook(*rows: Sequence[object]) -> bytes:
    """A workbook of one sheet."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def sent(made: Plant, content: bytes, *, dry: bool, rest: bool = False) -> dict[str, object]:
    return {
        "node": made.nodes["site"].text,
        "file": b64encode(content).decode(),
        "state": None,
        "dry": dry,
        "rest": rest,
    }


class Told(TypedDict):
    """What an import answers."""

    kept: int
    known: int
    states: list[dict[str, object]]
    faults: list[dict[str, object]]


def told(answer: dict[str, object]) -> Told:
    return answer["data"]["importStates"]  # type: ignore[index, no-any-return]


async def kept(hers: httpx.AsyncClient, ask: Ask, made: Plant) -> list[str]:
    """What the site's calendar has."""
    answer = await ask(hers, KEPT, {"node": made.nodes["a"].text})
    found = answer["data"]["project"]["calendar"]["states"]  # type: ignore[index]
    return [f"{one['state']} {one['firstDay']}..{one['lastDay']} {one['source']}" for one in found]


async def test_a_calendar_file_is_looked_at_then_kept_once(
    hers: httpx.AsyncClient, ask: Ask, made: Plant
) -> None:
    content = ICS.encode()
    dry = told(await ask(hers, IMPORT, sent(made, content, dry=True)))
    assert [(one["row"], one["state"], one["note"]) for one in dry["states"]] == [
        (3, "REST", "春节 休"),
        (8, "MAKEUP", "春节 班"),
    ]
    assert (dry["kept"], dry["known"], dry["faults"]) == (0, 0, [])
    assert await kept(hers, ask, made) == []
    real = told(await ask(hers, IMPORT, sent(made, content, dry=False)))
    assert (real["kept"], real["known"]) == (2, 0)
    again = told(await ask(hers, IMPORT, sent(made, content, dry=False)))
    assert (again["kept"], again["known"], again["states"]) == (0, 2, [])
    assert await kept(hers, ask, made) == [
        "REST 2026-02-15..2026-02-23 ics",
        "MAKEUP 2026-02-14..2026-02-14 ics",
    ]


async def test_a_sheet_with_faults_names_row_and_field_and_keeps_nothing(
    hers: httpx.AsyncClient, ask: Ask, made: Plant
) -> None:
    content = workbook(
        HEADERS,
        ("a", "停产", "2026-03-20", "2026-03-21", "是", "Rebuild"),
        ("nowhere", "停产", "2026-03-20", "2026-03-21", None, None),
        ("a", "dancing", "2026-03-20", "2026-03-21", None, None),
        ("a", "检修", "soon", None, None, None),
        ("a", "检修", "2026-03-22", "2026-03-21", None, None),
        ("a", "工作", "2026-03-22", "2026-03-22", "是", None),
        ("a", "休息", "1970-01-01", None, None, None),
        ("a", "休息", None, None, None, None),
        ("a", "休息", "2026-03-28", None, "maybe", None),
    )
    dry = told(await ask(hers, IMPORT, sent(made, content, dry=True)))
    assert [(one["row"], one["field"], one["code"]) for one in dry["faults"]] == [
        (3, "node", "row_node"),
        (4, "state", "row_state"),
        (5, "firstDay", "cell_time"),
        (6, "firstDay", "state_days"),
        (7, "firstDay", "state_energised"),
        (8, "firstDay", "calendar_day"),
        (9, "start", "row_missing"),
        (10, "deEnergised", "row_yes_no"),
    ]
    [stop] = dry["states"]
    assert (stop["row"], stop["nodeId"], stop["state"], stop["deEnergised"]) == (
        2,
        made.nodes["a"].text,
        "STOP",
        True,
    )
    refused = await ask(hers, IMPORT, sent(made, content, dry=False))
    assert code(refused) == "import_faults"
    assert await kept(hers, ask, made) == []
    rest = told(await ask(hers, IMPORT, sent(made, content, dry=False, rest=True)))
    assert (rest["kept"], len(rest["faults"])) == (1, 8)
    assert await kept(hers, ask, made) == ["STOP 2026-03-20..2026-03-21 sheet"]


@pytest.mark.parametrize(
    ("headers", "field", "expected"),
    [
        (("node", "状态", "color"), "color", "column_unknown"),
        (("first day", "开始日期"), "开始日期", "column_twice"),
        (("node", "state"), "firstDay", "column_missing"),
    ],
)
async def test_columns_that_cannot_be_are_named(
    hers: httpx.AsyncClient, ask: Ask, made: Plant, headers: list[str], field: str, expected: str
) -> None:
    content = workbook(headers, ["2026-03-20" for _ in headers])
    dry = told(await ask(hers, IMPORT, sent(made, content, dry=True)))
    assert [(one["row"], one["field"], one["code"]) for one in dry["faults"]] == [
        (1, field, expected)
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "sheet_empty"),
        (b"\x00\x01\x02\xff", "sheet_encoding"),
        (b"x" * 70_001, "import_file_large"),
        (b"PK\x03\x04broken", "sheet_unreadable"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused(
    hers: httpx.AsyncClient, ask: Ask, made: Plant, content: bytes, expected: str
) -> None:
    assert code(await ask(hers, IMPORT, sent(made, content, dry=True))) == expected
    broken = sent(made, content, dry=True) | {"file": "no base64!"}
    assert code(await ask(hers, IMPORT, broken)) == "import_base64"
