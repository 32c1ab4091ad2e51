"""Readings by REST: pages of one point, and files of any length in every form."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from backend.application.rest import exports
from backend.core.platform import Platform
from tests.graphql.conftest import Client
from tests.graphql.plants import Plant, make_plant
from tests.graphql.workbooks import rows_of
from tests.postgres import NOW, Actor

AT = "/api/v1/readings?project=acme"
SPAN = "start=2026-03-15T00:00:00Z&end=2026-03-15T04:00:00Z"


@pytest.fixture
async def plant(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant with a reading a quarter hour of m1's register, and of its power one."""
    made = await make_plant(platform, alice.tenant)
    register, power = made.points["m1", "ep_imp"], made.points["m1", "p"]
    rows = [(register, number, 100.0 + number / 4, 0) for number in range(16)]
    async with platform.database.ingest() as tx:
        await tx.execute_many(
            "INSERT INTO reading (project_id, point_id, ts, value, quality)"
            " VALUES (%s, %s, %s, %s, %s)",
            [
                (
                    alice.tenant.id,
                    point,
                    datetime(2026, 3, 15, tzinfo=UTC) + timedelta(minutes=15) * number,
                    value,
                    quality,
                )
                for point, number, value, quality in [*rows, (power, 3, 7.5, 4)]
            ],
        )
    return made


async def test_pages_of_a_register(plant: Plant, client: Client, alice: Actor) -> None:
    opened = await client(alice)
    meter = plant.meters["m1"].text
    path = f"{AT}&meter={meter}&{SPAN}&first=10"
    first = (await opened.get(path)).json()
    assert (first["device"], first["point"], first["unit"]) == (
        plant.devices["m1"].text,
        "ep_imp",
        "kWh",
    )
    assert first["items"][1] == {"time": "2026-03-15T00:15:00Z", "value": 100.25, "quality": "good"}
    second = (await opened.get(f"{path}&after={first['next']}")).json()
    values = [one["value"] for one in first["items"] + second["items"]]
    assert values == [100 + number / 4 for number in range(16)]
    assert second["next"] is None


async def test_files_of_points(plant: Plant, client: Client, alice: Actor) -> None:
    opened = await client(alice)
    device = plant.devices["m1"].text
    path = f"{AT}&device={device}&point=p&point=ep_imp&{SPAN}&format="
    response = await opened.get(path + "csv")
    assert response.headers["content-disposition"] == 'attachment; filename="acme-readings.csv"'
    assert response.content.startswith("\ufeffdevice,point,time,value,unit,quality\r\n".encode())
    lines = list(csv.reader(io.StringIO(response.text.lstrip("\ufeff"))))
    assert len(lines) == 18
    assert lines[1] == [device, "p", "2026-03-15T00:45:00Z", "7.5", "kW", "suspect"]
    told = [json.loads(line) for line in (await opened.get(path + "ndjson")).text.splitlines()]
    assert [(one["time"], one["value"]) for one in told[1:3]] == [
        ("2026-03-15T00:00:00Z", 100.0),
        ("2026-03-15T00:15:00Z", 100.25),
    ]
    book = rows_of((await opened.get(path + "xlsx")).content)
    assert [[str(one[name] or "") for name in lines[0]] for one in book[:1]] == [lines[1]]
    assert len(book) == 17


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        (f"meter=%(meter)s&device=%(device)s&{SPAN}", 422, "readings_of"),
        (SPAN, 422, "readings_of"),
        (f"device=%(device)s&point=nothing&{SPAN}", 404, "not_found"),
        (f"device=dev_x&point=p&{SPAN}", 404, "not_found"),
        (f"device=%(device)s&point=p&point=ep_imp&{SPAN}", 422, "readings_pages"),
        ("meter=%(meter)s&start=2026-03-15T00:00:00&end=2026-03-16T00:00:00Z", 422,
         "time_without_zone"),
        ("meter=%(meter)s&start=2026-03-15T00:00:00Z&end=2026-03-15T00:00:00Z", 422, "span_empty"),
        ("meter=%(meter)s&start=2016-03-15T00:00:00Z&end=2026-03-15T00:00:00Z&format=csv", 422,
         "export_long"),
    ],
)  # fmt: skip
async def test_what_cannot_be_told(
    plant: Plant, client: Client, alice: Actor, query: str, status: int, code: str
) -> None:
    opened = await client(alice)
    names = {"meter": plant.meters["m1"].text, "device": plant.devices["m1"].text}
    response = await opened.get(f"{AT}&{query % names}")
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_workbook_has_an_end_and_texts_are_no_formulas(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, client: Client, alice: Actor
) -> None:
    rows = [("=1+1", NOW), ("\uff1d1+1", NOW), ("plain", NOW)]
    response = await exports.written(exports.Form.CSV, "x", ("a", "b"), exports.at_hand(rows))
    body = [part async for part in response.body_iterator]  # type: ignore[attr-defined]
    assert [line.partition(",")[0] for line in body[1].splitlines()] == [
        "'=1+1",
        "'\uff1d1+1",
        "plain",
    ]
    monkeypatch.setattr(exports, "MOST_IN_A_SHEET", 10)
    opened = await client(alice)
    meter = plant.meters["m1"].text
    refused = await opened.get(f"{AT}&meter={meter}&{SPAN}&format=xlsx")
    assert (refused.status_code, refused.json()["code"]) == (422, "export_rows")
