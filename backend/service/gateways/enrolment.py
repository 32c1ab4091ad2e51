"""Enrolment of gateways: a one-time code becomes a certificate, which renews itself until revoked.

A wrong, a used and an ended code get the same answer, and so does a code of a project that is not
there. Codes and records are of the platform's clock; certificates are of the real one, because
those who judge them know no other.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from psycopg.types.json import Jsonb

from backend.acquisition.authority import (
    NAME_MAX,
    Authorities,
    Issued,
    Unfit,
    check_signature,
    checked_key,
    fingerprint,
    read_certificate,
    read_request,
)
from backend.acquisition.authority_store import authorities
from backend.acquisition.credentials import is_slug
from backend.core.brake import Brake, network_of
from backend.core.clock import Clock, SystemClock
from backend.core.db import Database, Opens, WriteSession
from backend.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, TooMuch
from backend.core.ids import new_uuid
from backend.core.peers import Peers
from backend.service.gateways import records
from backend.service.gateways.codes import LIFE, new_code, read_code
from backend.service.gateways.records import Actor, GatewayKey
from gateway.contract.enrolment import credential_name, renewal_text

log = logging.getLogger(__name__)

CODES_PER_MINUTE = 20
"""Of one project."""
TRIES_PER_MINUTE = 20
"""To enrol or to renew, of one network."""
CERTIFICATES_PER_DAY = 10
"""Of one gateway."""
DAY = timedelta(days=1)
ALARMS = {
    "certificate_expiry": {"en": "Gateway certificates end", "zh-CN": "网关证书将到期"},
    "gateway_data_budget": {"en": "Gateway data budget", "zh-CN": "网关流量"},
    "messages_dropped": {"en": "Gateways lose measurements", "zh-CN": "网关丢弃测量数据"},
}
"""Alarm kinds that every project with a gateway has, by name, with their names for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """A project, by number and slug."""

    id: int
    slug: str


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code as it is shown, once."""

    code: str
    expires_at: datetime
    gateway: GatewayKey


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a gateway gets: its certificate, whom to trust, where the broker is, who it is."""

    issued: Issued
    bundle: str
    broker_url: str
    project: str
    gateway: str
    at: datetime


class Enrolments:
    """What the web role does about enrolment; one for a process, because it holds brakes."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        broker_url: str | None,
        real: Clock | None = None,
        peers: Peers | None = None,
    ) -> None:
        """Take where gateways find the broker by TLS; None = they cannot, so there are no codes."""
        self._database = database
        self._clock = clock
        self._real = real or SystemClock()
        self._broker_url = broker_url
        self._codes = Brake(CODES_PER_MINUTE, "enrolment_too_often", peers)
        self._tries = Brake(TRIES_PER_MINUTE, "enrolment_too_often", peers)

    async def create_code(
        self,
        project: Place,
        gateway: GatewayKey | None,
        slug: str,
        name: str | None,
        who: Actor,
        opens: Opens | None = None,
    ) -> NewCode:
        """Answer a fresh code for a gateway, or for a new one by slug and name; ends older codes.

        It is written where `opens` opens the project, by itself without.

        Raises Conflict while no broker listens for gateways, InvalidInput for a slug that cannot
        be one, NotFound for a gateway that is not there when no name is given to make it.
        """
        self._broker()
        await self._codes.count(str(project.id))
        now = self._clock.now()
        code = new_code(project.slug)
        read = read_code(code)
        assert read is not None  # noqa: S101 - made here
        async with (opens or self._database).project(project.id) as tx:
            if gateway is None:
                gateway = await _new_gateway(tx, project, slug, name, now)
            await _end_codes(tx, project.id, gateway.id, now)
            await tx.execute(
                "INSERT INTO enrolment_code"
                " (project_id, gateway_id, code_hash, created_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                (project.id, gateway.id, read.digest, now, now + LIFE),
            )
            await records.record(tx, project.id, gateway.id, "code_created", who, now)
        return NewCode(code, now + LIFE, gateway)

    async def enrol(self, code: str, request: str, address: str) -> Enrolled:
        """Take a code and a request for a certificate (PEM); the gateway's older ones end.

        Raises NotAllowed for a code that is not good, InvalidInput for a request that is none.
        """
        broker_url = self._broker()
        await self._tries.count(network_of(address))
        asked = _checked(request)
        read = read_code(code)
        project = None if read is None else await self._project(read.project)
        if read is None or project is None:
            raise NotAllowed("enrolment_code_wrong")
        held = await authorities(self._database, self._real.now())
        now, real_now = self._clock.now(), self._real.now()
        async with self._database.project(project.id) as tx:
            gateway = await _spend(tx, project.id, read.digest, now)
            if gateway is None:
                raise NotAllowed("enrolment_code_wrong")
            await records.revoke_certificates(tx, project.id, gateway.id, real_now)
            issued = await self._issue(tx, held, asked, project, gateway)
            who = Actor(None, address)
            await records.record(tx, project.id, gateway.id, "enrolled", who, now, issued.serial)
            await _keep_alarms(tx, project.id, now)
        return Enrolled(issued, held.bundle, broker_url, project.slug, gateway.slug, real_now)

    async def renew(
        self, certificate: str, request: str, signature: bytes, address: str
    ) -> Enrolled:
        """Take the next request, signed by the key of a certificate that is still good.

        Raises NotAllowed `renewal_refused` alike for one that ended, was revoked or is not ours.
        """
        broker_url = self._broker()
        await self._tries.count(network_of(address))
        asked = _checked(request)
        real_now = self._real.now()
        held = await authorities(self._database, real_now)
        try:
            shown = read_certificate(certificate)
            name = held.check(shown, real_now)
            check_signature(shown, signature, renewal_text(_der(asked), _der(shown)))
        except Unfit as error:
            log.info("A renewal from %s is refused: %s", address, error)
            raise NotAllowed("renewal_refused") from error
        project = await self._project(name.partition(".")[0])
        if project is None:
            raise NotAllowed("renewal_refused")
        async with self._database.project(project.id) as tx:
            row = await records.held_certificate(tx, project.id, fingerprint(shown))
            if row is None:
                raise NotAllowed("renewal_refused")
            gateway, shown_id = row.gateway, row.certificate_id
            # What an answer that got lost had brought is forgotten; the one shown stays to its end.
            await records.revoke_certificates(tx, project.id, gateway.id, real_now, but=shown_id)
            issued = await self._issue(tx, held, asked, project, gateway)
            who, now = Actor(None, address), self._clock.now()
            await records.record(tx, project.id, gateway.id, "renewed", who, now, issued.serial)
        return Enrolled(issued, held.bundle, broker_url, project.slug, gateway.slug, real_now)

    async def revoke(
        self, project: Place, gateway: GatewayKey, who: Actor, opens: Opens | None = None
    ) -> None:
        """Take everything a gateway could connect with: certificates, secret, open codes.

        The broker disconnects it within seconds.
        """
        now = self._clock.now()
        async with (opens or self._database).project(project.id) as tx:
            await _end_codes(tx, project.id, gateway.id, now)
            await records.revoke_certificates(tx, project.id, gateway.id, self._real.now())
            await tx.execute(
                "UPDATE gateway SET credential_hash = NULL WHERE project_id = %s AND id = %s",
                (project.id, gateway.id),
            )
            await records.record(tx, project.id, gateway.id, "revoked", who, now)

    def _broker(self) -> str:
        if self._broker_url is None:
            raise Conflict("broker_not_open")
        return self._broker_url

    async def _project(self, slug: str) -> Place | None:
        async with self._database.platform_read() as tx:
            return await tx.fetch_one(
                "SELECT id, slug FROM project WHERE slug = %s", (slug,), into=Place
            )

    async def _issue(
        self,
        tx: WriteSession,
        held: Authorities,
        asked: x509.CertificateSigningRequest,
        project: Place,
        gateway: GatewayKey,
    ) -> Issued:
        now = self._real.now()
        if await records.issued_since(tx, project.id, gateway.id, now - DAY) >= (
            CERTIFICATES_PER_DAY
        ):
            raise TooMuch("enrolment_too_often", retry_after_s=round(DAY.total_seconds()))
        issued = held.issue(asked, credential_name(project.slug, gateway.slug), now)
        await records.add_certificate(tx, project.id, gateway.id, issued, now)
        return issued


def _checked(request: str) -> x509.CertificateSigningRequest:
    try:
        asked = read_request(request)
        checked_key(asked)
    except Unfit as error:
        raise InvalidInput("csr_unfit") from error
    return asked


def _der(thing: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return thing.public_bytes(serialization.Encoding.DER)


async def _new_gateway(
    tx: WriteSession, project: Place, slug: str, name: str | None, now: datetime
) -> GatewayKey:
    if not name:
        raise NotFound(kind="gateway")
    if not is_slug(slug):
        raise InvalidInput("gateway_slug", slug=slug[:40])
    if len(credential_name(project.slug, slug)) > NAME_MAX:
        most = NAME_MAX - len(project.slug) - 1
        raise InvalidInput("gateway_slug_long", most=most)
    return await records.make_gateway(tx, project.id, slug, name[:200], now)


async def _end_codes(tx: WriteSession, project_id: int, gateway_id: int, now: datetime) -> None:
    await tx.execute(
        "UPDATE enrolment_code SET ended_at = %s"
        " WHERE project_id = %s AND gateway_id = %s AND ended_at IS NULL",
        (now, project_id, gateway_id),
    )


async def _spend(
    tx: WriteSession, project_id: int, digest: bytes, now: datetime
) -> GatewayKey | None:
    """Use a code up and answer whose it was; None for one that is not good. Once, whoever races."""
    gateway_id = await tx.fetch_value(
        "UPDATE enrolment_code SET ended_at = %s WHERE project_id = %s AND code_hash = %s"
        " AND ended_at IS NULL AND expires_at > %s RETURNING gateway_id",
        (now, project_id, digest, now),
        into=int,
    )
    return None if gateway_id is None else await records.gateway_by_id(tx, project_id, gateway_id)


async def _keep_alarms(tx: WriteSession, project_id: int, now: datetime) -> None:
    """Have the project alarmed of what its gateways can suffer: from its first enrolment on."""
    await tx.execute_many(
        "INSERT INTO alarm_definition"
        " (project_id, uid, kind, name, params, priority, mode, created_at)"
        " SELECT %s, %s, %s, %s, %s, 3, 'live', %s WHERE NOT EXISTS"
        " (SELECT 1 FROM alarm_definition WHERE project_id = %s AND kind = %s)",
        [
            (project_id, new_uuid(now), kind, Jsonb(name), Jsonb({}), now, project_id, kind)
            for kind, name in ALARMS.items()
        ],
    )
