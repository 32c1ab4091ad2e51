"""What a provider of identities is: it has an address to send a browser to, and says who came back.

Configured   what the operator told of a provider
Ask          what one sign-in there is about; made by us, never seen by the browser but in parts
Claimed      whom the provider says it is: a subject that never changes, and a name to show
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx
import msgspec

from backend.core.errors import NotSignedIn, Unavailable

MOST_BYTES = 1_000_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configured:
    """A provider as its row says, with the client's secret opened."""

    slug: str
    name: dict[str, str]
    client_id: str
    secret: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """One sign-in at a provider: where it leads back, and what proves that the answer is its."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom a provider says it is; `strong`: it says that a second factor was passed there."""

    subject: str
    shown: str
    strong: bool = False


class Provider(Protocol):
    """Speaks one provider's protocol."""

    async def address(self, ask: Ask) -> str:
        """Answer where to send the browser; Unavailable while the provider does not answer."""

    async def claim(self, ask: Ask, answer: Mapping[str, str]) -> Claimed:
        """Answer who came back with these parameters of the return address.

        NotSignedIn `provider_refused` for what the provider does not vouch for.
        """


def refused() -> NotSignedIn:
    """The refusal of what a provider does not vouch for."""
    return NotSignedIn("provider_refused")


async def fetched(web: httpx.AsyncClient, request: httpx.Request, kind: type[T]) -> T:
    """Send a request and answer its JSON as `kind`.

    Unavailable when there is no answer, NotSignedIn when it is a refusal or no such JSON.
    """
    try:
        response = await web.send(request)
    except httpx.HTTPError as error:
        raise Unavailable("provider_silent") from error
    if response.status_code >= 500:
        raise Unavailable("provider_silent")
    if not response.is_success or len(response.content) > MOST_BYTES:
        raise refused()
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise refused() from error
