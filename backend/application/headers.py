"""Headers that every answer carries: what a page of ours may load and do, and nothing else."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.application.problems import problem
from backend.core.settings import Settings

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
    # Whatever does not say otherwise is somebody's own and is kept by nobody on the way.
    "Cache-Control": "no-store",
}
DATA = ("/api/", "/graphql")
"""What is answered there as JSON is never shown as a page."""
STRICT = "max-age=31536000"
"""A year of https alone, once a browser has seen it (RFC 6797)."""


def stays_with_https(settings: Settings) -> bool:
    """Tell whether browsers may be told never to come by http again.

    Only where the public name has a certificate that everybody trusts: with an authority of our
    own a browser would let nobody past the first warning any more.
    """
    public = settings.public_url or ""
    own_authority = settings.phone or settings.tls == "internal-ca"
    return public.startswith("https://") and not own_authority


async def broken(_request: Request, _error: Exception) -> Response:
    """Answer a bug: nothing of it, with the same headers; the log has the rest."""
    headers = {**SECURITY, "Content-Security-Policy": "default-src 'none'"}
    return problem(500, "error", headers)


def content_security_policy(script_hashes: list[str]) -> str:
    """Answer the policy: our own origin only, and the page's bootstrap script by its hash."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *script_hashes)),
            # Svelte sets style attributes; a style cannot run anything here.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Adds the headers to every HTTP answer that does not have them."""

    def __init__(self, app: ASGIApp, policy: str, *, https_for_good: bool = False) -> None:
        """Take the app, the content security policy, and whether browsers shall stay with https."""
        self._app = app
        self._headers = {**SECURITY, "Content-Security-Policy": policy}
        self._https_for_good = https_for_good

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, adding headers where the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if self._https_for_good and scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", STRICT)
                if scope["path"].startswith(DATA) and "json" in headers.get("content-type", ""):
                    headers.setdefault("Content-Disposition", 'attachment; filename="api.json"')
            await send(message)

        await self._app(scope, receive, with_headers)
