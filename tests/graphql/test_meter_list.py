"""The list of meters as a workbook: out, edited, looked at, applied, rolled back."""

import io
import zipfile
from collections.abc import Sequence
from uuid import UUID

import httpx
import psycopg
import pytest
import yaml

from backend.application.rest.meter_lists import GatewayDifference, MeterListAnswer
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.core.texts import catalogue
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.people.asker import Asker
from tests.graphql.conftest import Client
from tests.graphql.plants import Plant, make_plant
from tests.graphql.workbooks import Row, edited, rows_of, workbook
from tests.postgres import NOW, Actor, MakePerson

AT = "/api/v1/meter-lists"
NOBODY = UUID("0195e2a4-0000-7000-8000-000000000001")
DOCUMENT = """
heartbeat_s: 30
lines: {bus-1: {serial: /dev/ttyS1, baud: 9600}}
devices:
- {slug: d-m0, profile: eastron/sdm630, host: 192.0.2.10, unit: 1, poll_s: 5}
- {slug: d-m1, profile: eastron/sdm630, line: bus-1, unit: 7}
- {slug: d-m2, profile: eastron/sdm630, line: bus-1, unit: 8}
"""
NEW: Row = {
    "name": "Press 5",
    "name zh-CN": "五号压机",
    "energy": "electricity",
    "level": 3,
    "asset number": "A-0815",
    "gateway": "g1",
    "device": "press-5",
    "profile": "schneider/iem3000",
    "host": "192.0.2.11",
    "unit id": 5,
    "serial number": "00123",
    "place: organisation": "a; b*0.4",
}


@pytest.fixture
async def plant(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant, whose gateway has a document."""
    made = await make_plant(platform, alice.tenant)
    async with platform.database.project(alice.tenant.id) as tx:
        key = GatewayKey(made.gateway.id, made.gateway.uid)
        asker = Asker(alice.id, alice.uid)
        await put_config(tx, alice.tenant.id, key, DOCUMENT, "", asker, NOW)
    return made


@pytest.fixture
async def opened(
    plant: Plant, client: Client, alice: Actor, make_person: MakePerson
) -> httpx.AsyncClient:
    """A client of somebody who may do everything."""
    return await client(await make_person("boss", plant.tenant, role="administrator"))


async def taken(opened: httpx.AsyncClient) -> list[Row]:
    """The rows as they are exported."""
    response = await opened.get("/api/v1/meter-list?project=acme&locale=en")
    assert response.status_code == 200
    assert response.headers["content-disposition"] == 'attachment; filename="acme-meters.xlsx"'
    return rows_of(response.content)


async def looked(opened: httpx.AsyncClient, rows: Sequence[Row]) -> MeterListAnswer:
    """What a look at these rows finds."""
    response = await opened.post(f"{AT}?project=acme&name=list.xlsx", content=edited(rows))
    assert response.status_code == 201, response.text
    return MeterListAnswer.model_validate(response.json())


def documents(admin: psycopg.Connection) -> list[tuple[int, dict[str, object]]]:
    """The documents of the gateway, version by version."""
    found = admin.execute("SELECT version, content FROM gateway_config ORDER BY version").fetchall()
    return [(version, yaml.safe_load(content)) for version, content in found]


async def test_out_and_in_again_changes_nothing(opened: httpx.AsyncClient) -> None:
    rows = await taken(opened)
    assert [row["device"] for row in rows] == ["d-m0", "d-m1", "d-m2"]
    assert {name: rows[1][name] for name in ("energy", "line", "unit id", "register", "power")} == {
        "energy": "electricity",
        "line": "bus-1",
        "unit id": 7,
        "register": "ep_imp",
        "power": "p",
    }
    assert rows[0]["place: organisation"] == "grid; site"
    found = await looked(opened, rows)
    assert (found.rows, found.unchanged, found.absent, found.faulty) == (3, 3, 0, 0)
    assert (found.meters, found.gateways, found.unknown) == ([], [], [])


async def test_meters_are_added_changed_and_ended_and_all_of_it_goes_back(
    opened: httpx.AsyncClient, plant: Plant, admin: psycopg.Connection
) -> None:
    rows = await taken(opened)
    before = rows
    changed = {**rows[1], "name": "Line 1", "CT": "400/5", "place: organisation": "b"}
    wanted = [rows[0], changed, {**rows[2], "end": "yes"}, NEW]
    found = await looked(opened, wanted)
    assert found.faults == []
    assert [(one.change, one.row) for one in found.meters] == [
        ("changed", 3),
        ("ended", 4),
        ("added", 5),
    ]
    assert found.meters[0].fields == {
        "name": ["Meter m1", "Line 1"],
        "place:organisation": ["a", "b"],
    }
    assert found.gateways == [
        GatewayDifference(
            gateway="g1",
            made=False,
            version=1,
            added=["press-5"],
            changed=["d-m1"],
            removed=["d-m2"],
        )
    ]
    assert len(documents(admin)) == 1
    response = await opened.post(f"{AT}/{found.id}/apply?project=acme")
    assert (response.status_code, response.json()["state"]) == (200, "applied")
    again = await opened.post(f"{AT}/{found.id}/apply?project=acme")
    assert again.json() == response.json()
    version, document = documents(admin)[-1]
    assert (version, document["heartbeat_s"]) == (2, 30)
    assert document["devices"] == [
        {"slug": "d-m0", "profile": "eastron/sdm630", "host": "192.0.2.10", "unit": 1, "poll_s": 5},
        {"slug": "d-m1", "profile": "eastron/sdm630", "line": "bus-1", "unit": 7, "ct": 80},
        {
            "slug": "press-5", "profile": "schneider/iem3000", "host": "192.0.2.11", "unit": 5,
            "serial": "00123",
        },
    ]  # fmt: skip
    after = await taken(opened)
    # The ended meter counts until the next quarter hour.
    new = next(row for row in after if row["device"] == "press-5")
    assert {name: new[name] for name in NEW} == {**NEW, "unit id": 5}
    assert (new["register"], new["power"]) == ("ep_imp", "p")
    assert (await looked(opened, [row for row in after if row["device"] != "d-m2"])).meters == []
    response = await opened.post(f"{AT}/{found.id}/roll-back?project=acme")
    assert (response.status_code, response.json()["state"]) == (200, "rolled_back")
    assert documents(admin)[-1] == (3, documents(admin)[0][1])
    assert [row for row in await taken(opened) if row["device"] != "press-5"] == before
    deeds = admin.execute("SELECT action FROM audit WHERE action LIKE 'meter_list.%'").fetchall()
    assert [action for (action,) in deeds if action != "meter_list.export"] == [
        "meter_list.apply",
        "meter_list.roll_back",
    ]
    assert plant.meters["m2"].text in {row["meter"] for row in await taken(opened)}


async def test_every_wrong_cell_is_told_by_its_address(opened: httpx.AsyncClient) -> None:
    rows = await taken(opened)
    letter = {name: chr(ord("A") + place) for place, name in enumerate(rows[0])}
    bad: list[tuple[Row, set[tuple[str, str]]]] = [
        (rows[0], set()),
        (
            {**rows[1], "energy": "steam", "place: organisation": "nowhere; a*0.1234567"},
            {
                ("energy", "meter_list_fixed"),
                ("place: organisation", "meter_list_place"),
                ("place: organisation", "coefficient"),
            },
        ),
        ({**rows[2], "line": "bus-9"}, {("line", "meter_list_line")}),
        ({**NEW, "profile": "no/such"}, {("profile", "meter_list_profile")}),
        (
            {**NEW, "device": "x y", "level": 7, "CT": "=400/5"},
            {
                ("device", "meter_list_slug"),
                ("level", "meter_list_whole"),
                ("CT", "cell_formula"),
            },
        ),
        ({**NEW, "device": "press-6", "end": "maybe"}, {("end", "meter_list_yes")}),
        (
            {**NEW, "device": "press-7", "host": "192.0.2.10", "unit id": 1},
            {("unit id", "meter_list_address")},
        ),
        ({**rows[0], "meter": encode_id("mtr", NOBODY)}, {("meter", "meter_list_unknown")}),
        ({**NEW, "device": "press-8", "unit id": 300}, {("unit id", "meter_list_unit")}),
        (
            {**NEW, "device": "press-9", "unit id": 9, "register": "vol"},
            {("register", "meter_list_register")},
        ),
        (
            {**rows[0], "meter": None},
            {("register", "meter_list_taken")},
        ),
        (
            {"energy": "luck", "gateway": "g1", "device": "d-m0", "end": "yes"},
            {
                ("name", "meter_list_name"),
                ("energy", "meter_list_energy"),
                ("end", "meter_list_end_new"),
            },
        ),
        ({**NEW, "device": "p10", "host": None}, {("host", "meter_list_connection")}),
        ({**NEW, "device": "p11", "line": "bus-1"}, {("line", "meter_list_two_ways")}),
        ({**rows[1], "level": 2}, {("meter", "meter_list_twice")}),
        ({**rows[0], "meter": None, "port": 503}, {("port", "meter_list_differs")}),
    ]
    found = await looked(opened, [{**dict.fromkeys(rows[0]), **row} for row, _ in bad])
    faults = {(one.cell, one.code) for one in found.faults}
    assert faults == {
        (f"{letter[column]}{number}", code)
        for number, (_, told) in enumerate(bad, start=2)
        for column, code in told
    }
    assert found.faulty == len(faults)
    texts = catalogue("en")
    assert {f"errors.{code}{part}" for _, code in faults for part in ("", ".next")} <= texts.keys()
    response = await opened.post(f"{AT}/{found.id}/apply?project=acme")
    assert (response.status_code, response.json()["code"]) == (409, "meter_list_faulty")


async def test_a_new_gateway_is_made_and_reads_nothing_after_going_back(
    opened: httpx.AsyncClient, admin: psycopg.Connection
) -> None:
    meters = [{**NEW, "gateway": "box-2", "device": f"m{n}", "unit id": n} for n in (1, 2)]
    found = await looked(opened, meters)
    assert (found.faults, found.absent) == ([], 3)
    assert found.gateways[0].made is True
    response = await opened.post(f"{AT}/{found.id}/apply?project=acme")
    assert response.status_code == 200
    assert [row["device"] for row in await taken(opened) if row["gateway"] == "box-2"] == [
        "m1",
        "m2",
    ]
    await opened.post(f"{AT}/{found.id}/roll-back?project=acme")
    assert documents(admin)[-1] == (2, {"devices": []})
    refused = await opened.post(f"{AT}/{found.id}/roll-back?project=acme")
    assert refused.json()["state"] == "rolled_back"


async def test_nothing_goes_back_when_somebody_changed_a_document_since(
    opened: httpx.AsyncClient, plant: Plant, admin: psycopg.Connection
) -> None:
    found = await looked(opened, [NEW])
    early = await opened.post(f"{AT}/{found.id}/roll-back?project=acme")
    assert (early.status_code, early.json()["code"]) == (409, "meter_list_not_applied")
    await opened.post(f"{AT}/{found.id}/apply?project=acme")
    path = f"/api/v1/gateways/{plant.gateway.text}/configs?project=acme"
    await opened.post(path, json={"text": "timeout_s: 2"})
    before = admin.execute("SELECT m::text, n::text FROM meter m, node_meter n").fetchall()
    response = await opened.post(f"{AT}/{found.id}/roll-back?project=acme")
    assert (response.status_code, response.json()["code"]) == (409, "meter_list_newer")
    assert admin.execute("SELECT m::text, n::text FROM meter m, node_meter n").fetchall() == before


async def test_devices_of_a_gateways_own_file_are_not_lost(
    platform: Platform, client: Client, alice: Actor, make_person: MakePerson
) -> None:
    made = await make_plant(platform, alice.tenant)
    opened = await client(await make_person("boss", made.tenant, role="administrator"))
    found = await looked(opened, [NEW])
    [fault] = found.faults
    assert (fault.code, fault.params) == (
        "meter_list_own_file",
        {"devices": "d-m0, d-m1, d-m2"},
    )


async def test_headers_are_read_in_both_languages(opened: httpx.AsyncClient) -> None:
    response = await opened.get("/api/v1/meter-list?project=acme&locale=zh-CN")
    rows = rows_of(response.content)
    assert {"计量点编号", "能源", "位置: organisation"} <= rows[0].keys()
    found = await looked(opened, rows)
    assert (found.unchanged, found.faulty, found.unknown) == (3, 0, [])
    odd = await looked(opened, [{**row, "colour": "red", "place: moon": "x"} for row in rows])
    assert odd.unknown == ["colour", "place:moon"]
    response = await opened.post(f"{AT}/{odd.id}/apply?project=acme")
    assert response.json()["code"] == "meter_list_faulty"


async def test_workbooks_that_could_harm_are_refused(opened: httpx.AsyncClient) -> None:
    book = io.BytesIO(workbook(["energy", "gateway", "device"], ["electricity", "g1", "x"]))
    with zipfile.ZipFile(book, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"Sub Auto_Open()")
    response = await opened.post(f"{AT}?project=acme", content=book.getvalue())
    assert (response.status_code, response.json()["code"]) == (422, "sheet_macros")


async def test_lists_that_nobody_applies_are_forgotten(opened: httpx.AsyncClient) -> None:
    ids = [(await looked(opened, [NEW])).id for _ in range(21)]
    response = await opened.get(f"{AT}?project=acme&first=100")
    assert [one["id"] for one in response.json()] == ids[:0:-1]
