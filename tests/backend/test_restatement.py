"""Restatements end to end below the interfaces: proposed, tried, decided, applied, readable."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from backend.aggregation.accounts import account
from backend.core import audit
from backend.core.db import Database, WriteSession
from backend.core.errors import Conflict, InvalidInput, KilowiseError, NotAllowed
from backend.service.restatement import apply
from backend.service.restatement.rows import (
    State,
    list_restatements,
)
from backend.service.restatement.work import Step
from tests.backend.plant_accounts import DAY, every
from tests.backend.plant_versions import as_of, current
from tests.backend.restatement_desk import KWH, START, Desk, make_desk
from tests.postgres import NOW, MakePerson, MakeProject

MIN = timedelta(minutes=1)


class Killed(BaseException):
    """A kill -9 before the commit."""


FACTOR: dict[str, object] = {
    "energy": "electricity",
    "substance": "kgce",
    "basis": "calorific",
    "value": "0.5",
    "since": "2026-03-01T00:00:00+08:00",
    "source": "GB/T 2589",
}


@pytest.fixture
async def desk(database: Database, make_project: MakeProject, make_person: MakePerson) -> Desk:
    """A plant with a month's end in its readings, and two people."""
    return await make_desk(database, make_project, make_person)


async def test_the_dry_run_changes_nothing_and_says_what_applying_does(desk: Desk) -> None:
    before = await current(desk.plant)
    row = await desk.propose("factor", FACTOR)
    assert (row.state, row.measured, row.version) == (State.PROPOSED, False, None)
    row = await desk.measured(row)
    assert await current(desk.plant) == before
    assert row.difference is not None
    assert row.difference[0] == {
        "scope": 2,
        "id": desk.node,
        "energy": "electricity",
        "start": "2026-02-28T16:00:00+00:00",
        "end": "2026-03-31T16:00:00+00:00",
        "old": {"qty": 2 * 191 * KWH, "kgce": "46.9478", "kgco2": None, "cost": None},
        "new": {"qty": 2 * 191 * KWH, "kgce": "191", "kgco2": None, "cost": None},
    }
    assert [(one["scope"], one["id"]) for one in row.difference[1:]] == [
        (1, meter.id) for meter in desk.meters
    ]
    applied = await desk.applied(row)
    assert (applied.state, applied.version) == (State.APPLIED, 1)
    for one in row.difference:
        month = datetime.fromisoformat(str(one["start"]))
        assert isinstance(one["new"], dict)
        values = await desk.plant.values(int(str(one["scope"])), int(str(one["id"])), 4, month)
        assert [values[0], str(values[1].normalize() if values[1] else None)] == [
            one["new"]["qty"], one["new"]["kgce"]
        ]  # fmt: skip
    assert await as_of(desk.plant, 0) == before
    assert await current(desk.plant) != before


async def test_live_accounting_goes_on_and_nobody_sees_a_part(desk: Desk) -> None:
    row = await desk.measured(await desk.propose("factor", FACTOR))
    await desk.approve(row)
    before = await current(desk.plant)
    assert await desk.step() is Step.DONE
    row = await desk.row(row)
    assert (row.state, row.version) == (State.APPLYING, 1)
    assert await desk.progress(row) == 0.0
    assert await desk.step() is Step.WAITING
    last = START + 4 * DAY
    await desk.plant.store(desk.meters[0], every(last, 15 * MIN, [484.0, 485.0]))
    seen = []
    while (await desk.plant.work(span=timedelta(hours=12))).rows:
        seen.append(await desk.progress(row))
        assert {one for one in await as_of(desk.plant, 0) if one in before} == before
    assert seen == sorted(seen)
    assert 0 < seen[len(seen) // 2] < 1
    assert seen[-1] == 1.0
    assert await desk.step() is Step.DONE
    assert (await desk.row(row)).state is State.APPLIED
    quarters = await desk.plant.accounts(1, desk.meters[0].id, 1)
    assert quarters[-1][:2] == (last, KWH), "what came meanwhile is accounted"
    assert await desk.step() is Step.NOTHING


async def test_a_killed_worker_is_no_matter(desk: Desk) -> None:
    """Each step is one transaction: one that ends before its commit is simply done again."""
    row = await desk.measured(await desk.propose("factor", FACTOR))
    await desk.approve(row)
    before = await current(desk.plant)

    async def killed(work: Callable[[WriteSession], Awaitable[object]]) -> None:
        async with desk.plant.database.project(desk.plant.project) as tx:
            await work(tx)
            raise Killed

    with pytest.raises(Killed):
        await killed(lambda tx: apply.begin(tx, desk.plant.project, row, NOW))
    assert (await desk.row(row)).state is State.APPROVED
    assert await current(desk.plant) == before
    assert await desk.step() is Step.DONE
    with pytest.raises(Killed):
        await killed(lambda tx: account(tx, desk.plant.project, NOW, DAY))
    await desk.plant.settle(span=DAY)
    with pytest.raises(Killed):
        await killed(lambda tx: apply.seal(tx, desk.plant.project, row, NOW))
    assert (await desk.row(row)).state is State.APPLYING
    assert await desk.step() is Step.DONE
    assert await as_of(desk.plant, 0) == before
    assert (await desk.row(row)).state is State.APPLIED


async def test_a_second_person_approves_where_the_project_asks_for_one(desk: Desk) -> None:
    async with desk.plant.database.platform() as tx:
        await tx.execute(
            "UPDATE project SET second_person = true WHERE id = %s", (desk.plant.project,)
        )
    row = await desk.propose("factor", FACTOR)
    with pytest.raises(Conflict, match="restatement_not_measured"):
        await desk.approve(row)
    row = await desk.measured(row)
    with pytest.raises(NotAllowed, match="restatement_second_person"):
        await desk.approve(row, by=desk.alice)
    approved = await desk.approve(row)
    assert (approved.state, approved.decided_by) == (State.APPROVED, desk.bob.id)
    with pytest.raises(Conflict, match="restatement_decided"):
        await desk.approve(row)


async def test_a_rejected_one_does_nothing_and_every_step_is_audited(desk: Desk) -> None:
    first = await desk.measured(await desk.propose("factor", FACTOR))
    other = await desk.measured(await desk.propose("factor", FACTOR | {"value": "0.6"}))
    before = await current(desk.plant)
    with pytest.raises(InvalidInput, match="restatement_reason"):
        await desk.reject(first, "  ")
    rejected = await desk.reject(first, "not the factor of that year")
    assert (rejected.state, rejected.answer) == (State.REJECTED, "not the factor of that year")
    assert await current(desk.plant) == before
    third = await desk.propose("factor", FACTOR | {"value": "0.7"})
    await desk.applied(other)
    assert not (await desk.row(third)).measured, "it changes other figures now"
    third = await desk.measured(third)
    assert third.difference is not None
    assert third.difference[0]["old"] == {
        "qty": 2 * 191 * KWH, "kgce": "229.2", "kgco2": None, "cost": None
    }  # fmt: skip
    async with desk.plant.database.read(desk.plant.project) as tx:
        rows = await list_restatements(tx, desk.plant.project, 10)
        entries = await audit.newest(tx, desk.plant.project, audit.Chosen(), first=20)
        assert await audit.broken(tx, desk.plant.project) is None
    assert [row.id for row in rows] == [third.id, other.id, first.id]
    assert [(one.action, one.result, one.person_id) for one in reversed(entries)] == [
        ("restatement.propose", "proposed", desk.alice.id),
        ("restatement.propose", "proposed", desk.alice.id),
        ("restatement.reject", "rejected", desk.bob.id),
        ("restatement.propose", "proposed", desk.alice.id),
        ("restatement.approve", "approved", desk.bob.id),
        ("restatement.begin", "applying", None),
        ("restatement.apply", "applied", None),
    ]


async def test_nothing_is_tried_or_begun_while_an_import_is_accounted(desk: Desk) -> None:
    """What is left of it would be told as a difference, and all of it be kept beside."""
    row = await desk.propose("factor", FACTOR)
    await desk.plant.touch(desk.meters[0], START, START + 2 * DAY)
    assert await desk.step() is Step.WAITING
    await desk.plant.settle()
    row = await desk.measured(row)
    await desk.approve(row)
    await desk.plant.touch(desk.meters[0], START, START + 2 * DAY)
    assert await desk.step() is Step.WAITING
    assert (await desk.row(row)).state is State.APPROVED
    await desk.plant.settle()
    assert await desk.step() is Step.DONE
    assert (await desk.row(row)).state is State.APPLYING


async def test_one_at_a_time(desk: Desk) -> None:
    one = await desk.measured(await desk.propose("factor", FACTOR))
    two = await desk.measured(await desk.propose("factor", FACTOR))
    await desk.approve(one)
    with pytest.raises(Conflict, match="restatement_busy"):
        await desk.approve(two)


BAD: list[tuple[str, dict[str, object], str, dict[str, object]]] = [
    ("nothing", {}, "restatement_kind", {"kind": "nothing"}),
    ("factor", {"since": "2026-03-01T00:07:00+08:00"}, "restatement_field", {"field": "since"}),
    ("factor", {"since": "2026-03-01"}, "restatement_field", {"field": "since"}),
    ("factor", {"since": "1970-01-01T00:00:00Z"}, "restatement_far", {"days": 1098}),
    ("factor", {"since": "2099-01-01T00:00:00Z"}, "restatement_future", {}),
    ("factor", {"value": "NaN"}, "restatement_field", {"field": "value"}),
    ("factor", {"value": "1e308"}, "restatement_field", {"field": "value"}),
    ("factor", {"value": "-1"}, "restatement_field", {"field": "value"}),
    ("factor", {"energy": "magic"}, "energy_unknown", {"energy": "magic"}),
    ("factor", {"colour": "red"}, "restatement_field", {"field": "colour"}),
]


async def test_bad_input_is_refused_by_name(desk: Desk) -> None:
    for kind, change, code, about in BAD:
        with pytest.raises(KilowiseError, match=code) as told:
            await desk.propose(kind, FACTOR | change)
        assert {name: told.value.params[name] for name in about} == about
    async with desk.plant.database.read(desk.plant.project) as tx:
        assert await list_restatements(tx, desk.plant.project, 10) == []
