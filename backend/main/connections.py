"""Every connection of the platform's processes, in both directions; the gateway lists its own."""

from backend.core.settings import Settings
from backend.service.notify.channels.webpush import PUSH_HOSTS
from gateway.contract.connections import Connection

DATABASE_ROLES = "web, ingest, aggregate, alarm, worker, history"
BROKER_ROLES = "web, ingest, alarm"


def _port(field: str) -> int:
    return int(Settings.model_fields[field].default)


CONNECTIONS = (
    Connection(
        "web",
        True,
        "http",
        f"{_port('port')} on {Settings.model_fields['bind'].default} (`PORT`, `BIND`)",
        "https; http on loopback and behind a proxy (`KILOWISE_TLS`)",
        "browsers, programs, gateways that enrol",
        "always",
        ("backend/core/ports.py",),
    ),
    Connection(
        "web",
        True,
        "trust",
        "the first free one after `PORT`",
        "http: two pages and the authority's certificate",
        "phones in the same network",
        "with `PHONE=1` only",
        ("backend/core/ports.py",),
    ),
    Connection(
        "broker",
        True,
        "mqtt",
        f"{_port('mqtt_port')} on 127.0.0.1 (`MQTT_PORT`)",
        "MQTT 3.1.1",
        "the platform's own roles; a gateway and third parties on the same machine",
        "where no broker is set (`KILOWISE_MQTT_URL`)",
        ("backend/acquisition/broker.py", "backend/acquisition/broker_clients.py"),
    ),
    Connection(
        "broker",
        True,
        "mqtt_tls",
        f"8883 on {Settings.model_fields['mqtt_tls_bind'].default} (`MQTT_TLS_PORT`)",
        "MQTT over TLS 1.2 or later: gateways by certificate, third parties by their secret",
        "gateways and third parties",
        "where the port is set; off by default",
        ("backend/acquisition/broker_tls.py",),
    ),
    Connection(
        DATABASE_ROLES,
        False,
        "postgres",
        "a Unix socket, or 5432 (`KILOWISE_DATABASE_URL`)",
        "PostgreSQL",
        "the embedded server, or yours",
        "always",
        (
            "backend/core/db.py",
            "backend/core/erase.py",
            "backend/core/events.py",
            "backend/core/migrate.py",
            "backend/core/partitions.py",
            "backend/core/peers.py",
            "backend/core/schema.py",
        ),
    ),
    Connection(
        "worker",
        False,
        "syslog",
        "6514 (`KILOWISE_SYSLOG_URL`)",
        "syslog over TLS 1.2 or later (RFC 5425)",
        "your log server",
        "where it is set; off by default",
        ("backend/service/audit/forward.py",),
    ),
    Connection(
        BROKER_ROLES,
        False,
        "mqtt",
        f"{_port('mqtt_port')} (`KILOWISE_MQTT_URL`)",
        "MQTT, over TLS with mqtts://",
        "the broker",
        "always",
        ("backend/acquisition/connection.py", "backend/acquisition/host_state.py"),
    ),
    Connection(
        "alarm, web",
        False,
        "push",
        "443",
        "https",
        "push services of browsers: " + ", ".join(PUSH_HOSTS) + "; `KILOWISE_PUSH_HOSTS`",
        "when an alarm goes to a phone that asked for it",
        ("backend/service/notify/delivery.py", "backend/service/notify/channels/webpush.py"),
    ),
    Connection(
        "web",
        False,
        "provider",
        "443",
        "https",
        "the providers that people may sign in with, as the operator configured them",
        "while somebody signs in that way",
        ("backend/service/identity/",),
    ),
    Connection(
        "worker",
        False,
        "webhook",
        "443",
        "https",
        "addresses that administrators registered",
        "where a project has webhooks",
        ("backend/service/webhooks/",),
    ),
    Connection(
        "serve",
        False,
        "http",
        "`PORT` on loopback",
        "http or https",
        "its own web role, to see that it answers",
        "while it starts",
        ("backend/core/ports.py",),
    ),
    Connection(
        "plant",
        True,
        "field",
        f"{_port('modbus_port')} and the next ones on 127.0.0.1 (`MODBUS_PORT`), one of control",
        "Modbus TCP, http",
        "the demonstration's gateway and its story",
        "in the demonstration only",
        ("gateway/simulator/control.py", "gateway/simulator/cut.py"),
    ),
    Connection(
        "alarm, web, worker",
        False,
        "field",
        "the simulated plant's on 127.0.0.1",
        "http",
        "the simulated plant",
        "in the demonstration only",
        (
            "backend/application/graphql/demo.py",
            "backend/service/projects/answer.py",
            "backend/service/projects/story.py",
            "gateway/simulator/command.py",
        ),
    ),
)
