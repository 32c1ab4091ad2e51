"""`/api/v1/series` and `/api/v1/ranking`: the figures of GraphQL for scripts and spreadsheets.

JSON, CSV, NDJSON or a workbook; numbers keep all their digits, a value that is missing is null or
empty.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from backend.aggregation.earlier import Against
from backend.aggregation.measures import Measure
from backend.aggregation.ranking import Order
from backend.aggregation.series import Curve
from backend.application.curves import Asked, Drawn, Period, read_curves
from backend.application.exports import Export
from backend.application.rest.doors import ProjectDoor, SignedIn
from backend.application.rest.exports import Form, Row, at_hand, exported
from backend.application.rest.instants import aware
from backend.application.rest.json_answers import json_answer, kept_answer
from backend.application.top import RankedList, Wanted, read_top

router = APIRouter(tags=["figures"])

COLUMNS = ("scope", "start", "label", "value", "quality", "unit")


class SeriesMeasure(Enum):
    """What a curve shows."""

    QUANTITY = "QUANTITY"
    KGCE = "KGCE"
    KGCO2 = "KGCO2"
    COST = "COST"
    POWER = "POWER"
    MEASURED = "MEASURED"


class RankingOrder(Enum):
    """By what is ranked."""

    QUANTITY = "QUANTITY"
    KGCE = "KGCE"
    KGCO2 = "KGCO2"
    COST = "COST"


@router.get("/series", response_class=Response)
async def series(
    request: Request,
    door: ProjectDoor,
    caller: SignedIn,
    scope: Annotated[list[str], Query(min_length=1, max_length=100)],
    energy: str,
    period: Period,
    start: datetime,
    end: datetime,
    measure: SeriesMeasure = SeriesMeasure.QUANTITY,
    width: int | None = None,
    compare: Against | None = None,
    to_date: bool = False,
    format: Form = Form.JSON,  # noqa: A002 - what the address calls it
) -> Response:
    """Answer curves of nodes and meters (`scope`, repeated) over [start, end).

    JSON of a span that is over has an ETag.
    """
    asked = Asked(
        scopes=scope,
        energy=energy,
        measure=Measure[measure.name],
        period=period,
        start=aware(start),
        end=aware(end),
        width=width,
        compare=compare,
        to_date=to_date,
    )
    drawn = await read_curves(door, asked)
    if format is Form.JSON:
        body: dict[str, object] = {"series": [_curve_json(one) for one in drawn]}
        over = asked.end <= door.today(door.process.platform.clock.now()).day
        return kept_answer(request, body) if over else json_answer(body)
    rows = (row for one in drawn for row in _rows(one))
    span = {"start": asked.start.isoformat(), "end": asked.end.isoformat()}
    about = {"scopes": scope, "energy": energy, "period": period.name, **span}
    export = Export(door, caller, "series", scope[0], about)
    return await exported(format, export, COLUMNS, at_hand(rows))


@router.get("/ranking", response_class=Response)
async def ranking(
    door: ProjectDoor,
    energy: str,
    period: Period,
    at: datetime | None = None,
    order: RankingOrder = RankingOrder.QUANTITY,
    first: int = 10,
    parent: str | None = None,
    level: int = 1,
    meters: bool = False,
) -> Response:
    """Answer the greatest nodes of a level, or meters, of the period that holds `at`."""
    wanted = Wanted(
        energy=energy,
        order=Order[order.name],
        period=period,
        at=door.process.platform.clock.now() if at is None else aware(at),
        first=first,
        parent=parent,
        level=level,
        meters=meters,
    )
    found = await read_top(door, wanted)
    return json_answer({"ranking": None if found is None else _ranking_json(found)})


def _curve_json(drawn: Drawn) -> dict[str, object]:
    compared = drawn.compared
    head = {"scope": drawn.scope, "unit": drawn.unit}
    more = {} if compared is None else {"compared": _values_json(compared)}
    return head | _values_json(drawn.curve) | more


def _values_json(curve: Curve) -> dict[str, object]:
    texts = {"values": curve.values, "quality": curve.quality}
    if curve.lows is not None and curve.highs is not None:
        texts |= {"low": curve.lows, "high": curve.highs}
    return {
        "start": curve.start,
        "end": curve.end,
        "step": curve.step_s,
        "starts": list(curve.starts) or None,
        "labels": list(curve.labels) or None,
        "total": curve.total,
        **{name: orjson.Fragment(text) for name, text in texts.items()},
    }


def _ranking_json(found: RankedList) -> dict[str, object]:
    return {
        "start": found.start,
        "end": found.end,
        "unit": found.unit,
        "whole": found.whole,
        "rows": [
            {
                "scope": row.scope,
                "name": row.name,
                "value": row.amount,
                "share": row.share,
                "quality": row.quality,
            }
            for row in found.rows
        ],
        "others": {
            "count": found.others,
            "value": found.others_amount,
            "share": found.others_share,
        },
    }


def _rows(drawn: Drawn) -> Iterator[Row]:
    """Answer the cells of COLUMNS of each step; the numbers are the database's own."""
    curve = drawn.curve
    values, qualities = (text[1:-1].split(",") for text in (curve.values, curve.quality))
    if not curve.quality.strip("[]"):
        return
    starts: Sequence[datetime] = curve.starts or [
        curve.start + n * timedelta(seconds=curve.step_s or 0) for n in range(len(values))
    ]
    labels = curve.labels or [""] * len(values)
    for start, label, value, trust in zip(starts, labels, values, qualities, strict=True):
        number = None if value == "null" else Decimal(value)
        quality = None if trust == "null" else int(trust)
        yield drawn.scope, start.astimezone(UTC), label, number, quality, drawn.unit
