"""What a template's people bring by hand: stocks with their papers, registers that are read.

Meters follow the template at every call; papers and readings are written once and belong to people
afterwards.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from backend.aggregation.calendar import PlantTime, read_plant_time
from backend.aggregation.stock_accounts import settle_stock
from backend.core.db import Database, WriteSession
from backend.core.errors import NotFound
from backend.core.ids import new_uuid
from backend.service.hand.readings import Entry, keep, list_readings
from backend.service.hand.registers import hand_register
from backend.service.projects.template import PaperPart, RoundPart, StockPart, Template
from backend.service.stock.checks import NewDocument, smallest_of
from backend.service.stock.documents import add_document, list_documents, stock_meters

_METER = """
INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id,
    nameplate_per_hour) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, slug) DO UPDATE SET name = excluded.name RETURNING id
"""
_COUNTED = """
INSERT INTO node_meter (project_id, node_id, meter_id, coefficient)
SELECT %s, n.id, %s, 1 FROM node n WHERE n.project_id = %s AND n.slug = ANY(%s)
ON CONFLICT DO NOTHING
"""


async def keep_by_hand(database: Database, project_id: int, parts: Template, now: datetime) -> None:
    """Have a template's stocks and hand-read registers in a project."""
    async with database.project(project_id) as tx:
        plant = await read_plant_time(tx, project_id)
        for slug, stock in parts.stocks.items():
            await _stock(tx, project_id, slug, stock, plant, now)
        for slug, register in parts.rounds.items():
            await _register(tx, project_id, slug, register, now)


async def _stock(
    tx: WriteSession, project_id: int, slug: str, part: StockPart, plant: PlantTime, now: datetime
) -> None:
    name = Jsonb({"en": part.en, "zh-CN": part.zh})
    number = await tx.fetch_value(
        _METER,
        (project_id, new_uuid(now), slug, name, part.energy, 1, "stock", None, None),
        into=int,
    )
    await tx.execute(_COUNTED, (project_id, number, project_id, part.nodes))
    meter = next(one for one in await stock_meters(tx, project_id) if one.id == number)
    if await list_documents(tx, project_id, meter.id, 1):
        return
    unit = meter.energy.unit.code
    for paper in part.papers:
        await add_document(tx, project_id, meter, _document(paper, unit, plant, now), None, now)
    if part.per_day is not None:
        await tx.execute(
            "INSERT INTO stock_rule (project_id, meter_id, per_day) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (project_id, meter.id, smallest_of(Decimal(part.per_day), unit, meter.energy)),
        )
    await settle_stock(tx, project_id, meter.id, now)


def _document(paper: PaperPart, unit: str, plant: PlantTime, now: datetime) -> NewDocument:
    day = now.astimezone(plant.zone).date() - timedelta(days=paper.days)
    value, per = paper.calorific or (None, None)
    return NewDocument(
        paper.kind,
        datetime.combine(day, time.fromisoformat(paper.at), plant.zone),
        Decimal(paper.quantity),
        unit,
        None if paper.price is None else Decimal(paper.price),
        calorific_value=None if value is None else Decimal(value),
        calorific_unit=per,
        supplier=paper.supplier,
        reference=paper.reference,
    )


async def _register(
    tx: WriteSession, project_id: int, slug: str, part: RoundPart, now: datetime
) -> None:
    point = await _point(tx, project_id, slug, part)
    name = Jsonb({"en": part.en, "zh-CN": part.zh})
    words = (slug, name, part.energy, 3, "manual", point, part.nameplate)
    number = await tx.fetch_value(_METER, (project_id, new_uuid(now), *words), into=int)
    register = await hand_register(tx, project_id, meter_id=number)
    if await list_readings(tx, project_id, register.meter_id, 1):
        return
    for days, value in part.readings.items():
        entry = Entry(now - timedelta(days=days), Decimal(value))
        await keep(tx, project_id, register, entry, None, now)


async def _point(tx: WriteSession, project_id: int, slug: str, part: RoundPart) -> int:
    """Answer the register's point, made where it is not there. Raises NotFound never in fact."""
    made = await tx.fetch_value(
        "SELECT point_id FROM meter WHERE project_id = %s AND slug = %s",
        (project_id, slug),
        into=int,
    ) or await tx.fetch_value(
        "INSERT INTO point (project_id, name, kind, unit, modulus, max_gap_s)"
        " VALUES (%s, %s, 'register', %s, %s, %s) RETURNING id",
        (project_id, slug, part.unit, part.modulus, part.every_days * 86_400),
        into=int,
    )
    if made is None:
        raise NotFound(kind="point")
    return made
