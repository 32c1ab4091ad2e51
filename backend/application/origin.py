"""Whether a browser's request comes from our own pages, and who a request says it is.

A browser tells the page's origin with everything that could change something; a script tells none.
So a bearer token with an origin is refused (it would be a page that got hold of it), and a cookie
with a foreign origin is not believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from backend.application.refusals import asked_by
from backend.application.web_process import WebProcess
from backend.core.errors import NotAllowed
from backend.core.ids import encode_id
from backend.service.people.sessions import Caller

SECURE_COOKIE = "__Host-kilowise"
LOOPBACK_COOKIE = "kilowise"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along: at most one token, and how."""

    token: str
    bearer: bool


def is_https(connection: HTTPConnection) -> bool:
    """Tell whether the client speaks https (or wss) to us or to a proxy we trust."""
    return connection.url.scheme in {"https", "wss"}


def cookie_name(connection: HTTPConnection) -> str:
    """Answer the session cookie's name for this connection."""
    return SECURE_COOKIE if is_https(connection) else LOOPBACK_COOKIE


def credentials(connection: HTTPConnection) -> Credentials | None:
    """Answer the token of a request; NotAllowed for a bearer token from a browser's page."""
    header = connection.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        if "origin" in connection.headers:
            raise NotAllowed("bearer_from_browser")
        return Credentials(token.strip(), bearer=True)
    cookie = connection.cookies.get(cookie_name(connection))
    return Credentials(cookie, bearer=False) if cookie else None


def device_credential(connection: HTTPConnection) -> str | None:
    """Answer what an enrolled shared device brings along; None for any other."""
    return connection.cookies.get(device_cookie_name(connection))


def device_cookie_name(connection: HTTPConnection) -> str:
    """Answer the name of the cookie that a shared device keeps, whoever holds it."""
    return f"{cookie_name(connection)}-post"


async def caller_of(process: WebProcess, connection: HTTPConnection) -> Caller | None:
    """Answer who is signed in on this connection; None when nobody is."""
    brought = credentials(connection)
    if brought is None:
        return None
    caller = await process.sign_in.caller(brought.token, bearer=brought.bearer)
    if caller is not None:
        asked_by(encode_id("per", caller.uid))
    return caller


def check_origin(process: WebProcess, connection: HTTPConnection) -> None:
    """Raise NotAllowed when a browser's page of another origin sent this."""
    if not same_origin(connection.headers, process.platform.settings.public_url):
        raise NotAllowed("foreign_origin")


def same_origin(headers: Mapping[str, str], public_url: str | None) -> bool:
    """Tell whether the origin, if there is one, is the host that was asked or the public name."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    if public_url is not None and origin == public_url:
        return True
    return bool(origin != "null" and urlsplit(origin).netloc == headers.get("host"))


def address_of(connection: HTTPConnection) -> str:
    """Answer the client's address (behind a trusted proxy the one it forwards)."""
    return connection.client.host if connection.client else "unknown"
