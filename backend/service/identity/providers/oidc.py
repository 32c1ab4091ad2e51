"""OpenID Connect: code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9700).

The option `issuer` is the provider's address; the rest comes from its discovery document, which has
to name the same issuer. The ID token is judged by its signature, issuer, audience, time and nonce.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.oauth2.client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from backend.core.errors import Unavailable
from backend.service.identity.providers.base import Ask, Claimed, Configured, fetched, refused

ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA"]
LEEWAY_S: Final = 60
SCOPE: Final = "openid profile"
STRONG: Final = frozenset({"mfa", "otp", "hwk", "fpt", "face"})
"""Authentication methods (RFC 8176) that are, or mean, a second factor."""


class Discovered(msgspec.Struct, frozen=True):
    """What of a discovery document is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Tokens(msgspec.Struct, frozen=True):
    """What of a token answer is used."""

    id_token: str


class Said(msgspec.Struct, frozen=True):
    """What of an ID token's claims is used, once they are judged."""

    sub: str
    nonce: str
    preferred_username: str | None = None
    name: str | None = None
    azp: str | None = None
    amr: list[str] = []


@dataclass(frozen=True, slots=True)
class Oidc:
    """One provider that speaks OpenID Connect."""

    configured: Configured
    web: httpx.AsyncClient

    async def address(self, ask: Ask) -> str:
        """Answer the authorization request (3.1.2.1)."""
        found = await self._discover()
        client = OAuth2Client(
            None,
            self.configured.client_id,
            scope=SCOPE,
            redirect_uri=ask.redirect_uri,
            code_challenge_method="S256",
        )
        asked, _ = client.create_authorization_url(
            found.authorization_endpoint, ask.state, ask.verifier, nonce=ask.nonce
        )
        return str(asked)

    async def claim(self, ask: Ask, answer: Mapping[str, str]) -> Claimed:
        """Exchange the code and judge the ID token (3.1.3)."""
        found = await self._discover()
        # A provider that names itself (RFC 9207) has to be the one that was asked.
        if "code" not in answer or answer.get("iss", found.issuer) != found.issuer:
            raise refused()
        request = self.web.build_request(
            "POST",
            found.token_endpoint,
            data={
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": ask.redirect_uri,
                "code_verifier": ask.verifier,
                "client_id": self.configured.client_id,
                "client_secret": self.configured.secret,
            },
        )
        tokens = await fetched(self.web, request, Tokens)
        said = self._judged(tokens.id_token, await self._keys(found), found.issuer)
        if said.nonce != ask.nonce or said.azp not in {None, self.configured.client_id}:
            raise refused()
        strong = bool(STRONG & set(said.amr))
        return Claimed(said.sub, said.preferred_username or said.name or said.sub, strong)

    async def _discover(self) -> Discovered:
        issuer = self.configured.options["issuer"].rstrip("/")
        address = f"{issuer}/.well-known/openid-configuration"
        found = await fetched(self.web, self.web.build_request("GET", address), Discovered)
        places = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        if found.issuer.rstrip("/") != issuer or not all(map(_safe, places)):
            raise Unavailable("provider_silent")
        return found

    async def _keys(self, found: Discovered) -> KeySet:
        request = self.web.build_request("GET", found.jwks_uri)
        told = await fetched(self.web, request, dict[str, list[dict[str, str | list[str]]]])
        try:
            return KeySet.import_key_set({"keys": told["keys"]})
        except (JoseError, KeyError, ValueError) as error:
            raise refused() from error

    def _judged(self, token: str, keys: KeySet, issuer: str) -> Said:
        try:
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                # Tokens live in the provider's time, whatever clock a demonstration has.
                now=int(time.time()),  # noqa: TID251
                leeway=LEEWAY_S,
                iss={"essential": True, "value": issuer},
                aud={"essential": True, "value": self.configured.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True},
            ).validate(decoded.claims)
            return msgspec.convert(decoded.claims, Said)
        except (JoseError, ValueError) as error:
            raise refused() from error


def _safe(address: str) -> bool:
    """Tell whether nobody on the way can read or change what is said there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}
