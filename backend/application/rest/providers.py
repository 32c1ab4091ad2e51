"""`/api/v1/sign-in/{provider}`: to a provider of identities, and back.

The browser that is sent gets a cookie with the token of its step, and only that browser's return is
taken. A return ends with a redirect into the app, whatever came of it: `/`, `/access`, or `/` with
`#second=<step>` where a code is due, `#refused=<code>` where it failed.
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from backend.application.cookies import set_cookie
from backend.application.graphql.persons import LOCALES
from backend.application.origin import address_of, is_https
from backend.application.rest.doors import MaybeSignedIn, OwnPage, Process
from backend.application.web_process import WebProcess, is_loopback
from backend.core.errors import KilowiseError
from backend.service.identity.elsewhere import Came, Joining, Purpose
from backend.service.identity.steps import LIFETIME
from backend.service.people.invitations import checked_login, checked_name
from backend.service.people.sign_in import Stranger

router = APIRouter(tags=["session"])
SECURE_STEP = "__Host-kilowise-step"
LOOPBACK_STEP = "kilowise-step"


class Going(BaseModel):
    """What a browser is sent to a provider for; the last four are who joins."""

    purpose: Purpose = Purpose.SIGN_IN
    invitation: str = Field(default="", max_length=100)
    name: str = Field(default="", max_length=200)
    login: str = Field(default="", max_length=200)
    locale: str = Field(default="en", max_length=10)

    @property
    def joining(self) -> Joining | None:
        """Who joins, checked; None for other purposes."""
        if self.purpose is not Purpose.JOIN:
            return None
        locale = self.locale if self.locale in LOCALES else "en"
        return Joining(self.invitation, checked_name(self.name), checked_login(self.login), locale)


class Address(BaseModel):
    """Where the browser goes."""

    address: str


@router.post("/sign-in/{provider}", dependencies=[OwnPage])
async def begin(
    provider: str,
    request: Request,
    response: Response,
    process: Process,
    caller: MaybeSignedIn,
    body: Going,
) -> Address:
    """Begin to sign in, to link or to join by a provider: where the browser goes."""
    await process.sign_in.throttle.count_from(address_of(request))
    sent = await process.identity.elsewhere.begin(
        provider, body.purpose, _base(process, request), caller, body.joining
    )
    response.set_cookie(
        _step_cookie(request),
        sent.token,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"
    return Address(address=sent.address)


@router.get("/sign-in/{provider}/return", response_class=RedirectResponse, status_code=303)
async def come_back(
    provider: str, request: Request, process: Process, caller: MaybeSignedIn
) -> Response:
    """Take a browser back from a provider; the answer leads into the app."""
    try:
        came = await process.identity.elsewhere.finish(
            provider,
            request.cookies.get(_step_cookie(request), ""),
            dict(request.query_params),
            caller,
            demo=process.sign_in.demo,
        )
        response = await _let_in(process, request, came)
    except KilowiseError as error:
        # Who is signed in went to link an identity, and hears it where that is done.
        place = "/" if caller is None else "/access"
        response = _to(f"{place}#refused={error.error_code}")
    response.delete_cookie(
        _step_cookie(request), path="/", secure=is_https(request), httponly=True, samesite="lax"
    )
    return response


async def _let_in(process: WebProcess, request: Request, came: Came) -> Response:
    if came.purpose is Purpose.LINK:
        return _to("/access")
    stranger = Stranger(address_of(request), request.headers.get("user-agent"), bearer=False)
    if came.strong:
        session: tuple[str, object] | str = await process.sign_in.begin(
            came.person_id, stranger, strong=True
        )
    else:
        session = await process.sign_in.begin_or_ask(came.person_id, stranger)
    if isinstance(session, str):
        return _to(f"/#second={session}")
    response = _to("/")
    set_cookie(request, response, session[0])
    return response


def _to(path: str) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(path, 303, headers)


def _step_cookie(request: Request) -> str:
    return SECURE_STEP if is_https(request) else LOOPBACK_STEP


def _base(process: WebProcess, request: Request) -> str:
    """Answer the address of our pages: the public one, or on this machine the one that is asked."""
    if is_loopback(request.url.hostname or ""):
        return f"{request.url.scheme}://{request.url.netloc}"
    return process.platform.public_url
