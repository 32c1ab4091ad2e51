"""What the embedded broker needs for TLS, kept as files beside its credentials by ingest.

The broker has no database: it reads whom to trust (`authorities.pem`) and who it is
(`server.pem`, certificate and key) from its folder, and looks every second whether they changed.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from cryptography import x509

from backend.acquisition.authority_store import authorities
from backend.acquisition.credentials import (
    AUTHORITIES_FILE,
    SERVER_FILE,
    broker_folder,
    is_embedded,
)
from backend.core.certificates import Names, Pair, local_names
from backend.core.clock import Clock, SystemClock
from backend.core.errors import Unavailable
from backend.core.files import write_private
from backend.core.platform import Platform
from backend.core.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 60.0


async def keep_broker_files(platform: Platform) -> None:
    """Keep the embedded broker's files right until cancelled; nothing to do without MQTT_TLS_PORT.

    Certificates are judged by the real time, whatever clock a demonstration has.
    """
    settings, clock = platform.settings, SystemClock()
    embedded = is_embedded(settings.data_folder, platform.mqtt_url)
    while embedded and settings.mqtt_tls_port:
        try:
            await write_broker_files(platform, broker_names(settings), clock)
        except (psycopg.OperationalError, Unavailable) as error:
            log.warning("The broker's certificate could not be looked after: %s", error)
        await asyncio.sleep(LOOK_S)


async def write_broker_files(platform: Platform, names: Names, clock: Clock) -> None:
    """Write the files where they are not there yet, or not right any more."""
    now = clock.now()
    held = await authorities(platform.database, now)
    folder = broker_folder(platform.settings.data_folder)
    folder.mkdir(parents=True, exist_ok=True)
    bundle = held.bundle.encode()
    if _content(folder / AUTHORITIES_FILE) != bundle:
        write_private(folder / AUTHORITIES_FILE, bundle)
    served = _content(folder / SERVER_FILE)
    if served is None or not held.serves(x509.load_pem_x509_certificate(served), names, now):
        write_private(folder / SERVER_FILE, pem(held.server(names, now)))


def pem(pair: Pair) -> bytes:
    """Answer certificate and key in one file, as the broker reads them."""
    return pair.certificate_pem + pair.key_pem


def gateway_broker_url(settings: Settings) -> str | None:
    """Answer the address that gateways reach the broker at by TLS; None where there is none."""
    if settings.mqtt_public_url:
        return settings.mqtt_public_url
    foreign = settings.mqtt_url and not is_embedded(settings.data_folder, settings.mqtt_url)
    if foreign or not settings.mqtt_tls_port:
        return None
    host = urlsplit(settings.public_url or f"//{settings.bind}").hostname or "127.0.0.1"
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - every address: name one
        host = str(local_names().addresses[0])
    return f"mqtts://{host}:{settings.mqtt_tls_port}"


def broker_names(settings: Settings, more: Sequence[str] = ()) -> Names:
    """Answer what the broker is reached by: the public name, this machine's, and `more`."""
    local = local_names()
    url = gateway_broker_url(settings)
    public = urlsplit(url).hostname if url else None
    hosts, addresses = list(local.hosts), list(local.addresses)
    for name in filter(None, (public, *more)):
        try:
            addresses.append(ipaddress.ip_address(name))
        except ValueError:
            hosts.append(name)
    return Names(list(dict.fromkeys(hosts)), list(dict.fromkeys(addresses)))


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
