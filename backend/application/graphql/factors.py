"""Conversion factors: versions with their sources, set from a date and confirmed one by one."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door, KwInfo, asker_of, enter_project, outside_uid
from backend.application.graphql.persons import Person, person_number
from backend.core.db import WriteSession
from backend.core.ids import encode_id
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller
from backend.service.plant import factors
from backend.service.plant.editing import Edit, begin
from backend.service.plant.factors import FactorRow, Version
from gateway.contract.energy import SCOPES


@strawberry.type
class Factor:
    """A version of a conversion factor per display unit, in force in [validFrom, validTo)."""

    door: strawberry.Private[Door]
    row: strawberry.Private[FactorRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("fac", self.row.uid))

    @strawberry.field
    def energy(self) -> str:
        return self.row.energy

    @strawberry.field
    def substance(self) -> str:
        """`kgce`, `kgco2`, or `kgco2e_ch4` and `kgco2e_n2o` in kg of CO2 equivalent."""
        return self.row.substance

    @strawberry.field
    def value(self) -> Decimal:
        return self.row.value

    @strawberry.field
    def basis(self) -> str:
        return self.row.basis

    @strawberry.field
    def scope(self) -> int | None:
        """1 = combustion on site, 2 = bought power and heat; null for coal equivalents."""
        return SCOPES.get(self.row.basis)

    @strawberry.field
    def source(self) -> str:
        return self.row.source

    @strawberry.field
    def valid_from(self) -> datetime:
        return self.row.valid_from

    @strawberry.field
    def valid_to(self) -> datetime | None:
        return self.row.valid_to

    @strawberry.field
    def confirmed(self) -> bool:
        """Whether a person checked it against its source."""
        return self.row.confirmed_at is not None

    @strawberry.field
    def confirmed_at(self) -> datetime | None:
        return self.row.confirmed_at

    @strawberry.field
    async def confirmed_by(self) -> Person | None:
        """Who confirmed it."""
        uid = outside_uid("per", self.row.confirmed_by or "")
        database = self.door.process.platform.database
        number = None if uid is None else await person_number(database, uid)
        return None if number is None else await self.door.persons.load(number)


@strawberry.input
class FactorInput:
    """A factor from an instant on; the version before ends there."""

    project: strawberry.ID
    energy: str
    substance: str
    basis: str
    value: Decimal = strawberry.field(description="Per display unit of the energy.")
    source: str = strawberry.field(description="Where the value comes from.")
    valid_from: datetime = strawberry.field(
        description="A quarter hour, not before the plant's running day."
    )


@strawberry.type
class FactorMutation:
    """Setting and confirming conversion factors."""

    @strawberry.mutation
    async def set_factor(
        self,
        info: KwInfo,
        input: FactorInput,  # noqa: A002 - what the schema calls it
    ) -> Factor:
        """Have a factor from an instant on; accounts from there are computed anew."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        wanted = Version(
            energy=input.energy,
            substance=input.substance,
            basis=input.basis,
            value=input.value,
            source=input.source,
            valid_from=input.valid_from,
        )
        async with door.write() as tx:
            row = await factors.set_version(await begin_edit(door, tx, caller), wanted)
        return Factor(door=door, row=row)

    @strawberry.mutation
    async def confirm_factor(
        self, info: KwInfo, project: strawberry.ID, factor: strawberry.ID
    ) -> Factor:
        """Say that a version was checked against its source."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            row = await factors.confirm(edit, outside_uid("fac", factor))
        return Factor(door=door, row=row)


async def begin_edit(door: Door, tx: WriteSession, caller: Caller) -> Edit:
    """Begin a change of the model; NotAllowed for whom the role does not permit it."""
    door.require(Permission.MODEL)
    return await begin(tx, door.project.id, asker_of(caller), door.process.platform.clock.now())


async def read_factors(door: Door) -> list[Factor]:
    """Answer every version of every factor of the project."""
    async with door.read() as tx:
        found = await factors.list_factors(tx, door.project.id)
    return [Factor(door=door, row=row) for row in found]
