"""`PHONE=1`: the demonstration on a phone in the same network, by https and a QR code.

A phone must trust the installation's own authority first, and can fetch it only from where it needs
no trust: a second, plain http port serves the authority's certificate (/ca.crt) and the steps, and
nothing else. The QR code leads there; the last step leads to the app.
"""

import html
import io
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import segno
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from backend.application.certificates import FOLDER, Authority
from backend.application.headers import SecurityHeaders
from backend.application.served_certificate import ServedCertificate
from backend.core.certificates import lan_addresses, local_names
from backend.core.clock import SystemClock
from backend.core.errors import SettingError
from backend.core.settings import Settings
from backend.core.texts import LOCALES, text

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what PHONE=1 asks for
STEPS = ("ios", "android", "desktop")


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how the web role listens; `authority` where phones need one to trust."""

    host: str
    port: int
    tls: ServedCertificate | None
    authority: Authority | None


def listening(settings: Settings) -> Listening:
    """Answer what the settings ask for; SettingError when a certificate cannot be read."""
    host = EVERY_ADDRESS if settings.phone else settings.bind
    if settings.tls == "internal-ca" or (settings.phone and settings.tls == "off"):
        authority = _authority(settings)
        certificate, key = authority.serve(local_names())
        served = ServedCertificate(
            certificate, key, renew=lambda: _authority(settings).serve(local_names())
        )
        return Listening(host, settings.port, served, authority)
    if settings.tls == "off":
        return Listening(host, settings.port, None, None)
    certificate, key = (settings.data_folder / part for part in settings.tls.split("+"))
    try:
        return Listening(host, settings.port, ServedCertificate(certificate, key), None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"KILOWISE_TLS={settings.tls}: {certificate} and {key} are no certificate and key that "
            f"belong together ({error}). Write <certificate file>+<key file>, both PEM."
        ) from error


def _authority(settings: Settings) -> Authority:
    # Certificates are checked against the real time, whatever clock the demonstration has.
    return Authority(settings.data_folder / FOLDER, SystemClock().now())


@dataclass(frozen=True, slots=True)
class TrustPages:
    """The plain http pages that help a phone to trust the authority."""

    authority: Authority
    app_url: str

    def app(self) -> Starlette:
        """Answer the app of the second port."""
        return Starlette(
            routes=[Route("/ca.crt", self._certificate), Route("/", self._steps)],
            middleware=[
                Middleware(SecurityHeaders, policy="default-src 'none'; style-src 'unsafe-inline'")
            ],
        )

    async def _certificate(self, _request: Request) -> Response:
        return Response(
            self.authority.certificate,
            media_type="application/x-x509-ca-cert",
            headers={"Content-Disposition": 'attachment; filename="kilowise-ca.crt"'},
        )

    async def _steps(self, _request: Request) -> Response:
        parts = [part for locale in LOCALES for part in self._in(locale)]
        return HTMLResponse(
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            "<title>Kilowise</title><style>body{font:1rem/1.5 system-ui;margin:1rem auto;"
            "max-width:36rem;padding:0 1rem}a.go{display:block;padding:.8rem;margin:1rem 0;"
            "background:#1d5fd0;color:#fff;border-radius:.5rem;text-align:center}"
            "code{overflow-wrap:anywhere}</style>" + "".join(parts) + "</html>"
        )

    def _in(self, locale: str) -> Sequence[str]:
        def say(key: str) -> str:
            return html.escape(text(locale, f"phone.{key}"))

        steps = "".join(f"<li>{say(f'step.{one}')}</li>" for one in STEPS)
        return (
            f'<section lang="{locale}"><h1>{say("title")}</h1><p>{say("why")}</p>',
            f'<a class="go" href="/ca.crt">1. {say("fetch")}</a><ul>{steps}</ul>',
            f"<p>{say('fingerprint')}<br><code>{self.authority.fingerprint}</code></p>",
            f'<a class="go" href="{html.escape(self.app_url)}">2. {say("open")}</a></section>',
        )


def lan_host() -> str:
    """Answer the address phones reach this machine by; loopback when it has no other."""
    addresses = lan_addresses()
    return str(addresses[0]) if addresses else "127.0.0.1"


def announce(app_url: str, trust_url: str, fingerprint: str) -> None:
    """Print the way in: QR code, both addresses, what to compare."""
    drawn = io.StringIO()
    segno.make(trust_url, error="m").terminal(drawn, compact=True, border=2)
    lines = [
        drawn.getvalue().rstrip("\n"),
        f"  On the phone: scan, or open {trust_url} - it says how to trust this demonstration",
        f"  Then the app: {app_url}",
        f"  Compare the authority's SHA-256: {fingerprint}",
        "",
    ]
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()
