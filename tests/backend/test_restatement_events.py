"""What people find out about registers afterwards: ratios, exchanges, spikes, and revoking them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.aggregation.accounts import keep_ahead
from backend.core.db import Database
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id, new_uuid
from backend.service.restatement.rows import State
from tests.backend.plant_accounts import sums_agree
from tests.backend.plant_versions import as_of, current
from tests.backend.restatement_desk import KWH, MIN, START, Desk, make_desk, restated
from tests.postgres import NOW, MakePerson, MakeProject

MARCH = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
FEBRUARY = datetime.fromisoformat("2026-02-01T00:00:00+08:00")
YEAR = list(range(1, 13))
FLAT: dict[str, object] = {
    "bands": {"flat": "0.65"},
    "seasons": [{"months": YEAR, "days": "all", "times": [["00:00", "24:00", "flat"]]}],
}


@pytest.fixture
async def desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant with a month's end in its readings, and two people."""
    return await make_desk(database, make_project, make_person)


async def month(desk: Desk, scope: int, scope_id: int, start: datetime) -> int:
    """A month's quantity in kWh."""
    return (await desk.plant.values(scope, scope_id, 4, start))[0] // KWH


async def test_a_wrong_ratio_counts_by_the_right_one(desk: Desk) -> None:
    """150/5 was entered for 200/5: four thirds of everything since, exactly."""
    meter = desk.meters[0]
    id = await desk.meter_id(meter)
    params: dict[str, object] = {
        "meter": id, "wrong_ct": "150/5", "right_ct": "200/5",
        "since": "2026-02-28T12:00:00+08:00",
    }  # fmt: skip
    row = await restated(desk, "ratio", params)
    assert await month(desk, 1, meter.id, FEBRUARY) == 144 + 48 * 4 // 3
    assert (await desk.plant.values(1, meter.id, 4, MARCH))[0] == round(191 * KWH * 4 / 3)
    assert (await desk.plant.values(2, desk.node, 4, MARCH))[0] == 191 * KWH + round(
        191 * KWH * 4 / 3
    )
    again = await desk.measured(await desk.propose("ratio", params))
    assert again.state is State.FAILED
    assert again.fault is not None
    assert again.fault["code"] == "register_event_overlap"
    async with desk.plant.database.read(desk.plant.project) as tx:
        uid = await tx.fetch_tuples(
            "SELECT uid FROM register_event WHERE project_id = %s AND restatement_id = %s",
            (desk.plant.project, row.id),
        )
    await restated(desk, "revoke", {"event": encode_id("rev", uid[0][0])})
    assert await as_of(desk.plant, 0) == await current(desk.plant)


async def test_a_pt_and_a_ct_multiply(desk: Desk) -> None:
    meter = desk.meters[1]
    params: dict[str, object] = {
        "meter": await desk.meter_id(meter), "wrong_ct": "100/5", "right_ct": "300/5",
        "wrong_pt": "10000/100", "right_pt": "6000/100",
        "since": "2026-03-01T00:00:00+08:00", "until": "2026-03-02T00:00:00+08:00",
    }  # fmt: skip
    await restated(desk, "ratio", params)
    assert (await desk.plant.values(1, meter.id, 4, MARCH))[0] == (96 * 9 // 5) * KWH + (
        95 * KWH + 96 * KWH * 9 // 5 - (96 * 9 // 5) * KWH
    )


async def test_an_exchange_that_nobody_recorded(desk: Desk) -> None:
    """The new meter began above the old one's last reading: 500 kWh were never there."""
    meter = desk.meters[0]
    at = MARCH + timedelta(hours=30)
    async with desk.plant.database.project(desk.plant.project) as tx:
        await tx.execute(
            "UPDATE reading SET value = value + 500 WHERE project_id = %s AND point_id = %s"
            " AND ts >= %s",
            (desk.plant.project, meter.point, at),
        )
    await desk.plant.touch(meter, at, at + timedelta(days=3))
    await desk.plant.settle()
    assert await month(desk, 1, meter.id, MARCH) == 191 + 500
    value = 100.0 + (at - START) / (15 * MIN)
    await restated(
        desk,
        "exchange",
        {
            "meter": await desk.meter_id(meter), "at": at.isoformat(),
            "final": value, "initial": value + 500,
        },
    )  # fmt: skip
    assert await month(desk, 1, meter.id, MARCH) == 191


async def test_case_07_a_spike_deleted_after_the_month_ended(desk: Desk) -> None:
    """Every level and cost follows; the old figures stay readable."""
    await desk.plant.tariff(FLAT, FEBRUARY)
    meter = desk.meters[0]
    spike = MARCH - timedelta(minutes=30)
    async with desk.plant.database.project(desk.plant.project) as tx:
        await keep_ahead(tx, desk.plant.project, NOW)
        await tx.execute(
            "UPDATE reading SET value = value + 3000 WHERE project_id = %s AND point_id = %s"
            " AND ts = %s",
            (desk.plant.project, meter.point, spike),
        )
        await tx.execute(
            "UPDATE reading SET value = value + 3000.5 WHERE project_id = %s AND point_id = %s"
            " AND ts BETWEEN %s AND %s",
            (desk.plant.project, meter.point, spike + 15 * MIN, spike + 45 * MIN),
        )
    await desk.plant.touch(meter, START, NOW)
    await desk.plant.settle()
    before = await desk.plant.values(2, desk.node, 4, FEBRUARY)
    assert before[0] > 3000 * KWH
    params: dict[str, object] = {
        "meter": await desk.meter_id(meter), "since": spike.isoformat(),
        "until": (spike + 60 * MIN).isoformat(),
    }  # fmt: skip
    await restated(desk, "exclude", params)
    for scope, scope_id, kwh in ((1, meter.id, 192), (2, desk.node, 384)):
        qty, _, _, cost = await desk.plant.values(scope, scope_id, 4, FEBRUARY)
        assert (qty, cost) == (kwh * KWH, Decimal(kwh) * Decimal("0.65"))
    await sums_agree(desk.plant, 1, meter.id)
    await sums_agree(desk.plant, 2, desk.node)


async def test_a_place_counted_a_meter_otherwise(desk: Desk) -> None:
    """A third of the second meter for one day, nothing of it after: the place follows, exactly."""
    meter, last = desk.meters[1], MARCH + timedelta(days=1)
    ids = {"node": await desk.node_id(), "meter": await desk.meter_id(meter)}
    share: dict[str, object] = {
        "coefficient": "0.333333", "since": MARCH.isoformat(), "until": last.isoformat()
    }  # fmt: skip
    await restated(desk, "membership", ids | share)
    march = (await desk.plant.values(2, desk.node, 4, MARCH))[0]
    assert march == 2 * 191 * KWH - 96 * (KWH - 333_333)
    assert await month(desk, 2, desk.node, FEBRUARY) == 2 * 192
    await restated(desk, "membership", ids | {"coefficient": "0", "since": last.isoformat()})
    assert (await desk.plant.values(2, desk.node, 4, MARCH))[0] == march - 95 * KWH
    assert await month(desk, 1, meter.id, MARCH) == 191
    async with desk.plant.database.read(desk.plant.project) as tx:
        rows = await tx.fetch_tuples(
            "SELECT coefficient, valid_from, valid_to FROM node_meter WHERE project_id = %s"
            " AND node_id = %s AND meter_id = %s ORDER BY valid_from",
            (desk.plant.project, desk.node, meter.id),
        )
    always = datetime(1970, 1, 1, tzinfo=UTC)
    assert rows == [(1, always, MARCH), (Decimal("0.333333"), MARCH, last)]


async def test_what_cannot_be_is_refused(desk: Desk) -> None:
    id = await desk.meter_id(desk.meters[0])
    since = "2026-03-01T00:00:00+08:00"
    bad: list[tuple[str, dict[str, object], str]] = [
        ("ratio", {"wrong_ct": "150/5", "since": since}, "restatement_ratio_half"),
        ("ratio", {"wrong_ct": "150/5", "right_ct": "150/5", "since": since}, "ratio_same"),
        ("ratio", {"wrong_ct": "0/5", "right_ct": "150/5", "since": since}, "field"),
        ("ratio", {"wrong_ct": "150", "right_ct": "150/5", "since": since}, "field"),
        ("ratio", {"since": since}, "restatement_ratio_same"),
        ("exclude", {"since": since, "until": since}, "restatement_span"),
        ("exchange", {"at": since, "final": float("nan"), "initial": 0}, "field"),
        ("exchange", {"at": since, "final": float("inf"), "initial": 0}, "field"),
    ]
    for kind, params, code in bad:
        with pytest.raises(InvalidInput, match=code):
            await desk.propose(kind, {"meter": id} | params)
    stranger = encode_id("mtr", new_uuid(NOW))
    with pytest.raises(NotFound):
        await desk.propose("exclude", {"meter": stranger, "since": since, "until": since})
