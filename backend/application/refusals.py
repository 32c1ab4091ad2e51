"""Who was refused, and why: one line of the log and one count for each refusal of access.

GraphQL and REST tell the client with a code; here the operator is told who asked, from where and
for what, without anything of the request's contents.
"""

import logging
from contextvars import ContextVar
from dataclasses import dataclass, field

from prometheus_client import Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.core.errors import KilowiseError

log = logging.getLogger(__name__)

ACCESS = frozenset({401, 403, 404})
"""What is not one's own is told as not found, so that is noted too."""
REFUSED = Counter("kilowise_refused", "Refusals of access, and not found, by code", ["code"])


@dataclass(slots=True)
class Asked:
    """The request at hand: what was asked from where, and by whom once that is known."""

    what: str
    address: str
    person: str = "nobody"
    noted: set[str] = field(default_factory=set)


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


class Remembered:
    """Remembers the request at hand for the time of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        client = scope.get("client")
        what = f"{scope.get('method', 'WS')} {scope.get('path', '')[:200]}"
        token = _asked.set(Asked(what, client[0] if client else "unknown"))
        try:
            await self._app(scope, receive, send)
        finally:
            _asked.reset(token)


def asked_by(person: str) -> None:
    """Say who asks the request at hand."""
    asked = _asked.get()
    if asked is not None:
        asked.person = person


def note_refusal(error: KilowiseError) -> None:
    """Count and log a refusal, once a request and code; other errors are nobody's attempt."""
    asked = _asked.get()
    code = error.error_code
    if error.status not in ACCESS or asked is None or code in asked.noted:
        return
    asked.noted.add(code)
    REFUSED.labels(code).inc()
    log.info("Refused %s: %s, by %s from %s", asked.what, code, asked.person, asked.address)
