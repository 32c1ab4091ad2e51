"""Both brokers with TLS: gateways `a.g1` and `b.g2` by certificates of a real authority, and the
third party `mqt_1` by a secret.
"""

import asyncio
import contextlib
import ipaddress
import shutil
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from backend.acquisition import mosquitto
from backend.acquisition.authority import Authorities, Issued, Revoked, first_authorities
from backend.acquisition.broker_files import pem
from backend.acquisition.credentials import (
    AUTHORITIES_FILE,
    INTERNAL,
    SERVER_FILE,
    Credential,
    gateway_credential,
    hash_secret,
    internal_credential,
    internal_secret,
    write_snapshot,
)
from backend.core.certificates import Names, new_key
from tests.backend.acquisition_brokers import (
    PLUGIN,
    Caller,
    RunningBroker,
    end_callers,
    free_port,
    until_listening,
)

REAL_NOW = datetime.now(UTC)
"""TLS knows no other clock."""
THIRD, THIRD_SECRET = "mqt_1", "a secret of a third party"
LOOPBACK = Names(["localhost"], [ipaddress.ip_address("127.0.0.1")])


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key in one file, as a gateway keeps it."""

    issued: Issued
    file: Path


def make_identity(
    authorities: Authorities, name: str, file: Path, now: datetime = REAL_NOW
) -> Identity:
    """A gateway's key, and the certificate that the authorities sign for it."""
    key = new_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    issued = authorities.issue(request.sign(key, hashes.SHA256()), name, now)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(issued.pem.encode() + secret)
    return Identity(issued, file)


@dataclass
class TlsBroker:
    """A broker that listens with TLS, who may come, and how one is revoked there."""

    kind: str
    folder: Path
    port: int
    secret_port: int
    """Of third parties; the embedded broker takes them on the same port."""
    authorities: Authorities
    identities: dict[str, Identity]
    admit: Callable[[list[Credential]], None]
    plain: RunningBroker
    callers: list[Caller] = field(default_factory=list)

    def context(self, identity: Path | None) -> ssl.SSLContext:
        """A client that trusts our authorities and shows a certificate, if any."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authorities.bundle)
        if identity is not None:
            context.load_cert_chain(identity)
        return context

    async def connect(
        self,
        identity: Path | None,
        client_id: str,
        *,
        username: str | None = None,
        secret: str | None = None,
    ) -> Caller:
        """Connect with a certificate or a secret; an error of gmqtt or TLS when refused."""
        client = Client(client_id)
        if username is not None:
            client.set_auth_credentials(username, secret)
        client.set_config({"reconnect_retries": -2})
        caller = Caller(client)
        client.on_message = lambda _c, topic, payload, *_: caller.take(topic, bytes(payload))
        client.on_disconnect = lambda *_: caller.gone.set()
        client.on_subscribe = lambda _c, _mid, qos, _p: caller.granted.put_nowait(tuple(qos))
        self.callers.append(caller)
        context = self.context(identity)
        port = self.port if secret is None else self.secret_port
        connecting = asyncio.ensure_future(
            client.connect("127.0.0.1", port, ssl=context, version=MQTTv311)
        )
        # With TLS 1.3 a refused certificate shows after the handshake, where gmqtt waits for ever.
        closed = asyncio.ensure_future(caller.gone.wait())
        async with asyncio.timeout(10):
            await asyncio.wait((connecting, closed), return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
        if not connecting.done():
            connecting.cancel()
            raise ConnectionResetError("closed without an answer")
        connecting.result()
        return caller


def certified(project: str, gateway: str, *identities: Identity) -> Credential:
    """The credential of a gateway that has certificates and no secret."""
    fingerprints = tuple(identity.issued.fingerprint for identity in identities)
    return gateway_credential(project, gateway, "", fingerprints)


def _prepare(folder: Path) -> tuple[Authorities, dict[str, Identity], list[Credential]]:
    authorities = first_authorities(REAL_NOW)
    (folder / AUTHORITIES_FILE).write_text(authorities.bundle)
    (folder / SERVER_FILE).write_bytes(pem(authorities.server(LOOPBACK, REAL_NOW)))
    identities = {
        name: make_identity(authorities, name, folder / f"{name}.pem") for name in ("a.g1", "b.g2")
    }
    credentials = [
        certified("a", "g1", identities["a.g1"]),
        certified("b", "g2", identities["b.g2"]),
        Credential(THIRD, hash_secret(THIRD_SECRET), (), ("kilowise/a/readings/#",)),
    ]
    return authorities, identities, credentials


@contextlib.asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[TlsBroker]:
    """The embedded broker as a process of its own, with its second listener."""
    authorities, identities, credentials = _prepare(folder)
    write_snapshot(folder, credentials)
    port, tls_port = free_port(), free_port()
    code = (
        "import asyncio, pathlib; from backend.acquisition.broker import serve; "
        f"asyncio.run(serve(pathlib.Path({str(folder)!r}), '127.0.0.1', {port}, "
        f"('127.0.0.1', {tls_port})))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.DEVNULL
    )
    secrets = {INTERNAL: internal_secret(folder)}
    plain = RunningBroker("amqtt", port, secrets, lambda _: None)

    def admit(held: list[Credential]) -> None:
        write_snapshot(folder, held)

    running = TlsBroker("amqtt", folder, tls_port, tls_port, authorities, identities, admit, plain)
    await until_listening(port)
    await until_listening(tls_port)
    try:
        yield running
    finally:
        await _end(running)
        child.kill()
        await child.wait()


@contextlib.asynccontextmanager
async def debian_mosquitto(folder: Path) -> AsyncIterator[TlsBroker]:
    """Debian's mosquitto with the part of its configuration that we make."""
    authorities, identities, credentials = _prepare(folder)
    secret = internal_secret(folder)
    internal = internal_credential(hash_secret(secret))
    (folder / "security.json").write_bytes(mosquitto.security_document([*credentials, internal]))
    (folder / mosquitto.REVOKED_FILE).write_text(authorities.revocations([], REAL_NOW))
    port, tls_port, secret_port = free_port(), free_port(), free_port()
    listeners = mosquitto.tls_listeners(folder, tls_port, secret_port, "127.0.0.1")
    (folder / "mosquitto.conf").write_text(
        f"per_listener_settings false\nallow_anonymous false\nuser root\nplugin {PLUGIN}\n"
        f"plugin_opt_config_file {folder / 'security.json'}\npersistence false\n"
        f"listener {port} 127.0.0.1\n{listeners}"
    )
    child = await asyncio.create_subprocess_exec(
        shutil.which("mosquitto") or "/usr/sbin/mosquitto",
        "-c",
        str(folder / "mosquitto.conf"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    await until_listening(tls_port)
    plain = RunningBroker("mosquitto", port, {INTERNAL: secret}, lambda _: None)
    admin = await plain.connect(INTERNAL, client_id="internal/admin")

    def admit(held: list[Credential]) -> None:
        names = {credential.name for credential in held}
        for gone in {credential.name for credential in credentials} - names:
            admin.client.publish(mosquitto.CONTROL_TOPIC, mosquitto.revoke(gone), qos=1)
        revoked = [
            Revoked(identities[one.name].issued.serial, REAL_NOW)
            for one in credentials
            if one.name in identities and one.name not in names
        ]
        lists = authorities.revocations(revoked, REAL_NOW)
        (folder / mosquitto.REVOKED_FILE).write_text(lists)
        child.send_signal(signal.SIGHUP)

    running = TlsBroker(
        "mosquitto", folder, tls_port, secret_port, authorities, identities, admit, plain
    )
    try:
        yield running
    finally:
        await _end(running)
        child.send_signal(signal.SIGTERM)
        await child.wait()


async def _end(running: TlsBroker) -> None:
    running.plain.callers += running.callers
    await end_callers(running.plain)


BROKERS = {"amqtt": embedded, "mosquitto": debian_mosquitto}
