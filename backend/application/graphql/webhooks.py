"""Webhooks: where events of the project are told by HTTP, and what became of each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_to, outside_uid
from backend.application.graphql.enums import DeliveryState, Permission, WebhookKind
from backend.application.graphql.persons import Person
from backend.application.lengths import list_length
from backend.core.db import WriteSession
from backend.core.ids import NOBODY, encode_id
from backend.service.people.asker import Asker
from backend.service.webhooks import hooks
from backend.service.webhooks.hooks import DeliveryRow, WebhookRow

MOST = 100
"""Deliveries of one answer."""


@strawberry.type
class Webhook:
    """Where events are told, without the key that signs them."""

    door: strawberry.Private[Door]
    row: strawberry.Private[WebhookRow]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row.outside)

    @strawberry.field
    def url(self) -> str:
        return self.row.url

    @strawberry.field
    def kinds(self) -> list[WebhookKind]:
        """The events that are told."""
        return [WebhookKind(one) for one in self.row.kinds]

    @strawberry.field
    async def created_by(self) -> Person | None:
        """Who made it."""
        return await self.door.persons.load(self.row.created_by)

    @strawberry.field
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field
    def pending(self) -> int:
        """How many deliveries wait."""
        return self.row.pending

    @strawberry.field
    def dead(self) -> int:
        """How many deliveries were given up; they can be replayed."""
        return self.row.dead

    @strawberry.field
    def error(self) -> str | None:
        """What was wrong with the newest delivery that was tried; null when it was taken."""
        return self.row.error


@strawberry.type
class WebhookDelivery:
    """One event for a webhook, however often it is tried."""

    id: strawberry.ID
    kind: WebhookKind
    ref: str = strawberry.field(description="What it is about, as it is called outside.")
    at: datetime = strawberry.field(description="When it happened.")
    state: DeliveryState
    tries: int
    next_at: datetime | None = strawberry.field(
        description="When it is tried again; null when it is not."
    )
    status: int | None = strawberry.field(description="The HTTP status of the last answer.")
    error: str | None = strawberry.field(description="What was wrong with the last try.")
    sent_at: datetime | None = strawberry.field(description="When it was taken.")

    @classmethod
    def of(cls, row: DeliveryRow) -> "WebhookDelivery":
        """Answer a stored delivery."""
        state = DeliveryState(row.state)
        return cls(
            id=strawberry.ID(encode_id("whd", row.uid)),
            kind=WebhookKind(row.kind),
            ref=row.ref,
            at=row.at,
            state=state,
            tries=row.tries,
            next_at=row.next_at if state is DeliveryState.PENDING else None,
            status=row.status,
            error=row.error,
            sent_at=row.sent_at,
        )


@strawberry.type
class NewWebhook:
    """A webhook and the key that signs (`whsec_...`), which is shown this once."""

    signing_key: str
    webhook: Webhook


@strawberry.type
class ProjectWebhooks:
    """The part of a project that says where its events are told."""

    door: strawberry.Private[Door]

    @strawberry.field
    def webhook_hosts(self) -> list[str]:
        """The hosts that the platform's operator lets webhooks go to; empty: nowhere."""
        self.door.require(Permission.KEYS)
        return list(self.door.process.platform.settings.webhook_hosts)

    @strawberry.field
    async def webhooks(self) -> list[Webhook]:
        """Oldest first; those that ended are not told."""
        self.door.require(Permission.KEYS)
        async with self.door.read() as tx:
            found = await hooks.list_hooks(tx, self.door.project.id)
        return [Webhook(door=self.door, row=row) for row in found]

    @strawberry.field
    async def webhook_deliveries(
        self, webhook: strawberry.ID, first: int = 20
    ) -> list[WebhookDelivery]:
        """What was told to a webhook in the last 30 days, newest first."""
        self.door.require(Permission.KEYS)
        list_length(first, MOST)
        async with self.door.read() as tx:
            project, uid = self.door.project.id, outside_uid("whk", webhook)
            hook = await hooks.find_hook(tx, project, uid)
            found = await hooks.list_deliveries(tx, project, hook, None, first)
        return [WebhookDelivery.of(row) for row in found]


@dataclass(frozen=True, slots=True)
class Changing:
    """A project's webhooks while they are changed: by whom, and when."""

    door: Door
    tx: WriteSession
    project: int
    asker: Asker
    now: datetime

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where webhooks may go."""
        return self.door.process.platform.settings.webhook_hosts

    def told(self, row: WebhookRow) -> Webhook:
        """Answer a webhook."""
        return Webhook(door=self.door, row=row)


@asynccontextmanager
async def changing_hooks(info: KwInfo, project: str) -> AsyncIterator[Changing]:
    """Open a change of webhooks; NotAllowed without the permission."""
    door, asker = await enter_to(info.context, project, Permission.KEYS)
    async with door.write() as tx:
        yield Changing(door, tx, door.project.id, asker, door.process.platform.clock.now())


@strawberry.input
class WebhookInput:
    """Where to tell which events."""

    project: strawberry.ID
    url: str = strawberry.field(description="Https, to one of `webhookHosts`.")
    kinds: list[WebhookKind]


@strawberry.type
class WebhookMutation:
    """Making, changing and ending webhooks, and sending again."""

    @strawberry.mutation
    async def make_webhook(
        self,
        info: KwInfo,
        input: WebhookInput,  # noqa: A002 - what the schema calls it
    ) -> NewWebhook:
        """Have events told to an address from now on, signed as Standard Webhooks has it."""
        async with changing_hooks(info, input.project) as to:
            row, key = await hooks.make_hook(
                to.tx, to.project, input.url, input.kinds, to.hosts, to.asker, to.now
            )
        return NewWebhook(signing_key=key, webhook=to.told(row))

    @strawberry.mutation
    async def change_webhook(
        self,
        info: KwInfo,
        id: strawberry.ID,
        input: WebhookInput,  # noqa: A002 - what the schema calls it
    ) -> Webhook:
        """Tell other events, or tell them elsewhere, from now on; the key stays."""
        async with changing_hooks(info, input.project) as to:
            row = await hooks.change_hook(
                to.tx, to.project, outside_uid("whk", id), input.url, input.kinds, to.hosts,
                to.asker, to.now,
            )  # fmt: skip
        return to.told(row)

    @strawberry.mutation
    async def rotate_webhook_key(
        self, info: KwInfo, project: strawberry.ID, id: strawberry.ID
    ) -> NewWebhook:
        """Sign with a new key; the old one signs beside it for 24 hours."""
        async with changing_hooks(info, project) as to:
            uid = outside_uid("whk", id)
            row, key = await hooks.rotate_secret(to.tx, to.project, uid, to.asker, to.now)
        return NewWebhook(signing_key=key, webhook=to.told(row))

    @strawberry.mutation
    async def end_webhook(self, info: KwInfo, project: strawberry.ID, id: strawberry.ID) -> bool:
        """Tell it nothing more; what waits is not sent."""
        async with changing_hooks(info, project) as to:
            uid = outside_uid("whk", id)
            await hooks.end_hook(to.tx, to.project, uid, to.asker, to.now)
        return True

    @strawberry.mutation
    async def replay_webhook(
        self,
        info: KwInfo,
        project: strawberry.ID,
        id: strawberry.ID,
        delivery: strawberry.ID | None = None,
    ) -> int:
        """Send a delivery again, or all that were given up; how many there are."""
        one = None if delivery is None else outside_uid("whd", delivery) or NOBODY
        async with changing_hooks(info, project) as to:
            hook = await hooks.find_hook(to.tx, to.project, outside_uid("whk", id))
            return await hooks.replay(to.tx, to.project, hook, one, to.asker, to.now)
