"""A holding with two works: what groups are tested on.

Each works took electricity in February and March 2026 and in February 2025; the south works also
makes products.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from backend.aggregation.calendar import Period, later, plant_time
from backend.core.ids import encode_id
from backend.core.platform import Platform
from tests.graphql.plants import Plant, make_plant
from tests.postgres import NOW, Actor, MakePerson, MakeProject

PLANT = plant_time("Asia/Shanghai", 0)
MWH = 1_000_000_000
"""Smallest units (mWh) of a MWh."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Helga owns the group and looks after `hq`; Nora and Sam look after the works."""

    helga: Actor
    nora: Actor
    sam: Actor
    north: Plant
    south: Plant


async def make_holding(
    platform: Platform, make_project: MakeProject, make_person: MakePerson
) -> Holding:
    """Three projects, and the figures of two."""
    people, plants = {}, {}
    for slug, login in (("hq", "helga"), ("north", "nora"), ("south", "sam")):
        tenant = await make_project(slug)
        people[login] = await make_person(login, tenant, role="administrator")
        plants[slug] = await make_plant(platform, tenant)
    months = {"2026-02-01": 3, "2026-03-01": 1, "2025-02-01": 2}
    for slug, times in (("north", 1), ("south", 2)):
        mwh = {first: number * times for first, number in months.items()}
        await add_months(platform, plants[slug], "electricity", mwh)
    await add_months(platform, plants["south"], "product_count", {"2026-02-01": 5})
    await add_days(platform, plants["north"], ("2026-03-01", "2026-03-14", "2026-03-15"))
    return Holding(people["helga"], people["nora"], people["sam"], plants["north"], plants["south"])


async def add_months(
    platform: Platform, plant: Plant, energy: str, amounts: Mapping[str, int]
) -> None:
    """Accounts of the site and of workshop a by month; of electricity in MWh, 1 kgce a kWh."""
    for first, amount in amounts.items():
        start = date.fromisoformat(first)
        end = later(start, 1)
        electric = energy == "electricity"
        qty = amount * (MWH if electric else 1)
        bounds = (PLANT.start_of(start), PLANT.start_of(end))
        await _account(platform, plant, energy, Period.MONTH, bounds, qty, known=electric)


async def add_days(platform: Platform, plant: Plant, days: tuple[str, ...]) -> None:
    """A MWh of electricity on each of some days, half of it in the first quarter hour."""
    for text in days:
        day = date.fromisoformat(text)
        start = PLANT.start_of(day)
        end = PLANT.start_of(date.fromordinal(day.toordinal() + 1))
        await _account(platform, plant, "electricity", Period.DAY, (start, end), MWH, known=True)
        quarter = (start, start.replace(minute=15))
        await _account(
            platform, plant, "electricity", Period.QUARTER_HOUR, quarter, MWH // 2, known=True
        )


async def _account(
    platform: Platform,
    plant: Plant,
    energy: str,
    period: Period,
    bounds: tuple[datetime, datetime],
    qty: int,
    *,
    known: bool,
) -> None:
    factor = Decimal(qty).scaleb(-6)
    async with platform.database.project(plant.tenant.id) as tx:
        for node in ("site", "a"):
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, kgce, kgco2, cost, updated_at)"
                " VALUES (%s, 2, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    plant.tenant.id, plant.nodes[node].id, energy, int(period), *bounds, qty,
                    factor if known else None, factor * 2 if known else None,
                    factor / 2 if known else None, NOW,
                ),
            )  # fmt: skip


def project_of(plant: Plant) -> str:
    """A project's identity outside."""
    return encode_id("prj", plant.tenant.uid)
