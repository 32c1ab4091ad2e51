"""Who a request comes from when a reverse proxy of ours hands it on.

`Forwarded` (RFC 7239) and `X-Forwarded-For`, `-Proto`, `-Host` are believed only when the
connection itself comes from an address of KILOWISE_TRUSTED_PROXIES; of a chain of proxies only as
far back as each of them is listed. From anybody else they are taken out of the request, so that
nothing further in can believe them by mistake.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network

NAMES = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
_PAIR = re.compile(r'([a-z]+)=(?:"([^"]*)"|([^;,"\s]*))', re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy says of who spoke to it; empty where it says nothing."""

    address: str = ""
    scheme: str = ""
    host: str = ""


def hops(headers: Headers) -> list[Hop]:
    """Answer what the proxies said, the one nearest to the client first."""
    if told := ",".join(headers.getlist("forwarded")):
        return [_hop(element) for element in told.split(",")]
    listed, schemes, hosts = (_listed(headers, name) for name in NAMES[1:])
    addresses = listed or [""]
    return [
        Hop(
            _bare(address),
            # A proxy that replaces instead of appending says one word for all of them.
            schemes[index] if len(schemes) == len(addresses) else _last(schemes),
            hosts[index] if len(hosts) == len(addresses) else _last(hosts),
        )
        for index, address in enumerate(addresses)
    ]


def client_hop(told: Sequence[Hop], trusted: Iterable[Network]) -> Hop:
    """Answer the hop of the first address from our side that is no proxy of ours."""
    networks = tuple(trusted)
    for hop in reversed(told):
        if not is_among(hop.address, networks):
            return hop
    return told[0] if told else Hop()


def is_among(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks; what is no address does not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in networks)


class Forwarded:
    """Puts the client's address, scheme and host into the scope, as trusted proxies tell them."""

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        """Take the app and the networks of our proxies."""
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on."""
        if scope["type"] in {"http", "websocket"}:
            self._read(scope)
        await self._app(scope, receive, send)

    def _read(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if not any(name in headers for name in NAMES):
            return
        peer = scope.get("client")
        if peer is not None and is_among(peer[0], self._trusted):
            _apply(scope, client_hop(hops(headers), self._trusted))
        kept = MutableHeaders(scope=scope)
        for name in NAMES:
            del kept[name]


def _apply(scope: Scope, hop: Hop) -> None:
    if hop.address:
        scope["client"] = (hop.address, 0)
    scheme = hop.scheme.lower()
    if scheme in {"http", "https", "ws", "wss"}:
        web = scheme.replace("ws", "http")
        scope["scheme"] = web.replace("http", "ws") if scope["type"] == "websocket" else web
    if _HOST.fullmatch(hop.host):
        MutableHeaders(scope=scope)["host"] = hop.host


def _hop(element: str) -> Hop:
    pairs: Mapping[str, str] = {
        name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(element)
    }
    return Hop(_bare(pairs.get("for", "")), pairs.get("proto", ""), pairs.get("host", ""))


def _listed(headers: Headers, name: str) -> list[str]:
    return [part.strip() for part in ",".join(headers.getlist(name)).split(",") if part.strip()]


def _last(words: Sequence[str]) -> str:
    return words[-1] if words else ""


def _bare(address: str) -> str:
    """Answer an address without its port and brackets; empty when it is none (unknown, _x)."""
    text = address.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
