"""Feishu: OAuth 2 with PKCE, but no ID token; who it is, is asked with the access token.

Source: open.feishu.cn, "authen/v1/authorize", "authen/v2/oauth/token" and "authen/v1/user_info". A
refusal is an answer whose `code` is not 0. The subject is the `union_id`, which is one for all apps
of the same developer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec
from authlib.oauth2.client import OAuth2Client

from backend.service.identity.providers.base import Ask, Claimed, Configured, fetched, refused

AUTHORIZE: Final = "https://accounts.feishu.cn/open-apis/authen/v1/authorize"
TOKEN: Final = "https://open.feishu.cn/open-apis/authen/v2/oauth/token"  # noqa: S105 - an address
PERSON: Final = "https://open.feishu.cn/open-apis/authen/v1/user_info"


class Token(msgspec.Struct, frozen=True):
    """What the exchange answers."""

    code: int
    access_token: str = ""


class Person(msgspec.Struct, frozen=True):
    """Who it is."""

    union_id: str
    name: str = ""


class Told(msgspec.Struct, frozen=True):
    """Who it is, inside the answer."""

    code: int
    data: Person | None = None


@dataclass(frozen=True, slots=True)
class Feishu:
    """A self-built app at Feishu; the client's id is its App ID."""

    configured: Configured
    web: httpx.AsyncClient

    async def address(self, ask: Ask) -> str:
        """Answer the authorization page."""
        client = OAuth2Client(
            None,
            self.configured.client_id,
            redirect_uri=ask.redirect_uri,
            code_challenge_method="S256",
        )
        asked, _ = client.create_authorization_url(AUTHORIZE, ask.state, ask.verifier)
        return str(asked)

    async def claim(self, ask: Ask, answer: Mapping[str, str]) -> Claimed:
        """Exchange the code, then ask who it is."""
        if not answer.get("code"):
            raise refused()
        given = {
            "grant_type": "authorization_code",
            "client_id": self.configured.client_id,
            "client_secret": self.configured.secret,
            "code": answer["code"],
            "redirect_uri": ask.redirect_uri,
            "code_verifier": ask.verifier,
        }
        token = await fetched(self.web, self.web.build_request("POST", TOKEN, json=given), Token)
        if token.code or not token.access_token:
            raise refused()
        bearer = {"Authorization": f"Bearer {token.access_token}"}
        told = await fetched(self.web, self.web.build_request("GET", PERSON, headers=bearer), Told)
        if told.code or told.data is None:
            raise refused()
        return Claimed(told.data.union_id, told.data.name or told.data.union_id)
