"""REST: sessions, health and imports, through ASGI on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, timedelta

import httpx
import pytest

from backend.application.rest.describe import describe
from backend.application.web import build_app
from backend.application.web_process import WebProcess, make_process
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.architecture.reading import ROOT
from tests.postgres import Actor, MakePerson

PASSWORD = "correct horse battery"


@pytest.fixture
def process(platform: Platform) -> WebProcess:
    """What one web process shares."""
    return make_process(platform)


@pytest.fixture
async def client(process: WebProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client on loopback http."""
    async with open_client(process) as opened:
        yield opened


def open_client(process: WebProcess, base: str = "http://localhost") -> httpx.AsyncClient:
    """A client of the app through ASGI."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(build_app(process)), base_url=base)


async def give_password(process: WebProcess, actor: Actor, *, demo: bool = False) -> None:
    """Set a person's password."""
    hashed = await process.sign_in.passwords.hash(PASSWORD)
    async with process.platform.database.platform() as tx:
        await tx.execute(
            "UPDATE person SET password_hash = %s, demo = %s WHERE id = %s",
            (hashed, demo, actor.id),
        )


async def test_a_script_gets_a_token_and_signs_out(
    client: httpx.AsyncClient, process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    signed = await client.post("/api/v1/session", json={"login": " Alice ", "password": PASSWORD})
    assert signed.status_code == 200
    token = signed.json()["token"]
    assert len(token) == 43
    cookie = signed.headers["set-cookie"]
    assert cookie.startswith("kilowise=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {token}"}
    shown = await client.get("/api/v1/session", headers=bearer)
    assert shown.json()["login"] == "alice"
    async with process.platform.database.platform_read() as tx:
        stored = await tx.fetch_tuples("SELECT token_hash FROM sign_in_session")
    assert token.encode() not in bytes(stored[0][0])
    assert (await client.delete("/api/v1/session", headers=bearer)).status_code == 204
    after = await client.get("/api/v1/session", headers=bearer)
    assert (after.status_code, after.json()["code"]) == (401, "not_signed_in")
    assert after.headers["content-type"] == "application/problem+json"


async def test_a_browser_gets_a_secure_cookie_and_no_token(
    process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    public = Settings(public_url="https://energy.example.com")
    process.platform = replace(process.platform, settings=public)
    async with open_client(process, "https://energy.example.com") as browser:
        signed = await browser.post(
            "/api/v1/session",
            json={"login": "alice", "password": PASSWORD},
            headers={"Origin": "https://energy.example.com"},
        )
        assert signed.json()["token"] is None
        cookie = signed.headers["set-cookie"]
        assert cookie.startswith("__Host-kilowise=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert (await browser.get("/api/v1/session")).status_code == 200
        value = browser.cookies["__Host-kilowise"]
        browser.cookies.clear()
        stolen = await browser.get("/api/v1/session", headers={"Authorization": f"Bearer {value}"})
        assert stolen.status_code == 401


async def test_plain_http_that_leaves_the_machine_carries_no_cookie(
    process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    async with open_client(process, "http://192.168.7.9:8000") as lan:
        signed = await lan.post("/api/v1/session", json={"login": "alice", "password": PASSWORD})
        assert "set-cookie" not in signed.headers


async def test_a_foreign_page_and_a_bearer_from_a_page_are_refused(
    client: httpx.AsyncClient, process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    body = {"login": "alice", "password": PASSWORD}
    foreign = await client.post(
        "/api/v1/session", json=body, headers={"Origin": "https://evil.example"}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    token = (await client.post("/api/v1/session", json=body)).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Origin": "http://localhost"}
    page = await client.get("/api/v1/session", headers=headers)
    assert (page.status_code, page.json()["code"]) == (403, "bearer_from_browser")
    crossed = await client.post(
        "/graphql",
        json={"query": "mutation { signOut }"},
        headers={"Origin": "https://evil.example"},
    )
    assert (crossed.status_code, crossed.json()["errors"][0]["message"]) == (403, "foreign_origin")


async def test_unknown_and_wrong_are_the_same_answer(
    client: httpx.AsyncClient, process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    wrong = await client.post("/api/v1/session", json={"login": "alice", "password": "nonsense"})
    unknown = await client.post("/api/v1/session", json={"login": "mallory", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "wrong_credentials"
    assert wrong.json()["next"] == "errors.wrong_credentials.next"


async def test_too_many_tries_wait(
    client: httpx.AsyncClient, process: WebProcess, alice: Actor
) -> None:
    await give_password(process, alice)
    body = {"login": "alice", "password": "nonsense"}
    codes = [(await client.post("/api/v1/session", json=body)).status_code for _ in range(9)]
    assert codes == [401] * 5 + [429] * 4
    right = await client.post("/api/v1/session", json={**body, "password": PASSWORD})
    assert (right.status_code, right.json()["code"]) == (429, "sign_in_too_often")
    assert 1 <= int(right.headers["retry-after"]) <= 60


async def test_demo_people_are_let_in_on_loopback_and_by_phone_only(
    platform: Platform, alice: Actor, make_person: MakePerson
) -> None:
    body = {"login": "alice", "password": PASSWORD}
    await give_password(make_process(platform), alice, demo=True)
    let_in = {}
    for name, settings in {
        "no demo": Settings(data=platform.settings.data),
        "loopback": Settings(data=platform.settings.data, demo=True),
        "lan": Settings(data=platform.settings.data, demo=True, bind="0.0.0.0"),
        "phone": Settings(data=platform.settings.data, demo=True, bind="0.0.0.0", phone=True),
    }.items():
        process = make_process(replace(platform, settings=settings))
        async with open_client(process) as client:
            signed = await client.post("/api/v1/session", json=body)
            people = await client.post("/graphql", json={"query": "{ demoPeople { login } }"})
        shown = people.json()["data"]["demoPeople"]
        let_in[name] = (signed.status_code, shown)
    nobody: tuple[int, list[dict[str, str]]] = (401, [])
    alice_shown = (200, [{"login": "alice"}])
    assert let_in == {
        "no demo": nobody,
        "loopback": alice_shown,
        "lan": nobody,
        "phone": alice_shown,
    }


async def test_a_session_ends_with_its_time(
    process: WebProcess, platform: Platform, alice: Actor
) -> None:
    await give_password(process, alice)
    async with open_client(process) as client:
        await client.post("/api/v1/session", json={"login": "alice", "password": PASSWORD})
        assert (await client.get("/api/v1/session")).status_code == 200
        async with platform.database.platform() as tx:
            await tx.execute("UPDATE sign_in_session SET expires_at = %s", (platform.clock.now(),))
        assert (await client.get("/api/v1/session")).status_code == 401


async def test_health_ready_and_metrics(client: httpx.AsyncClient, process: WebProcess) -> None:
    assert (await client.get("/healthz")).json() == {"alive": True}
    assert (await client.get("/api/v1/health")).json()["alive"] is True
    waiting = await client.get("/readyz")
    assert waiting.status_code == 503
    assert waiting.json() == {"ready": False, "reasons": ["no_live_values"]}
    process.live.flowing = True
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True})
    assert "kilowise_sockets" in (await client.get("/metrics")).text


async def test_a_role_that_bypasses_the_wall_is_not_ready(
    platform: Platform, process: WebProcess, admin: object
) -> None:
    process.live.flowing = True
    admin.execute("ALTER ROLE kw_app BYPASSRLS")  # type: ignore[attr-defined]
    try:
        async with open_client(process) as client:
            answer = await client.get("/readyz")
    finally:
        admin.execute("ALTER ROLE kw_app NOBYPASSRLS")  # type: ignore[attr-defined]
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["role_bypasses_wall"])


async def test_an_import_needs_permission_and_stores_readings(
    process: WebProcess, platform: Platform, alice: Actor, make_person: MakePerson
) -> None:
    admin = await make_person("ada", alice.tenant, role="administrator")
    async with platform.database.project(alice.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO gateway (project_id, uid, slug, name, bus)"
            " VALUES (%s, %s, 'g1', '{}', 'main')",
            (alice.tenant.id, alice.uid),
        )
    at = platform.clock.now() - timedelta(hours=1)
    body = (
        "device,name,kind,unit,ts,value\n"
        f"d1,ep_imp,register,kWh,{at.astimezone(UTC).isoformat()},12.5\n"
    )
    async with AsyncExitStack() as stack:
        clients = {}
        for actor in (alice, admin):
            await give_password(process, actor)
            clients[actor.login] = await stack.enter_async_context(open_client(process))
            signed = {"login": actor.login, "password": PASSWORD}
            assert (await clients[actor.login].post("/api/v1/session", json=signed)).is_success
        refused = await clients["alice"].post("/api/v1/import?project=acme", content=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        begun = await clients["ada"].post("/api/v1/import?project=acme", content=body)
        assert begun.status_code == 202
        place = begun.headers["location"]
        for _ in range(400):
            shown = (await clients["ada"].get(place)).json()
            if shown["state"] not in {"waiting", "running"}:
                break
            await asyncio.sleep(0.02)
    assert (shown["state"], shown["rows_done"], shown["rows_rejected"]) == ("done", 1, 0), shown
    async with platform.database.read(alice.tenant.id) as read:
        stored = await read.fetch_tuples(
            "SELECT ts, value FROM reading WHERE project_id = %s", (alice.tenant.id,)
        )
    assert stored == [(at, 12.5)]


def test_the_committed_description_is_this_one() -> None:
    assert (ROOT / "openapi.json").read_text(encoding="utf-8") == describe()
