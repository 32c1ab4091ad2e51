"""The running product listens and calls as docs/network.md says, and nowhere else."""

import os
import socket
from pathlib import Path

from backend.main import connections as platform
from gateway import connections as gateway
from gateway.contract.connections import Connection
from tests.product import Product
from tests.push_service import PushService
from tests.sockets_of import Address, Sockets, descendants, sockets_of, words_of

LISTED = (*platform.CONNECTIONS, *gateway.CONNECTIONS)
EXPECTED_TO_LISTEN = {
    ("web", "http"),
    ("broker", "mqtt"),
    ("broker", "mqtt_tls"),
    ("plant", "field"),
}
"""Of the demonstration with a TLS port for gateways, written by hand."""
EXPECTED_TO_CALL = {("ingest", "mqtt"), ("web", "mqtt"), ("alarm", "mqtt"), ("gateway", "field")}
SUPERVISOR = "serve"
"""It holds the ports of web and broker and hands them on."""


def role(pid: int) -> str:
    """The process's name in the list."""
    words = words_of(pid)
    if "gateway" in words:
        return "plant" if "simulate" in words else "gateway"
    names = words[words.index("backend") + 1 :] if "backend" in words else []
    return names[0] if names else ""


def named(sockets: dict[str, Sockets], push: PushService, web: int) -> dict[Address, str]:
    """What the ports of this product are in the list."""
    environment = Path(f"/proc/{web}/environ").read_text().split("\0")
    settings = dict(one.split("=", 1) for one in environment if "=" in one)
    ports = {
        "http": int(settings["PORT"]),
        "mqtt": int(settings["MQTT_PORT"]),
        "mqtt_tls": int(settings["MQTT_TLS_PORT"]),
        "push": int(push.host.rpartition(":")[2]),
    }
    found = {("127.0.0.1", port): name for name, port in ports.items()}
    found["0.0.0.0", ports["mqtt_tls"]] = "mqtt_tls"
    return found | dict.fromkeys(sockets["plant"].listens, "field")


def is_listed(who: str, name: str, *, inbound: bool) -> bool:
    """Whether a row of the list says so."""

    def fits(one: Connection) -> bool:
        return one.inbound is inbound and one.name == name and who in one.who.split(", ")

    return any(fits(one) for one in LISTED)


def test_the_platform_speaks_with_whom_the_list_says(running: Product, push: PushService) -> None:
    by_role = {role(pid): pid for pid in descendants(running.process.pid) if role(pid)}
    assert by_role.keys() >= {"web", "ingest", "alarm", "aggregate", "broker", "plant", "gateway"}
    sockets = {who: sockets_of(pid) for who, pid in by_role.items()}
    names = named(sockets, push, by_role["web"])
    listens = {
        (who, names.get(address, str(address)))
        for who, one in sockets.items()
        for address in one.listens
        if who != SUPERVISOR
    }
    assert listens == EXPECTED_TO_LISTEN
    assert all(is_listed(who, name, inbound=True) for who, name in listens)
    assert not sockets["gateway"].listens
    calls = {
        (who, names.get(address, str(address)))
        for who, one in sockets.items()
        for address in one.calls
    }
    assert calls >= EXPECTED_TO_CALL
    # The demonstration's gateway is on the same machine and uses the port for that.
    unlisted = {one for one in calls if not is_listed(*one, inbound=False)} - {("gateway", "mqtt")}
    assert not unlisted


def test_a_stray_connection_is_seen(push: PushService) -> None:
    """The test's own process calls the push service, whose row is not the gateway's."""
    host, _, port = push.host.rpartition(":")
    with socket.create_connection((host, int(port))):
        assert (host, int(port)) in sockets_of(os.getpid()).calls
    assert not is_listed("gateway", "push", inbound=False)
