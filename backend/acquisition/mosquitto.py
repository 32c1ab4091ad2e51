"""The same wall on mosquitto 2: its dynamic-security plug-in, given the same credentials.

`security_document` makes the plug-in's file before the broker starts; `revoke` makes the commands
by which a running broker forgets a credential, over `$CONTROL/dynamic-security/v1`, which only the
internal credential reaches. mosquitto binds a credential to one client id, so a gateway there
connects as `<credential>/gateway` and a third party as `<credential>/client`; deleting a client
disconnects it at once.

`tls_listener` is the part of mosquitto.conf for gateways with a client certificate: the common name
is the username and the client id, so nobody takes another's session, and no secret is asked. Of a
gateway that is deleted the connection ends at once and a new one may do nothing; the revocation
list refuses it at the handshake, from the next start or SIGHUP on.
"""

from collections.abc import Iterable
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

Entry = dict[str, object]


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


def revoke(name: str) -> bytes:
    """Answer the commands that disconnect a credential and forget it."""
    return _commands(
        {"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}
    )


def tls_listener(folder: Path, port: int, address: str = "") -> str:
    """Answer the part of mosquitto.conf that listens for client certificates, with its files below
    `folder`: authorities.pem, server.pem (certificate and key), revoked.pem.
    """
    return (
        f"listener {port} {address}".rstrip() + "\n"
        f"cafile {folder / AUTHORITIES_FILE}\n"
        f"certfile {folder / SERVER_FILE}\n"
        f"keyfile {folder / SERVER_FILE}\n"
        f"crlfile {folder / REVOKED_FILE}\n"
        "tls_version tlsv1.2\n"
        "require_certificate true\n"
        "use_identity_as_username true\n"
        "use_username_as_clientid true\n"
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
    control = (f"{CONTROL_TOPIC}/#",) if credential.name == INTERNAL else ()
    acls = [
        *(_acl("publishClientSend", topic) for topic in (*credential.publish, *control)),
        *(_acl("publishClientReceive", topic) for topic in (*credential.subscribe, *control)),
        *(_acl("subscribePattern", topic) for topic in (*credential.subscribe, *control)),
    ]
    return {"rolename": credential.name, "acls": acls}


def _acl(kind: str, topic: str) -> Entry:
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
