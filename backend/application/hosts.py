"""By which names the platform may be asked: a page of another name must not reach it (rebinding).

A browser that was led to evil.example, whose address then changes to ours, sends `Host:
evil.example`. Numeric addresses are always ours: no name can be rebound to them.
"""

import logging
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.application.problems import named_problem
from backend.core.settings import Settings

log = logging.getLogger(__name__)

MOST_TOLD = 20
"""Names that are told once in the log; a scanner that tries more is not told of."""


def our_names(settings: Settings) -> frozenset[str]:
    """Answer the names by which this installation may be asked, in lower case, without ports."""
    machine = socket.gethostname().partition(".")[0]
    names = {"localhost", machine, f"{machine}.local", socket.gethostname(), *settings.hosts}
    if settings.public_url is not None:
        names.add(urlsplit(settings.public_url).hostname or "")
    return frozenset(name.lower().rstrip(".") for name in names if name)


def name_in(host: str) -> str:
    """Answer the name in a Host header: lower case, without port and closing dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower().rstrip(".") if ":" in host else host.lower().rstrip(".")


class Hosts:
    """Refuses (421) what is asked under a name that is not ours."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        """Take the app and its names."""
        self._app = app
        self._names = names
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        name = name_in(Headers(scope=scope).get("host", ""))
        if name in self._names or _is_address(name):
            await self._app(scope, receive, send)
            return
        self._tell(name)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await named_problem(421, "unknown_host")(scope, receive, send)

    def _tell(self, name: str) -> None:
        if name not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(name)
            log.warning(
                "Refused: asked as %r. If that is a name of this platform, set "
                "KILOWISE_PUBLIC_URL, or add it to KILOWISE_HOSTS.",
                name[:100],
            )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
