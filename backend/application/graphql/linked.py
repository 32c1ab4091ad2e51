"""Providers that may say who somebody is, and the viewer's identities there."""

from datetime import datetime

import strawberry

from backend.application.graphql.context import Context, KwInfo, outside_uid
from backend.application.graphql.naming import Name
from backend.core.ids import encode_id


@strawberry.type
class SignInProvider:
    """Somebody else who may say who somebody is; POST /api/v1/sign-in/<slug> leads there."""

    slug: str
    name: Name


@strawberry.type
class LinkedIdentity:
    """Who the viewer is at a provider."""

    id: strawberry.ID
    provider: str
    shown: str = strawberry.field(description="How the provider names them.")
    created_at: datetime
    last_used_at: datetime | None


@strawberry.type
class LinkedQuery:
    """By whom one can sign in."""

    @strawberry.field
    async def sign_in_providers(self, info: KwInfo) -> list[SignInProvider]:
        """Providers that the operator has set up; told to everybody."""
        rows = await info.context.process.identity.elsewhere.ways()
        return [SignInProvider(slug=row.slug, name=Name.of(row.name, row.slug)) for row in rows]


@strawberry.type
class LinkedMutation:
    """Taking links away; they are made by going to the provider."""

    @strawberry.mutation
    async def unlink_identity(self, info: KwInfo, id: strawberry.ID) -> bool:
        """Take the link of an identity of one's own away."""
        caller, elsewhere = info.context.signed_in(), info.context.process.identity.elsewhere
        await elsewhere.unlink(caller, outside_uid("lnk", id))
        return True


async def read_identities(context: Context) -> list[LinkedIdentity]:
    """Answer the viewer's identities at providers."""
    caller = context.signed_in()
    caller.in_person()
    rows = await context.process.identity.elsewhere.linked(caller.person_id)
    return [
        LinkedIdentity(
            id=strawberry.ID(encode_id("lnk", row.uid)),
            provider=row.provider,
            shown=row.shown,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in rows
    ]
