"""`/api/v1/...` of what figures follow: projects, energies, calendar, tariffs, factors, alarms."""

from datetime import datetime
from decimal import Decimal

from fastapi import APIRouter
from pydantic import BaseModel

from backend.aggregation.tariff import TariffRow, read_tariffs
from backend.application.curves import Period
from backend.application.graphql.series import read_periods
from backend.application.rest.doors import Process, ProjectDoor, SignedIn
from backend.application.rest.instants import aware
from backend.core.ids import encode_id
from backend.service.alarms.definitions import list_definitions
from backend.service.people.openings import OpenProject, open_projects
from backend.service.plant import factors
from gateway.contract.energy import energy_types

router = APIRouter(tags=["rules"])


class ProjectAnswer(BaseModel):
    """A project that the caller may open, and what they may do there."""

    id: str
    slug: str
    name: dict[str, str]
    zone: str
    currency: str
    role: str
    permissions: list[str]


class EnergyAnswer(BaseModel):
    """An energy type: `smallest_per_unit` of its smallest unit make one of its display unit."""

    code: str
    state: str
    unit: str
    smallest_unit: str
    smallest_per_unit: int
    name: dict[str, str]


class PeriodAnswer(BaseModel):
    """A business period: [start, end)."""

    start: datetime
    end: datetime
    label: str


class TariffAnswer(BaseModel):
    """A tariff and its rules, valid in [valid_from, valid_to)."""

    energy: str
    rules: dict[str, object]
    valid_from: datetime
    valid_to: datetime | None


class FactorAnswer(BaseModel):
    """A version of a conversion factor: kgce or kgCO2 a display unit of the energy."""

    id: str
    energy: str
    substance: str
    basis: str
    value: Decimal
    source: str
    valid_from: datetime
    valid_to: datetime | None


class DefinitionAnswer(BaseModel):
    """What is watched: a kind with its parameters, at a node or meter; priority 1 is highest."""

    id: str
    kind: str
    name: dict[str, str]
    node: str | None
    meter: str | None
    params: dict[str, object]
    priority: int
    mode: str


@router.get("/projects")
async def list_projects(process: Process, caller: SignedIn) -> list[ProjectAnswer]:
    """Answer the projects that the caller may open."""
    async with process.platform.database.platform_read() as tx:
        found = await open_projects(tx, caller, process.platform.clock.now())
    return [_project(one) for one in found]


@router.get("/energies")
async def list_energies(door: ProjectDoor) -> list[EnergyAnswer]:
    """Answer every energy type."""
    return [
        EnergyAnswer(
            code=one.code,
            state=one.state,
            unit=one.unit.code,
            smallest_unit=one.smallest_unit.code,
            smallest_per_unit=one.smallest_per_unit,
            name=dict(one.name),
        )
        for one in energy_types().values()
    ]


@router.get("/periods")
async def list_periods(
    door: ProjectDoor, period: Period, start: datetime, end: datetime
) -> list[PeriodAnswer]:
    """Answer business periods as the plant's calendar has them, oldest first."""
    found = await read_periods(door, period, aware(start), aware(end))
    return [PeriodAnswer(start=one.start, end=one.end, label=one.label) for one in found]


@router.get("/tariffs")
async def list_tariffs(door: ProjectDoor) -> list[TariffAnswer]:
    """Answer every tariff, those that became valid last at the end."""
    async with door.read() as tx:
        found = await read_tariffs(tx, door.project.id)
    return [_tariff(one) for one in found]


@router.get("/factors")
async def list_factors(door: ProjectDoor) -> list[FactorAnswer]:
    """Answer every version of every factor."""
    async with door.read() as tx:
        found = await factors.list_factors(tx, door.project.id)
    return [
        FactorAnswer(
            id=encode_id("fac", one.uid),
            energy=one.energy,
            substance=one.substance,
            basis=one.basis,
            value=one.value,
            source=one.source,
            valid_from=one.valid_from,
            valid_to=one.valid_to,
        )
        for one in found
    ]


@router.get("/alarm-definitions")
async def list_alarm_definitions(door: ProjectDoor) -> list[DefinitionAnswer]:
    """Answer what is watched, by kind."""
    async with door.read() as tx:
        found = await list_definitions(tx, door.project.id)
    return [
        DefinitionAnswer(
            id=encode_id("ald", one.uid),
            kind=one.kind,
            name=one.name,
            node=None if one.node_uid is None else encode_id("node", one.node_uid),
            meter=None if one.meter_uid is None else encode_id("mtr", one.meter_uid),
            params=one.params,
            priority=one.priority,
            mode=one.mode,
        )
        for one in found
    ]


def _project(one: OpenProject) -> ProjectAnswer:
    return ProjectAnswer(
        id=encode_id("prj", one.uid),
        slug=one.slug,
        name=one.name,
        zone=one.zone,
        currency=one.currency,
        role=one.role,
        permissions=sorted(one.permissions),
    )


def _tariff(one: TariffRow) -> TariffAnswer:
    return TariffAnswer(
        energy=one.energy, rules=dict(one.rules), valid_from=one.valid_from, valid_to=one.valid_to
    )
