"""DingTalk: an authorization code that comes back as `authCode`, exchanged by JSON.

Source: open-dingtalk/developerpedia, "get_user_app_token_browser"; `POST /v1.0/oauth2/
userAccessToken`, then `GET /v1.0/contact/users/me`. There is no PKCE; the code is good once, for
five minutes, with the client's secret only. The subject is the `unionId`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from backend.service.identity.providers.base import Ask, Claimed, Configured, fetched, refused

AUTHORIZE: Final = "https://login.dingtalk.com/oauth2/auth"
TOKEN: Final = "https://api.dingtalk.com/v1.0/oauth2/userAccessToken"  # noqa: S105 - an address
PERSON: Final = "https://api.dingtalk.com/v1.0/contact/users/me"


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """What the exchange answers."""

    access_token: str


class Person(msgspec.Struct, frozen=True, rename="camel"):
    """Who it is."""

    union_id: str
    nick: str = ""


@dataclass(frozen=True, slots=True)
class DingTalk:
    """An app at DingTalk; the client's id is its Client ID (AppKey)."""

    configured: Configured
    web: httpx.AsyncClient

    async def address(self, ask: Ask) -> str:
        """Answer the authorization page."""
        asked = {
            "client_id": self.configured.client_id,
            "redirect_uri": ask.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": ask.state,
            "prompt": "consent",
        }
        return f"{AUTHORIZE}?{urlencode(asked)}"

    async def claim(self, ask: Ask, answer: Mapping[str, str]) -> Claimed:
        """Exchange the code, then ask who it is."""
        code = answer.get("authCode") or answer.get("code")
        if not code:
            raise refused()
        given = {
            "clientId": self.configured.client_id,
            "clientSecret": self.configured.secret,
            "code": code,
            "grantType": "authorization_code",
        }
        token = await fetched(self.web, self.web.build_request("POST", TOKEN, json=given), Token)
        bearer = {"x-acs-dingtalk-access-token": token.access_token}
        person = await fetched(
            self.web, self.web.build_request("GET", PERSON, headers=bearer), Person
        )
        return Claimed(person.union_id, person.nick or person.union_id)
