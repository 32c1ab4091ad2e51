"""Emulators of providers that are no OpenID: each checks what it is asked, in which order.

They are written from the makers' pages, not from our clients, and know one account. A code is good
once; a token is one that they gave out.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

SECRET = "secret of the app"
REFUSED = httpx.Response(400, json={"code": "invalid", "message": "refused"})


@dataclass(slots=True)
class Emulator:
    """What all of them keep; `member` tells whether the account is one of the company's."""

    client_id: str
    back: str
    state: str = ""
    codes: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    challenge: str = ""
    member: bool = True

    def page(self, address: str, where: str) -> dict[str, str]:
        """What the page that a browser is sent to is asked."""
        assert address.partition("?")[0] == where
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["redirect_uri"] == self.back
        self.state = asked["state"]
        self.codes.add("c1")
        return asked

    def use(self, code: str) -> bool:
        """Use a code up; whether it was good."""
        good = code in self.codes
        self.codes.discard(code)
        return good


class FeishuEmulator(Emulator):
    """accounts.feishu.cn and open.feishu.cn."""

    def visit(self, address: str) -> dict[str, str]:
        """The account allows it: the parameters of the way back."""
        asked = self.page(address, "https://accounts.feishu.cn/open-apis/authen/v1/authorize")
        assert asked["client_id"] == self.client_id
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        self.challenge = asked["code_challenge"]
        return {"code": "c1", "state": self.state}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call of the server."""
        self.calls.append(f"{request.method} {request.url.host}{request.url.path}")
        if request.url.path == "/open-apis/authen/v2/oauth/token":
            given = json.loads(request.content)
            proof = hashlib.sha256(given["code_verifier"].encode()).digest()
            proved = base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == self.challenge
            wanted = ("authorization_code", self.client_id, SECRET, self.back)
            told = tuple(
                given[name] for name in ("grant_type", "client_id", "client_secret", "redirect_uri")
            )
            if not (self.use(given["code"]) and proved and told == wanted):
                return httpx.Response(200, json={"code": 20003, "error": "invalid_grant"})
            self.tokens.add("t1")
            return httpx.Response(200, json={"code": 0, "access_token": "t1", "expires_in": 7200})
        if request.headers.get("authorization") not in {f"Bearer {one}" for one in self.tokens}:
            return httpx.Response(200, json={"code": 20005, "msg": "invalid access token"})
        person = {"union_id": "on-1", "open_id": "ou-1", "name": "李四"}
        return httpx.Response(200, json={"code": 0, "msg": "success", "data": person})


class DingTalkEmulator(Emulator):
    """login.dingtalk.com and api.dingtalk.com."""

    def visit(self, address: str) -> dict[str, str]:
        """The account allows it: the parameters of the way back."""
        asked = self.page(address, "https://login.dingtalk.com/oauth2/auth")
        told = [asked[name] for name in ("client_id", "response_type", "scope", "prompt")]
        assert told == [self.client_id, "code", "openid", "consent"]
        return {"authCode": "c1", "state": self.state}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call of the server."""
        self.calls.append(f"{request.method} {request.url.host}{request.url.path}")
        if request.url.path == "/v1.0/oauth2/userAccessToken":
            given = json.loads(request.content)
            told = [given[name] for name in ("clientId", "clientSecret", "grantType")]
            if not self.use(given["code"]) or told != [
                self.client_id, SECRET, "authorization_code",
            ]:  # fmt: skip
                return REFUSED
            self.tokens.add("t1")
            return httpx.Response(200, json={"accessToken": "t1", "expireIn": 7200})
        if request.headers.get("x-acs-dingtalk-access-token") not in self.tokens:
            return REFUSED
        return httpx.Response(200, json={"unionId": "u-1", "openId": "o-1", "nick": "李四"})


class WeComEmulator(Emulator):
    """login.work.weixin.qq.com and qyapi.weixin.qq.com."""

    def visit(self, address: str) -> dict[str, str]:
        """The account allows it: the parameters of the way back."""
        asked = self.page(address, "https://login.work.weixin.qq.com/wwlogin/sso/login")
        told = [asked[name] for name in ("login_type", "appid", "agentid")]
        assert told == ["CorpApp", self.client_id, "1000002"]
        return {"code": "c1", "state": self.state}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call of the server."""
        self.calls.append(f"{request.method} {request.url.host}{request.url.path}")
        given = dict(request.url.params)
        if request.url.path == "/cgi-bin/gettoken":
            if given != {"corpid": self.client_id, "corpsecret": SECRET}:
                return httpx.Response(200, json={"errcode": 40001, "errmsg": "invalid credential"})
            self.tokens.add("t1")
            token = {"access_token": "t1", "expires_in": 7200}
            return httpx.Response(200, json={"errcode": 0, "errmsg": "ok", **token})
        if given["access_token"] not in self.tokens:
            return httpx.Response(200, json={"errcode": 40014, "errmsg": "invalid access_token"})
        if not self.use(given["code"]):
            return httpx.Response(200, json={"errcode": 40029, "errmsg": "invalid code"})
        who = {"userid": "li.si", "user_ticket": "x"} if self.member else {"openid": "o-1"}
        return httpx.Response(200, json={"errcode": 0, "errmsg": "ok", **who})
