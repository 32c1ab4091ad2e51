"""The session cookie: `__Host-` and Secure on https, without Secure on loopback http only."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from backend.application.origin import cookie_name, device_cookie_name, is_https
from backend.application.web_process import is_loopback
from backend.service.people.sessions import LIFETIME

DEVICE_LIFETIME = timedelta(days=400)
"""Longer is not kept by browsers; each enrolment and each taking begins it anew."""


def may_carry_cookie(request: Request) -> bool:
    """Tell whether a session may be kept in a cookie on this connection.

    On plain http that leaves this machine anybody on the way could take it.
    """
    return is_https(request) or is_loopback(request.url.hostname or "")


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Have the browser keep the session; nothing on plain http that is not loopback."""
    _keep(request, response, cookie_name(request), token, LIFETIME)


def set_device_cookie(request: Request, response: Response, credential: str) -> None:
    """Have a shared device keep its credential, whoever signs in and out on it."""
    _keep(request, response, device_cookie_name(request), credential, DEVICE_LIFETIME)


def _keep(request: Request, response: Response, name: str, value: str, lasts: timedelta) -> None:
    if may_carry_cookie(request):
        response.set_cookie(
            name,
            value,
            max_age=int(lasts.total_seconds()),
            path="/",
            secure=is_https(request),
            httponly=True,
            samesite="lax",
        )


def clear_cookie(request: Request, response: Response) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(
        cookie_name(request), path="/", secure=is_https(request), httponly=True, samesite="lax"
    )
