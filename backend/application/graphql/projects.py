"""A project and what is behind its door."""

from datetime import datetime

import strawberry

from backend.application.curves import known_energy
from backend.application.graphql.access import ProjectAccess
from backend.application.graphql.accounting import Accounting, read_accounting
from backend.application.graphql.alarm_types import Alarm
from backend.application.graphql.alarms import find_alarm, list_alarms
from backend.application.graphql.audit import ProjectAudit
from backend.application.graphql.balance import ProjectBalances
from backend.application.graphql.calendar import PlantCalendar
from backend.application.graphql.commands import Command, find_command, list_commands
from backend.application.graphql.configs import DeviceProfile, list_profiles
from backend.application.graphql.context import (
    KwInfo,
    first_project,
    open_project,
    outside_uid,
)
from backend.application.graphql.delegations import ProjectDelegations
from backend.application.graphql.demands import Demand, read_demand
from backend.application.graphql.enrolments import EnrolmentEvent
from backend.application.graphql.enums import Measure, Period, Permission
from backend.application.graphql.equipment import ProjectEquipment
from backend.application.graphql.exporting import ProjectExports
from backend.application.graphql.files import ImportedFile, find_file, list_files
from backend.application.graphql.fleet import GapLedger, read_gaps
from backend.application.graphql.group_consents import ProjectGroups
from backend.application.graphql.hands import HandRegister, find_register, list_registers
from backend.application.graphql.imports import ImportProgress, newest_import
from backend.application.graphql.model import ProjectModel
from backend.application.graphql.mqtt_credentials import ProjectMqtt
from backend.application.graphql.naming import Name
from backend.application.graphql.plant import Device, Gateway
from backend.application.graphql.posts import ProjectPosts
from backend.application.graphql.quality import ProjectQuality
from backend.application.graphql.registrations import is_registered, push_key
from backend.application.graphql.restatements import (
    Restatement,
    RestatementKind,
    find_restatement,
    kinds,
    list_restatements,
)
from backend.application.graphql.scalars import BigInt
from backend.application.graphql.series import (
    CalendarPeriod,
    RankingRow,
    Series,
    SeriesInput,
    list_series,
    read_periods,
    read_ranking,
    read_series,
)
from backend.application.graphql.sheets import ReadingSheet, read_reading_sheet
from backend.application.graphql.stocks import Stock, find_stock, list_stocks
from backend.application.graphql.summary import Summary, build_summary
from backend.application.graphql.terms import Tariff, read_tariff
from backend.application.graphql.tops import TopInput, TopList, read_top_list
from backend.application.graphql.traits import ProjectOfTraits
from backend.application.graphql.updates import GatewayRelease, list_releases
from backend.application.graphql.webhooks import ProjectWebhooks
from backend.core.ids import encode_id
from backend.service.gateways import records
from backend.service.plant import rows
from gateway.contract.energy import energy_types


@strawberry.type
class EnergyType:
    """An energy: its state, units, colour and name."""

    code: str
    state: str = strawberry.field(
        description="electric, solid, liquid, gas, heat, medium or product."
    )
    unit: str
    smallest_unit: str
    smallest_per_unit: BigInt
    colour: str
    name: Name


@strawberry.type
class Project(
    ProjectAccess,
    ProjectPosts,
    ProjectDelegations,
    ProjectGroups,
    ProjectMqtt,
    ProjectWebhooks,
    ProjectOfTraits,
    ProjectExports,
    ProjectAudit,
    ProjectBalances,
    ProjectQuality,
    ProjectEquipment,
    ProjectModel,
):
    """A tenant: a plant with everything measured in it."""

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("prj", self.door.project.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.door.project.slug

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.door.project.name, self.door.project.slug)

    @strawberry.field
    def zone(self) -> str:
        return self.door.project.zone

    @strawberry.field
    def currency(self) -> str:
        return self.door.project.currency

    @strawberry.field
    def demo(self) -> bool:
        return self.door.project.demo

    @strawberry.field
    async def devices(self) -> list[Device]:
        async with self.door.read() as tx:
            found = await rows.devices(tx, self.door.project.id)
        return [Device(door=self.door, row=row) for row in found]

    @strawberry.field
    async def device(self, id: strawberry.ID) -> Device | None:
        uid = outside_uid("dev", id)
        async with self.door.read() as tx:
            found = await rows.devices(tx, self.door.project.id)
        return next((Device(door=self.door, row=row) for row in found if row.uid == uid), None)

    @strawberry.field
    async def gateways(self) -> list[Gateway]:
        async with self.door.read() as tx:
            found = await rows.gateways(tx, self.door.project.id)
        return [Gateway(door=self.door, row=row) for row in found]

    @strawberry.field
    async def gateway(self, id: strawberry.ID) -> Gateway | None:
        uid = outside_uid("gtw", id)
        async with self.door.read() as tx:
            found = await rows.gateways(tx, self.door.project.id)
        return next((Gateway(door=self.door, row=row) for row in found if row.uid == uid), None)

    @strawberry.field
    async def enrolment_events(self) -> list[EnrolmentEvent]:
        """Who let gateways in and out, newest first; for administrators."""
        self.door.require(Permission.ENROL)
        async with self.door.read() as tx:
            found = await records.history(tx, self.door.project.id)
        return [EnrolmentEvent.of(row) for row in found]

    @strawberry.field
    def energies(self) -> list[EnergyType]:
        return [
            EnergyType(
                code=row.code,
                state=row.state,
                unit=row.unit.code,
                smallest_unit=row.smallest_unit.code,
                smallest_per_unit=BigInt(row.smallest_per_unit),
                colour=row.colour,
                name=Name.of(row.name),
            )
            for row in energy_types().values()
        ]

    @strawberry.field
    async def summary(self) -> Summary:
        return await build_summary(self.door)

    @strawberry.field
    async def series(
        self,
        scope: strawberry.ID,
        energy: str,
        period: Period,
        start: datetime,
        end: datetime,
        measure: Measure = Measure.QUANTITY,
        as_of: BigInt | None = None,
    ) -> Series:
        """A curve of a node or meter (`scope`) over [start, end) widened to whole periods.

        As it is now, or as it was at a version of the accounts.
        """
        return await read_series(self.door, scope, energy, measure, period, start, end, as_of)

    @strawberry.field
    async def curves(self, input: SeriesInput) -> list[Series]:  # noqa: A002 - GraphQL's own word
        """Curves of several nodes and meters, narrowed to a screen and compared where wanted."""
        return await list_series(self.door, input)

    @strawberry.field
    async def top(self, input: TopInput) -> TopList | None:  # noqa: A002 - GraphQL's own word
        """The greatest nodes of a level, or meters, with shares and what the others add up to."""
        return await read_top_list(self.door, input)

    @strawberry.field
    async def ranking(
        self,
        info: KwInfo,
        energy: str,
        period: Period,
        parent: strawberry.ID | None = None,
        at: datetime | None = None,
        first: int = 10,
        as_of: BigInt | None = None,
    ) -> list[RankingRow]:
        """Consumers below `parent` (the site by default) by quantity of the period that holds `at`.

        Greatest first; `at` is now by default.
        """
        at = at or info.context.process.platform.clock.now()
        return await read_ranking(self.door, parent, energy, period, at, first, as_of)

    @strawberry.field
    async def reading_sheet(
        self,
        scope: strawberry.ID,
        period: Period,
        at: datetime,
        energy: str | None = None,
    ) -> ReadingSheet | None:
        """How the figure of a node or meter in the period that holds `at` came about.

        `energy` is needed for a node. Null outside the calendar.
        """
        return await read_reading_sheet(self.door, scope, period, at, energy)

    @strawberry.field
    async def restatements(
        self, first: int = 50, before: strawberry.ID | None = None
    ) -> list[Restatement]:
        """Changes with effect in the past, newest first; those after the one `before`."""
        return await list_restatements(self.door, first, before)

    @strawberry.field
    async def restatement(self, id: strawberry.ID) -> Restatement | None:
        return await find_restatement(self.door, id)

    @strawberry.field
    def restatement_kinds(self) -> list[RestatementKind]:
        """What can be changed with effect in the past."""
        return kinds()

    @strawberry.field
    async def periods(self, period: Period, start: datetime, end: datetime) -> list[CalendarPeriod]:
        """Business periods as the plant's calendar has them, oldest first."""
        return await read_periods(self.door, period, start, end)

    @strawberry.field
    async def alarms(
        self,
        open: bool | None = None,  # noqa: A002 - what the schema calls it
        first: int = 50,
        before: datetime | None = None,
    ) -> list[Alarm]:
        """Alarms, open ones first, then newest first."""
        return await list_alarms(self.door, open_only=open, first=first, before=before)

    @strawberry.field
    async def alarm(self, id: strawberry.ID) -> Alarm | None:
        return await find_alarm(self.door, id)

    @strawberry.field
    async def commands(
        self,
        first: int = 50,
        before: datetime | None = None,
        device: strawberry.ID | None = None,
    ) -> list[Command]:
        """Commands to devices, or to one of them, newest first."""
        return await list_commands(self.door, first, before, device)

    @strawberry.field
    async def command(self, id: strawberry.ID) -> Command | None:
        return await find_command(self.door, id)

    @strawberry.field
    async def gap_ledger(
        self,
        start: datetime,
        end: datetime,
        gateway: strawberry.ID | None = None,
        meter: strawberry.ID | None = None,
        all: bool = False,  # noqa: A002 - what the schema calls it
    ) -> GapLedger:
        """Whether the data of [start, end) are complete, hour by hour of UTC.

        Of one gateway's meters, of one meter, or of all; hours without a gap only with `all`.
        """
        return await read_gaps(self.door, start, end, gateway, meter, everything=all)

    @strawberry.field
    async def profiles(self) -> list[DeviceProfile]:
        """Device profiles that this project brought itself."""
        return await list_profiles(self.door)

    @strawberry.field
    async def gateway_releases(self) -> list[GatewayRelease]:
        """Releases of the gateways' software that the project brought, the newest upload first."""
        return await list_releases(self.door)

    @strawberry.field
    async def push_key(self) -> str:
        """The VAPID public key for `pushManager.subscribe`, base64url."""
        return await push_key(self.door)

    @strawberry.field
    async def push_registered(self, info: KwInfo, endpoint: str) -> bool:
        """Whether this browser is registered and belongs to the viewer."""
        return await is_registered(self.door, info.context.signed_in().person_id, endpoint)

    @strawberry.field
    async def import_progress(self) -> ImportProgress | None:
        """The newest import of past readings."""
        async with self.door.read() as tx:
            return await newest_import(tx, self.door.project.id)

    @strawberry.field
    async def accounting(self) -> Accounting:
        """How far the accounts are behind what has arrived or was changed."""
        async with self.door.read() as tx:
            return await read_accounting(tx, self.door.project.id)

    @strawberry.field
    async def demand(self) -> Demand | None:
        async with self.door.read() as tx:
            return await read_demand(tx, self.door)

    @strawberry.field
    async def tariff(self, energy: str) -> Tariff | None:
        """The tariff in force of an energy."""
        return await read_tariff(self.door, known_energy(energy).code)

    @strawberry.field
    def calendar(self) -> PlantCalendar:
        return PlantCalendar(door=self.door)

    @strawberry.field
    async def imported_files(self, first: int = 20) -> list[ImportedFile]:
        """Files of rows that people brought, newest first."""
        return await list_files(self.door, first)

    @strawberry.field
    async def imported_file(self, id: strawberry.ID) -> ImportedFile | None:
        return await find_file(self.door, id)

    @strawberry.field
    async def stocks(self) -> list[Stock]:
        """Energies that are bought in batches and kept."""
        return await list_stocks(self.door)

    @strawberry.field
    async def stock(self, meter: strawberry.ID) -> Stock | None:
        return await find_stock(self.door, meter)

    @strawberry.field
    async def hand_registers(self) -> list[HandRegister]:
        """Registers that people read, those longest unread first."""
        return await list_registers(self.door)

    @strawberry.field
    async def hand_register(self, meter: strawberry.ID) -> HandRegister | None:
        return await find_register(self.door, meter)


@strawberry.type
class ProjectQuery:
    """The project door."""

    @strawberry.field
    async def project(self, info: KwInfo, id: strawberry.ID | None = None) -> Project | None:
        """By id or slug, the viewer's first one when none is named.

        Null for a stranger, exactly as for a project that does not exist.
        """
        named = id if id is not None else await first_project(info.context)
        door = None if named is None else await open_project(info.context, named)
        return None if door is None else Project(door=door)

    @strawberry.field
    def now(self, info: KwInfo) -> datetime:
        """The platform's clock, for the offset of offline acknowledgements."""
        return info.context.process.platform.clock.now()
