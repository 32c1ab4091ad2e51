"""`kilowise mosquitto FOLDER`: what a mosquitto of one's own needs to let in who may.

    authorities.pem         whose certificates it believes
    server.pem              its own certificate and key
    revoked.pem             certificates that it refuses although they look good
    tls.conf                the listeners, to be included into mosquitto.conf
    dynamic-security.json   credentials and topics, for its dynamic-security plug-in

The database is the truth: run it again, and mosquitto again, after gateways came or went.
"""

from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography import x509

from backend.acquisition.admitted import list_admitted
from backend.acquisition.authority import Authorities, Revoked
from backend.acquisition.authority_store import authorities
from backend.acquisition.broker_files import broker_names, pem
from backend.acquisition.credentials import (
    AUTHORITIES_FILE,
    INTERNAL,
    SERVER_FILE,
    hash_secret,
    internal_credential,
)
from backend.acquisition.mosquitto import REVOKED_FILE, security_document, tls_listeners
from backend.core.certificates import Names
from backend.core.clock import SystemClock
from backend.core.errors import SettingError
from backend.core.files import write_private
from backend.core.platform import Platform

LISTENER_FILE = "tls.conf"
SECURITY_FILE = "dynamic-security.json"

_REVOKED = """
SELECT c.serial, c.revoked_at AS at FROM gateway_certificate c
JOIN project p ON p.id = c.project_id
WHERE c.revoked_at IS NOT NULL AND c.not_after > %s ORDER BY c.project_id, c.id
"""


async def write(
    platform: Platform, folder: Path, port: int, secret_port: int, name: list[str]
) -> str:
    """Write the files into an absolute folder and answer what to do with them.

    Gateways come to `port`, third parties to `secret_port` (0 = to none).

    SettingError when the platform's own secret is not known.
    """
    address = urlsplit(platform.mqtt_url)
    if unquote(address.username or "") != INTERNAL or not address.password:
        raise SettingError(
            f"KILOWISE_MQTT_URL must name the platform's own credential: "
            f"mqtt://{INTERNAL}:<a long secret>@<host>:1883. Set it and run this again."
        )
    now = SystemClock().now()
    held = await authorities(platform.database, now)
    async with platform.database.ingest() as tx:
        admitted = await list_admitted(tx, platform.clock)
        revoked = await tx.fetch_all(_REVOKED, (now,), into=Revoked)
    internal = internal_credential(hash_secret(unquote(address.password)))
    _write_server(folder, held, broker_names(platform.settings, name), now)
    write_private(folder / AUTHORITIES_FILE, held.bundle.encode())
    write_private(folder / REVOKED_FILE, held.revocations(revoked, now).encode())
    listeners = tls_listeners(folder, port, secret_port)
    write_private(folder / LISTENER_FILE, listeners.encode())
    write_private(folder / SECURITY_FILE, security_document([*admitted, internal]))
    return (
        f"Written to {folder}: {len(admitted)} credentials, {len(revoked)} revoked "
        f"certificates. Include {LISTENER_FILE} into mosquitto.conf, let the user that runs "
        f"mosquitto read the folder and write {SECURITY_FILE}, and start mosquitto again."
    )


def _write_server(folder: Path, held: Authorities, names: Names, now: datetime) -> None:
    """Write the broker's certificate, where the one that is there is not the right one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / SERVER_FILE
    if file.exists():
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        if held.serves(certificate, names, now):
            return
    write_private(file, pem(held.server(names, now)))
