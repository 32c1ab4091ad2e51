"""Who asks, and the doors they have opened: the one place where a project is let in.

`open_project` is the project door. Everything of a project is reached through the `Door` it
answers, so nothing below asks again whether it is allowed to be seen; only what changes something
asks the door for a permission. A stranger's project, one that does not exist and a text that is no
identity get the same answer: None. Whoever is limited to a part of the project gets a door whose
transactions, model and newest values are that part (ADR 17).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info

from backend.aggregation.calendar import Period, plant_time
from backend.aggregation.figures import Sum, Today, sums, today_of
from backend.aggregation.rollup import Scope
from backend.application.budgets import Spent
from backend.application.directory import Directory
from backend.application.graphql.persons import Person, persons_by_id
from backend.application.live_cache import LiveView
from backend.application.refusals import note_refusal
from backend.application.web_process import WebProcess
from backend.core.brake import network_of
from backend.core.db import Opens, ReadSession, WriteSession
from backend.core.errors import NotFound, NotSignedIn
from backend.core.ids import decode_id
from backend.core.sight import Sight
from backend.service.gateways.fleet import Health, healths
from backend.service.people import roles
from backend.service.people.asker import Asker
from backend.service.people.openings import OpenProject, find_project, open_projects
from backend.service.people.roles import Permission
from backend.service.people.sessions import Caller
from backend.service.plant import rows
from backend.service.restatement.decide import second_person

Spending = dict[str | int, Spent]


class Door:
    """An open project: its row, the role it was opened in, and the ways to what is behind it.

    Reads run in short transactions of their own, so that an answer over many projects never holds
    more than one connection at a time; what must be of one moment is read in one of them.
    """

    def __init__(self, process: WebProcess, project: OpenProject) -> None:
        """Made by `open_project` only."""
        self.process = process
        self.project = project
        self.opens: Opens = process.platform.database
        self.devices: DataLoader[int, rows.DeviceRow | None] = DataLoader(self._devices)
        self.meter_today: DataLoader[int, list[Sum]] = DataLoader(self._meter_today)
        self.fleet: DataLoader[int, Health | None] = DataLoader(self._fleet)
        self.persons: DataLoader[int, Person | None] = DataLoader(self._persons)
        self.second_person: DataLoader[int, bool] = DataLoader(self._second_person)
        """By the project's number: whether whoever proposes a restatement may not approve it."""
        self._directory: Directory | None = None

    @property
    def scope(self) -> tuple[object, ...]:
        """What two doors must have in common to be answered alike."""
        return self.project.id, self.project.role, self.project.permissions, self.project.limit

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """Open a read-only transaction in the part of the project that this member sees."""
        async with self.opens.read(self.project.id, await self._sight()) as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Open a write transaction; in a part of the plant it changes nothing beyond that."""
        sight = await self._sight() if self.project.limit.part else None
        async with self.opens.project(self.project.id, sight) as tx:
            yield tx

    def require(self, permission: Permission) -> None:
        """Raise NotAllowed when this member may not do it."""
        roles.require(self.project.permissions, permission)

    async def live(self) -> LiveView:
        """Answer the newest values of what this member sees."""
        live = await self.process.live.project(self.project.id)
        return live.view(self.project.limit)

    async def directory(self) -> Directory:
        """Answer the model of what this member sees; the same one for this door's whole life."""
        if self._directory is None:
            self._directory = await (await self.live()).directory()
        return self._directory

    def today(self, now: datetime) -> Today:
        """Answer the bounds of the plant's day and month at `now`."""
        one = self.project
        plant = plant_time(
            one.zone,
            one.day_start_minute,
            one.week_start,
            one.month_start_day,
            one.year_start_month,
        )
        return today_of(plant, now)

    def renewed(self) -> "Door":
        """Answer a door to the same project that has read nothing yet."""
        return Door(self.process, self.project)

    async def _sight(self) -> Sight | None:
        return await (await self.live()).sight() if self.project.limit.anything else None

    async def _devices(self, ids: list[int]) -> Sequence[rows.DeviceRow | None]:
        async with self.read() as tx:
            found = {row.id: row for row in await rows.devices(tx, self.project.id, ids)}
        return [found.get(id) for id in ids]

    async def _fleet(self, ids: list[int]) -> Sequence[Health | None]:
        async with self.read() as tx:
            found = await healths(tx, self.project.id, ids)
        return [found.get(id) for id in ids]

    async def _persons(self, ids: list[int]) -> Sequence[Person | None]:
        return await persons_by_id(self.process.platform.database, self.project.id, ids)

    async def _second_person(self, projects: list[int]) -> Sequence[bool]:
        async with self.read() as tx:
            needed = await second_person(tx, self.project.id)
        return [needed for _ in projects]

    async def _meter_today(self, ids: list[int]) -> Sequence[list[Sum]]:
        today = self.today(self.process.platform.clock.now())
        async with self.read() as tx:
            found = await sums(
                tx, self.project.id, Scope.METER, ids, Period.DAY, today.day, today.day_end
            )
        return [[row for row in found if row.scope_id == id] for id in ids]


@dataclass(slots=True)
class Context:
    """One operation's surroundings: the process, who asks and from where."""

    process: WebProcess
    caller: Caller | None
    address: str = ""
    user_agent: str | None = None
    origin: str = ""
    """The origin of the page that asks, as its browser says; empty for a script."""
    socket: bool = False
    """Whether the operation came by websocket, where no cookie can be set."""
    new_token: str | None = None
    """A session that began: the answer carries its cookie."""
    signed_out: bool = False
    """The session ended: the answer takes the cookie away."""
    device: str | None = None
    """The credential of a shared device, whoever holds it."""
    new_device: str | None = None
    """The device was enrolled or taken: the answer carries its cookie."""
    doors: dict[str, Door | None] = field(default_factory=dict)
    cost: int = 0
    """What the operation costs each project whose door it opens."""
    spent: Spending = field(default_factory=dict)
    """How the budgets stand that it was taken from: of the caller, of projects by number."""

    def spend_as_caller(self) -> None:
        """Take the cost from who asks; TooMuch when their budget does not do."""
        whose = self.caller.token_hash if self.caller else network_of(self.address)
        self.spent["caller"] = self.process.budgets.callers.spend(whose, self.cost)

    def spend_in(self, project_id: int) -> None:
        """Take the cost from a project once; TooMuch when its budget does not do."""
        if project_id not in self.spent and self.cost:
            self.spent[project_id] = self.process.budgets.projects.spend(project_id, self.cost)

    @property
    def locale(self) -> str:
        """The language the person reads."""
        return self.caller.locale if self.caller else "en"

    def signed_in(self) -> Caller:
        """Answer who asks; NotSignedIn when nobody is signed in."""
        if self.caller is None:
            raise NotSignedIn
        return self.caller

    def begin(self, session: tuple[str, Caller]) -> Caller:
        """Take a session that began for the one of this operation; the answer has its cookie."""
        self.new_token, self.caller = session
        self.signed_out = False
        self.doors.clear()
        return self.caller

    def anonymous(self) -> "Context":
        """Answer surroundings that belong to no person, for what several of them share."""
        return replace(
            self, caller=None, address="", user_agent=None, device=None, doors={}, spent={}
        )


KwInfo = Info[Context, None]


def outside_uid(kind: str, text: str) -> UUID | None:
    """Answer the UUID in an outside identity of this kind; None for any other text."""
    try:
        return decode_id(kind, text)
    except NotFound:
        return None


async def open_project(context: Context, id_or_slug: str) -> Door | None:
    """Open a project by outside identity or slug; None for everybody who may not.

    What the operation costs is taken from the project here; TooMuch when that is more than is left.
    """
    if context.caller is None:
        return None
    if id_or_slug not in context.doors:
        project = await find_project(
            context.process.platform.database,
            context.caller,
            context.process.platform.clock.now(),
            uid=outside_uid("prj", id_or_slug),
            slug=id_or_slug,
        )
        if project is None:
            note_refusal(NotFound())
        else:
            context.spend_in(project.id)
        context.doors[id_or_slug] = Door(context.process, project) if project else None
    return context.doors[id_or_slug]


async def first_project(context: Context) -> str | None:
    """Answer the slug of the project that the app opens by itself; None where there is none."""
    if context.caller is None:
        return None
    async with context.process.platform.database.platform_read() as tx:
        now = context.process.platform.clock.now()
        projects = await open_projects(tx, context.caller, now)
    return projects[0].slug if projects else None


async def enter_project(context: Context, id_or_slug: str) -> Door:
    """Open a project that must be there; NotSignedIn or NotFound when it cannot be opened."""
    context.signed_in()
    door = await open_project(context, id_or_slug)
    if door is None:
        raise NotFound(kind="project")
    return door


def asker_of(caller: Caller) -> Asker:
    """Answer who asks, as services name people."""
    return Asker(caller.person_id, caller.uid)


async def enter_to(context: Context, id_or_slug: str, permission: Permission) -> tuple[Door, Asker]:
    """Open a project to do what a permission is for; answer its door and who asks.

    NotSignedIn, NotFound or NotAllowed when it cannot be.
    """
    caller = context.signed_in()
    door = await enter_project(context, id_or_slug)
    door.require(permission)
    return door, asker_of(caller)
