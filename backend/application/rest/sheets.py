"""`/api/v1/reading-sheet`: how a figure came about, line by line, up to the account."""

from datetime import UTC, datetime
from fractions import Fraction

from fastapi import APIRouter, Response

from backend.aggregation.metering import instant
from backend.aggregation.reading_sheet import Boundary, Knot, RegisterSheet
from backend.aggregation.stock_sheet import StockSheet
from backend.aggregation.virtual_sheet import VirtualSheet
from backend.application.curves import Period
from backend.application.directory import Directory
from backend.application.rest.doors import ProjectDoor
from backend.application.rest.instants import aware
from backend.application.rest.json_answers import json_answer
from backend.application.sheets import (
    FoundSheet,
    displayed,
    exact,
    find_sheet,
    shown_coefficient,
)
from backend.core.ids import encode_id
from gateway.contract.energy import EnergyType, energy_type

router = APIRouter(tags=["figures"])
Body = dict[str, object]


@router.get("/reading-sheet", response_class=Response)
async def reading_sheet(
    door: ProjectDoor,
    scope: str,
    period: Period,
    at: datetime,
    energy: str | None = None,
) -> Response:
    """Answer the sheet of a node or meter over the period that holds `at`; nodes need `energy`.

    One of `register`, `parts` (of a meter that was moved: a register each), `terms`, `virtual` and
    `stock` says what the account is made of. Values are
    in `unit`, quantities in the energy's smallest unit.
    """
    found = await find_sheet(door, scope, period, aware(at), energy)
    return json_answer({"sheet": None if found is None else _told(found)})


def _told(found: FoundSheet) -> Body:
    sheet, energy, directory = found.sheet, found.energy, found.directory
    account = sheet.account
    return {
        "scope": found.scope,
        "name": found.name,
        "energy": energy.code,
        "unit": energy.unit.code,
        "start": sheet.asked.start,
        "end": sheet.asked.end,
        "quantity": None if account is None else account.qty,
        "value": None if account is None else energy.display(account.qty),
        "register": None
        if sheet.register is None
        else _register(sheet.register, energy) | {"unit": sheet.unit},
        "parts": [
            {
                "start": one.start,
                "end": one.end,
                "point": one.point,
                "register": None
                if one.lines is None
                else _register(one.lines, energy) | {"unit": one.unit},
            }
            for one in sheet.parts
        ],
        "terms": [
            {
                "meter": _meter(directory, one.meter_id),
                "coefficient": one.coefficient,
                "start": one.start,
                "end": one.end,
                "value": None if one.qty is None else energy.display(one.qty),
                "part": displayed(one.part, energy),
            }
            for one in sheet.terms
        ],
        "virtual": None if sheet.virtual is None else _virtual(sheet.virtual, energy, directory),
        "stock": None if sheet.stock is None else _stock(sheet.stock, energy),
        "rounding": displayed(sheet.rounding, energy),
    }


def _meter(directory: Directory, number: int) -> str | None:
    row = directory.meters.get(number)
    return None if row is None else encode_id("mtr", row.uid)


def _register(found: RegisterSheet, energy: EnergyType) -> Body:
    shown = energy.display
    return {
        "opening": _boundary(found.opening),
        "closing": _boundary(found.closing),
        "multiplier": exact(Fraction(found.smallest) / energy.smallest_per_unit),
        "raw": shown(found.raw),
        "adjustments": [
            {
                "why": one.why.value,
                "start": instant(one.at),
                "end": instant(one.until),
                "value": shown(one.qty),
                "before": one.before,
                "after": one.after,
                "factor": None if one.factor is None else str(one.factor),
            }
            for one in found.adjustments
        ],
        "remarks": [
            {
                "why": one.why.value,
                "start": instant(one.at),
                "end": None if one.until is None else instant(one.until),
                "reading": one.value,
                "value": None if one.qty is None else shown(one.qty),
            }
            for one in found.remarks
        ],
        "total": shown(found.total),
        "totalQuantity": found.total,
        "mean": found.mean,
        "hours": found.hours,
    }


def _boundary(found: Boundary) -> Body:
    return {
        "at": instant(found.at),
        "value": found.value,
        "interpolated": found.interpolated,
        "before": _knot(found.before),
        "after": _knot(found.after),
    }


def _knot(knot: Knot | None) -> Body | None:
    return None if knot is None else {"at": instant(knot.at), "value": knot.value}


def _virtual(found: VirtualSheet, energy: EnergyType, directory: Directory) -> Body:
    factors = []
    for one in found.terms:
        row = directory.meters.get(one.meter_id)
        if row is not None:
            of = energy_type(row.energy)
            factors.append(
                {
                    "meter": encode_id("mtr", row.uid),
                    "coefficient": shown_coefficient(one.coefficient, of, energy),
                    "value": of.display(one.qty),
                    "unit": of.unit.code,
                    "part": displayed(one.part, energy),
                }
            )
    evaluated = [
        {
            "meters": [_meter(directory, number) for number in one.meter_ids],
            "part": displayed(one.part, energy),
        }
        for one in found.evaluated
    ]
    return {"expression": found.expression, "factors": factors, "evaluated": evaluated}


def _stock(found: StockSheet, energy: EnergyType) -> Body:
    shown, per_day = energy.display, found.rule.per_day
    return {
        "start": datetime.fromtimestamp(found.start, UTC),
        "end": datetime.fromtimestamp(found.end, UTC),
        "opening": shown(found.opening),
        "papers": [
            {
                "kind": one.kind,
                "at": datetime.fromtimestamp(one.ts, UTC),
                "value": shown(one.qty),
            }
            for one in found.documents
        ],
        "found": shown(found.found),
        "closing": shown(found.closing),
        "rule": found.rule.rule,
        "perDay": None if per_day is None else shown(per_day),
        "total": shown(found.total),
        "totalQuantity": found.total,
    }
