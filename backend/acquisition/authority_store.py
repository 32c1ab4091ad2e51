"""The gateways' authorities in the database: made at the first need, read by every process.

They lie in `platform_key` beside the platform's other keys, so that every web process on any
machine signs with the same one. Times are the machine's real ones, whatever clock a demonstration
has: certificates are judged by machines that know no other.
"""

from datetime import datetime
from typing import LiteralString

from backend.acquisition.authority import (
    CLIENT_LIFE,
    Authorities,
    fingerprint,
    first_authorities,
    load_authorities,
)
from backend.core.clock import SystemClock
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.platform import Platform

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


async def show(platform: Platform) -> str:
    """Answer which authorities are trusted and what each does, a line each, for the console."""
    now = SystemClock().now()
    return _told(await authorities(platform.database, now))


async def rotate(platform: Platform, *, distrust: bool = False) -> str:
    """Make a new authority and answer what is trusted now, for the console.

    With `distrust` every certificate of the older ones is revoked too, so that nobody stays
    connected by one.
    """
    now = SystemClock().now()
    held = await make_next(platform.database, now, distrust=distrust)
    if distrust:
        async with platform.database.platform_read() as tx:
            projects = [int(row[0]) for row in await tx.fetch_tuples("SELECT id FROM project")]
        for project_id in projects:
            async with platform.database.project(project_id) as write:
                await write.execute(
                    "UPDATE gateway_certificate SET revoked_at = %s"
                    " WHERE project_id = %s AND revoked_at IS NULL",
                    (now, project_id),
                )
    return _told(held)


def _told(held: Authorities) -> str:
    newest, oldest = held.held[-1], held.held[0]
    lines = []
    for one in reversed(held.held):
        does = [
            *(["signs gateways' certificates"] if one is newest else []),
            *(["signed the embedded broker's"] if one is oldest else []),
        ]
        end = one.pair.certificate.not_valid_after_utc
        if one.retired_at is not None:
            end = one.retired_at + CLIENT_LIFE
        name = one.pair.certificate.subject.rfc4514_string().removeprefix("CN=")
        lines.append(
            f"{name}: trusted until {end:%Y-%m-%d}; {' and '.join(does) or 'signs nothing'}"
        )
        lines.append(f"  SHA-256 {fingerprint(one.pair.certificate)}")
    return "\n".join(lines)


async def make_next(database: Database, now: datetime, *, distrust: bool = False) -> Authorities:
    """Make a new authority; the older ones stay trusted for a while unless `distrust` is set."""
    async with database.platform() as tx:
        held = (await _locked(tx, now)).rotated(now, distrust=distrust)
        await _write(tx, held)
    return held


async def _read(tx: ReadSession, tail: LiteralString = "") -> Authorities | None:
    sql = "SELECT value FROM platform_key WHERE name = %s" + tail
    value = await tx.fetch_value(sql, (KEY,), into=str)
    return None if value is None else load_authorities(value)


async def _locked(tx: WriteSession, now: datetime) -> Authorities:
    """Answer what is held, made where there is nothing, with its row locked."""
    await tx.execute(
        "INSERT INTO platform_key (name, value, created_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (name) DO NOTHING",
        (KEY, first_authorities(now).dump(), now),
    )
    held = await _read(tx, " FOR UPDATE")
    assert held is not None  # noqa: S101 - inserted above
    return held


async def _write(tx: WriteSession, held: Authorities) -> None:
    await tx.execute("UPDATE platform_key SET value = %s WHERE name = %s", (held.dump(), KEY))
