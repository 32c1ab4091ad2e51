"""WeCom: a code that is checked with the access token of the company's app, by GET.

Source: developer.work.weixin.qq.com, "Web login" (`wwlogin/sso/login`), `cgi-bin/gettoken` and
`cgi-bin/auth/getuserinfo`. A refusal is an answer whose `errcode` is not 0; who is no member of the
company has an `openid` and no `userid`. The subject is the company with the `userid` in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from backend.service.identity.providers.base import Ask, Claimed, Configured, fetched, refused

AUTHORIZE: Final = "https://login.work.weixin.qq.com/wwlogin/sso/login"
TOKEN: Final = "https://qyapi.weixin.qq.com/cgi-bin/gettoken"  # noqa: S105 - an address
PERSON: Final = "https://qyapi.weixin.qq.com/cgi-bin/auth/getuserinfo"


class Token(msgspec.Struct, frozen=True):
    """The app's access token."""

    errcode: int
    access_token: str = ""


class Person(msgspec.Struct, frozen=True):
    """Who it is."""

    errcode: int
    userid: str = ""


@dataclass(frozen=True, slots=True)
class WeCom:
    """A company's own app at WeCom; the client's id is the CorpID, option `agent` the AgentID."""

    configured: Configured
    web: httpx.AsyncClient

    async def address(self, ask: Ask) -> str:
        """Answer the page where a member scans a code."""
        asked = {
            "login_type": "CorpApp",
            "appid": self.configured.client_id,
            "agentid": self.configured.options["agent"],
            "redirect_uri": ask.redirect_uri,
            "state": ask.state,
        }
        return f"{AUTHORIZE}?{urlencode(asked)}"

    async def claim(self, ask: Ask, answer: Mapping[str, str]) -> Claimed:
        """Get the app's token, then ask whose code it is."""
        if not answer.get("code"):
            raise refused()
        company = self.configured.client_id
        given = {"corpid": company, "corpsecret": self.configured.secret}
        token = await fetched(self.web, self.web.build_request("GET", TOKEN, params=given), Token)
        if token.errcode or not token.access_token:
            raise refused()
        asked = {"access_token": token.access_token, "code": answer["code"]}
        person = await fetched(
            self.web, self.web.build_request("GET", PERSON, params=asked), Person
        )
        if person.errcode or not person.userid:
            raise refused()
        return Claimed(f"{company}/{person.userid}", person.userid)
