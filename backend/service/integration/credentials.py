"""Credentials of third parties at the broker: made, shown once, revoked at once.

A credential acts for whoever made it, with less than they have (as keys do, keys.py): its scopes,
at or below a place. It ends by revocation, at its expiry and with its owner's membership. Its name
at the broker is its outside identity, its secret has 256 random bits and only its salted hash is
kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from backend.acquisition.admission import CHANNEL
from backend.acquisition.credentials import Credential, hash_secret, new_secret
from backend.core.db import ReadSession
from backend.core.errors import InvalidInput, NotFound
from backend.core.events import publish
from backend.core.ids import encode_id, new_uuid
from backend.service.integration.access import WHOLE_PLANT, Scope, permissions_of, settle
from backend.service.people.authority import Change, Grant
from backend.service.people.keys import checked_name
from backend.service.people.limits import Limit

MOST_CREDENTIALS: Final = 200
EVENT: Final = "mqtt"
"""Kind of the event that tells of a credential; its reference is the credential's UUID."""


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential without its secret."""

    uid: UUID
    person_id: int
    name: str
    stored_scopes: list[str]
    node_id: int | None
    publish: list[str]
    subscribe: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @property
    def ref(self) -> str:
        """Its outside identity, which is its user name at the broker too."""
        return encode_id("mqt", self.uid)

    def at_broker(self) -> Credential:
        """Answer it as brokers know it; its secret's hash stays in the database."""
        return Credential(self.ref, "", tuple(self.publish), tuple(self.subscribe))

    @property
    def scopes(self) -> list[Scope]:
        """What it is for."""
        return [one for one in Scope if one.value in self.stored_scopes]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a credential is to be."""

    name: str
    scopes: Sequence[Scope]
    node_id: int | None
    days: int


_ROWS = (
    "SELECT uid, person_id, name, scopes AS stored_scopes, node_id, publish, subscribe, created_at,"
    " expires_at, revoked_at FROM mqtt_credential WHERE project_id = %s"
)


async def make_credential(change: Change, wanted: Wanted) -> tuple[str, CredentialRow]:
    """Make a credential; answer its secret, this once, and what is kept.

    InvalidInput for a name, days or scopes that cannot be, NotAllowed for more than its maker has.
    """
    name, scopes = checked_name(wanted.name, wanted.days), _checked_scopes(wanted)
    change.allow(Grant(permissions_of(scopes), Limit(wanted.node_id, change.holds.limit.modules)))
    held = await list_credentials(change.tx, change.project_id)
    if sum(one.revoked_at is None for one in held) >= MOST_CREDENTIALS:
        raise InvalidInput("mqtt_most", most=MOST_CREDENTIALS)
    secret, uid = new_secret(), new_uuid(change.now)
    words = [one.value for one in scopes]
    await change.tx.execute(
        "INSERT INTO mqtt_credential (project_id, uid, person_id, name, secret, scopes, node_id,"
        " publish, subscribe, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, '{}', '{}', %s, %s)",
        (
            change.project_id,
            uid,
            change.asker.person_id,
            name,
            hash_secret(secret),
            words,
            wanted.node_id,
            change.now,
            change.now + timedelta(days=wanted.days),
        ),
    )
    await settle(change.tx, change.project_id, change.now)
    about = {"name": name, "scopes": words, "node": wanted.node_id, "days": wanted.days}
    await _tell(change, uid, "mqtt.make", None, about)
    return secret, await find_credential(change.tx, change.project_id, uid)


async def revoke_credential(change: Change, uid: UUID | None) -> CredentialRow:
    """End a credential; brokers disconnect it. Once is as good as twice."""
    before = await find_credential(change.tx, change.project_id, uid)
    if before.revoked_at is not None:
        return before
    await change.tx.execute(
        "UPDATE mqtt_credential SET revoked_at = %s WHERE project_id = %s AND uid = %s",
        (change.now, change.project_id, before.uid),
    )
    await _tell(change, before.uid, "mqtt.revoke", {"name": before.name}, None)
    return await find_credential(change.tx, change.project_id, uid)


async def list_credentials(tx: ReadSession, project_id: int) -> list[CredentialRow]:
    """Answer the credentials of a project, the newest first."""
    return await tx.fetch_all(
        _ROWS + " ORDER BY created_at DESC, uid", (project_id,), into=CredentialRow
    )


async def find_credential(tx: ReadSession, project_id: int, uid: UUID | None) -> CredentialRow:
    """Answer a credential; NotFound for one that the project has not."""
    row = await tx.fetch_one(_ROWS + " AND uid = %s", (project_id, uid), into=CredentialRow)
    if row is None:
        raise NotFound(kind="mqtt_credential")
    return row


def _checked_scopes(wanted: Wanted) -> list[Scope]:
    scopes = [one for one in Scope if one in wanted.scopes]
    if not scopes:
        raise InvalidInput("mqtt_scopes")
    if wanted.node_id is not None and WHOLE_PLANT.intersection(scopes):
        raise InvalidInput("mqtt_whole_plant")
    return scopes


async def _tell(
    change: Change,
    uid: UUID,
    action: str,
    old: Mapping[str, object] | None,
    new: Mapping[str, object] | None,
) -> None:
    await publish(change.tx, change.project_id, EVENT, str(uid), change.now)
    await change.tx.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
    await change.note(action, encode_id("mqt", uid), old, new)
