"""Where the broker is and who we are there."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from gmqtt.mqtt.handler import MQTTConnectError

from gateway.enrolment.tls import TlsClient


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    tls: bool
    credential: str
    secret: str | None
    typed: bool = False
    """Whether hosts there need the datatype in DATA."""
    client: TlsClient | None = None
    """Our side of TLS; None = the system's authorities, and no certificate."""
    primary_host: str | None = None
    """Host application without which nothing is published; None waits for nobody."""

    def context(self) -> ssl.SSLContext | bool:
        """TLS for one connection; False without."""
        if self.client is None or not self.tls:
            return ssl.create_default_context() if self.tls else False
        return self.client.context()

    def tells_time(self, at_ms: int) -> None:
        """The platform told the time; believed only of a broker whose certificate was checked."""
        if self.client is not None and self.tls:
            self.client.known.learn(datetime.fromtimestamp(at_ms / 1000, UTC))

    @property
    def client_id(self) -> str:
        """A broker of the platform admits only ids that begin with the credential's name."""
        return f"{self.credential}/gateway"

    def advice(self, error: Exception) -> str:
        """What to do when no session came about."""
        if self.client is not None and self.client.certificate is not None:
            return "kilowise-gateway doctor looks at certificate, clock and broker."
        if isinstance(error, MQTTConnectError):
            return "Check mqtt.credential and mqtt.secret in the gateway's configuration."
        return "Check mqtt.url in the gateway's configuration and that the broker runs."
