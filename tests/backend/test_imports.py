"""Files that people bring, on a real PostgreSQL: looked at, then applied once and as a whole."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.core import audit
from backend.core.db import Database
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import new_uuid
from backend.service.imports.files import (
    FileRow,
    Mode,
    apply_file,
    check_file,
    find_file,
    list_files,
)
from backend.service.people.asker import Asker
from backend.service.stock.documents import list_documents, stock_meters
from tests.backend.plant_accounts import Plant
from tests.backend.stocks import local, make_stock
from tests.postgres import NOW, Actor

TABLES = ("reading", "hand_reading", "stock_document", "dirty", "last_value", "account", "audit")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody who brings files to a project."""

    plant: Plant
    actor: Actor
    admin: psycopg.Connection

    @property
    def about(self) -> tuple[Database, int, str]:
        """Where files go."""
        return self.plant.database, self.plant.project, "Asia/Shanghai"

    async def check(self, kind: str, text: str | bytes) -> FileRow:
        """Look at a file."""
        content = text.encode() if isinstance(text, str) else text
        asker = Asker(self.actor.id, self.actor.uid)
        return await check_file(*self.about, (kind, "file.csv"), content, asker, NOW)

    async def apply(self, file: FileRow, mode: Mode = Mode.ALL) -> FileRow:
        """Apply a file."""
        asker = Asker(self.actor.id, self.actor.uid)
        return await apply_file(*self.about, file.uid, mode, asker, NOW)

    async def faults(self, kind: str, text: str) -> list[tuple[int, str, str]]:
        """(row, field, code) of what is wrong with a file."""
        found = (await self.check(kind, text)).found.faults
        return [(one.row, one.field, one.code) for one in found]

    def look(self) -> dict[str, object]:
        """What a file may change."""
        return {
            table: self.admin.execute(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t".encode()
            ).fetchone()
            for table in TABLES
        }

    async def sums(self, slug: str, energy: str, period: int = 3) -> list[Decimal]:
        """What a meter's accounts say."""
        await self.plant.settle()
        row = self.admin.execute("SELECT id FROM meter WHERE slug = %s", (slug,)).fetchone()
        assert row is not None
        return [Decimal(one[1]) for one in await self.plant.accounts(1, row[0], period, energy)]


@pytest.fixture
async def desk(database: Database, alice: Actor, admin: psycopg.Connection) -> Desk:
    """A register of a gateway, one that people read, pieces, a product of mass, and coal."""
    plant = Plant(database, alice.tenant)
    await plant.meter(resolution=0.1)
    for slug, energy, unit in (
        ("office", "electricity", "kWh"),
        ("pieces", "product_count", "pcs"),
        ("utility", "electricity", "kWh"),
    ):
        point = await plant.one(
            "INSERT INTO point (project_id, name, kind, unit, max_gap_s)"
            " VALUES (%s, %s, 'register', %s, 2678400) RETURNING id",
            slug,
            unit,
        )
        await plant.one(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id,"
            " nameplate_per_hour) VALUES (%s, %s, %s, %s, %s, 3, 'manual', %s, 100) RETURNING id",
            new_uuid(NOW),
            slug,
            Jsonb({"en": slug.title(), "zh-CN": f"{slug}表"}),
            energy,
            point,
        )
    await make_stock(database, alice.tenant.id, "yard", "coal")
    return Desk(plant, alice, admin)


READINGS = "meter;time;value (kWh)\nm1;2026-03-10 00:00;100,0\nm1;2026-03-10 00:15;101,5\n"
PAPERS = """计量点,单据类型,时间,数量(吨),单价,热值(kcal/kg),供应商,备注,颜色
yard,盘点,2026-03-01,100,640,4900,,,
yard,入库,2026-03-03 10:00,50,700,5250,三矿,,黑
yard,盘点,2026-03-05,120,,,,,
"""


async def test_readings_are_looked_at_then_applied_once(desk: Desk) -> None:
    before = desk.look()
    looked = await desk.check("readings", READINGS)
    assert desk.look() == before
    assert (looked.state, looked.found.good, looked.found.faulty) == ("checked", 2, 0)
    (meter,) = looked.found.meters
    assert (meter.unit, meter.rows, meter.total) == ("kWh", 2, "1.5")
    assert (meter.first, meter.last) == (
        local("2026-03-10T00:00"),
        local("2026-03-10T00:15"),
    )
    done = await desk.apply(looked)
    assert (done.state, done.rows_applied, done.applied_by) == ("applied", 2, desk.actor.id)
    assert await desk.sums("m1", "electricity", 1) == [1_500_000]
    after = desk.look()
    # The same file again, looked at or applied, by any name: it was applied already.
    assert (await desk.check("readings", READINGS)).uid == done.uid
    assert (await desk.apply(looked)).uid == done.uid
    assert desk.look() == after
    async with desk.plant.database.read(desk.plant.project) as tx:
        (deed, *_) = await audit.newest(tx, desk.plant.project, audit.Chosen(), first=5)
        assert [one.state for one in await list_files(tx, desk.plant.project, 9)] == ["applied"]
    assert deed.action == "import.apply"


async def test_papers_in_chinese_are_accounted(desk: Desk) -> None:
    wrong = PAPERS.replace("吨", "t")
    looked = await desk.check("stock", wrong.encode("gb18030"))
    assert (looked.found.unknown, looked.found.faulty) == (["颜色"], 0)
    with pytest.raises(Conflict, match="import_faulty"):
        await desk.apply(looked)
    assert (await desk.apply(looked, Mode.GOOD)).rows_applied == 3
    assert sum(await desk.sums("yard", "coal")) == 30_000_000
    async with desk.plant.database.read(desk.plant.project) as tx:
        (meter,) = await stock_meters(tx, desk.plant.project)
        rows = await list_documents(tx, desk.plant.project, meter.id, 9)
    assert [(row.supplier, row.calorific_unit) for row in rows][1] == ("三矿", "kcal/kg")
    # The same papers in another file are not recorded again.
    assert {code for _, _, code in await desk.faults("stock", wrong)} == {"row_stored"}


async def test_production_and_interval_values_become_accounts(desk: Desk) -> None:
    made = "meter,from,to,quantity\npieces,2026-03-09 08:00,2026-03-09 20:00,120\n"
    made += "pieces,2026-03-10 08:00,2026-03-10 20:00,240\n"
    await desk.apply(await desk.check("production", made))
    assert await desk.sums("pieces", "product_count") == [120, 240]
    used = "meter,from,to,quantity (MWh)\nutility,2026-03-09,2026-03-10,0.024\n"
    await desk.apply(await desk.check("intervals", used))
    assert await desk.sums("utility", "electricity", 2) == [Decimal(1_000_000)] * 24
    assert await desk.faults("production", used) == [(2, "meter", "import_no_product")]
    more = "meter,from,to,quantity\n"
    assert await desk.faults(
        "intervals",
        more
        + "utility,2026-03-10,2026-03-11,1\nutility,2026-03-10 12:00,2026-03-12,1\n"
        + "utility,2026-03-12,2026-03-13,1\nutility,2026-03-09 12:00,2026-03-10,1\n"
        + "m1,2026-03-12,2026-03-13,1\nutility,2026-03-14,2026-03-13,1\n"
        + "utility,2026-03-13,2026-03-14,-1\n",
    ) == [
        (3, "start", "import_overlap"),
        (4, "start", "import_gap"),
        (5, "start", "import_stored"),
        (6, "meter", "import_has_register"),
        (7, "end", "import_span_backwards"),
        (8, "quantity", "import_negative"),
    ]


async def test_readings_by_hand_have_nobody_to_ask(desk: Desk) -> None:
    rows = "meter,time,reading\nOffice,2026-03-10,1000\noffice表,2026-03-11,1100\n"
    await desk.apply(await desk.check("hand", rows))
    assert await desk.sums("office", "electricity") == [100_000_000]
    assert await desk.faults(
        "hand",
        "meter,time,reading,note\noffice,2026-03-12,900,\noffice,2026-03-12,9000,\n"
        "office,2026-03-11,1100,\noffice,2026-03-12,1101,x\nm1,2026-03-12,5,\n",
    ) == [
        (2, "value", "hand_less"),
        (3, "time", "row_twice"),
        (4, "time", "import_stored"),
        (5, "time", "row_twice"),
        (6, "meter", "import_unknown_meter"),
    ]


async def test_every_bad_input_is_named_and_the_good_rows_are_kept_as_chosen(desk: Desk) -> None:
    bad = {
        "m1,1970-01-01 08:00,1,kWh": ("time", "import_too_old"),
        "m1,2099-01-01 08:00,1,kWh": ("time", "import_in_the_future"),
        "m1,2026-03-10 01:00,NaN,kWh": ("value", "entry_number"),
        "m1,2026-03-10 01:00,Infinity,kWh": ("value", "entry_number"),
        "m1,2026-03-10 01:00,1e308,kWh": ("value", "entry_number"),
        "m1,2026-03-10 01:00,,kWh": ("value", "cell_empty"),
        "m1,2026-03-10 01:00,1,m3": ("unit", "import_unit"),
        "m1,2026-03-10 01:00,1,bananas": ("unit", "import_unit"),
        "nobody,2026-03-10 01:00,1,kWh": ("meter", "import_unknown_meter"),
        ",2026-03-10 01:00,1,kWh": ("meter", "cell_empty"),
        "yard,2026-03-10 01:00,1,t": ("meter", "import_unknown_meter"),
        "m1,tomorrow,1,kWh": ("time", "cell_time"),
        "m1,2026-03-10 00:00,2,kWh": ("time", "row_twice"),
    }
    text = "meter,time,value,unit\nm1,2026-03-10 00:00,1,kWh\nm1,2026-03-10 00:15,1.002,MWh\n"
    text += "\n".join(bad)
    faults = await desk.faults("readings", text)
    assert faults == [(row, *one) for row, one in enumerate(bad.values(), start=4)]
    looked = await desk.check("readings", text)
    before = desk.look()
    with pytest.raises(Conflict, match="import_faulty") as caught:
        await desk.apply(looked)
    assert caught.value.params["rows"] == len(bad)
    assert desk.look() == before
    assert (await desk.apply(looked, Mode.GOOD)).rows_applied == 2
    assert await desk.sums("m1", "electricity", 1) == [1001 * 10**6]
    looked = await desk.check("readings", "meter,time,value\nm1,1970-01-01,1\n")
    with pytest.raises(Conflict, match="import_nothing"):
        await desk.apply(looked, Mode.GOOD)


async def test_contradictions_of_papers_are_found_before_they_are_written(desk: Desk) -> None:
    rows = (
        "meter,kind,time,quantity,unit,price,currency\n"
        "yard,count,2026-03-01,100,t,,\n"
        "yard,count,2026-03-02,101,t,,\n"
        "yard,count,2026-03-01,100,t,,\n"
        "yard,count,2026-03-01,99,t,,\n"
        "yard,sale,2026-03-03,100.5,t,,\n"
        "yard,delivery,2026-03-03,1,kWh,,\n"
        "yard,delivery,2026-03-03,1,t,5,EUR\n"
        "yard,gift,2026-03-03,1,t,,\n"
        "yard,delivery,2099-03-03,1,t,,\n"
        "yard,delivery,1970-03-03,1,t,,\n"
    )
    assert await desk.faults("stock", rows) == [
        (3, "quantity", "stock_contradiction"),
        (4, "time", "row_twice"),
        (5, "time", "stock_count_twice"),
        (6, "quantity", "stock_oversold"),
        (7, "unit", "entry_unit"),
        (8, "currency", "stock_currency"),
        (9, "kind", "stock_kind"),
        (10, "time", "entry_in_the_future"),
        (11, "time", "entry_too_old"),
    ]


async def test_what_fails_half_way_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = await desk.check("readings", READINGS)
    before = desk.look()

    async def fail(*_: object) -> None:
        raise ConnectionError("the machine stopped here")

    monkeypatch.setattr("backend.service.imports.files._note", fail)
    with pytest.raises(ConnectionError):
        await desk.apply(looked)
    assert desk.look() == before
    monkeypatch.undo()
    assert (await desk.apply(looked)).rows_applied == 2


async def test_files_that_nobody_applies_are_forgotten(desk: Desk) -> None:
    first = await desk.check("readings", READINGS)
    for number in range(20):
        await desk.check("readings", READINGS + f"m1;2026-03-10 01:00;{number}\n")
    project = desk.plant.project
    async with desk.plant.database.read(project) as tx:
        assert len(await list_files(tx, project, 99)) == 20
        with pytest.raises(NotFound):
            await find_file(tx, project, first.uid)
    later = replace(desk)
    asker = Asker(desk.actor.id, desk.actor.uid)
    named = ("readings", "late.csv")
    late = NOW + timedelta(days=8)
    await check_file(*later.about, named, READINGS.encode(), asker, late)
    async with desk.plant.database.read(project) as tx:
        assert [one.name for one in await list_files(tx, project, 99)] == ["late.csv"]
    for kind, name, code in (("gossip", "x", "import_kind"), ("readings", "", "import_name")):
        with pytest.raises(InvalidInput, match=code):
            await check_file(*desk.about, (kind, name), b"a,b\n1,2\n", asker, NOW)
