"""Every folder of tests/cases on a real PostgreSQL, at every level of accounts."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from backend.aggregation.accounts import keep_ahead
from backend.aggregation.register_events import Kind, RegisterEvent, record_event
from backend.core.db import Database
from tests.accounts.case_folder import (
    PERIODS,
    Case,
    CaseError,
    Row,
    factor,
    folders,
    load,
    quality,
    quantity,
)
from tests.backend.plant_accounts import Metered, Plant, sums_agree
from tests.postgres import NOW, MakeProject

LATER = datetime(2026, 12, 31, tzinfo=UTC)
Found = tuple[int, int, int]


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
async def test_case(database: Database, make_project: MakeProject, folder: Path) -> None:
    case = load(folder)
    plant = Plant(database, await make_project("works", zone=case.zone.key))
    async with database.platform() as tx:
        await tx.execute(
            "UPDATE project SET day_start_minute = %s WHERE id = %s",
            (case.day_start_minute, plant.project),
        )
    meters = [await meter_of(plant, case) for _ in range(case.meters)]
    node = await plant.node(dict.fromkeys(meters, 1))
    await price(plant, case)
    for step in case.steps():
        await happen(plant, case, meters, step)
        await plant.settle()
        for number, row in enumerate(case.expected, start=2):
            if int(row["step"]) == step:
                where = f"{case.name}/expected.csv:{number}"
                await compare(plant, case, node, row, where)
        await compare_judgements(plant, case, step)
    await sums_agree(plant, 1, meters[0].id)
    await sums_agree(plant, 2, node)


async def meter_of(plant: Plant, case: Case) -> Metered:
    """A meter on a register as the folder describes it."""
    register = case.register
    nameplate = register.get("nameplate")
    return await plant.meter(
        resolution=register.get("resolution", 0.1),
        modulus=register.get("modulus"),
        nameplate=None if nameplate is None else int(nameplate),
        max_gap_s=int(register.get("max_gap_s", 900)),
    )


async def price(plant: Plant, case: Case) -> None:
    """One price for all hours, if the folder has one."""
    if case.price is None:
        return
    times = [["00:00", "24:00", "flat"]]
    season = {"months": list(range(1, 13)), "days": "all", "times": times}
    rules: dict[str, object] = {"bands": {"flat": case.price}, "seasons": [season]}
    await plant.tariff(rules, case.at("2026-01-01"))
    async with plant.database.project(plant.project) as tx:
        await keep_ahead(tx, plant.project, NOW)


async def happen(plant: Plant, case: Case, meters: list[Metered], step: int) -> None:
    """Store a step's readings of all meters and record its events."""
    for number, meter in enumerate(meters, start=1):
        rows = [row for row in case.readings if int(row["step"]) == step]
        for grade in sorted({row["quality"] for row in rows}):
            samples = [
                (case.at(row["time"]), number * float(row["value"]))
                for row in rows
                if row["quality"] == grade
            ]
            await plant.store(meter, samples, quality(grade or "good"))
        for row in (row for row in case.events if int(row["step"]) == step):
            async with plant.database.project(plant.project) as tx:
                await record_event(tx, plant.project, event_of(case, meter, row), LATER)


def event_of(case: Case, meter: Metered, row: Row) -> RegisterEvent:
    """A row of events.csv."""
    return RegisterEvent(
        meter.point,
        Kind(row["kind"]),
        case.at(row["time"]),
        case.at(row["until"]) if row["until"] else None,
        float(row["final"]) if row["final"] else None,
        float(row["initial"]) if row["initial"] else None,
        factor=factor(row["factor"]),
    )


async def compare(plant: Plant, case: Case, node: int, row: Row, where: str) -> None:
    """One expectation."""
    start = case.at(row["start"])
    period = PERIODS[row["period"]] or 1
    end = case.at(row["end"]) if row["period"] == "span" else start
    accounts = await plant.accounts(2, node, period)
    found = [a[1:] for a in accounts if a[0] == start or start <= a[0] < end]
    if row["quantity"] == "none":
        assert found == [], where
        return
    assert found, f"{where}: there is no such account"
    qty, estimated, worst = summed(found)
    assert qty == quantity(row["quantity"]), where
    if row["estimated"]:
        assert estimated == quantity(row["estimated"]), where
    if row["quality"]:
        assert worst == quality(row["quality"]), where
    if row["cost"]:
        cost = (await plant.values(2, node, period, start))[3]
        assert cost == Decimal(row["cost"]), where


def summed(found: list[Found]) -> Found:
    """Accounts as one."""
    qtys, estimates, qualities = zip(*found, strict=True)
    return sum(qtys), sum(estimates), max(qualities)


async def compare_judgements(plant: Plant, case: Case, step: int) -> None:
    """All judgements after a step, of the first meter, where the folder has any for it."""
    expected = [
        (row["kind"], case.at(row["time"]), case.at(row["until"]) if row["until"] else None)
        for row in case.judgements
        if int(row["step"]) == step
    ]
    if not expected:
        return
    async with plant.database.read(plant.project) as tx:
        found = await tx.fetch_tuples(
            "SELECT kind, ts, until_ts FROM register_judgement WHERE project_id = %s"
            " AND point_id = %s ORDER BY ts",
            (plant.project, plant.made[0].point),
        )
    assert found == expected, f"{case.name}/judgements.csv after step {step}"


def test_a_folder_without_an_expectation_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "99-nothing"
    folder.mkdir()
    (folder / "spec.yaml").write_text("says: nothing\nzone: UTC\n")
    (folder / "readings.csv").write_text("step,time,value,quality\n1,2026-03-01,1.0,\n")
    with pytest.raises(CaseError, match="expects nothing"):
        load(folder)
    header = "step,period,start,end,quantity,estimated,quality,cost\n"
    (folder / "expected.csv").write_text(header)
    with pytest.raises(CaseError, match="expects nothing"):
        load(folder)
    (folder / "expected.csv").write_text(header + "1,fortnight,2026-03-01,,1,,,\n")
    with pytest.raises(CaseError, match=r"expected\.csv:2"):
        load(folder)
    (folder / "expected.csv").write_text(header + "1,day,2026-03-01,,1,,,\n")
    assert load(folder).steps() == [1]
    assert folders(tmp_path) == [folder]


def test_the_golden_cases_of_accounts_are_there() -> None:
    numbers = {int(folder.name.partition("-")[0]) for folder in folders()}
    assert numbers >= {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 25, 26}
