"""A real OPC UA server (asyncua) for tests: one meter's nodes, users, certificates."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.common.node import Node
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.status_codes import StatusCodes
from cryptography.x509.oid import ExtendedKeyUsageOID


class Users(UserManager):
    """Admits one user by password; nobody else."""

    def get_user(
        self,
        iserver: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,
    ) -> User | None:
        """The user, or None to refuse."""
        if (username, password) == ("reader", "hush"):
            return User(role=UserRole.User, name=username)
        return None


@dataclass(slots=True)
class Meters:
    """Nodes of a running server by their text."""

    url: str
    nodes: dict[str, Node] = field(default_factory=dict)

    async def set(
        self,
        name: str,
        value: float | str | None,
        at: datetime | None = None,
        status: int = StatusCodes.Good,
    ) -> None:
        """Write a value with a source time and a status."""
        variant = ua.Variant(value) if value is not None else None
        time = ua.DateTime.fromtimestamp(at.timestamp(), UTC) if at else None
        data = ua.DataValue(variant, ua.StatusCode(ua.UInt32(status)), SourceTimestamp=time)
        await self.nodes[name].write_value(data)


async def certificate(folder: Path, name: str, uri: str) -> tuple[Path, Path]:
    """(certificate, key) files of an application, made here."""
    made, key = folder / f"{name}.der", folder / f"{name}.pem"
    use = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    await setup_self_signed_certificate(key, made, uri, "localhost", use, {"commonName": name})
    return made, key


@asynccontextmanager
async def serving(
    port: int, values: Mapping[str, float | str], *, secured: Path | None = None
) -> AsyncIterator[Meters]:
    """Serve these nodes; `secured` = a folder: only signed and encrypted, only the user."""
    server = Server(user_manager=Users()) if secured else Server()
    await server.init()
    meters = Meters(f"opc.tcp://127.0.0.1:{port}/meters")
    server.set_endpoint(meters.url)
    if secured:
        made, key = await certificate(secured, "server", "urn:freeopcua:python:server")
        await server.load_certificate(made)
        await server.load_private_key(key)
        policy = ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt
        server.set_security_policy([policy], permission_ruleset=SimpleRoleRuleset())  # type: ignore[no-untyped-call]  # asyncua
        trusted = TrustStore([secured / "trusted"], [])
        await trusted.load()
        server.set_certificate_validator(
            CertificateValidator(CertificateValidatorOptions.TRUSTED_VALIDATION, trusted)
        )
    await server.register_namespace("urn:meters")
    for name, value in values.items():
        node = ua.NodeId.from_string(name)
        made_node = await server.nodes.objects.add_variable(node, name, value)
        meters.nodes[name] = made_node
    async with server:
        yield meters
