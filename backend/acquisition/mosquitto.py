"""The same wall on mosquitto 2: its dynamic-security plug-in, given the same credentials.

`security_document` makes the plug-in's file before the broker starts. A running broker is told over
`$CONTROL/dynamic-security/v1`, which only the internal credential reaches: `changes` are the
commands that bring what it knows to what is wanted, `admit` and `revoke` those for one credential.
mosquitto binds a credential to one client id, so a gateway there connects as
`<credential>/gateway` and a third party as `<credential>/client`; deleting a client disconnects it
at once.

`tls_listeners` is the part of mosquitto.conf for gateways with a client certificate: the common
name is the username and the client id, so nobody takes another's session, and no secret is asked.
Of a gateway that is deleted the connection ends at once and a new one may do nothing; the
revocation list refuses it at the handshake, from the next start or SIGHUP on. Third parties have a
port of their own, where their secret is asked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from backend.acquisition.credentials import (
    AUTHORITIES_FILE,
    INTERNAL,
    SERVER_FILE,
    Credential,
)

REVOKED_FILE = "revoked.pem"
CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE_TOPIC = f"{CONTROL_TOPIC}/response"

Entry = dict[str, object]
Acl = tuple[str, str]
"""Kind and topic of what is allowed."""
Known = Mapping[str, frozenset[Acl]]
"""What a running broker knows: the clients, and what the role of the same name allows."""

LIST_CLIENTS: Entry = {"command": "listClients"}
LIST_ROLES: Entry = {"command": "listRoles", "verbose": True}
_OURS = re.compile(r"[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*|mqt_[0-9a-z]{26}")


class _Acl(msgspec.Struct):
    acltype: str
    topic: str
    allow: bool = True


class _Role(msgspec.Struct):
    rolename: str
    acls: list[_Acl] = []


class _Data(msgspec.Struct):
    clients: list[str] = []
    roles: list[_Role] = []


class Response(msgspec.Struct, rename={"correlation": "correlationData"}):
    """What the plug-in answers to one command."""

    command: str
    correlation: str = ""
    error: str | None = None
    data: _Data | None = None


class _Responses(msgspec.Struct):
    responses: list[Response]


def gateway_client_id(credential: str) -> str:
    """Answer the client id a gateway connects with; on mosquitto the only one it may have."""
    return f"{credential}/gateway"


def client_id(credential: str) -> str:
    """Answer the only client id that a credential may have: a gateway's, or a third party's.

    A gateway's name has a dot (`<project>.<gateway>`), a third party's identity has none.
    """
    return gateway_client_id(credential) if "." in credential else f"{credential}/client"


def security_document(credentials: Iterable[Credential]) -> bytes:
    """Answer the plug-in's file (JSON) for these credentials; nothing is allowed by default."""
    held = list(credentials)
    document = {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [_client(credential) for credential in held],
        "roles": [_role(credential) for credential in held],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def changes(known: Known, wanted: Iterable[Credential]) -> list[Entry]:
    """Answer the commands that bring what a broker knows to what is wanted.

    Clients that are not ours (an operator's own) are left alone. A credential with a secret that
    the broker does not know cannot be made of its hash: see `unknown`.
    """
    held = {credential.name: credential for credential in wanted}
    gone = [name for name in sorted(known) if _OURS.fullmatch(name) and name not in held]
    found = [command for name in gone for command in _revoked(name)]
    for name, credential in held.items():
        if name in known and known[name] != _allowed(credential):
            found.append({"command": "modifyRole", **_role(credential)})
        elif name not in known and not credential.secret:
            found += admit(credential, "")
    return found


def unknown(known: Known, wanted: Iterable[Credential]) -> set[str]:
    """Answer the credentials that only the plug-in's file can bring to a broker."""
    return {one.name for one in wanted if one.secret and one.name not in known}


def known(clients: Response, roles: Response) -> Known:
    """Answer what a broker knows, by its answers to LIST_CLIENTS and LIST_ROLES."""
    held = [] if roles.data is None else roles.data.roles
    by_name = {
        role.rolename: frozenset((acl.acltype, acl.topic) for acl in role.acls if acl.allow)
        for role in held
    }
    names = [] if clients.data is None else clients.data.clients
    return {name: by_name.get(name, frozenset()) for name in names}


def admit(credential: Credential, secret: str) -> list[Entry]:
    """Answer the commands that make a credential known, with its secret in plain text."""
    client: Entry = {
        "command": "createClient",
        "username": credential.name,
        "clientid": client_id(credential.name),
        "roles": [{"rolename": credential.name}],
    }
    if secret:
        client["password"] = secret
    return [{"command": "createRole", **_role(credential)}, client]


def revoke(name: str) -> bytes:
    """Answer the commands that disconnect a credential and forget it."""
    return _commands(*_revoked(name))


def marked(mark: str, commands: Iterable[Entry]) -> bytes:
    """Answer commands as they are sent, with a mark by which their answers are known."""
    return _commands(*({**command, "correlationData": mark} for command in commands))


def read_responses(payload: bytes) -> list[Response]:
    """Answer what the plug-in answered; msgspec.DecodeError for anything else."""
    return msgspec.json.decode(payload, type=_Responses).responses


def _revoked(name: str) -> list[Entry]:
    return [
        {"command": "deleteClient", "username": name},
        {"command": "deleteRole", "rolename": name},
    ]


def tls_listeners(folder: Path, port: int, secret_port: int, address: str = "") -> str:
    """Answer the part of mosquitto.conf that listens with TLS: for client certificates, and on
    `secret_port` (0 = not at all) for secrets. mosquitto takes one of them on a port.

    Its files are below `folder`: authorities.pem, server.pem (certificate and key), revoked.pem.
    """
    by_secret = _listener(folder, secret_port, address) if secret_port else ""
    return by_secret + (
        f"{_listener(folder, port, address)}"
        f"cafile {folder / AUTHORITIES_FILE}\n"
        f"crlfile {folder / REVOKED_FILE}\n"
        "require_certificate true\n"
        "use_identity_as_username true\n"
        "use_username_as_clientid true\n"
    )


def _listener(folder: Path, port: int, address: str) -> str:
    return (
        f"listener {port} {address}".rstrip() + "\n"
        f"certfile {folder / SERVER_FILE}\n"
        f"keyfile {folder / SERVER_FILE}\n"
        "tls_version tlsv1.2\n"
    )


def _commands(*commands: Entry) -> bytes:
    return msgspec.json.encode({"commands": commands})


def _client(credential: Credential) -> Entry:
    client: Entry = {"username": credential.name, "roles": [{"rolename": credential.name}]}
    if not credential.secret:
        return client
    _, _, iterations, salt, digest = credential.secret.split("$")
    client |= {"password": digest, "salt": salt, "iterations": int(iterations)}
    if credential.name != INTERNAL:
        client["clientid"] = client_id(credential.name)
    return client


def _role(credential: Credential) -> Entry:
    acls = [_acl(kind, topic) for kind, topic in _allows(credential)]
    return {"rolename": credential.name, "acls": acls}


def _allowed(credential: Credential) -> frozenset[Acl]:
    return frozenset(_allows(credential))


def _allows(credential: Credential) -> Iterator[Acl]:
    control = (f"{CONTROL_TOPIC}/#",) if credential.name == INTERNAL else ()
    for topic in (*credential.publish, *control):
        yield "publishClientSend", topic
    for kind in ("publishClientReceive", "subscribePattern"):
        for topic in (*credential.subscribe, *control):
            yield kind, topic


def _acl(kind: str, topic: str) -> Entry:
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
