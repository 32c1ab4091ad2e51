"""Rows of a gateway's enrolment: the gateway itself, its certificates, and who did what."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from backend.acquisition.authority import Issued
from backend.core import events
from backend.core.db import ReadSession, WriteSession
from backend.core.ids import new_uuid

EVENTS_MAX = 200


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A gateway of a project, by number and slug."""

    id: int
    uid: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person, or a gateway itself (None), and from which address."""

    person_id: int | None
    address: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the record: code_created, enrolled, renewed or revoked."""

    gateway_uid: UUID
    gateway: str
    what: str
    at: datetime
    person_uid: UUID | None
    login: str | None
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """A certificate that is not revoked, and the gateway it belongs to."""

    certificate_id: int
    id: int
    uid: UUID
    slug: str

    @property
    def gateway(self) -> GatewayKey:
        """The gateway."""
        return GatewayKey(self.id, self.uid, self.slug)


async def find_gateway(
    tx: ReadSession, project_id: int, *, uid: UUID | None, slug: str
) -> GatewayKey | None:
    """Answer the project's gateway by identity or slug."""
    return await tx.fetch_one(
        "SELECT id, uid, slug FROM gateway WHERE project_id = %s AND (uid = %s OR slug = %s)",
        (project_id, uid, slug),
        into=GatewayKey,
    )


async def gateway_by_id(tx: ReadSession, project_id: int, id: int) -> GatewayKey | None:
    """Answer the project's gateway by number."""
    return await tx.fetch_one(
        "SELECT id, uid, slug FROM gateway WHERE project_id = %s AND id = %s",
        (project_id, id),
        into=GatewayKey,
    )


async def make_gateway(
    tx: WriteSession, project_id: int, slug: str, name: str, now: datetime
) -> GatewayKey:
    """Add a gateway that is known by its slug from now on."""
    made = await tx.fetch_one(
        "INSERT INTO gateway (project_id, uid, slug, name, bus) VALUES (%s, %s, %s, %s, 'main')"
        " ON CONFLICT (project_id, slug) DO UPDATE SET slug = excluded.slug"
        " RETURNING id, uid, slug",
        (project_id, new_uuid(now), slug, Jsonb({"en": name})),
        into=GatewayKey,
    )
    assert made is not None  # noqa: S101 - RETURNING of an insert always answers
    await events.publish(tx, project_id, "model", slug, now)
    return made


async def add_certificate(
    tx: WriteSession, project_id: int, gateway_id: int, issued: Issued, now: datetime
) -> None:
    """Admit a certificate; `now` is the real time."""
    await tx.execute(
        "INSERT INTO gateway_certificate"
        " (project_id, gateway_id, fingerprint, serial, issued_at, not_after)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (project_id, gateway_id, issued.fingerprint, issued.serial, now, issued.not_after),
    )


async def held_certificate(
    tx: ReadSession, project_id: int, fingerprint: str
) -> HeldCertificate | None:
    """Answer the certificate of this project that is not revoked, by its SHA-256 in hex."""
    return await tx.fetch_one(
        "SELECT c.id AS certificate_id, g.id, g.uid, g.slug FROM gateway_certificate c"
        " JOIN gateway g ON g.project_id = c.project_id AND g.id = c.gateway_id"
        " WHERE c.project_id = %s AND c.fingerprint = %s AND c.revoked_at IS NULL",
        (project_id, fingerprint),
        into=HeldCertificate,
    )


async def issued_since(tx: ReadSession, project_id: int, gateway_id: int, since: datetime) -> int:
    """Answer how many certificates a gateway got since then."""
    count = await tx.fetch_value(
        "SELECT count(*) FROM gateway_certificate"
        " WHERE project_id = %s AND gateway_id = %s AND issued_at > %s",
        (project_id, gateway_id, since),
        into=int,
    )
    return count or 0


async def revoke_certificates(
    tx: WriteSession, project_id: int, gateway_id: int, now: datetime, *, but: int | None = None
) -> int:
    """Refuse the gateway's certificates from now on, all but the one named; how many."""
    return await tx.execute(
        "UPDATE gateway_certificate SET revoked_at = %s"
        " WHERE project_id = %s AND gateway_id = %s AND revoked_at IS NULL"
        " AND id IS DISTINCT FROM %s",
        (now, project_id, gateway_id, but),
    )


async def record(
    tx: WriteSession,
    project_id: int,
    gateway_id: int,
    what: str,
    who: Actor,
    now: datetime,
    detail: str = "",
) -> None:
    """Write down who did what about a gateway's enrolment."""
    await tx.execute(
        "INSERT INTO enrolment_event"
        " (project_id, gateway_id, what, at, person_id, address, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (project_id, gateway_id, what, now, who.person_id, who.address[:100], detail),
    )


async def history(tx: ReadSession, project_id: int) -> list[EventRow]:
    """Answer what was done about the project's gateways, newest first."""
    return await tx.fetch_all(
        "SELECT g.uid AS gateway_uid, g.slug AS gateway, e.what, e.at, p.uid AS person_uid,"
        " p.login, e.address, e.detail FROM enrolment_event e"
        " JOIN gateway g ON g.project_id = e.project_id AND g.id = e.gateway_id"
        " LEFT JOIN person p ON p.id = e.person_id"
        " WHERE e.project_id = %s ORDER BY e.id DESC LIMIT %s",
        (project_id, EVENTS_MAX),
        into=EventRow,
    )
