"""Every connection that a gateway makes or takes: one outbound to the platform, nothing inbound."""

from gateway.contract.connections import Connection
from gateway.lines import DEFAULT_PORTS

FIELD = ", ".join(f"{port} ({protocol})" for protocol, port in DEFAULT_PORTS.items())

CONNECTIONS = (
    Connection(
        "gateway",
        False,
        "mqtt_tls",
        "8883 (`mqtt.url`)",
        "MQTT over TLS 1.2 or later, both ends by certificate",
        "the platform's broker",
        "always; the only one that is kept",
        ("gateway/publish.py", "gateway/mqtt_socket.py", "gateway/broker.py"),
    ),
    Connection(
        "gateway",
        False,
        "https",
        "443 (the address given to `enrol`)",
        "https",
        "the platform's web role",
        "to enrol, to renew the certificate, to fetch a release that was asked for",
        ("gateway/enrolment/platform.py",),
    ),
    Connection(
        "gateway",
        False,
        "field",
        f"{FIELD}, 4840 (opcua), 1883 (mqtt)",
        "Modbus TCP, RTU over TCP, DL/T 645, IEC 60870-5-104, OPC UA, MQTT: what its devices speak",
        "devices in the plant's own network, as its configuration lists them",
        "always",
        (
            "gateway/drivers/modbus/stream.py",
            "gateway/drivers/modbus/line.py",
            "gateway/drivers/iec104/line.py",
            "gateway/drivers/opcua.py",
            "gateway/drivers/mqtt_in/line.py",
        ),
    ),
    Connection(
        "gateway",
        True,
        "boxes",
        "as configured (`listen` of a line)",
        "Modbus TCP or RTU over TCP",
        "mobile boxes that dial in, from listed addresses only",
        "where a line listens; off by default",
        ("gateway/drivers/modbus/listener.py",),
    ),
    Connection(
        "gateway",
        True,
        "status",
        "8070 on 127.0.0.1 (`status_port`)",
        "http, read-only",
        "people at the box",
        "where it is configured; off by default",
        ("gateway/status_server.py",),
    ),
    Connection(
        "gateway",
        False,
        "look",
        "as above",
        "as above",
        "broker and devices, once each",
        "while somebody runs `kilowise-gateway doctor`",
        ("gateway/doctor.py",),
    ),
)
