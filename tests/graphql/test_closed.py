"""Kept queries by GET: 304 where every period is over and unchanged, for one session only."""

import hashlib
from collections.abc import Awaitable, Callable

import httpx
import orjson
import pytest

from backend.application.graphql.persisted import read_texts
from backend.core.platform import Platform
from tests.graphql.conftest import Client
from tests.graphql.plants import Plant
from tests.graphql.test_figures import fill
from tests.postgres import Actor, Tenant

MakePlant = Callable[[Tenant], Awaitable[Plant]]
KEPT = {text.split("(")[0]: id for id, text in read_texts().items()}
DAY_14, DAY_15, DAY_16 = (f"2026-03-{day}T16:00:00Z" for day in (13, 14, 15))


@pytest.fixture
async def asked(alice: Actor, plant: MakePlant, platform: Platform) -> dict[str, str]:
    """Two days of a workshop that are over, as the analysis asks for them."""
    made = await plant(alice.tenant)
    await fill(platform, made)
    return {
        "project": "acme", "scope": made.nodes["b"].text, "energy": "electricity",
        "measure": "QUANTITY", "period": "QUARTER", "whole": "DAY",
        "start": DAY_14, "end": DAY_15,
    }  # fmt: skip


async def get(
    opened: httpx.AsyncClient,
    variables: dict[str, str],
    tag: str | None = None,
    name: str = "query Series",
) -> httpx.Response:
    """Ask a kept query by GET, with the tag of an answer that is there already."""
    headers = {} if tag is None else {"If-None-Match": tag}
    params = {"id": KEPT[name], "variables": orjson.dumps(variables).decode()}
    return await opened.get("/graphql", params=params, headers=headers)


async def test_what_is_over_and_unchanged_is_not_sent_again(
    client: Client, alice: Actor, asked: dict[str, str], platform: Platform
) -> None:
    opened = await client(alice)
    first = await get(opened, asked)
    assert first.status_code == 200
    assert first.json()["data"]["project"]["series"]["values"] == [20] * 96
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept-Encoding, Authorization, Cookie"
    tag = first.headers["etag"]
    again = await get(opened, asked, tag)
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["vary"]) == (tag, first.headers["vary"])

    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "UPDATE account SET qty = qty + 1000000 WHERE project_id = %s AND period = 1",
            (alice.tenant.id,),
        )
    changed = await get(opened, asked, tag)
    assert changed.status_code == 200
    assert changed.json()["data"]["project"]["series"]["values"] == [21] * 96
    assert changed.headers["etag"] != tag


async def test_what_still_runs_is_kept_by_nobody(
    client: Client, alice: Actor, asked: dict[str, str]
) -> None:
    opened = await client(alice)
    running = await get(opened, asked | {"end": DAY_16})
    widened = await get(opened, asked | {"period": "MONTH", "whole": "MONTH"})
    for answer in (running, widened):
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in answer.headers
    places = await get(opened, {"project": "acme"}, name="query Places")
    assert places.json()["data"]["project"]["nodes"]
    assert places.headers["cache-control"] == "no-store"


async def test_a_tag_is_good_in_one_session_only(
    client: Client, alice: Actor, bob: Actor, stranger: Actor, asked: dict[str, str]
) -> None:
    tag = (await get(await client(alice), asked)).headers["etag"]
    for other in (alice, bob):
        answer = await get(await client(other), asked, tag)
        assert answer.status_code == 200
        assert answer.headers["etag"] != tag
    for outside in (await client(stranger), await client()):
        refused = await get(outside, asked, tag)
        assert (refused.status_code, refused.json()) == (200, {"data": {"project": None}})
        assert refused.headers["cache-control"] == "no-store"


async def test_changes_and_unknown_operations_are_refused(client: Client, alice: Actor) -> None:
    opened = await client(alice)
    sign_out = await get(opened, {}, name="mutation SignOut { signOut }")
    assert (sign_out.status_code, sign_out.json()["errors"][0]["message"]) == (
        422,
        "graphql_request",
    )
    unknown = await opened.get("/graphql", params={"id": hashlib.sha256(b"x").hexdigest()})
    assert unknown.json()["errors"][0]["message"] == "persisted_query_not_found"
    wrong = await opened.get("/graphql", params={"id": "x", "variables": "[]"})
    assert (wrong.status_code, wrong.json()["errors"][0]["message"]) == (422, "graphql_request")
    assert (await opened.get("/api/v1/session")).status_code == 200


async def test_a_page_of_another_site_gets_nothing(
    client: Client, alice: Actor, asked: dict[str, str]
) -> None:
    opened = await client(alice)
    opened.headers["Sec-Fetch-Site"] = "cross-site"
    assert (await get(opened, asked)).status_code == 403
