"""`kilowise-gateway enrol`: exchange a one-time code for a certificate and write it down.

The key is made here, lies in a file of mode 0600 and never leaves this machine. Nothing is sent
before it is sure that the result can be written, because a code works once.
"""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.contract.clock import SystemClock
from gateway.contract.enrolment import ENROL_PATH, credential_name
from gateway.enrolment.identity import write_identity, write_private
from gateway.enrolment.keys import new_request
from gateway.enrolment.known_time import KnownTime
from gateway.enrolment.platform import EnrolmentFault, ask, checked_url, fetch_authority
from gateway.enrolment.section import Settings, known_time, updated
from gateway.enrolment.tls import TlsClient

PLATFORM_CA = "platform-ca.pem"


@dataclass(frozen=True, slots=True)
class Told:
    """What was written, for the person at the console."""

    credential: str
    identity: Path
    config: Path
    valid_until: datetime
    new_config: bool


def enrol(
    url: str, code: str, config: Path, fingerprint: str | None, environment: Mapping[str, str]
) -> Told:
    """Enrol and write identity, authorities and configuration; EnrolmentFault when it fails."""
    url = checked_url(url)
    folder = config.parent
    old = _prepared(config)
    platform_ca = _pinned(url, fingerprint, folder)
    request = new_request()
    tls = TlsClient(KnownTime(None, SystemClock()), platform_ca)
    got = ask(url, ENROL_PATH, {"code": code, "request": request.request}, tls)
    identity, authorities = f"{got.gateway}.pem", f"{got.gateway}-ca.pem"
    write_identity(folder / identity, got.identity(request.key))
    write_private(folder / authorities, got.authorities.encode())
    known_time(folder, got.gateway, environment).learn(got.time)
    settings = Settings(
        got.project,
        got.gateway,
        got.broker,
        identity,
        authorities,
        url,
        None if platform_ca is None else platform_ca.name,
    )
    config.write_text(updated(old, settings), encoding="utf-8")
    name = credential_name(got.project, got.gateway)
    return Told(name, folder / identity, config, got.valid_until, old is None)


def explain(told: Told) -> str:
    """Answer what to do next."""
    devices = (
        "List this site's devices in it, then look whether they answer:"
        if told.new_config
        else "Its devices are as they were. Look whether everything works:"
    )
    return (
        f"Enrolled as {told.credential}; the certificate is valid until "
        f"{told.valid_until:%Y-%m-%d} and renews itself while the gateway runs.\n"
        f"  key and certificate  {told.identity} (keep it; it never leaves this machine)\n"
        f"  configuration        {told.config}\n"
        f"{devices}\n"
        f"  kilowise-gateway doctor --config {told.config}\n"
        f"  kilowise-gateway run --config {told.config}"
    )


def _prepared(config: Path) -> str | None:
    """Answer the configuration that is there; EnrolmentFault when it cannot be written later."""
    folder = config.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{config.name}.probe"
        write_private(probe, b"")
        probe.unlink()
        old = config.read_text(encoding="utf-8") if config.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise EnrolmentFault(f"{config} cannot be written: {error}. Choose --config.") from error
    try:
        updated(old, Settings("p", "n", "mqtts://b", "i", "a", "https://p", None))
    except ValueError as error:
        raise EnrolmentFault(
            f"{config} cannot be changed: {error}. Correct it, or choose another --config."
        ) from error
    return old


def _pinned(url: str, fingerprint: str | None, folder: Path) -> Path | None:
    """Fetch the platform's own authority and believe it only when its SHA-256 is the one given."""
    if fingerprint is None:
        return None
    wanted = fingerprint.replace(":", "").lower()
    pem = fetch_authority(url)
    try:
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))).hexdigest()
    except ValueError as error:
        raise EnrolmentFault(
            f"{url} has no authority of its own. Leave --fingerprint out."
        ) from error
    if found != wanted:
        raise EnrolmentFault(
            f"The authority of {url} has the SHA-256 {found}, not the one given: somebody may be "
            f"in between. Nothing was sent. Compare it with what the platform shows."
        )
    file = folder / PLATFORM_CA
    write_private(file, pem)
    return file
