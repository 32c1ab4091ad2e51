"""The platform's VAPID keys (RFC 8292), made once at the first start and kept in the database."""

from dataclasses import dataclass
from datetime import datetime

from webpush import VAPID

from backend.core.db import Database, ReadSession


@dataclass(frozen=True, slots=True)
class VapidKeys:
    """PEM keys and the application server key (base64url) that browsers subscribe with."""

    private_pem: bytes
    public_pem: bytes
    application_server_key: str


async def vapid_keys(database: Database, now: datetime) -> VapidKeys:
    """The keys; the first caller makes them, whoever is later reads the same."""
    async with database.platform_read() as tx:
        keys = await _read(tx)
    if keys is not None:
        return keys
    private, public, application = VAPID.generate_keys()
    value = "\n\n".join((private.decode(), public.decode(), application))
    async with database.platform() as tx:
        await tx.execute(
            "INSERT INTO platform_key (name, value, created_at) VALUES ('vapid', %s, %s)"
            " ON CONFLICT (name) DO NOTHING",
            (value, now),
        )
        keys = await _read(tx)
    assert keys is not None  # noqa: S101 - inserted above
    return keys


async def _read(tx: ReadSession) -> VapidKeys | None:
    value = await tx.fetch_value("SELECT value FROM platform_key WHERE name = 'vapid'", into=str)
    if value is None:
        return None
    private, public, application = value.split("\n\n")
    return VapidKeys(private.encode(), public.encode(), application.strip())
