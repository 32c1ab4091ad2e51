"""No list asks the database once an entry: as many statements for twenty entries as for one.

Every list of objects in the schema is visited by the walk's paths, field by field of its entries.
Its resolver is made to answer one entry, then twenty with identities of their own. `ONE_BY_ONE`
names the fields that ask for each entry and why; a list of which the scene has no entry has its
reason in `UNSEEN` or holds plain values only. `Viewer.projects` is left out: each project is behind
its own door, with transactions of its own.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from inspect import isawaitable

import psycopg
import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution import default_field_resolver
from strawberry.dataloader import DataLoader
from strawberry.types.field import StrawberryField

from backend.application.graphql.context import Context, Door, enter_project
from backend.application.graphql.execution import Engine
from backend.application.graphql.schema import build_schema, core_schema
from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from backend.service.people.sessions import Caller
from tests.graphql.conftest import session_token
from tests.graphql.walk.people import let_in, make_roles
from tests.graphql.walk.scene import Scene, make_scene
from tests.graphql.walk.selection import Path, Selections
from tests.graphql.walk.table import read_table
from tests.postgres import Actor, MakePerson, MakeProject

MANY = 20
_DETAIL = "of one thing that is looked at: its own page asks, no list of the app does"
ONE_BY_ONE: Mapping[str, str] = {
    "Equipment.span": _DETAIL,
    "Equipment.loadRate": _DETAIL,
    "Equipment.specific": _DETAIL,
    "Equipment.bestMonth": _DETAIL,
    "Meter.registerEvents": _DETAIL,
    "Meter.judgements": _DETAIL,
    "Gateway.supportRequests": _DETAIL,
    "Gateway.updates": _DETAIL,
    "Gateway.configs": _DETAIL,
    "Stock.rule": _DETAIL,
    "Stock.documents": _DETAIL,
    "HandRegister.readings": _DETAIL,
    "HandRegister.check": _DETAIL,
}
_SAME = "entries as of a list that is seen"
UNSEEN: Mapping[str, str] = {
    "Alarm.acks": "names come from the loader of persons",
    "Balance.suspicions": "thirteen months at most show any, each with the days of its own meter",
    "BalanceSuspicion.meters": _SAME,
    "Equipment.twins": _SAME,
    "Gateway.updates": "names come from the loader of persons",
    "Project.gatewayReleases": "a row and its maker, no more",
    "Query.operatedProjects": "of operators, whom the scene has none of: one statement for all",
    "SheetEvaluated.meters": _SAME,
    "Subscription.nodePowers": "from memory: nothing is asked of the database",
}
STRAWBERRY = build_schema()
SCHEMA = core_schema(STRAWBERRY)
SELECTIONS = Selections(SCHEMA, read_table())


def lists() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every list of objects: its type, its name, the field."""
    for kind in SELECTIONS.objects():
        for name, field in kind.fields.items():
            found = field.type.of_type if is_non_null_type(field.type) else field.type
            if is_list_type(found) and isinstance(get_named_type(found), GraphQLObjectType):
                yield kind.name, name, field


def item(field: GraphQLField) -> GraphQLObjectType:
    """The type of a list's entries."""
    found = get_named_type(field.type)
    assert isinstance(found, GraphQLObjectType)
    return found


def plain(kind: GraphQLObjectType) -> bool:
    """Whether an entry only shows what it has: none of its fields is worked out."""
    found = [field.extensions["strawberry-definition"] for field in kind.fields.values()]
    return all(isinstance(one, StrawberryField) and one.is_basic_field for one in found)


class Repeated:
    """Answers the first entry of a list so many times, each with an identity of its own."""

    def __init__(self, field: GraphQLField) -> None:
        """Stand in for the field's resolver."""
        self.field = field
        self.times = 1
        self.entries = 0
        self._resolve = field.resolve or default_field_resolver

    async def __call__(
        self, source: object, info: GraphQLResolveInfo[Context], **args: object
    ) -> object:
        """Answer the entries."""
        found = self._resolve(source, info, **args)
        entries = list(await found if isawaitable(found) else found)[:1]
        self.entries += len(entries)
        return [other(one, n) for one in entries for n in range(self.times)]


def other(entry: object, number: int) -> object:
    """The same entry, with a row of another number where it has one."""
    row = getattr(entry, "row", None)
    if not number or not is_dataclass(row) or isinstance(row, type):
        return entry
    id = getattr(row, "id", None)
    if "id" not in {one.name for one in fields(row)} or not isinstance(id, int):
        return entry
    made = copy.copy(entry)
    setattr(made, "row", replace(row, id=id + 1000 * number))  # noqa: B010 - of any type that has one
    return made


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent from now on."""
    sent: list[str] = []
    real: Callable[..., object] = psycopg.AsyncCursor.execute

    def counted(cursor: object, query: object, *args: object, **named: object) -> object:
        sent.append(str(query))
        return real(cursor, query, *args, **named)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    return sent


@pytest.fixture
async def alice(platform: Platform, make_project: MakeProject, make_person: MakePerson) -> Actor:
    """The administrator of the walk's project."""
    acme = await make_project("acme")
    await make_roles(platform, acme)
    return await make_person("root", acme, role="administrator")


@pytest.fixture
async def scene(platform: Platform, alice: Actor, make_person: MakePerson) -> Scene:
    """One of everything."""
    leaving = await make_person("leaving", alice.tenant, role="shift_leader")
    made = await make_scene(platform, alice, leaving)
    more = await let_in(platform, alice, made.plant.nodes["b"].id)
    return replace(made, names={**made.names, **more})


async def context(process: WebProcess, alice: Actor) -> Context:
    """Surroundings that have read nothing yet."""
    token = await session_token(process, alice)
    return Context(process, await process.sign_in.caller(token, bearer=False))


async def test_every_list_takes_as_many_statements_for_twenty_entries_as_for_one(
    process: WebProcess,
    alice: Actor,
    scene: Scene,
    statements: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = await Counter.make(process, alice, statements)
    for kind, name, field in lists():
        if f"{kind}.{name}" != "Viewer.projects":
            repeated = Repeated(field)
            with monkeypatch.context() as patched:
                patched.setattr(field, "resolve", repeated)
                await counter.visit(kind, name, repeated, scene)
            if not repeated.entries and not plain(item(field)):
                counter.unseen.add(f"{kind}.{name}")
    assert counter.grown == set()
    assert counter.mended == set(), "asks once for all now: take its row away"
    assert counter.unseen == UNSEEN.keys()
    assert {"Project.meters", "Project.alarms", "Gateway.configs"} <= counter.seen


class Counter:
    """Counts the statements of an operation."""

    def __init__(self, process: WebProcess, caller: Caller | None, statements: list[str]) -> None:
        """Take who asks, and where statements are noted."""
        self._context = Context(process, caller)
        self._statements = statements
        self._engine = Engine(STRAWBERRY)
        self.grown: set[str] = set()
        self.mended: set[str] = set()
        self.seen: set[str] = set()
        self.unseen: set[str] = set()

    async def visit(self, kind: str, name: str, repeated: Repeated, scene: Scene) -> None:
        """Visit the entries of a list by the first way that leads to one."""
        entry = item(repeated.field).name
        fields = {one: f"{entry}.{one}" in ONE_BY_ONE for one in SELECTIONS.fields(entry)}
        together = [one for one, alone in fields.items() if not alone]
        for path in paths(kind, name, entry):
            if await self.grows(operation(path, entry, together) % scene.names, repeated):
                self.grown.add(f"{kind}.{name}")
            if repeated.entries:
                break
        else:
            return
        self.seen.add(f"{kind}.{name}")
        for one in fields.keys() - set(together):
            if not await self.grows(operation(path, entry, [one]) % scene.names, repeated):
                self.mended.add(f"{entry}.{one}")

    @classmethod
    async def make(cls, process: WebProcess, alice: Actor, statements: list[str]) -> "Counter":
        """Sign in, and read once what a process keeps."""
        caller = (await context(process, alice)).caller
        made = cls(process, caller, statements)
        await made.count('{ project(id: "acme") { nodes { powerKw } } }')
        return made

    async def count(self, text: str) -> int:
        """Answer the statements of an operation whose doors have read nothing yet."""
        prepared = self._engine.documents.prepare(text)
        assert not prepared.errors, prepared.errors
        self._statements.clear()
        await self._engine.execute(prepared, None, None, replace(self._context, doors={}))
        return len(self._statements)

    async def grows(self, text: str, repeated: Repeated) -> bool:
        """Tell whether more entries take more statements, each time that they are asked for.

        What a process reads anew now and then (newest values, the model) counts only once.
        """
        return await self._grew(text, repeated) and await self._grew(text, repeated)

    async def _grew(self, text: str, repeated: Repeated) -> bool:
        counts = []
        for repeated.times in (1, MANY):
            counts.append(await self.count(text))
        return counts[1] > counts[0]


def paths(kind: str, name: str, entry: str) -> Iterator[Path]:
    """The ways to a list's entries; none for what only a change answers."""
    for path in SELECTIONS.paths.get(entry, []):
        if path and path[-1].name == f"{kind}.{name}":
            yield path


def operation(path: Path, entry: str, fields: Iterable[str]) -> str:
    """The query of some fields of a list's entries."""
    text = f" {{ __typename {' '.join(SELECTIONS.asked(entry, one) for one in fields)} }}"
    for step in reversed(path):
        text = f" {{ {step.text}{text} }}"
    return text


async def test_what_is_loaded_together_is_one_question(
    process: WebProcess, alice: Actor, scene: Scene, statements: list[str]
) -> None:
    assert scene.plant.meters
    door = await enter_project(await context(process, alice), "acme")
    loaders = {name: one for name, one in vars(door).items() if isinstance(one, DataLoader)}
    assert {"devices", "meter_today", "fleet", "persons"} <= loaders.keys()
    for name in loaders:
        counts = []
        for keys in ([1], list(range(1, MANY + 1))):
            fresh: Door = door.renewed()
            statements.clear()
            await getattr(fresh, name).load_many(keys)
            counts.append(len(statements))
        assert counts[0] == counts[1], name
        assert counts[0] > 0, name
