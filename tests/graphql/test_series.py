"""Several curves and top lists by GraphQL and REST: the same figures, computed by hand."""

import orjson

from backend.core.platform import Platform
from tests.graphql.conftest import Ask, Client, MakePlant
from tests.graphql.test_figures import fill
from tests.graphql.workbooks import rows_of
from tests.postgres import Actor

CURVES = """query ($input: SeriesInput!) { project(id: "acme") { curves(input: $input) {
  scope unit start end step labels values quality total low high
  compared { start end labels values total } } } }"""
TOP = """query ($input: TopInput!) { project(id: "acme") { top(input: $input) {
  start end unit whole others othersValue othersShare
  rows { scope name { en } value share quality } } } }"""
DAY_14, DAY_15 = "2026-03-13T16:00:00Z", "2026-03-14T16:00:00Z"


async def test_curves_of_nodes_and_meters_compare_like_with_like(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    opened = await client(alice)
    scopes = [made.meters["m1"].text, made.nodes["site"].text, made.nodes["b"].text]
    named = {
        "scopes": scopes, "energy": "electricity", "period": "DAY", "compare": "PREVIOUS",
        "start": "2026-03-09T16:00:00Z", "end": "2026-03-19T16:00:00Z", "toDate": True,
    }  # fmt: skip
    answer = await ask(opened, CURVES, {"input": named})
    curves = answer["data"]["project"]["curves"]  # type: ignore[index]
    assert [one["scope"] for one in curves] == scopes
    # Ten days from the 10th, of which five are over: with the 28th of February to the 4th of March.
    assert curves[0]["labels"] == [f"2026-03-{day}" for day in range(10, 15)]
    assert curves[0]["compared"]["labels"] == [
        "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"
    ]  # fmt: skip
    assert [one["values"] for one in curves] == [[4800] * 5, [7200] * 5, [1920] * 5]
    assert [one["total"] for one in curves] == ["24000", "36000", "9600"]
    assert curves[1]["compared"]["values"] == [None, 7200, 7200, 7200, 7200]
    assert (curves[0]["low"], curves[0]["high"]) == (None, None)

    narrow = named | {
        "compare": None, "toDate": False, "width": 5, "period": "QUARTER", "measure": "POWER",
        "start": DAY_14, "end": DAY_15, "scopes": scopes[2:],
    }  # fmt: skip
    answer = await ask(opened, CURVES, {"input": narrow})
    (power,) = answer["data"]["project"]["curves"]  # type: ignore[index]
    assert power["unit"] == "kW"
    assert (power["step"], power["values"]) == (20 * 900, [80] * 5)
    assert (power["low"], power["high"], power["total"]) == ([80] * 5, [80] * 5, "80")


async def test_a_top_list_tells_places_others_and_the_whole(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    opened = await client(alice)
    named: dict[str, object] = {"energy": "electricity", "period": "DAY", "at": DAY_14, "first": 1}
    answer = await ask(opened, TOP, {"input": named})
    top = answer["data"]["project"]["top"]  # type: ignore[index]
    assert top == {
        "start": DAY_14,
        "end": DAY_15,
        "unit": "kWh",
        "whole": "7200.000000",
        "others": 1,
        "othersValue": "1920.000000",
        "othersShare": 1920 / 7200,
        "rows": [
            {
                "scope": made.nodes["a"].text,
                "name": {"en": "Workshop a"},
                "value": "4800.000000",
                "share": 4800 / 7200,
                "quality": "GOOD",
            }
        ],
    }
    answer = await ask(opened, TOP, {"input": named | {"meters": True, "order": "COST"}})
    (row,) = answer["data"]["project"]["top"]["rows"]  # type: ignore[index]
    assert (row["scope"], row["value"]) == (made.meters["m1"].text, "3360.0")
    below = named | {"meters": True, "parent": made.nodes["b"].text}
    answer = await ask(opened, TOP, {"input": below})
    assert answer["data"]["project"]["top"]["rows"] == []  # type: ignore[index]


async def test_rest_answers_the_same_figures_in_every_form(
    client: Client, ask: Ask, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    opened = await client(alice)
    scope = made.meters["m1"].text
    asked = {
        "project": "acme", "scope": scope, "energy": "electricity", "period": "DAY",
        "start": DAY_14, "end": "2026-03-15T16:00:00Z",
    }  # fmt: skip
    told = orjson.loads((await opened.get("/api/v1/series", params=asked)).content)
    (curve,) = told["series"]
    assert curve["values"] == [4800, 2400]
    over = asked | {"end": DAY_15}
    first = await opened.get("/api/v1/series", params=over)
    tag = first.headers["etag"]
    same = await opened.get("/api/v1/series", params=over, headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content) == (304, b"")
    other = await opened.get("/api/v1/series", params=over, headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)
    assert curve["starts"] == [DAY_14, DAY_15]
    assert curve["total"] == 7200
    csv = await opened.get("/api/v1/series", params=asked | {"format": "csv"})
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.text.split("\r\n") == [
        "\ufeffscope,start,label,value,quality,unit",
        f"{scope},{DAY_14},2026-03-14,4800,0,kWh",
        f"{scope},{DAY_15},2026-03-15,2400,0,kWh",
        "",
    ]
    lines = await opened.get("/api/v1/series", params=asked | {"format": "ndjson"})
    assert [orjson.loads(line)["value"] for line in lines.content.splitlines()] == [4800, 2400]
    book = await opened.get("/api/v1/series", params=asked | {"format": "xlsx"})
    assert [(row["start"], row["value"]) for row in rows_of(book.content)] == [
        (DAY_14, 4800),
        (DAY_15, 2400),
    ]
    ranked = {"project": "acme", "energy": "electricity", "period": "DAY", "at": DAY_14}
    told = orjson.loads((await opened.get("/api/v1/ranking", params=ranked)).content)
    assert told["ranking"]["whole"] == 7200
    assert [row["value"] for row in told["ranking"]["rows"]] == [4800, 1920]
    assert told["ranking"]["others"] == {"count": 0, "value": 0, "share": 0}


async def test_what_cannot_be_asked_is_told(
    client: Client, alice: Actor, plant: MakePlant, platform: Platform
) -> None:
    made = await plant(alice.tenant)
    await fill(platform, made)
    opened = await client(alice)
    asked: dict[str, str | int] = {
        "project": "acme", "scope": made.meters["m1"].text, "energy": "electricity",
        "period": "DAY", "start": DAY_14, "end": DAY_15,
    }  # fmt: skip
    wrong: list[tuple[dict[str, str | int], int, str]] = [
        ({"end": DAY_14}, 422, "span_empty"),
        ({"energy": "steamm"}, 422, "energy_unknown"),
        ({"scope": "mtr_nobody"}, 404, "not_found"),
        ({"width": 0}, 422, "list_length"),
        ({"start": "2026-03-13T16:00:00"}, 422, "time_without_zone"),
        ({"period": "QUARTER", "start": "2016-01-01T00:00:00Z"}, 422, "span_too_long"),
        ({"period": "FORTNIGHT"}, 422, "invalid_input"),
    ]
    for change, status, code in wrong:
        response = await opened.get("/api/v1/series", params=asked | change)
        assert (response.status_code, orjson.loads(response.content)["code"]) == (status, code)
    response = await opened.get(
        "/api/v1/ranking",
        params={"project": "acme", "energy": "electricity", "period": "DAY", "first": 0},
    )
    assert orjson.loads(response.content)["code"] == "list_length"
