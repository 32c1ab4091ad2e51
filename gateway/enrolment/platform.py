"""The platform's https address, asked by a gateway: enrol, renew, fetch the authority.

Nothing but https goes out, and http to this same machine. Redirections are not followed: a code
must not travel further than to where it was meant for.
"""

import random
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

import msgspec

from gateway.contract.enrolment import AUTHORITY_PATH, credential_name
from gateway.enrolment.identity import Identity
from gateway.enrolment.tls import TlsClient

TIMEOUT_S = 30.0
ANSWER_MAX = 100_000
EARLIER_AT_MOST = timedelta(days=2)
"""Renewals of a fleet are spread over so long before the day they are due."""

SENTENCES: Mapping[str, str] = {
    "enrolment_code_wrong": "The code is not valid: mistyped, already used, replaced by a newer "
    "one, or older than 24 hours. Check what was typed, or ask an administrator of the project "
    "for a new code.",
    "enrolment_too_often": "The platform refuses for now: too many tries. Wait and try again.",
    "renewal_refused": "The platform does not take this gateway's certificate: it ended or was "
    "revoked. Enrol again with a new code: kilowise-gateway enrol.",
    "broker_not_open": "No broker of this platform listens for gateways. Have its operator set "
    "MQTT_TLS_PORT (docs/operating.md, Enrol a gateway).",
    "csr_unfit": "The platform does not take the request. Use the same version on both sides.",
}


class EnrolmentFault(Exception):
    """Something did not work; its text is the whole sentence, with what to do."""


class Enrolled(msgspec.Struct):
    """The platform's answer to a code or a renewal (POST /api/v1/enrol)."""

    certificate: str
    authorities: str
    broker: str
    project: str
    gateway: str
    renew_from: datetime
    valid_until: datetime
    time: datetime

    def identity(self, key: str) -> Identity:
        """Answer what to keep; a fleet that enrolled at once does not renew at once."""
        early = EARLIER_AT_MOST * random.uniform(0, 1)  # noqa: S311 - spreads renewals
        name = credential_name(self.project, self.gateway)
        return Identity(name, self.renew_from - early, self.valid_until, self.certificate + key)


class _Problem(msgspec.Struct):
    code: str = ""


def checked_url(text: str) -> str:
    """Answer a platform's address without a slash at its end; EnrolmentFault for what is none."""
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or (parts.scheme != "https" and not local) or parts.query:
        raise EnrolmentFault(
            f"{text} is no address to enrol at. Write https://energy.example.com, as people open "
            f"the platform."
        )
    return text.rstrip("/")


def ask(url: str, path: str, body: Mapping[str, str], tls: TlsClient) -> Enrolled:
    """Send one JSON document and answer what the gateway gets; EnrolmentFault when it gets none."""
    request = urllib.request.Request(  # noqa: S310 - https, checked by checked_url
        url + path,
        msgspec.json.encode(body),
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        return msgspec.json.decode(_open(request, tls.context()), type=Enrolled)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise EnrolmentFault(
            f"{url} answers, but not as this version expects ({error}). Check the address."
        ) from error


def fetch_authority(url: str) -> bytes:
    """Answer the platform's own authority (PEM), believed by nobody until its SHA-256 is compared.

    The one question that is asked of a server whose certificate is not checked.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(url + AUTHORITY_PATH)  # noqa: S310 - https, checked
    return _open(request, context)


def fetch(url: str, path: str, tls: TlsClient, most: int) -> bytes:
    """Answer what the platform has at a path; EnrolmentFault when that is more than `most` bytes.

    The path is its own authority: nothing else is shown.
    """
    request = urllib.request.Request(url + path)  # noqa: S310 - https, checked by checked_url
    found = _open(request, tls.context(), most + 1)
    if len(found) > most:
        raise EnrolmentFault(f"{url}{path} is larger than {most} bytes. It is not taken.")
    return found


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Follow nothing."""


def _open(
    request: urllib.request.Request, context: ssl.SSLContext, most: int = ANSWER_MAX
) -> bytes:
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return bytes(answer.read(most))
    except urllib.error.HTTPError as error:
        raise EnrolmentFault(_refusal(request.full_url, error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise EnrolmentFault(_unreachable(request.full_url, reason)) from error


def _refusal(url: str, error: urllib.error.HTTPError) -> str:
    try:
        problem = msgspec.json.decode(error.read(ANSWER_MAX), type=_Problem)
    except (msgspec.ValidationError, msgspec.DecodeError, OSError):
        problem = _Problem()
    told = SENTENCES.get(problem.code)
    return told or f"{url} answers {error.code} {problem.code}. Check the address.".replace(
        "  ", " "
    )


def _unreachable(url: str, reason: object) -> str:
    place = urlsplit(url).netloc
    if isinstance(reason, ssl.SSLCertVerificationError):
        why = getattr(reason, "verify_message", "") or reason
        return (
            f"The certificate of {place} is not trusted ({why}). Check "
            f"the address and this machine's clock; where the platform signs for itself, use the "
            f"whole command that it shows, with --fingerprint."
        )
    return f"{place} cannot be reached ({reason}). Check the address, the network and the firewall."
