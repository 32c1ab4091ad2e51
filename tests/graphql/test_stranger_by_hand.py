"""The stranger against stocks, readings by hand and imported files of Alice's project."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import psycopg

from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.hand.readings import Entry, enter
from backend.service.hand.registers import hand_register
from backend.service.imports.files import check_file
from backend.service.people.asker import Asker
from backend.service.stock.documents import record_document
from tests.backend.stocks import document, make_stock
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import make_plant
from tests.graphql.strangers import LearnsNothing, look, nothing_like
from tests.postgres import NOW, Actor

PAPER = 'input: {kind: COUNT, at: "2026-03-01T00:00:00Z", quantity: "1", unit: "t"}'
READING = 'input: {at: "2026-03-01T00:00:00Z", value: "1"}'


def of(text: str) -> list[str]:
    """A field of Alice's project, and her things asked for in one's own."""
    return [
        f'{{ project(id: "%(project)s") {{ {text} }} }}',
        f'{{ project(id: "other") {{ {text} }} }}',
    ]


def change(text: str) -> list[str]:
    """A mutation in Alice's project, and one in one's own that names her things."""
    return [
        f"mutation {{ {text.replace('PROJECT', named)} }}"
        for named in ('project: "%(project)s"', 'project: "other"')
    ]


QUESTIONS: dict[str, list[str]] = {
    "Project.stocks": of("stocks { meterId book }"),
    "Project.stock": of('stock(meter: "%(yard)s") { book documents { id } }'),
    "Project.handRegisters": of("handRegisters { meterId lastValue }"),
    "Project.handRegister": of('handRegister(meter: "%(office)s") { lastValue }'),
    "Project.importedFiles": of("importedFiles { id name }"),
    "Project.importedFile": of('importedFile(id: "%(file)s") { rows }'),
    "Mutation.recordStockDocument": change(
        f'recordStockDocument(PROJECT, meter: "%(yard)s", {PAPER}) {{ book }}'
    ),
    "Mutation.reverseStockDocument": change(
        'reverseStockDocument(PROJECT, document: "%(paper)s") { book }'
    ),
    "Mutation.setStockRule": change(
        'setStockRule(PROJECT, meter: "%(yard)s", spreading: EVEN) { book }'
    ),
    "Mutation.createMeterByHand": [
        'mutation { createMeterByHand(project: "%(project)s", name: {en: "x"}, energy: "coal")'
        " { slug } }"
    ],
    "Mutation.enterHandReading": change(
        f'enterHandReading(PROJECT, meter: "%(office)s", {READING}) {{ kept }}'
    ),
    "Mutation.withdrawHandReading": change(
        'withdrawHandReading(PROJECT, reading: "%(reading)s") { kept }'
    ),
}
ROUTES = {
    "GET": "/api/v1/imports/%(file)s?project=%(name)s",
    "POST": "/api/v1/imports/%(file)s/apply?project=%(name)s",
}


async def things(platform: Platform, alice: Actor) -> dict[str, str]:
    """One of everything in Alice's project."""
    project, database = alice.tenant.id, platform.database
    await make_plant(platform, alice.tenant)
    yard = await make_stock(database, project, "yard", "coal")
    asker, uid = Asker(alice.id, alice.uid), new_uuid(NOW)
    async with database.project(project) as tx:
        paper = await record_document(
            tx, project, yard, document("count", "2026-03-01T00:00", "100"), asker, NOW
        )
        point = await tx.fetch_value(
            "INSERT INTO point (project_id, name, kind, unit) VALUES (%s, 'o', 'register', 'kWh')"
            " RETURNING id",
            (project,),
            into=int,
        )
        await tx.execute(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id)"
            " VALUES (%s, %s, 'office', '{}', 'electricity', 3, 'manual', %s)",
            (project, uid, point),
        )
        register = await hand_register(tx, project, uid)
        entry = Entry(datetime(2026, 3, 10, tzinfo=UTC), Decimal(5))
        outcome = await enter(tx, project, register, entry, asker, NOW)
    assert outcome.kept is not None
    content = b"meter,time,value\nm1,2026-03-10,1\n"
    file = await check_file(
        database, project, "Asia/Shanghai", ("readings", "acme.csv"), content, asker, NOW
    )
    return {
        "project": encode_id("prj", alice.tenant.uid),
        "name": "acme",
        "yard": encode_id("mtr", yard.uid),
        "paper": encode_id("stk", paper),
        "office": encode_id("mtr", uid),
        "reading": encode_id("hrd", outcome.kept),
        "file": encode_id("imp", file.uid),
    }


async def test_a_stranger_learns_and_changes_nothing(
    platform: Platform,
    alice: Actor,
    admin: psycopg.Connection,
    client: Client,
    ask: Ask,
    stranger: Actor,
    learns_nothing: LearnsNothing,
) -> None:
    hers = await things(platform, alice)
    none = nothing_like(hers) | {"name": "nothing"}
    await learns_nothing(QUESTIONS, hers, none)
    before = look(admin, alice)
    charlie = await client(stranger)
    for method, path in ROUTES.items():
        for name in ("acme", "other"):
            answers = [
                _said(await charlie.request(method, path % {**names, "name": name}))
                for names in (hers, none)
            ]
            assert answers[0] == answers[1]
            assert answers[0][0] == 404
    assert look(admin, alice) == before
    # The same questions find something when Alice asks.
    answer = await ask(await client(alice), QUESTIONS["Project.stock"][0] % hers)
    assert "100.000000" in str(answer)


def _said(response: httpx.Response) -> tuple[int, bytes]:
    return response.status_code, response.content
