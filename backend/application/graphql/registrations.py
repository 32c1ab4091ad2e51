"""What a browser needs to be notified, and whether it is."""

from backend.application.graphql.context import Door
from backend.service.notify import subscriptions
from backend.service.notify.vapid import vapid_keys


async def push_key(door: Door) -> str:
    """Answer the VAPID public key for `pushManager.subscribe`, base64url."""
    platform = door.process.platform
    keys = await vapid_keys(platform.database, platform.clock.now())
    return keys.application_server_key


async def is_registered(door: Door, person_id: int, endpoint: str) -> bool:
    """Tell whether this browser of this person is to be notified."""
    async with door.read() as tx:
        return await subscriptions.is_registered(tx, door.project.id, person_id, endpoint)
