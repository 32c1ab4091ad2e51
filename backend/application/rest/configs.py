"""`/api/v1/gateways/{gateway}/configs` and `/api/v1/profiles`: what gateways read, and how."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from backend.application.graphql import configs
from backend.application.graphql.context import outside_uid
from backend.application.rest.doors import OwnPage, ProjectDoor, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.errors import NotFound
from backend.core.ids import encode_id
from backend.service.gateways import configuration, profiles
from backend.service.people.roles import Permission

router = APIRouter(tags=["gateways"], route_class=OnceRoute)


class ConfigOrder(BaseModel):
    """A document for a gateway; `after` = the newest version that was seen."""

    text: str = Field(max_length=500_000)
    note: str = Field(default="", max_length=200)
    after: int | None = Field(default=None, ge=0)


class ConfigAnswer(BaseModel):
    """One version of a gateway's configuration; `text` only where one version is asked for."""

    version: int
    hash: str
    note: str
    state: str
    problems: list[str]
    created_at: datetime
    sent_at: datetime | None
    state_at: datetime | None
    text: str | None = None


class ProfileOrder(BaseModel):
    """A device profile as YAML."""

    text: str = Field(max_length=200_000)


class ProfileAnswer(BaseModel):
    """A stored profile; `gateways` get it at once because their configuration names it."""

    name: str
    hash: str
    uploaded_at: datetime
    text: str | None = None
    gateways: list[str] = []


@router.post(
    "/gateways/{gateway}/configs", status_code=202, dependencies=[OwnPage], responses=RESPONSES
)
async def put(gateway: str, caller: SignedIn, door: OnceDoor, body: ConfigOrder) -> ConfigAnswer:
    """Make a document the one that the gateway is to have."""
    made = await configs.put(door, caller, gateway, body.text, body.note, body.after)
    return _config(made.row)


@router.get("/gateways/{gateway}/configs")
async def list_all(
    gateway: str, door: ProjectDoor, first: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[ConfigAnswer]:
    """Answer a gateway's versions, newest first."""
    async with door.read() as tx:
        key = await configuration.find_gateway(tx, door.project.id, outside_uid("gtw", gateway))
        found = await configuration.list_configs(tx, door.project.id, key.id, first)
    return [_config(row) for row in found]


@router.get("/gateways/{gateway}/configs/{version}")
async def show(gateway: str, version: int, door: ProjectDoor) -> ConfigAnswer:
    """Answer one version with its text."""
    door.require(Permission.CONFIGURE)
    async with door.read() as tx:
        key = await configuration.find_gateway(tx, door.project.id, outside_uid("gtw", gateway))
        row = await configuration.find_config(tx, door.project.id, key.id, version)
    return _config(row).model_copy(update={"text": row.content})


@router.post(
    "/gateways/{gateway}/configs/{version}/restore",
    status_code=202,
    dependencies=[OwnPage],
    responses=RESPONSES,
)
async def restore(gateway: str, version: int, caller: SignedIn, door: OnceDoor) -> ConfigAnswer:
    """Put the document of an earlier version again."""
    return _config((await configs.back(door, caller, gateway, version)).row)


@router.get("/profiles")
async def list_profiles(door: ProjectDoor) -> list[ProfileAnswer]:
    """Answer the project's own device profiles by name."""
    async with door.read() as tx:
        found = await profiles.list_profiles(tx, door.project.id)
    return [_profile(row) for row in found]


@router.get("/profiles/{vendor}/{model}")
async def show_profile(vendor: str, model: str, door: ProjectDoor) -> ProfileAnswer:
    """Answer one of the project's own device profiles with its text."""
    async with door.read() as tx:
        row = await profiles.find_profile(tx, door.project.id, f"{vendor}/{model}")
    if row is None:
        raise NotFound(kind="profile")
    return _profile(row).model_copy(update={"text": row.text})


@router.put("/profiles/{vendor}/{model}", dependencies=[OwnPage], responses=RESPONSES)
async def upload(
    vendor: str, model: str, caller: SignedIn, door: OnceDoor, body: ProfileOrder
) -> ProfileAnswer:
    """Store a device profile; gateways that use it get it without a restart."""
    uploaded = await configs.upload(door, caller, f"{vendor}/{model}", body.text)
    gateways = [encode_id("gtw", uid) for uid in uploaded.gateways]
    return _profile(uploaded.profile).model_copy(update={"gateways": gateways})


@router.delete(
    "/profiles/{vendor}/{model}", status_code=204, dependencies=[OwnPage], responses=RESPONSES
)
async def remove(vendor: str, model: str, caller: SignedIn, door: OnceDoor) -> None:
    """Forget a device profile that no gateway is to use."""
    await configs.remove(door, caller, f"{vendor}/{model}")


def _config(row: configuration.ConfigRow) -> ConfigAnswer:
    return ConfigAnswer(
        version=row.version,
        hash=row.hash,
        note=row.note,
        state=row.state,
        problems=row.problems or [],
        created_at=row.created_at,
        sent_at=row.sent_at,
        state_at=row.state_at,
    )


def _profile(row: profiles.ProfileRow) -> ProfileAnswer:
    return ProfileAnswer(name=row.name, hash=row.hash, uploaded_at=row.uploaded_at)
