"""Configuration documents of gateways: versions that are put, compared and rolled back.

A document is checked here as far as it can be without the gateway; the gateway has the last word.
The project's own profiles that its devices name travel inside it.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import yaml

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id
from backend.service.gateways.commands import CHANNEL
from backend.service.people.asker import Asker
from gateway.contract.config_parts import PROFILES, Parts, check_parts, read_parts
from gateway.contract.configuration import MAX_CHARACTERS, text_hash
from gateway.contract.documents import DocumentFault

MAX_NOTE = 200
MAX_TOLD = 2000
PUT = "config.put"


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """One version; `problems` are what the gateway said of it."""

    version: int
    hash: str
    content: str
    note: str
    person_id: int
    created_at: datetime
    sent_at: datetime | None
    state: str
    state_at: datetime | None
    problems: list[str] | None


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A gateway's number inside and its identity outside."""

    id: int
    uid: UUID


_SELECT = """
SELECT version, hash, content, note, person_id, created_at, sent_at, state, state_at, problems
FROM gateway_config WHERE project_id = %s AND gateway_id = %s
"""
_INSERT = """
INSERT INTO gateway_config (project_id, gateway_id, version, hash, content, note, person_id,
                            created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_SUPERSEDE = """
UPDATE gateway_config SET state = 'superseded'
WHERE project_id = %s AND gateway_id = %s AND state IN ('waiting', 'sent')
"""


async def find_gateway(tx: ReadSession, project_id: int, uid: UUID | None) -> GatewayKey:
    """Answer a gateway of the project; NotFound when it has none of that identity."""
    found = await tx.fetch_one(
        "SELECT id, uid FROM gateway WHERE project_id = %s AND uid = %s",
        (project_id, uid),
        into=GatewayKey,
    )
    if found is None:
        raise NotFound(kind="gateway")
    return found


async def put_config(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    text: str,
    note: str,
    asker: Asker,
    now: datetime,
    *,
    after: int | None = None,
) -> ConfigRow:
    """Make a document the one that the gateway is to have.

    InvalidInput with everything that is wrong with it; Conflict when `after` is given and is not
    the newest version any more.
    """
    if len(text) > MAX_CHARACTERS or len(note) > MAX_NOTE:
        raise InvalidInput("config_too_long", most=MAX_CHARACTERS)
    await tx.fetch_tuples(
        "SELECT pg_advisory_xact_lock(hashtextextended('gateway config', %s::bigint))",
        (gateway.id,),
    )
    newest = await newest_config(tx, project_id, gateway.id)
    before = 0 if newest is None else newest.version
    if after is not None and after != before:
        raise Conflict("config_changed", version=before)
    content = await _with_profiles(tx, project_id, text)
    version, digest = before + 1, text_hash(content)
    await tx.execute(_SUPERSEDE, (project_id, gateway.id))
    keys = (project_id, gateway.id, version, digest, content, note, asker.person_id, now)
    await tx.execute(_INSERT, keys)
    row = await find_config(tx, project_id, gateway.id, version)
    deed = audit.Deed(
        encode_id("per", asker.uid),
        PUT,
        f"{encode_id('gtw', gateway.uid)}/{version}",
        "waiting",
        asker.person_id,
        None if newest is None else {"version": before, "hash": newest.hash},
        {"version": version, "hash": digest, "note": note},
    )
    await publish(tx, project_id, "gateway", str(gateway.uid), now)
    await tx.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(project_id)))
    await audit.record(tx, project_id, deed, now)
    return row


async def roll_back(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    version: int,
    asker: Asker,
    now: datetime,
) -> ConfigRow:
    """Put the document of an earlier version again, as a new version."""
    earlier = await find_config(tx, project_id, gateway.id, version)
    note = f"= {version}"
    return await put_config(tx, project_id, gateway, earlier.content, note, asker, now)


async def newest_config(tx: ReadSession, project_id: int, gateway_id: int) -> ConfigRow | None:
    """Answer the document that a gateway is to have; None when there never was one."""
    return await tx.fetch_one(
        f"{_SELECT} ORDER BY version DESC LIMIT 1", (project_id, gateway_id), into=ConfigRow
    )


async def find_config(tx: ReadSession, project_id: int, gateway_id: int, version: int) -> ConfigRow:
    """Answer one version; NotFound when there is none."""
    found = await tx.fetch_one(
        f"{_SELECT} AND version = %s", (project_id, gateway_id, version), into=ConfigRow
    )
    if found is None:
        raise NotFound(kind="configuration")
    return found


async def list_configs(
    tx: ReadSession, project_id: int, gateway_id: int, first: int
) -> list[ConfigRow]:
    """Answer versions, newest first."""
    return await tx.fetch_all(
        f"{_SELECT} ORDER BY version DESC LIMIT %s",
        (project_id, gateway_id, first),
        into=ConfigRow,
    )


def difference(old: ConfigRow, new: ConfigRow) -> str:
    """Answer what is new in a document, as unified lines."""
    return "\n".join(
        difflib.unified_diff(
            old.content.splitlines(),
            new.content.splitlines(),
            f"version {old.version}",
            f"version {new.version}",
            lineterm="",
        )
    )


def checked(text: str) -> Parts:
    """Answer a document taken apart; InvalidInput tells everything that is wrong with it."""
    try:
        parts = read_parts("configuration", text)
    except DocumentFault as fault:
        raise _invalid(str(fault)) from fault
    problems = check_parts(parts)
    if problems:
        raise _invalid("\n".join(map(str, problems)))
    return parts


def _invalid(told: str) -> InvalidInput:
    return InvalidInput("config_invalid", told=told[:MAX_TOLD])


async def _with_profiles(tx: ReadSession, project_id: int, text: str) -> str:
    """The document with the project's own profiles that it names and does not bring itself."""
    parts = checked(text)
    named = profile_names(parts) - parts.profiles.keys()
    rows = await tx.fetch_tuples(
        "SELECT name, text FROM device_profile WHERE project_id = %s AND name = ANY(%s)"
        " ORDER BY name",
        (project_id, sorted(named)),
    )
    return with_profiles(parts, text, dict(rows))


def with_profiles(parts: Parts, text: str, profiles: Mapping[str, str]) -> str:
    """The text with these profiles in it; the text itself when there are none."""
    if not profiles or not isinstance(parts.document.data, dict):
        return text
    data = {**parts.document.data, PROFILES: {**parts.profiles, **profiles}}
    whole: str = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)
    return whole


def profile_names(parts: Parts) -> set[str]:
    """Answer the profiles that the devices of a document name."""
    devices = parts.says.get("devices")
    if not isinstance(devices, list):
        return set()
    return {str(device["profile"]) for device in devices if isinstance(device, dict)}
