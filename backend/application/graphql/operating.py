"""The operators' console: which projects there are and how they are, no figure of any."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import strawberry

from backend.application.graphql.accounting import Accounting
from backend.application.graphql.context import KwInfo, asker_of, outside_uid
from backend.application.graphql.naming import Name
from backend.application.graphql.scalars import BigInt
from backend.core import audit
from backend.core.db import WriteSession
from backend.core.ids import encode_id
from backend.core.platform import Platform
from backend.service.people.asker import Asker
from backend.service.people.operators import is_operator
from backend.service.people.sessions import Caller
from backend.service.projects import closing, overview, quotas
from backend.service.projects.overview import Overseen
from backend.service.projects.quotas import Quota


@strawberry.type
class ProjectQuota:
    """What a project may use; 0: without a limit."""

    points_per_s: int
    storage_mb: int
    people: int
    messages_per_day: int


@strawberry.input
class QuotaInput:
    """What a project may use; 0: without a limit."""

    points_per_s: int
    storage_mb: int
    people: int
    messages_per_day: int


@strawberry.type
class ProjectUse:
    """What a project uses; counts are of the day so far (UTC)."""

    points: BigInt
    refused: BigInt = strawberry.field(description="Points that were not taken.")
    messages: BigInt
    messages_refused: BigInt
    people: int
    stored_bytes: BigInt = strawberry.field(description="About, measured hourly.")


@strawberry.type
class ProjectHealth:
    """How a project is."""

    gateways: int
    gateways_online: int
    last_seen_at: datetime | None
    accounts: Accounting


@strawberry.type
class OperatedProject:
    """A project as the platform's operators see it."""

    platform: strawberry.Private[Platform]
    row: strawberry.Private[Overseen]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id("prj", self.row.uid))

    @strawberry.field
    def slug(self) -> str:
        return self.row.slug

    @strawberry.field
    def name(self) -> Name:
        return Name.of(self.row.name, self.row.slug)

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def suspended_at(self) -> datetime | None:
        return self.row.suspended_at

    @strawberry.field
    def takes_data(self) -> bool:
        """Whether its readings are taken while it is suspended."""
        return self.row.suspended_takes_data

    @strawberry.field
    def delete_at(self) -> datetime | None:
        return self.row.delete_at

    @strawberry.field
    def quota(self) -> ProjectQuota:
        return ProjectQuota(**self.row.quota.words)

    @strawberry.field
    def used(self) -> ProjectUse:
        row = self.row
        return ProjectUse(
            points=BigInt(row.points),
            refused=BigInt(row.refused),
            messages=BigInt(row.messages),
            messages_refused=BigInt(row.messages_refused),
            people=row.people,
            stored_bytes=BigInt(row.stored_bytes),
        )

    @strawberry.field
    async def health(self) -> ProjectHealth:
        found = await overview.read_health(self.platform.database, self.row.id)
        return ProjectHealth(
            gateways=found.fleet.gateways,
            gateways_online=found.fleet.online,
            last_seen_at=found.fleet.last_seen_at,
            accounts=Accounting.of(found.accounts),
        )


@strawberry.type
class OperatingQuery:
    """What operators see."""

    @strawberry.field
    async def operated_projects(self, info: KwInfo) -> list[OperatedProject] | None:
        """All projects of the platform; null for everybody but its operators in person."""
        caller, platform = info.context.caller, info.context.process.platform
        if caller is None or caller.scope is not None:
            return None
        async with platform.database.platform_read() as tx:
            if not await is_operator(tx, caller.person_id):
                return None
            found = await overview.list_projects(tx, platform.clock.now())
        return [OperatedProject(platform=platform, row=row) for row in found]


@strawberry.type
class OperatingMutation:
    """What operators do; each is written down in the project's own audit."""

    @strawberry.mutation
    async def suspend_project(
        self,
        info: KwInfo,
        project: strawberry.ID,
        takes_data: bool = True,
    ) -> OperatedProject:
        """Let nobody into a project; its readings are taken on or not."""
        async with _operating(info, project) as deed:
            await closing.suspend(
                deed.tx, deed.project.id, deed.asker, takes_data=takes_data, now=deed.now
            )
        return await deed.answer()

    @strawberry.mutation
    async def resume_project(self, info: KwInfo, project: strawberry.ID) -> OperatedProject:
        """Let people into a project again."""
        async with _operating(info, project) as deed:
            await closing.resume(deed.tx, deed.project.id, deed.asker, deed.now)
        return await deed.answer()

    @strawberry.mutation
    async def set_quota(
        self,
        info: KwInfo,
        project: strawberry.ID,
        quota: QuotaInput,
    ) -> OperatedProject:
        """Say what a project may use; ingest goes by it within two seconds."""
        wanted = Quota(quota.points_per_s, quota.storage_mb, quota.people, quota.messages_per_day)
        async with _operating(info, project) as deed:
            before = await quotas.read_quota(deed.tx, deed.project.id)
            await quotas.set_quota(deed.tx, deed.project.id, wanted)
            await deed.note("project.quota", before, wanted)
        return await deed.answer()


@dataclass(frozen=True, slots=True)
class _Operation:
    """A deed of an operator under way."""

    platform: Platform
    tx: WriteSession
    project: Overseen
    asker: Asker
    now: datetime

    async def note(self, action: str, before: Quota, after: Quota) -> None:
        """Write it down in the project."""
        asker = self.asker
        deed = audit.Deed(
            asker.actor, action, "", "done", asker.person_id, before.words, after.words
        )
        await audit.record(self.tx, self.project.id, deed, self.now)

    async def answer(self) -> OperatedProject:
        """Answer the project as it is after it."""
        async with self.platform.database.platform_read() as tx:
            row = await overview.find_overseen(tx, self.project.uid, self.now)
        return OperatedProject(platform=self.platform, row=row)


@asynccontextmanager
async def _operating(info: KwInfo, project: strawberry.ID) -> AsyncIterator[_Operation]:
    """Open a deed of an operator; NotAllowed for anybody else, whatever is named."""
    caller: Caller = info.context.signed_in()
    platform = info.context.process.platform
    caller.in_person()
    now = platform.clock.now()
    async with platform.database.platform_read() as read:
        await overview.require_operator(read, caller.person_id)
        row = await overview.find_overseen(read, outside_uid("prj", project), now)
    async with platform.database.project(row.id) as tx:
        yield _Operation(platform, tx, row, asker_of(caller), now)
