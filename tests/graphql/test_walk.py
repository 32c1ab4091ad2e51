"""The walk: every field, mutation, subscription and route as everybody who might ask for it.

What each of them is answered stands in the tables of `walk/`, written by hand. A field, argument
or route without its row fails here, and so does a denied one that changes a row of the database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from backend.application.graphql.schema import build_schema, core_schema
from backend.application.web_process import WebProcess
from backend.core.platform import Platform
from backend.service.people.roles import Permission
from backend.service.people.throttle import SignInThrottle
from tests.graphql.conftest import Client
from tests.graphql.sockets import open_socket
from tests.graphql.strangers import every_route
from tests.graphql.walk.people import (
    OUTSIDE,
    People,
    let_in,
    make_key,
    make_people,
    make_roles,
    without,
)
from tests.graphql.walk.scene import Scene, Watcher, make_scene
from tests.graphql.walk.selection import Path, Selections, reached
from tests.graphql.walk.table import ANYBODY, READ, Row, read_table
from tests.postgres import MakePerson, MakeProject

SCHEMA = core_schema(build_schema())
TABLE = read_table()
SELECTIONS = Selections(SCHEMA, TABLE)
LAST = 'subscription { nodePowers(project: "%(project)s") { id } }'
"""Asked after a subscription that says nothing at first: its frame comes in its place."""


@pytest.fixture
async def people(
    platform: Platform,
    process: WebProcess,
    client: Client,
    make_project: MakeProject,
    make_person: MakePerson,
) -> People:
    """Everybody, signed in nowhere yet; how often they try does not count here."""
    process.sign_in.throttle = SignInThrottle(100_000, 100_000)
    acme = await make_project("acme")
    await make_roles(platform, acme)
    alice = await make_person("root", acme, role="administrator")
    return People({"right": alice}, process, client, {}, {})


@pytest.fixture
async def scene(
    platform: Platform, people: People, make_project: MakeProject, make_person: MakePerson
) -> Scene:
    """The plant, and everybody signed in."""
    alice = people.actors["right"]
    leaving = await make_person("leaving", alice.tenant, role="shift_leader")
    made = await make_scene(platform, alice, leaving)
    part = made.plant.nodes["b"].id
    people.actors |= await make_people(alice.tenant, part, make_project, make_person)
    people.key, _ = await make_key(platform, alice, part)
    more = await let_in(platform, alice, part)
    await people.sign_in()
    return replace(made, names={**made.names, **more})


def callers(row: Row) -> Iterator[tuple[str, str | int]]:
    """Everybody who asks a row, and what the table says they hear; the right member last."""
    permission = row.permission
    if permission is not None:
        yield without(permission), "unlet" if row.may == READ else "not_allowed"
        yield "key", row.key or (row.part if row.may == READ else "not_allowed")
    elif row.may == ANYBODY:
        yield "reader", row.right
    yield "part", row.part or row.right
    for kind in OUTSIDE:
        if kind == "stranger":
            yield kind, "unlet" if permission is not None else row.right
        else:
            yield kind, row.out if row.may == ANYBODY else "unknown"
    yield "right", row.right


def heard(answer: dict[str, object], *way: str) -> str:
    """What an answer amounts to: a code, null, empty or ok."""
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])  # type: ignore[index]
    inner: object = answer["data"]
    for name in way:
        if not isinstance(inner, dict):
            return "unlet"
        inner = inner[name]
    return "null" if inner is None else "empty" if inner == [] else "ok"


class Walk:
    """Asks as everybody and notes what was not as the table says."""

    def __init__(self, people: People, scene: Scene, admin: psycopg.Connection) -> None:
        self.people = people
        self.scene = scene
        self.watcher = Watcher(admin)
        self.wrong: list[str] = []

    async def ask(self, kind: str, text: str) -> tuple[dict[str, object], bytes]:
        """Ask one operation; the answer and its bytes."""
        query = text % {**self.scene.names, "kind": kind}
        response = await self.people.clients[kind].post("/graphql", json={"query": query})
        answer: dict[str, object] = orjson.loads(response.content)
        return answer, response.content

    def note(self, name: str, kind: str, found: object, expected: object) -> None:
        """Note what is not as it should be."""
        if found != expected:
            self.wrong.append(f"{name} as {kind}: {found}, the table says {expected}")

    def look(self, name: str, kind: str, content: bytes) -> None:
        """Note what tells the limited member of other parts, and what a denied one changed."""
        if kind in {"part", "key"}:
            told = content.decode()
            leaks = sorted(word for word in self.scene.hidden if word in told)
            self.note(name, kind, leaks, [])
        if kind != "right":
            self.note(name, kind, self.watcher.changed(), [])


def test_every_field_is_visited() -> None:
    visited = {f"Query.{name}" for name in TABLE.query} | {f"Project.{n}" for n in TABLE.project}
    for root in ("Mutation", "Subscription"):
        rows = TABLE.mutation if root == "Mutation" else TABLE.subscription
        for name in rows:
            visited |= {f"{root}.{name}"} | SELECTIONS.visited(SELECTIONS.result(root, name))
    for kind in SELECTIONS.paths:
        if kind not in {"Query", "Project"}:
            visited |= {f"{kind}.{name}" for name in SELECTIONS.fields(kind)}
    wanted = {f"{kind.name}.{name}" for kind in SELECTIONS.objects() for name in kind.fields}
    assert visited == wanted
    assert TABLE.needs.keys() | TABLE.args.keys() <= wanted


def test_every_route_is_visited(process: WebProcess) -> None:
    assert every_route(process) == TABLE.routes.keys()


async def told(walk: Walk) -> None:
    """Every field of Query and Project as everybody."""
    for root, rows in (("Query", TABLE.query), ("Project", TABLE.project)):
        for name, row in rows.items():
            selection = SELECTIONS.shown(root, name)
            text = f"{name}{f'({row.args})' if row.args else ''}{selection}"
            way = (name,) if root == "Query" else ("project", name)
            text = text if root == "Query" else f'project(id: "acme") {{ {text} }}'
            for kind, said in callers(row):
                answer, content = await walk.ask(kind, f"{{ {text} }}")
                told = said if root == "Project" or said not in {"unlet", "unknown"} else "null"
                # Who is not let in hears of no project at all.
                expected = "unlet" if told == "unknown" else told
                walk.note(f"{root}.{name}", kind, heard(answer, *way), expected)
                walk.look(f"{root}.{name}", kind, content)


def refusals(path: Path, kind: str) -> set[str]:
    """The fields of an operation that a reader is refused: on its way, else those at its end."""
    need = {f"Project.{name}" for name, row in TABLE.project.items() if row.may != READ}
    need |= TABLE.needs.keys()
    on_the_way = {step.name for step in path if step.name in need}
    return on_the_way or {f"{kind}.{n}" for n in SELECTIONS.fields(kind)} & need


def denied(answer: dict[str, object]) -> set[str]:
    """The fields of an answer that were not allowed."""
    errors: list[dict[str, dict[str, object]]] = answer.get("errors", [])  # type: ignore[assignment]
    refused = [one for one in errors if one["extensions"]["code"] == "not_allowed"]
    ways = [list(one["path"]) for one in refused]
    return {[str(part) for part in way if not str(part).isdigit()][-1] for way in ways}


async def told_below(walk: Walk) -> None:
    """Every field of every type below them."""
    missing = set()
    for kind, paths in SELECTIONS.paths.items():
        if kind in {"Query", "Project"}:
            continue
        for path in paths:
            answer, _ = await walk.ask("right", SELECTIONS.operation(path, kind))
            if reached(answer["data"], path):
                break
        else:
            missing.add(kind)
        name = f"{kind} by {'.'.join(step.field for step in path)}"
        text, refused = SELECTIONS.operation(path, kind), refusals(path, kind)
        walk.note(name, "right", answer.get("errors"), None)
        needs = {one: TABLE.needs[one] for one in refused & TABLE.needs.keys()}
        mates = {without(need): {one} for one, need in needs.items()}
        for who, lacked in {"reader": refused, **mates}.items():
            answer, content = await walk.ask(who, text)
            walk.note(name, who, denied(answer), {one.rpartition(".")[2] for one in lacked})
            walk.look(name, who, content)
        _, content = await walk.ask("part", text)
        walk.look(name, "part", content)
        if path[0].field == "project":
            answer, _ = await walk.ask("stranger", text)
            walk.note(name, "stranger", answer["data"], {"project": None})
    walk.note("types of the scene", "right", sorted(missing), sorted(TABLE.absent))


async def done(walk: Walk) -> None:
    """Every mutation; the right member does it last."""
    refused = {"unlet": "not_found", "unknown": "not_signed_in"}
    for name, row in TABLE.mutation.items():
        selection = SELECTIONS.inside(SELECTIONS.result("Mutation", name))
        text = f"mutation {{ {name}{f'({row.args})' if row.args else ''}{selection} }}"
        for kind, said in callers(row):
            answer, content = await walk.ask(kind, text)
            expected = refused.get(str(said), said)
            walk.note(f"Mutation.{name}", kind, heard(answer, name), expected)
            if "errors" in answer:
                walk.look(f"Mutation.{name}", kind, content)
            elif kind != "right":
                walk.watcher.look()
        if row.fresh:
            await walk.people.sign_in()
        walk.watcher.look()


async def pushed(walk: Walk, served: str) -> None:
    """Every subscription."""
    people = walk.people
    for kind in ("revoked", "nobody"):
        async with open_socket(served, cookie=people.tokens.get(kind), init=False) as socket:
            await socket.send(type="connection_init")
            with pytest.raises(ConnectionClosed):
                await socket.receive()
            assert socket.connection.close_code == 4401
    for kind in (without(Permission.READ), "stranger", "part", "right"):
        async with open_socket(served, cookie=people.tokens[kind]) as socket:
            for name, row in TABLE.subscription.items():
                said = dict(callers(row))[kind]
                selection = SELECTIONS.inside(SELECTIONS.result("Subscription", name))
                text = f"subscription {{ {name}({row.args}){selection} }}" % walk.scene.names
                id = await socket.subscribe(text)
                wanted = {id}
                if said == "silent":
                    wanted.add(await socket.subscribe(LAST % walk.scene.names))
                while (frame := await socket.receive()).get("id") not in wanted:
                    pass
                refused = frame["type"] == "error" and frame["id"] == id
                if refused:
                    code = frame["payload"][0]["extensions"]["code"]  # type: ignore[index]
                    walk.note(f"Subscription.{name}", kind, code, "not_found")
                first = "unlet" if refused else "ok" if frame["id"] == id else "silent"
                walk.note(f"Subscription.{name}", kind, first, said)
                walk.look(f"Subscription.{name}", kind, orjson.dumps(frame))
                await socket.send(id=id, type="complete")


async def routes(walk: Walk) -> None:
    """Every route."""
    people, scene = walk.people, walk.scene
    refused = {"unlet": 404, "not_allowed": 403, "unknown": 401}
    for name, row in TABLE.routes.items():
        method, place = name.split(" ")
        if method == "WS":
            continue
        for kind, said in callers(row):
            response = await people.clients[kind].request(
                method,
                row.path % scene.names,
                json=None if row.body is None else filled(row.body, {**scene.names, "kind": kind}),
                content=row.text,
            )
            expected = refused.get(str(said), said)
            walk.note(name, kind, response.status_code, expected)
            if place == "/api/v1/session" and response.is_success:
                walk.watcher.look()
            walk.look(name, kind, response.content)
        if row.fresh:
            await people.sign_in()
        walk.watcher.look()


def filled(body: dict[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """A body with the scene's things in it."""
    return {
        name: value % names if isinstance(value, str) else value for name, value in body.items()
    }


@pytest.mark.long
async def test_everybody_hears_and_does_what_the_table_says(
    people: People, scene: Scene, admin: psycopg.Connection, served: str
) -> None:
    walk = Walk(people, scene, admin)
    await told(walk)
    await told_below(walk)
    await pushed(walk, served)
    await done(walk)
    await routes(walk)
    assert not walk.wrong, "\n".join(walk.wrong)
