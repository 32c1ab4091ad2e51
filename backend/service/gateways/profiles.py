"""Device profiles that a project brings itself: checked, stored, pushed inside configurations."""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.gateways.configuration import (
    MAX_TOLD,
    GatewayKey,
    checked,
    newest_config,
    profile_names,
    put_config,
    with_profiles,
)
from backend.service.people.asker import Asker
from gateway.contract.documents import DocumentFault
from gateway.contract.profile_file import parse_profile

MAX_CHARACTERS = 200_000
NAME = re.compile(r"[a-z0-9_-]{1,60}/[a-z0-9_.-]{1,60}")
UPLOAD, REMOVE = "profile.upload", "profile.remove"


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A profile that the project brought."""

    name: str
    hash: str
    text: str
    person_id: int
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A profile, and the gateways that are to have it in a new version of their configuration."""

    profile: ProfileRow
    gateways: list[UUID]


_SELECT = (
    "SELECT name, hash, text, person_id, uploaded_at FROM device_profile WHERE project_id = %s"
)
_UPSERT = """
INSERT INTO device_profile (project_id, name, hash, text, person_id, uploaded_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, name) DO UPDATE
SET hash = excluded.hash, text = excluded.text, person_id = excluded.person_id,
    uploaded_at = excluded.uploaded_at
"""


async def upload(
    tx: WriteSession, project_id: int, name: str, text: str, asker: Asker, now: datetime
) -> Uploaded:
    """Store a profile; gateways whose configuration names it get it at once, without a restart.

    InvalidInput tells everything that is wrong with it.
    """
    if NAME.fullmatch(name) is None:
        raise InvalidInput("profile_name")
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput("profile_too_long", most=MAX_CHARACTERS)
    try:
        parse_profile(name, text)
    except DocumentFault as fault:
        raise InvalidInput("profile_invalid", told=str(fault)[:MAX_TOLD]) from fault
    before = await find_profile(tx, project_id, name)
    digest = sha256(text.encode()).hexdigest()
    await tx.execute(_UPSERT, (project_id, name, digest, text, asker.person_id, now))
    changed = await _push(tx, project_id, name, text, asker, now)
    deed = audit.Deed(
        encode_id("per", asker.uid),
        UPLOAD,
        name,
        "stored",
        asker.person_id,
        None if before is None else {"hash": before.hash},
        {"hash": digest},
    )
    await audit.record(tx, project_id, deed, now)
    stored = ProfileRow(name, digest, text, asker.person_id, now)
    return Uploaded(stored, changed)


async def remove(tx: WriteSession, project_id: int, name: str, asker: Asker, now: datetime) -> None:
    """Forget a profile. NotFound without one, Conflict while a gateway is to use it."""
    before = await find_profile(tx, project_id, name)
    if before is None:
        raise NotFound(kind="profile")
    for gateway in await _gateways(tx, project_id):
        newest = await newest_config(tx, project_id, gateway.id)
        if newest is not None and name in profile_names(checked(newest.content)):
            raise Conflict("profile_in_use")
    await tx.execute(
        "DELETE FROM device_profile WHERE project_id = %s AND name = %s", (project_id, name)
    )
    actor = encode_id("per", asker.uid)
    old = {"hash": before.hash}
    deed = audit.Deed(actor, REMOVE, name, "removed", asker.person_id, old)
    await audit.record(tx, project_id, deed, now)


async def find_profile(tx: ReadSession, project_id: int, name: str) -> ProfileRow | None:
    """Answer one of the project's profiles."""
    return await tx.fetch_one(f"{_SELECT} AND name = %s", (project_id, name), into=ProfileRow)


async def list_profiles(tx: ReadSession, project_id: int) -> list[ProfileRow]:
    """Answer the project's profiles by name."""
    return await tx.fetch_all(f"{_SELECT} ORDER BY name", (project_id,), into=ProfileRow)


async def _gateways(tx: ReadSession, project_id: int) -> list[GatewayKey]:
    return await tx.fetch_all(
        "SELECT id, uid FROM gateway WHERE project_id = %s ORDER BY id",
        (project_id,),
        into=GatewayKey,
    )


async def _push(
    tx: WriteSession, project_id: int, name: str, text: str, asker: Asker, now: datetime
) -> list[UUID]:
    """Put a new version for each gateway whose newest document names the profile."""
    changed = []
    for gateway in await _gateways(tx, project_id):
        newest = await newest_config(tx, project_id, gateway.id)
        if newest is None:
            continue
        parts = checked(newest.content)
        if name not in profile_names(parts) or parts.profiles.get(name) == text:
            continue
        content = with_profiles(parts, newest.content, {name: text})
        await put_config(tx, project_id, gateway, content, name, asker, now)
        changed.append(gateway.uid)
    return changed
