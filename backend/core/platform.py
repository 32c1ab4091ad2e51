"""What every role is handed: settings, time, the database's doors, and where to reach the rest."""

from dataclasses import dataclass, field

from backend.core.clock import Clock
from backend.core.db import Database
from backend.core.peers import Peers
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Platform:
    """Built by backend.main, the only place that wires; passed to `run` of each role."""

    settings: Settings
    clock: Clock
    database: Database
    mqtt_url: str
    """The broker: mqtt://user:password@host:port of the platform's own credential."""
    public_url: str
    """What people open: KILOWISE_PUBLIC_URL, else the address the web role listens on."""
    peers: Peers = field(default_factory=Peers)
    """Among whom what is allowed in a minute is divided."""
