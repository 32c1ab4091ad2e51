"""Boxes that dial in (4G): one listening port, its allowed sources, and one box at a time."""

import asyncio
import logging
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.drivers.capabilities import DriverFault, LinkDown, Listen
from gateway.drivers.modbus.stream import SocketStream

log = logging.getLogger(__name__)

MOST_NAMED = 100
"""Refused sources that are logged; a scan of our port then fills neither log nor memory."""

Networks = tuple[IPv4Network | IPv6Network, ...]


class Listener:
    """Listens from the first `connect` until `close`; the box that dialled in last is the link."""

    def __init__(self, link: Listen) -> None:
        """DriverFault when the list of sources is empty or holds what is no network."""
        self._link = link
        self._sources = _networks(link)
        self._server: asyncio.Server | None = None
        self._box: _Box | None = None
        self._arrived = asyncio.Event()
        self._refused: set[str] = set()

    async def connect(self, timeout_s: float) -> SocketStream:
        """The box that is there, else the next one; LinkDown when none dials in in time."""
        await self._listen()
        try:
            async with asyncio.timeout(timeout_s):
                while self._box is None or not self._box.is_open:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError as error:
            raise LinkDown(f"no box has dialled in at {self._link}") from error
        return self._box

    def close(self) -> None:
        """Stop listening and let the box go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._box is not None:
            self._box.close()
            self._box = None

    def admit(self, box: "_Box", source: str) -> bool:
        """Whether a connection may stay; it replaces the one before."""
        if not _is_allowed(source, self._sources):
            self._say_refused(source)
            return False
        if self._box is not None and self._box.is_open:
            log.info("a new connection of %s replaces the one at %s", source, self._link)
            self._box.give_way()
        self._box = box
        self._arrived.set()
        return True

    async def _listen(self) -> None:
        if self._server is not None:
            return
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Box(self, str(self._link)), self._link.bind, self._link.port
            )
        except OSError as error:
            raise LinkDown(
                f"cannot listen at {self._link}: {error.strerror}. Choose a free port and an "
                "address of this machine"
            ) from error

    def _say_refused(self, source: str) -> None:
        if source in self._refused or len(self._refused) >= MOST_NAMED:
            return
        self._refused.add(source)
        log.warning(
            "%s dialled in at %s and is refused: it is in none of the line's sources. Add it there "
            "if it is yours.",
            source,
            self._link,
        )


class _Box(SocketStream):
    """A connection that came to us, kept only when its source is allowed."""

    def __init__(self, listener: Listener, name: str) -> None:
        super().__init__(name)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        peer = transport.get_extra_info("peername")
        super().connection_made(transport)
        if not self._listener.admit(self, str(peer[0]) if peer else ""):
            self.close()

    def give_way(self) -> None:
        """End, because the box dialled in anew."""
        self._end("gave way to a newer connection")


def _networks(link: Listen) -> Networks:
    if not link.sources:
        raise DriverFault(
            f"{link} has no sources: name the networks that boxes may dial in from, "
            "for instance sources: [192.0.2.0/24]"
        )
    try:
        return tuple(ip_network(source, strict=False) for source in link.sources)
    except ValueError as error:
        raise DriverFault(f"{link}: {error}. Write sources like 192.0.2.0/24") from error


def _is_allowed(source: str, sources: Networks) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(source.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in sources)
