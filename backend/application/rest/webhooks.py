"""`/api/v1/webhooks`: where events of a project are told, and what became of each."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from backend.application.graphql.context import Door, asker_of, outside_uid
from backend.application.rest.doors import OwnPage, ProjectDoor, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.application.rest.paging import After, First, Page, cursor, read_cursor
from backend.core.ids import NOBODY, encode_id
from backend.service.people.roles import Permission
from backend.service.webhooks import hooks
from backend.service.webhooks.hooks import DeliveryRow, WebhookRow
from backend.service.webhooks.hosts import LONGEST_URL

router = APIRouter(tags=["webhooks"], route_class=OnceRoute)
Kind = Literal["alarm", "command", "gateway", "import", "model", "restatement"]


class WebhookOrder(BaseModel):
    """Where to tell which kinds of events."""

    url: str = Field(max_length=LONGEST_URL)
    kinds: list[Kind] = Field(min_length=1, max_length=10)


class WebhookAnswer(BaseModel):
    """A webhook; `pending` deliveries wait, `dead` ones were given up and can be replayed.

    `error` is of the newest delivery that was tried; null when it was taken.
    """

    id: str
    url: str
    kinds: list[str]
    created_at: datetime
    pending: int
    dead: int
    error: str | None


class NewWebhookAnswer(WebhookAnswer):
    """A webhook with the key that signs (`whsec_...`), which is told this once."""

    signing_key: str


class DeliveryAnswer(BaseModel):
    """One event for a webhook: how often it was tried, and what was answered last."""

    id: str
    kind: str
    ref: str
    at: datetime
    state: Literal["pending", "sent", "dead"]
    tries: int
    next_at: datetime
    status: int | None
    error: str | None
    sent_at: datetime | None


class ReplayAnswer(BaseModel):
    """How many deliveries are sent again."""

    replayed: int


@router.get("/webhooks")
async def list_all(door: ProjectDoor) -> list[WebhookAnswer]:
    """Answer the webhooks of the project."""
    door.require(Permission.KEYS)
    async with door.read() as tx:
        found = await hooks.list_hooks(tx, door.project.id)
    return [_hook(row) for row in found]


@router.post("/webhooks", status_code=201, dependencies=[OwnPage], responses=RESPONSES)
async def make(caller: SignedIn, door: OnceDoor, body: WebhookOrder) -> NewWebhookAnswer:
    """Have events told from now on, signed as Standard Webhooks has it."""
    door.require(Permission.KEYS)
    allowed = door.process.platform.settings.webhook_hosts
    async with door.write() as tx:
        row, key = await hooks.make_hook(
            tx, door.project.id, body.url, body.kinds, allowed, asker_of(caller), _now(door)
        )
    return NewWebhookAnswer(**_hook(row).model_dump(), signing_key=key)


@router.put("/webhooks/{id}", dependencies=[OwnPage], responses=RESPONSES)
async def change(id: str, caller: SignedIn, door: OnceDoor, body: WebhookOrder) -> WebhookAnswer:
    """Tell other events, or tell them elsewhere, from now on; the key stays."""
    door.require(Permission.KEYS)
    allowed, uid = door.process.platform.settings.webhook_hosts, outside_uid("whk", id)
    async with door.write() as tx:
        row = await hooks.change_hook(
            tx, door.project.id, uid, body.url, body.kinds, allowed, asker_of(caller), _now(door)
        )
    return _hook(row)


@router.delete("/webhooks/{id}", status_code=204, dependencies=[OwnPage], responses=RESPONSES)
async def end(id: str, caller: SignedIn, door: OnceDoor) -> None:
    """Tell it nothing more."""
    door.require(Permission.KEYS)
    async with door.write() as tx:
        uid, asker = outside_uid("whk", id), asker_of(caller)
        await hooks.end_hook(tx, door.project.id, uid, asker, _now(door))


@router.post("/webhooks/{id}/signing-key", dependencies=[OwnPage], responses=RESPONSES)
async def rotate(id: str, caller: SignedIn, door: OnceDoor) -> NewWebhookAnswer:
    """Sign with a new key; the old one signs beside it for 24 hours."""
    door.require(Permission.KEYS)
    async with door.write() as tx:
        uid, asker = outside_uid("whk", id), asker_of(caller)
        row, key = await hooks.rotate_secret(tx, door.project.id, uid, asker, _now(door))
    return NewWebhookAnswer(**_hook(row).model_dump(), signing_key=key)


@router.get("/webhooks/{id}/deliveries")
async def list_deliveries(
    id: str, door: ProjectDoor, first: First = 100, after: After = None
) -> Page[DeliveryAnswer]:
    """Answer what was told and what became of it, newest first."""
    door.require(Permission.KEYS)
    below = read_cursor(after, int)
    async with door.read() as tx:
        hook = await hooks.find_hook(tx, door.project.id, outside_uid("whk", id))
        found = await hooks.list_deliveries(tx, door.project.id, hook, below, first + 1)
    part = found[:first]
    more = len(found) > first
    return Page(items=[_delivery(row) for row in part], next=cursor(part[-1].id) if more else None)


@router.post("/webhooks/{id}/replay", dependencies=[OwnPage], responses=RESPONSES)
async def replay(
    id: str, caller: SignedIn, door: OnceDoor, delivery: str | None = None
) -> ReplayAnswer:
    """Send a delivery again, or all that were given up."""
    door.require(Permission.KEYS)
    uid = None if delivery is None else outside_uid("whd", delivery) or NOBODY
    async with door.write() as tx:
        hook = await hooks.find_hook(tx, door.project.id, outside_uid("whk", id))
        again = await hooks.replay(tx, door.project.id, hook, uid, asker_of(caller), _now(door))
    return ReplayAnswer(replayed=again)


def _now(door: Door) -> datetime:
    return door.process.platform.clock.now()


def _hook(row: WebhookRow) -> WebhookAnswer:
    return WebhookAnswer(
        id=row.outside,
        url=row.url,
        kinds=row.kinds,
        created_at=row.created_at,
        pending=row.pending,
        dead=row.dead,
        error=row.error,
    )


def _delivery(row: DeliveryRow) -> DeliveryAnswer:
    return DeliveryAnswer.model_validate(
        {
            "id": encode_id("whd", row.uid),
            "kind": row.kind,
            "ref": row.ref,
            "at": row.at,
            "state": row.state,
            "tries": row.tries,
            "next_at": row.next_at,
            "status": row.status,
            "error": row.error,
            "sent_at": row.sent_at,
        }
    )
