"""`/api/v1/session`: signing in and out, for browsers by cookie and for scripts by token."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from backend.application.cookies import clear_cookie, set_cookie
from backend.application.origin import address_of
from backend.application.rest.doors import MaybeSignedIn, OwnPage, Process, SignedIn
from backend.core.ids import encode_id
from backend.service.people.sign_in import Stranger

router = APIRouter(tags=["session"])


class Credentials(BaseModel):
    """What a person signs in with."""

    login: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)
    code: str | None = Field(
        default=None,
        max_length=50,
        description="A one-time or recovery code, of a person with a second factor.",
    )


class SessionAnswer(BaseModel):
    """A session that began; `token` only for scripts (requests without an Origin)."""

    person: str
    token: str | None


class PersonAnswer(BaseModel):
    """Who is signed in."""

    person: str
    login: str
    locale: str


@router.post("/session", dependencies=[OwnPage])
async def begin(
    request: Request, response: Response, process: Process, body: Credentials
) -> SessionAnswer:
    """Sign in: the answer carries the session's cookie and, for scripts, its bearer token."""
    browser = "origin" in request.headers
    stranger = Stranger(address_of(request), request.headers.get("user-agent"), bearer=not browser)
    token, caller = await process.sign_in.sign_in(body.login, body.password, stranger, body.code)
    set_cookie(request, response, token)
    response.headers["Cache-Control"] = "no-store"
    return SessionAnswer(person=encode_id("per", caller.uid), token=None if browser else token)


@router.get("/session")
async def show(caller: SignedIn) -> PersonAnswer:
    """Answer who is signed in."""
    return PersonAnswer(
        person=encode_id("per", caller.uid), login=caller.login, locale=caller.locale
    )


@router.delete("/session", status_code=204, dependencies=[OwnPage])
async def end(
    request: Request, response: Response, process: Process, caller: MaybeSignedIn
) -> None:
    """Sign out; nothing happens when nobody is signed in."""
    if caller is not None:
        await process.sign_in.sign_out(caller)
    clear_cookie(request, response)
