"""The same wall on mosquitto 2: its dynamic-security plug-in, given the same credentials.

`security_document` makes the plug-in's file before the broker starts; `provision` and `revoke`
make the commands that change a running broker over `$CONTROL/dynamic-security/v1`, which only the
internal credential reaches. mosquitto binds a credential to one client id, so a gateway there
connects as `<credential>/gateway`; deleting a client disconnects it at once.
"""

from collections.abc import Iterable

import msgspec

from backend.acquisition.credentials import INTERNAL, Credential

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"

Entry = dict[str, object]


def gateway_client_id(credential: str) -> str:
    """Answer the client id a gateway connects with; on mosquitto the only one it may have."""
    return f"{credential}/gateway"


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


def provision(credential: Credential, secret: str) -> bytes:
    """Answer the commands that add a credential with its secret to a running mosquitto."""
    client: Entry = {
        "command": "createClient",
        "username": credential.name,
        "password": secret,
        "clientid": gateway_client_id(credential.name),
        "roles": [{"rolename": credential.name}],
    }
    return _commands({"command": "createRole", **_role(credential)}, client)


def revoke(name: str) -> bytes:
    """Answer the commands that disconnect a credential and forget it."""
    return _commands(
        {"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}
    )


def _commands(*commands: Entry) -> bytes:
    return msgspec.json.encode({"commands": commands})


def _client(credential: Credential) -> Entry:
    _, _, iterations, salt, digest = credential.secret.split("$")
    client: Entry = {
        "username": credential.name,
        "password": digest,
        "salt": salt,
        "iterations": int(iterations),
        "roles": [{"rolename": credential.name}],
    }
    if credential.name != INTERNAL:
        client["clientid"] = gateway_client_id(credential.name)
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
