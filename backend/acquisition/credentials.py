"""Who may connect to the broker, and which topics each credential may publish and subscribe.

A gateway's credential is named `<project>.<gateway>` and reaches its own edge node's topics only;
the internal credential belongs to the platform's own processes. A client id must begin with
`<credential>/`, so nobody can take over somebody else's session by its id. It is proved by a
secret or by a client certificate that bears its name. Secrets are random texts of 256 bits; only
their salted hash is kept, in the form of mosquitto_passwd (`$7$iterations$salt$hash`, PBKDF2 with
SHA-512), so the embedded broker and mosquitto read one format. Of certificates the SHA-256 of
those that are admitted is listed: one that is not is refused, whoever signed it.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from backend.core.files import write_private
from gateway.contract import topics
from gateway.contract.enrolment import credential_name

INTERNAL = "internal"
SNAPSHOT_FILE = "credentials.json"
SECRET_FILE = "internal-secret"  # noqa: S105 - the name of a file
AUTHORITIES_FILE = "authorities.pem"
"""Whose client certificates the embedded broker believes."""
SERVER_FILE = "server.pem"
"""Its own certificate and key."""

THIRD_PARTIES = "kilowise"
"""The first level of the JSON topics (backend/service/integration/topics.py)."""
SPOKEN = ("readings/#", "alarms/+", "config/+", "commands/results/+/+")
"""What the platform says there, below a project."""

_ITERATIONS = 1000
"""Enough: a secret of 256 random bits cannot be guessed, whatever one guess costs."""
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """One user of the broker.

    `secret` is the salted hash, empty = none; `publish` and `subscribe` are allowed topic filters;
    `certificates` the SHA-256 (hex) of the client certificates that prove it.
    """

    name: str
    secret: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    certificates: tuple[str, ...] = ()

    def may_publish(self, topic: str) -> bool:
        """Tell whether this credential may publish to a topic (never to one with wildcards)."""
        return not _has_wildcard(topic) and any(covers(allowed, topic) for allowed in self.publish)

    def may_subscribe(self, topic_filter: str) -> bool:
        """Tell whether every topic that the filter can match is allowed."""
        return any(covers(allowed, topic_filter) for allowed in self.subscribe)

    def owns(self, client_id: str) -> bool:
        """Tell whether a client id belongs to this credential."""
        return client_id.startswith(f"{self.name}/")


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """What the database knows of a gateway's credential; neither = none issued, or revoked."""

    project: str
    gateway: str
    secret: str | None
    certificates: tuple[str, ...] = ()


def covers(allowed: str, asked: str) -> bool:
    """Tell whether every topic matched by the filter `asked` is matched by the filter `allowed`.

    A leading wildcard of `allowed` covers no topic that begins with `$` (MQTT-4.7.2-1).
    """
    if asked.startswith("$") and allowed[:1] in {"#", "+"}:
        return False
    wide, narrow = allowed.split("/"), asked.split("/")
    for index, level in enumerate(wide):
        if level == "#":
            return True
        if index >= len(narrow):
            return False
        if not _covers_level(level, narrow[index]):
            return False
    return len(wide) == len(narrow)


def _covers_level(wide: str, narrow: str) -> bool:
    return narrow != "#" and wide in {"+", narrow}


def _has_wildcard(topic: str) -> bool:
    return "+" in topic or "#" in topic


def new_secret() -> str:
    """Answer a fresh secret; it is shown once, only its hash is stored."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Answer the salted hash of a secret, as mosquitto_passwd writes it."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${_b64(salt)}${_b64(digest)}"


def verify_secret(secret: str, hashed: str) -> bool:
    """Tell whether a secret belongs to a hash; False for a hash that cannot be read."""
    parts = hashed.split("$")
    if len(parts) != 5 or parts[:2] != ["", "7"] or not parts[2].isdigit():
        return False
    try:
        salt, wanted = base64.b64decode(parts[3]), base64.b64decode(parts[4])
    except ValueError:
        return False
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, int(parts[2]))
    return hmac.compare_digest(digest, wanted)


def gateway_credential(
    project: str, gateway: str, secret: str, certificates: tuple[str, ...] = ()
) -> Credential:
    """Answer what a gateway may do: feed its own edge node, hear its commands and STATE."""
    node = [topics.NBIRTH, topics.NDATA, topics.NDEATH]
    device = [topics.DBIRTH, topics.DDATA, topics.DDEATH]
    root = f"{topics.NAMESPACE}/{project}"
    return Credential(
        credential_name(project, gateway),
        secret,
        certificates=certificates,
        publish=(
            *(f"{root}/{kind}/{gateway}" for kind in node),
            *(f"{root}/{kind}/{gateway}/+" for kind in device),
        ),
        subscribe=(
            f"{root}/{topics.NCMD}/{gateway}/#",
            f"{root}/{topics.DCMD}/{gateway}/#",
            topics.state("#"),
        ),
    )


def internal_credential(secret: str) -> Credential:
    """Answer what the platform's own processes may do: hear everything, command, use `$kw`."""
    command = f"{topics.NAMESPACE}/+"
    return Credential(
        INTERNAL,
        secret,
        publish=(
            "$kw/#",
            f"{command}/{topics.NCMD}/+",
            f"{command}/{topics.DCMD}/+/+",
            topics.state("+"),
            *(f"{THIRD_PARTIES}/+/{spoken}" for spoken in SPOKEN),
        ),
        subscribe=("#", "$kw/#", "$SYS/#"),
    )


def credentials_of(rows: Iterable[GatewayRow]) -> list[Credential]:
    """Answer the credentials of all gateways that have one, sorted by name.

    A slug that is more than lower-case letters, digits, `_` and `-` gets none: it could hold
    a wildcard, or give two gateways one name.
    """
    found = [
        gateway_credential(row.project, row.gateway, row.secret or "", row.certificates)
        for row in rows
        if (row.secret or row.certificates) and is_slug(row.project) and is_slug(row.gateway)
    ]
    return sorted(found, key=lambda credential: credential.name)


def is_slug(text: str) -> bool:
    """Tell whether a text can stand in a topic and in a credential's name."""
    return _SLUG.fullmatch(text) is not None


def write_snapshot(folder: Path, credentials: Iterable[Credential]) -> bool:
    """Write the snapshot that the embedded broker reloads; False when nothing changed."""
    content = msgspec.json.format(msgspec.json.encode(list(credentials)), indent=1)
    file = folder / SNAPSHOT_FILE
    if file.exists() and file.read_bytes() == content:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    write_private(file, content)
    return True


def read_snapshot(folder: Path) -> dict[str, Credential]:
    """Answer all credentials by name: those of the snapshot, and the platform's own."""
    file = folder / SNAPSHOT_FILE
    listed = msgspec.json.decode(file.read_bytes(), type=list[Credential]) if file.exists() else []
    internal = internal_credential(hash_secret(internal_secret(folder)))
    return {credential.name: credential for credential in (*listed, internal)}


def internal_secret(folder: Path) -> str:
    """Answer the secret of the internal credential; made at first use, readable by us only."""
    return _kept_secret(folder / SECRET_FILE)


def gateway_secret(folder: Path, credential: str) -> str:
    """Answer the secret of a gateway on this same machine (the demonstration's); made at first use.

    Its hash belongs into `gateway.credential_hash`; real gateways get theirs shown once.
    """
    return _kept_secret(folder / f"{credential}.secret")


def broker_folder(data_folder: Path) -> Path:
    """Answer where the embedded broker keeps its credentials."""
    return data_folder / "broker"


def internal_url(data_folder: Path, port: int, host: str = "127.0.0.1") -> str:
    """Answer the address with which our own processes reach the embedded broker."""
    return f"mqtt://{INTERNAL}:{internal_secret(broker_folder(data_folder))}@{host}:{port}"


def is_embedded(data_folder: Path, mqtt_url: str) -> bool:
    """Tell whether an address is that of the embedded broker of this data folder."""
    file = broker_folder(data_folder) / SECRET_FILE
    return file.exists() and urlsplit(mqtt_url).password == file.read_text().strip()


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, new_secret().encode())
    return file.read_text().strip()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
