"""One kind of network connection of the product, as docs/network.md lists them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connection:
    """Who listens or calls, on which port, with what protocol, and whom it is about."""

    who: str
    """The process: a role of the platform, or `gateway`."""
    inbound: bool
    """Whether it listens; else it calls."""
    name: str
    """One word by which both ends of it are known."""
    port: str
    """The default, and the setting that moves it."""
    protocol: str
    peer: str
    """Who comes, or who is called."""
    when: str
    opened_by: tuple[str, ...] = ()
    """The files whose code opens it; a folder stands for all in it."""
