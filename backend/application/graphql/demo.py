"""The demonstration: its people with their public password, and its story."""

import asyncio
import json
from pathlib import Path

import httpx
import strawberry

from backend.application.graphql.context import KwInfo, enter_project
from backend.application.graphql.naming import Name
from backend.core.errors import NotFound, Unavailable
from backend.service.people.roles import Permission
from gateway.contract.demo import CONTROL_PATH, STATE_FILE, Request

PASSWORD = "kilowise-demo"  # noqa: S105 - public on purpose, and only where demo people are let in
PATIENCE_S = 5.0


@strawberry.type
class DemoPerson:
    """A person of the demonstration; the password is public."""

    login: str
    password: str
    name: Name
    role: str


@strawberry.type
class DemoQuery:
    """What the sign-in page of the demonstration shows."""

    @strawberry.field
    async def demo_people(self, info: KwInfo) -> list[DemoPerson]:
        """People of the demo with their public password; empty where there is no demo."""
        process = info.context.process
        if not process.sign_in.demo:
            return []
        async with process.platform.database.platform_read() as tx:
            rows = await tx.fetch_all(
                "SELECT DISTINCT ON (p.id) p.login, p.name, m.role FROM person p"
                " JOIN membership m ON m.person_id = p.id WHERE p.demo"
                " ORDER BY p.id, m.project_id"
            )
        return [
            DemoPerson(
                login=row["login"],
                password=PASSWORD,
                name=Name.of(row["name"], row["login"]),
                role=row["role"],
            )
            for row in rows
        ]


@strawberry.type
class DemoMutation:
    """The demonstration's story."""

    @strawberry.mutation
    async def play_story(self, info: KwInfo, project: strawberry.ID, stop: bool = False) -> bool:
        """Start or stop the story: an induction furnace starts, demand runs over."""
        door = await enter_project(info.context, project)
        door.require(Permission.DEMONSTRATE)
        if not door.project.demo:
            raise NotFound(kind="story")
        folder = info.context.process.platform.settings.data_folder
        await _request(folder, Request.SHED if stop else Request.STORY)
        return True


async def _request(folder: Path, request: Request) -> None:
    """Ask the simulated plant; Unavailable when it does not run or refuses."""
    try:
        text = await asyncio.to_thread((folder / STATE_FILE).read_text, "utf-8")
        port = int(json.loads(text)["control"])
        async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            answer = await client.post(
                f"http://127.0.0.1:{port}{CONTROL_PATH}", json={"fault": request.value}
            )
        answer.raise_for_status()
    except (OSError, ValueError, KeyError, httpx.HTTPError) as error:
        raise Unavailable("plant_not_running") from error
