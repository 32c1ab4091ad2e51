"""`/api/v1/enrol` for gateways, `/api/v1/gateways/...` for who lets them in and out.

A gateway has no session: a one-time code, or a certificate that is still good, is what it shows.
"""

import base64
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from backend.application import enrolling
from backend.application.origin import address_of
from backend.application.rest.doors import OwnPage, Process, SignedIn
from backend.application.rest.once import RESPONSES, OnceDoor, OnceRoute
from backend.core.errors import NotAllowed, NotFound
from backend.core.ids import encode_id
from backend.service.gateways.enrolment import Enrolled
from backend.service.gateways.records import Actor
from gateway.contract.enrolment import RENEW_FROM_DAYS

router = APIRouter(tags=["enrolment"], route_class=OnceRoute)

PEM_MAX = 20_000


class NewGateway(BaseModel):
    """What to call a gateway that is not there yet."""

    name: str | None = Field(default=None, min_length=1, max_length=200)


class CodeAnswer(BaseModel):
    """A code as it is shown, once, and what to type on the gateway."""

    code: str
    valid_until: datetime
    command: str
    gateway: str
    slug: str


class EnrolRequest(BaseModel):
    """A one-time code and a request for a certificate (PEM) with a key on the curve P-256."""

    code: str = Field(min_length=1, max_length=200)
    request: str = Field(min_length=1, max_length=PEM_MAX)


class RenewalRequest(BaseModel):
    """The certificate held (PEM), the next request (PEM), and the signature (base64) of the held
    certificate's key over both (gateway/contract/enrolment.py).
    """

    certificate: str = Field(min_length=1, max_length=PEM_MAX)
    request: str = Field(min_length=1, max_length=PEM_MAX)
    signature: str = Field(min_length=1, max_length=1000)


class EnrolledAnswer(BaseModel):
    """A gateway's certificate, whom to trust at the broker (PEM, newest first), where it is."""

    certificate: str
    authorities: str
    broker: str
    project: str
    gateway: str
    renew_from: datetime
    valid_until: datetime
    time: datetime


@router.post(
    "/gateways/{gateway}/enrolment-code",
    status_code=201,
    dependencies=[OwnPage],
    responses=RESPONSES,
)
async def create_code(
    request: Request,
    response: Response,
    door: OnceDoor,
    caller: SignedIn,
    gateway: str,
    body: NewGateway | None = None,
) -> CodeAnswer:
    """Make a one-time code for a gateway by id or slug, or for a new one by slug and name."""
    who = Actor(caller.person_id, address_of(request))
    new = await enrolling.create_code(door, gateway, None if body is None else body.name, who)
    response.headers["Cache-Control"] = "no-store"
    return CodeAnswer(
        code=new.code,
        valid_until=new.expires_at,
        command=enrolling.command(door.process, new.code),
        gateway=encode_id("gtw", new.gateway.uid),
        slug=new.gateway.slug,
    )


@router.delete(
    "/gateways/{gateway}/credentials", status_code=204, dependencies=[OwnPage], responses=RESPONSES
)
async def revoke(request: Request, door: OnceDoor, caller: SignedIn, gateway: str) -> None:
    """Take everything a gateway could connect with; it is disconnected within seconds."""
    await enrolling.revoke(door, gateway, Actor(caller.person_id, address_of(request)))


@router.post("/enrol")
async def enrol(request: Request, process: Process, body: EnrolRequest) -> EnrolledAnswer:
    """Exchange a one-time code for a certificate; the gateway's older ones end."""
    found = await process.enrolments.enrol(body.code, body.request, address_of(request))
    return _answer(found)


@router.post("/enrol/renewal")
async def renew(request: Request, process: Process, body: RenewalRequest) -> EnrolledAnswer:
    """Exchange a certificate that is still good for the next; the one shown stays to its end."""
    try:
        signature = base64.b64decode(body.signature, validate=True)
    except ValueError as error:
        raise NotAllowed("renewal_refused") from error
    return _answer(
        await process.enrolments.renew(
            body.certificate, body.request, signature, address_of(request)
        )
    )


@router.get("/enrol/authority", response_class=Response)
async def authority(process: Process) -> Response:
    """Answer our own authority for https (PEM), to be compared with its SHA-256 before it is
    believed; 404 where https is signed by a public one.
    """
    found = enrolling.https_authority(process.platform.settings)
    if found is None:
        raise NotFound(kind="authority")
    return Response(found, media_type="application/x-pem-file")


def _answer(found: Enrolled) -> EnrolledAnswer:
    return EnrolledAnswer(
        certificate=found.issued.pem,
        authorities=found.bundle,
        broker=found.broker_url,
        project=found.project,
        gateway=found.gateway,
        renew_from=found.at + timedelta(days=RENEW_FROM_DAYS),
        valid_until=found.issued.not_after,
        time=found.at,
    )
