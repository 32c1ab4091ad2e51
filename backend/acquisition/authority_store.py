"""The gateways' authorities in the database: made at the first need, read by every process.

They lie in `platform_key` beside the platform's other keys, so that every web process on any
machine signs with the same one. Times are the machine's real ones, whatever clock a demonstration
has: certificates are judged by machines that know no other.
"""

from datetime import datetime

from backend.acquisition.authority import Authorities, first_authorities, load_authorities
from backend.core.db import Database, ReadSession, WriteSession

KEY = "gateway-authorities"


async def authorities(database: Database, now: datetime) -> Authorities:
    """Answer the authorities that are trusted now; the first caller makes the first one."""
    async with database.platform_read() as tx:
        held = await _read(tx)
    if held is not None and not held.wants_successor(now):
        return held.current(now)
    async with database.platform() as tx:
        held = await _locked(tx, now)
        if held.wants_successor(now):
            held = held.rotated(now)
            await _write(tx, held)
    return held.current(now)


async def rotate(database: Database, now: datetime, *, distrust: bool = False) -> Authorities:
    """Make a new authority; the older ones stay trusted for a while unless `distrust` is set."""
    async with database.platform() as tx:
        held = (await _locked(tx, now)).rotated(now, distrust=distrust)
        await _write(tx, held)
    return held


async def _read(tx: ReadSession, tail: bytes = b"") -> Authorities | None:
    sql = b"SELECT value FROM platform_key WHERE name = %s" + tail
    value = await tx.fetch_value(sql, (KEY,), into=str)
    return None if value is None else load_authorities(value)


async def _locked(tx: WriteSession, now: datetime) -> Authorities:
    """Answer what is held, made where there is nothing, with its row locked."""
    await tx.execute(
        "INSERT INTO platform_key (name, value, created_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (name) DO NOTHING",
        (KEY, first_authorities(now).dump(), now),
    )
    held = await _read(tx, b" FOR UPDATE")
    assert held is not None  # noqa: S101 - inserted above
    return held


async def _write(tx: WriteSession, held: Authorities) -> None:
    await tx.execute("UPDATE platform_key SET value = %s WHERE name = %s", (held.dump(), KEY))
