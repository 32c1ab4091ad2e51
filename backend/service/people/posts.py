"""Posts: phones and tablets that several people share, enrolled once by a code.

An administrator says what whoever holds the device may do at most and where, and gets a code that
is good once and for a while. The device that brings it keeps a credential of 256 random bits; the
server keeps the SHA-256 of both. Without a person the credential opens nothing but the list of who
may take the device.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.core import audit
from backend.core.db import Database, ReadSession, WriteSession
from backend.core.errors import InvalidInput, NotAllowed, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.gateways.codes import LIFE, new_code, read_code
from backend.service.people.authority import Change, allow_membership
from backend.service.people.limits import Limit, limit_of
from backend.service.people.sessions import digest

LONGEST_NAME: Final = 100
MOST: Final = 200
LEAST_IDLE_S: Final = 30
MOST_IDLE_S: Final = 4 * 3600


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A shared device without its secrets."""

    uid: UUID
    project_id: int
    name: str
    role: str
    node_id: int | None
    modules: list[str] | None
    idle_s: int
    made_by: int
    made_at: datetime
    code_expires_at: datetime
    enrolled_at: datetime | None
    revoked_at: datetime | None

    @property
    def limit(self) -> Limit:
        """Where the post is."""
        return limit_of(self.node_id, self.modules)

    @property
    def ref(self) -> str:
        """The device outside."""
        return encode_id("shd", self.uid)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a post is to be; `idle_s` seconds without a touch end a session."""

    name: str
    role: str
    limit: Limit
    idle_s: int


@dataclass(frozen=True, slots=True)
class HeldRow:
    """Who holds a device, and since when."""

    device_uid: UUID
    person_id: int
    token_hash: bytes
    created_at: datetime


_ROWS = (
    "SELECT uid, project_id, name, role, node_id, modules, idle_s, made_by, made_at,"
    " code_expires_at, enrolled_at, revoked_at FROM shared_device WHERE "
)
_HELD = (
    "SELECT s.device_uid, s.person_id, s.token_hash, s.created_at FROM sign_in_session s"
    " JOIN shared_device d ON d.uid = s.device_uid"
    " WHERE d.project_id = %s AND s.revoked_at IS NULL AND s.expires_at > %s"
)


async def make_device(change: Change, slug: str, wanted: Wanted) -> tuple[str, DeviceRow]:
    """Make a post in the project `slug`: its one-time code, this once, and what is kept."""
    name = " ".join(wanted.name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput("post_name", most=LONGEST_NAME)
    if not LEAST_IDLE_S <= wanted.idle_s <= MOST_IDLE_S:
        raise InvalidInput("post_idle", least=LEAST_IDLE_S, most=MOST_IDLE_S)
    await allow_membership(change, wanted.role, wanted.limit)
    held = await list_devices(change.tx, change.project_id)
    if sum(one.revoked_at is None for one in held) >= MOST:
        raise InvalidInput("posts_most", most=MOST)
    code, uid = new_code(slug), new_uuid(change.now)
    await change.tx.execute(
        "INSERT INTO shared_device (uid, project_id, name, role, node_id, modules, idle_s,"
        " made_by, made_at, code_hash, code_expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            uid,
            change.project_id,
            name,
            wanted.role,
            wanted.limit.node_id,
            wanted.limit.words,
            wanted.idle_s,
            change.asker.person_id,
            change.now,
            _code_hash(code),
            change.now + LIFE,
        ),
    )
    about = {"name": name, "role": wanted.role, "node": wanted.limit.node_id}
    await change.note("post.make", encode_id("shd", uid), None, about)
    return code, await find_device(change.tx, change.project_id, uid)


async def end_device(change: Change, uid: UUID | None) -> DeviceRow:
    """Take a device back: its credential and whoever holds it are signed out at once."""
    before = await find_device(change.tx, change.project_id, uid)
    if before.revoked_at is not None:
        return before
    await change.tx.execute(
        "UPDATE shared_device SET revoked_at = %s, code_hash = NULL"
        " WHERE project_id = %s AND uid = %s",
        (change.now, change.project_id, before.uid),
    )
    await _end_holding(change, before)
    await change.note("post.end", before.ref, {"name": before.name}, None)
    return await find_device(change.tx, change.project_id, uid)


async def free_device(change: Change, uid: UUID | None) -> DeviceRow:
    """Sign out whoever holds a device, at once."""
    device = await find_device(change.tx, change.project_id, uid)
    people = await _end_holding(change, device)
    await change.note("post.free", device.ref, {"people": people}, None)
    return device


async def list_devices(tx: ReadSession, project_id: int) -> list[DeviceRow]:
    """Answer the shared devices of a project, those taken back too, the newest first."""
    order = " ORDER BY made_at DESC, uid LIMIT 1000"
    return await tx.fetch_all(_ROWS + "project_id = %s" + order, (project_id,), into=DeviceRow)


async def find_device(tx: ReadSession, project_id: int, uid: UUID | None) -> DeviceRow:
    """Answer a shared device; NotFound for one that the project has not."""
    row = await tx.fetch_one(
        _ROWS + "project_id = %s AND uid = %s", (project_id, uid), into=DeviceRow
    )
    if row is None:
        raise NotFound(kind="shared_device")
    return row


async def held_devices(tx: ReadSession, project_id: int, now: datetime) -> list[HeldRow]:
    """Answer who holds which device of a project now."""
    return await tx.fetch_all(_HELD, (project_id, now), into=HeldRow)


async def device_of(database: Database, credential: str | None) -> DeviceRow | None:
    """Answer the device that brings a credential; None for one that is not, or no longer, good."""
    if not credential:
        return None
    asked = (digest(credential[:100]),)
    rule = "credential_hash = %s AND revoked_at IS NULL"
    found = await database.look(_ROWS + rule, asked, into=DeviceRow)
    return found[0] if found else None


async def enrol(database: Database, code: str, now: datetime) -> tuple[str, DeviceRow]:
    """Use a code up: the credential that the device keeps, this once, and its row.

    Raises NotAllowed alike for a code that is wrong, used, expired or taken back.
    """
    credential = secrets.token_urlsafe(32)
    async with database.platform() as tx:
        uids = await tx.fetch_tuples(
            "UPDATE shared_device SET code_hash = NULL, credential_hash = %s, enrolled_at = %s"
            " WHERE code_hash = %s AND code_expires_at > %s AND revoked_at IS NULL"
            " RETURNING project_id, uid",
            (digest(credential), now, _code_hash(code), now),
        )
        if not uids:
            raise NotAllowed("post_code_wrong")
        device = await find_device(tx, *uids[0])
    async with database.project(device.project_id) as tx:
        deed = audit.Deed(device.ref, "post.enrol", device.ref, "done", None, None, None)
        await audit.record(tx, device.project_id, deed, now)
    return credential, device


async def end_sessions(tx: WriteSession, device: DeviceRow, now: datetime) -> list[int]:
    """End the sessions on a device, in its project's transaction: whose they were.

    One that has run out is ended too: nothing is tapped in it from now on.
    """
    ended = await tx.fetch_tuples(
        "UPDATE sign_in_session SET revoked_at = %s WHERE device_uid = %s AND revoked_at IS NULL"
        " RETURNING person_id, token_hash",
        (now, device.uid),
    )
    for _, token_hash in ended:
        await publish(tx, device.project_id, "session", token_hash.hex(), now)
    return [int(person) for person, _ in ended]


async def _end_holding(change: Change, device: DeviceRow) -> int:
    return len(await end_sessions(change.tx, device, change.now))


def _code_hash(code: str) -> bytes | None:
    read = read_code(code)
    return None if read is None else read.digest
