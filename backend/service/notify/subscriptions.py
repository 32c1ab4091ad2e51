"""Browsers that may be notified: registered at every start of the app, forgotten when gone."""

from dataclasses import dataclass
from datetime import datetime

from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput

MAX_PER_PERSON = 20


@dataclass(frozen=True, slots=True)
class Registration:
    """What `pushManager.subscribe` gave, and the language to write in."""

    endpoint: str
    p256dh: str
    auth: str
    locale: str
    user_agent: str | None


async def register(
    tx: WriteSession, project_id: int, person_id: int, registration: Registration, now: datetime
) -> None:
    """Remember a browser; one endpoint belongs to whoever registered it last."""
    if not registration.endpoint.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise InvalidInput("push_endpoint")
    await tx.execute(
        """
        INSERT INTO push_subscription (project_id, person_id, endpoint, p256dh, auth, locale,
                                       user_agent, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (project_id, endpoint) DO UPDATE
        SET person_id = excluded.person_id, p256dh = excluded.p256dh, auth = excluded.auth,
            locale = excluded.locale, user_agent = excluded.user_agent, gone_at = NULL
        """,
        (
            project_id,
            person_id,
            registration.endpoint,
            registration.p256dh,
            registration.auth,
            registration.locale,
            registration.user_agent,
            now,
        ),
    )
    await tx.execute(
        """
        DELETE FROM push_subscription WHERE project_id = %s AND id IN (
            SELECT id FROM push_subscription WHERE project_id = %s AND person_id = %s
            ORDER BY id DESC OFFSET %s)
        """,
        (project_id, project_id, person_id, MAX_PER_PERSON),
    )


async def unregister(tx: WriteSession, project_id: int, person_id: int, endpoint: str) -> bool:
    """Forget the person's browser; whether there was one."""
    return (
        await tx.execute(
            "DELETE FROM push_subscription"
            " WHERE project_id = %s AND person_id = %s AND endpoint = %s",
            (project_id, person_id, endpoint),
        )
        > 0
    )


async def is_registered(tx: ReadSession, project_id: int, person_id: int, endpoint: str) -> bool:
    """Whether this browser of this person is to be notified."""
    row = await tx.fetch_one(
        """
        SELECT 1 AS found FROM push_subscription
        WHERE project_id = %s AND person_id = %s AND endpoint = %s AND gone_at IS NULL
        """,
        (project_id, person_id, endpoint),
    )
    return row is not None
