"""The first start: a link that works once, and no default password."""

import httpx

from backend.application.web import setup_link
from backend.application.web_process import WebProcess
from tests.graphql.conftest import Client
from tests.postgres import MakeProject

PASSWORD = "correct horse battery"


async def test_the_link_works_once(
    client: Client, process: WebProcess, make_project: MakeProject
) -> None:
    await make_project("acme")
    first = await setup_link(process)
    link = await setup_link(process)
    assert first is not None
    assert link is not None
    assert link.startswith("http://127.0.0.1:8000/setup?token=")
    opened = await client()
    page = await opened.get(link.removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200
    token = link.partition("token=")[2]
    assert token in page.text

    async def send(token: str, password: str = PASSWORD) -> httpx.Response:
        form = {"token": token, "login": " Ada ", "password": password}
        return await opened.post("/setup", data=form)

    assert (await send(first.partition("token=")[2])).status_code == 404
    assert (await send(token, "short")).status_code == 422
    assert (await send(token)).headers["location"] == "/"
    again = await send(token)
    assert again.status_code == 404
    assert "already used" in again.text
    signed = await opened.post("/api/v1/session", json={"login": "ada", "password": PASSWORD})
    assert signed.status_code == 200
    answer = await opened.post("/graphql", json={"query": "{ viewer { projects { slug role } } }"})
    projects = answer.json()["data"]["viewer"]["projects"]
    assert projects == [{"slug": "acme", "role": "administrator"}]
    assert await setup_link(process) is None


async def test_a_foreign_page_cannot_set_up(client: Client, process: WebProcess) -> None:
    link = await setup_link(process)
    assert link is not None
    form = {"token": link.partition("token=")[2], "login": "eve", "password": PASSWORD}
    opened = await client()
    answer = await opened.post("/setup", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    async with process.platform.database.platform_read() as tx:
        assert await tx.fetch_tuples("SELECT 1 FROM person") == []
