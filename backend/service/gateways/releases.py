"""Releases of the gateway's software that a project brings, and the updates that people ask for.

The platform keeps the file and does not judge the signature: only the gateways have the keys.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256 as sha256_of
from uuid import UUID

from backend.core import audit
from backend.core.db import ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.ids import encode_id
from backend.service.gateways.asked import UPDATE, AskedRow, Wish, put
from backend.service.gateways.configuration import GatewayKey
from backend.service.people.asker import Asker
from gateway.contract.update import UpdateTextFault, release_manifest

MAX_BYTES = 8_000_000
"""Of a release; one with the app in it has 1.2 MB."""
KEPT = 5
"""Releases of a project; older ones are forgotten."""
WITHIN = timedelta(hours=24)
"""How long a gateway that is away may still take an update."""
UPLOADED, ASKED = "release.upload", "update.ask"


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release, without its file."""

    sha256: str
    version: str
    min_wire: str
    bytes: int
    person_id: int
    uploaded_at: datetime


_SELECT = """
SELECT sha256, version, min_wire, length(content) AS bytes, person_id, uploaded_at
FROM gateway_release WHERE project_id = %(project)s
"""
_INSERT = """
INSERT INTO gateway_release (project_id, sha256, version, min_wire, content, person_id, uploaded_at)
VALUES (%(project)s, %(sha256)s, %(version)s, %(min_wire)s, %(content)s, %(person)s, %(now)s)
ON CONFLICT (project_id, sha256) DO NOTHING
"""
_FORGET = """
DELETE FROM gateway_release
WHERE project_id = %(project)s AND sha256 NOT IN (
    SELECT sha256 FROM gateway_release WHERE project_id = %(project)s
    ORDER BY uploaded_at DESC, sha256 LIMIT %(kept)s)
"""
_FETCHED = """
SELECT r.content
FROM command c
JOIN gateway_release r ON r.project_id = c.project_id AND r.sha256 = c.params ->> 'sha256'
WHERE c.project_id = %(project)s AND r.project_id = %(project)s AND c.uid = %(command)s
  AND c.kind = 'update' AND c.finished_at IS NULL AND c.not_after > %(now)s
  AND r.sha256 = %(sha256)s
"""


async def bring(
    tx: WriteSession, project_id: int, content: bytes, asker: Asker, now: datetime
) -> ReleaseRow:
    """Keep a release; brought twice it is one. InvalidInput for a file that is none."""
    try:
        manifest = release_manifest(content, MAX_BYTES)
    except UpdateTextFault as fault:
        raise InvalidInput("release_unfit", told=str(fault)[:200]) from fault
    digest = sha256_of(content).hexdigest()
    inserted = await tx.execute(
        _INSERT,
        {
            "project": project_id,
            "sha256": digest,
            "version": manifest.version,
            "min_wire": manifest.min_wire,
            "content": content,
            "person": asker.person_id,
            "now": now,
        },
    )
    await tx.execute(_FORGET, {"project": project_id, "kept": KEPT})
    if inserted:
        actor = encode_id("per", asker.uid)
        new = {"sha256": digest, "version": manifest.version, "bytes": len(content)}
        deed = audit.Deed(actor, UPLOADED, digest, "kept", asker.person_id, None, new)
        await audit.record(tx, project_id, deed, now)
    return await _one(tx, project_id, digest)


async def releases(tx: ReadSession, project_id: int) -> list[ReleaseRow]:
    """Answer a project's releases, the newest upload first."""
    keys = {"project": project_id}
    return await tx.fetch_all(f"{_SELECT} ORDER BY uploaded_at DESC, sha256", keys, into=ReleaseRow)


async def ask_update(
    tx: WriteSession,
    project_id: int,
    gateway: GatewayKey,
    key: UUID,
    sha256: str,
    asker: Asker,
    now: datetime,
) -> AskedRow:
    """Ask one gateway to try a release; NotFound for one that the project has not."""
    found = await _one(tx, project_id, sha256)
    params: dict[str, object] = {"version": found.version, "sha256": found.sha256}
    wish = Wish(UPDATE, params, now + WITHIN, ASKED)
    return await put(tx, project_id, gateway, key, wish, asker, now)


async def project_of(tx: ReadSession, slug: str) -> int | None:
    """Answer a project's number; None when there is none of that slug."""
    return await tx.fetch_value("SELECT id FROM project WHERE slug = %s", (slug,), into=int)


async def fetched(
    tx: ReadSession, project_id: int, command: UUID, sha256: str, now: datetime
) -> bytes:
    """Answer the release of an update that is under way; NotFound for everything else."""
    keys = {"project": project_id, "command": command, "sha256": sha256, "now": now}
    content = await tx.fetch_value(_FETCHED, keys, into=bytes)
    if content is None:
        raise NotFound(kind="release")
    return content


async def _one(tx: ReadSession, project_id: int, sha256: str) -> ReleaseRow:
    keys = {"project": project_id, "sha256": sha256}
    found = await tx.fetch_one(f"{_SELECT} AND sha256 = %(sha256)s", keys, into=ReleaseRow)
    if found is None:
        raise NotFound(kind="release")
    return found
