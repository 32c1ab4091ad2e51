"""The second wall: with the platform's own filter gone, row-level security alone leaks nothing.

Two projects have the same plant. A member of one asks and does everything the walk knows, about
their own things and about the neighbour's, with the filter taken out of every statement
(`walk/unfiltered.py`); what they hear is what they heard with it, to the byte, and no row of the
neighbour changes. With row-level security off as well the same questions do tell: nothing else
stood in the way.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import orjson
import psycopg
import pytest

from backend.application.graphql.schema import build_schema, core_schema
from backend.core.platform import Platform
from tests.graphql.conftest import Client
from tests.graphql.strangers import look
from tests.graphql.test_walk import filled, heard
from tests.graphql.walk.people import let_in
from tests.graphql.walk.scene import SECRET, Scene, make_scene
from tests.graphql.walk.selection import Selections
from tests.graphql.walk.table import Row, read_table
from tests.graphql.walk.unfiltered import TENANT_TABLES, without_filter
from tests.postgres import Actor, MakePerson, MakeProject

TABLE = read_table()
SELECTIONS = Selections(core_schema(build_schema()), TABLE)
WORD = "neighbour"
WAITED = re.compile(rb'"oldestS":[0-9.]+|"accounting":(null|{"__typename":"Accounting"})')
"""How long something has waited: by the database's clock, which runs on."""
MOVING = {"audit", "GET /api/v1/meter-list"}
"""A workbook says when it was made, and that it was taken out is audited: never twice the same."""
TELLING = {
    "alarm", "alarms", "command", "commands", "conversions", "device", "devices", "factors",
    "handRegister", "handRegisters", "importedFile", "importedFiles", "memberships", "meter",
    "meters", "node", "nodes", "restatements", "stock", "stocks",
    "GET /api/v1/commands/{id}", "GET /api/v1/import/{id}", "GET /api/v1/restatements",
}  # fmt: skip
"""Fields and routes that tell of the neighbour, by name or identity, once both walls are down."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two projects with the same plant: ours asks, `foreign` are words of theirs."""

    ours: Scene
    theirs: Scene
    us: dict[str, Actor]
    them: Actor
    foreign: frozenset[str]

    def words_in(self, told: Mapping[tuple[str, str], bytes]) -> set[str]:
        """Answer what told a word of the neighbour that the question did not name."""
        return {
            name
            for (name, asked), answer in told.items()
            if any(word in readable(answer) and word not in asked for word in self.foreign)
        }


def readable(answer: bytes) -> str:
    """The text of an answer; of a workbook, that of all its parts."""
    if not zipfile.is_zipfile(BytesIO(answer)):
        return answer.decode()
    with zipfile.ZipFile(BytesIO(answer)) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


@pytest.fixture
async def neighbours(
    platform: Platform,
    make_project: MakeProject,
    make_person: MakePerson,
    admin: psycopg.Connection,
) -> Neighbours:
    """Both plants in one database, theirs first."""
    scenes, people = {}, {}
    for slug in (WORD, "acme"):
        tenant = await make_project(slug)
        boss = people[slug] = await make_person(f"{slug}-boss", tenant, role="administrator")
        leaving = await make_person(f"{slug}-leaving", tenant, role="shift_leader")
        made = await make_scene(platform, boss, leaving)
        more = await let_in(platform, boss, made.plant.nodes["b"].id, leaving.login)
        scenes[slug] = Scene(made.plant, {**made.names, **more}, made.hidden)
    for table in ("node", "meter", "device", "tree", "alarm_definition"):
        admin.execute(
            f"UPDATE {table} SET name = %s WHERE project_id = %s".encode(),
            (f'{{"en": "{WORD}"}}', people[WORD].tenant.id),
        )
    ours, theirs = scenes["acme"], scenes[WORD]
    part = ours.plant.nodes["b"].id
    us = {
        "right": people["acme"],
        "part": await make_person("part", people["acme"].tenant, role="administrator", node=part),
    }
    ids = {name for names in (theirs.hidden, theirs.names.values()) for name in names}
    foreign = {word for word in ids - set(ours.names.values()) if word not in {SECRET, ""}}
    return Neighbours(ours, theirs, us, people[WORD], frozenset({WORD, *foreign}))


def questions() -> Iterator[tuple[str, str]]:
    """Every field of a project with what lies in it, then every type that lies deeper."""
    for name, row in TABLE.project.items():
        inside = SELECTIONS.inside(SELECTIONS.result("Project", name))
        arguments = f"({row.args})" if row.args else ""
        yield name, f'{{ project(id: "acme") {{ {name}{arguments}{inside} }} }}'
    for kind, (path, *_) in SELECTIONS.paths.items():
        if len(path) > 2 and path[0].field == "project":
            yield path[1].field, SELECTIONS.operation(path, kind)


class Asking:
    """Asks as one of us, about our things or by the names of theirs."""

    def __init__(self, scene: Neighbours, client: Client) -> None:
        self.scene = scene
        self.client = client

    def names(self, *, theirs: bool) -> dict[str, str]:
        """Answer what stands in the placeholders: always our project, and whose things it is."""
        own = self.scene.ours.names
        return {**own, **self.scene.theirs.names, "project": own["project"]} if theirs else {**own}

    async def told(self, kind: str) -> dict[tuple[str, str], bytes]:
        """Answer every read of the walk: by its name and what was asked, what was heard."""
        opened = await self.client(self.scene.us[kind])
        answers: dict[tuple[str, str], bytes] = {}
        for theirs in (False, True):
            names = self.names(theirs=theirs)
            for name, text in questions():
                query = text % names
                if (name, query) not in answers:
                    answer = await opened.post("/graphql", json={"query": query})
                    answers[name, query] = WAITED.sub(b"", answer.content)
            for name, row in TABLE.routes.items():
                if name.startswith("GET") and "project=acme" in row.path:
                    path = row.path % names
                    answers[name, path] = (await opened.get(path)).content
        return answers

    def is_about_them(self, text: str) -> bool:
        """Tell whether a text with placeholders names other things for them than for us."""
        own, other = (self.names(theirs=theirs) | {"kind": "x"} for theirs in (False, True))
        return text % own != text % other

    async def try_theirs(self, mutations: Mapping[str, Row], sent: Mapping[str, Row]) -> None:
        """Do in our project, by the names of their things, whatever names any."""
        for name, row in mutations.items():
            if self.is_about_them(row.args):
                await self.do(name, row, theirs=True)
        for name, row in sent.items():
            if self.is_about_them(f"{row.path} {row.body}"):
                await self.send(name, row, theirs=True)

    async def do(self, name: str, row: Row, *, theirs: bool) -> str:
        """Do one mutation as our administrator and answer what it amounts to."""
        names = {**self.names(theirs=theirs), "kind": "right"}
        inside = SELECTIONS.inside(SELECTIONS.result("Mutation", name))
        text = f"mutation {{ {name}{f'({row.args})' if row.args else ''}{inside} }}"
        opened = await self.client(self.scene.us["right"])
        answer = await opened.post("/graphql", json={"query": text % names})
        return heard(orjson.loads(answer.content), name)

    async def send(self, name: str, row: Row, *, theirs: bool) -> int:
        """Send to one route as our administrator and answer the status."""
        names = {**self.names(theirs=theirs), "kind": "right"}
        opened = await self.client(self.scene.us["right"])
        body = None if row.body is None else filled(row.body, names)
        answer = await opened.request(
            name.partition(" ")[0], row.path % names, json=body, content=row.text
        )
        return answer.status_code


@pytest.mark.both_postgres
async def test_nothing_is_told_by_row_level_security_alone(
    neighbours: Neighbours, client: Client, admin: psycopg.Connection
) -> None:
    """As the administrator on 15 and as the limited member on 18, whose other one asks below."""
    kind = "right" if admin.info.server_version < 160_000 else "part"
    with without_filter() as removed:
        told = await Asking(neighbours, client).told(kind)
    assert not removed.kept
    assert len(removed.rewritten) > 50
    assert not neighbours.words_in(told)


@pytest.mark.long
async def test_only_row_level_security_stands_in_the_way(
    neighbours: Neighbours, client: Client, admin: psycopg.Connection
) -> None:
    """With the filter, without it, and without both: the first two to the byte, the last tells."""
    asking = Asking(neighbours, client)
    filtered = await asking.told("right")
    with without_filter():
        alone = await asking.told("right")
        differs = {one[0] for one, heard_now in alone.items() if heard_now != filtered[one]}
        assert differs <= MOVING
        assert not neighbours.words_in(alone)
        for table in TENANT_TABLES:
            admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY".encode())
        bare = await asking.told("right")
    assert {one[0] for one, heard_now in bare.items() if heard_now != filtered[one]} >= TELLING
    assert neighbours.words_in(bare) >= {"nodes", "meters", "devices", "alarms"}


@pytest.mark.both_postgres
async def test_nothing_is_changed_by_row_level_security_alone(
    neighbours: Neighbours, client: Client, admin: psycopg.Connection
) -> None:
    asking, before = Asking(neighbours, client), look(admin, neighbours.them)
    sent = {name: row for name, row in TABLE.routes.items() if name.split()[0] not in {"GET", "WS"}}
    wrong = []
    with without_filter():
        for name, row in TABLE.mutation.items():
            outcome = await asking.do(name, row, theirs=False)
            if outcome != row.right:
                wrong.append(f"{name}: {outcome}, the table says {row.right}")
        for name, row in sent.items():
            status = await asking.send(name, row, theirs=False)
            if status != row.right:
                wrong.append(f"{name}: {status}, the table says {row.right}")
        await asking.try_theirs(TABLE.mutation, sent)
    assert not wrong, "\n".join(wrong)
    assert look(admin, neighbours.them) == before


@pytest.mark.both_postgres
async def test_who_asks_has_no_way_around_row_level_security(platform: Platform) -> None:
    async with platform.database.platform_read() as read:
        assert await read.fetch_one(
            "SELECT rolname::text, rolsuper, rolbypassrls FROM pg_roles"
            " WHERE rolname = session_user"
        ) == {"rolname": "kw_app", "rolsuper": False, "rolbypassrls": False}
