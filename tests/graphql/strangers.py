"""What every file of the stranger's walk needs: rows by topic, and how a project is looked at.

`test_stranger_<topic>.py` has the QUESTIONS of its own fields; `test_stranger.py` walks the schema
and knows of them by `rows_of_topics`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route, WebSocketRoute

from backend.application.rest.app import build_rest
from backend.application.web import build_app
from backend.application.web_process import WebProcess
from backend.core.ids import encode_id, new_uuid
from backend.core.tables import GLOBAL_TABLES, metadata
from tests.postgres import NOW, Actor, MakePerson, MakeProject

if TYPE_CHECKING:
    from tests.graphql.conftest import Ask

Questions = Mapping[str, Sequence[str]]
Names = Mapping[str, str]
LearnsNothing = Callable[[Questions, Names, Names], Awaitable[None]]


def rows_of_topics() -> set[str]:
    """The fields that have their row in a file of their topic."""
    return _of_topics("QUESTIONS")


def routes_of_topics() -> set[str]:
    """The routes that have their row in a file of their topic."""
    return _of_topics("ROUTE_ROWS")


def _of_topics(rows: str) -> set[str]:
    names: set[str] = set()
    for file in sorted(Path(__file__).parent.glob("test_stranger_*.py")):
        module = import_module(f"tests.graphql.{file.stem}")
        names |= set(getattr(module, rows, ()))
    return names


async def make_stranger(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """Charlie, who may do everything in a project of their own."""
    return await make_person("charlie", await make_project("other"), role="administrator")


def nothing_like(names: Names) -> dict[str, str]:
    """Identities of the same shapes that nothing has; a name that is no identity stays."""
    fresh = {
        name: encode_id(text.partition("_")[0], new_uuid(NOW))
        for name, text in names.items()
        if "_" in text
    }
    return {**names, **fresh}


def look(admin: psycopg.Connection, actor: Actor) -> dict[str, object]:
    """Everything that is stored of a person's project, and of the person."""
    seen: dict[str, object] = {}
    for table in sorted(set(metadata.tables) - set(GLOBAL_TABLES)):
        row = admin.execute(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            f" WHERE project_id = {actor.tenant.id}".encode()
        ).fetchone()
        seen[table] = row
    for table in (
        "membership",
        "project_role",
        "api_key",
        "invitation",
        "shared_device",
        "person_badge",
    ):
        seen[table] = admin.execute(
            f"SELECT t::text FROM {table} t WHERE project_id = {actor.tenant.id}"
            " ORDER BY 1".encode()
        ).fetchall()
    seen["person"] = admin.execute(
        "SELECT p::text, (SELECT count(*) FROM sign_in_session s WHERE s.person_id = p.id),"
        " (SELECT count(*) FROM passkey k WHERE k.person_id = p.id),"
        " (SELECT count(*) FROM second_factor f WHERE f.person_id = p.id),"
        " (SELECT count(*) FROM linked_identity i WHERE i.person_id = p.id)"
        " FROM person p WHERE p.id = %s",
        (actor.id,),
    ).fetchall()
    return seen


async def learns_nothing(
    questions: Questions,
    hers: Names,
    none: Names,
    charlie: Callable[[], Awaitable[httpx.AsyncClient]],
    ask: "Ask",
    seen: Callable[[], Mapping[str, object]],
) -> None:
    """Each question (`%(name)s` is filled in) has one answer for her things and for nothing.

    And none changes anything.
    """
    before = seen()
    for name, texts in questions.items():
        for text in texts:
            answers = [await ask(await charlie(), text % names) for names in (hers, none)]
            assert answers[0] == answers[1], f"{name}: {text}"
            assert "acme" not in str(answers[0]), name
            assert seen() == before, f"{name} changed something"


async def routes_tell_nothing(
    routes: Questions,
    hers: Names,
    none: Names,
    charlie: Callable[[], Awaitable[httpx.AsyncClient]],
    seen: Callable[[], Mapping[str, object]],
) -> None:
    """Each path (`{name}` is filled in) has one answer for her things and for nothing.

    And none changes anything.
    """
    before = seen()
    for route, paths in routes.items():
        method = route.partition(" ")[0]
        for path in paths:
            answers = []
            for names in (hers, none):
                opened = await charlie()
                response = await opened.request(method, path.format(**names), json={})
                answers.append((response.status_code, response.content))
            assert answers[0] == answers[1], route
            assert seen() == before, route
            if "project={" in path:
                # In his own project a manager is told that he may not, whatever he named.
                refused = {403, 404} if "project={own}" in path else {404}
                assert answers[0][0] in refused, route


def every_route(process: WebProcess) -> set[str]:
    """Every route that the web app answers: method and path."""
    found = set()
    for route in build_app(process).routes:
        if isinstance(route, WebSocketRoute):
            found.add(f"WS {route.path}")
        elif isinstance(route, Route):
            found |= {f"{method} {route.path}" for method in route.methods or ()}
        else:
            assert isinstance(route, Mount)
            assert route.path in {"/api/v1", ""}
    for included in build_rest(process).routes:
        router = getattr(included, "original_router", None)
        for route in [included] if router is None else router.routes:
            assert isinstance(route, APIRoute | Route)
            found |= {f"{method} /api/v1{route.path}" for method in route.methods or ()}
    return {one for one in found if not one.startswith("HEAD ")}
