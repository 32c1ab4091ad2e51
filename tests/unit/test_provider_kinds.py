"""Providers that are no OpenID, against emulators that check order, tokens and codes."""

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest

from backend.core.errors import NotSignedIn
from backend.service.identity.providers.base import Ask, Claimed, Configured
from backend.service.identity.providers.registry import KINDS
from tests.unit.provider_emulators import (
    SECRET,
    DingTalkEmulator,
    FeishuEmulator,
    WeComEmulator,
)

BACK = "https://us.example.com/return"
ASK = Ask(BACK, "state", "nonce", "v" * 43)
Emulators = FeishuEmulator | DingTalkEmulator | WeComEmulator
EMULATORS: Mapping[str, type[Emulators]] = {
    "feishu": FeishuEmulator,
    "dingtalk": DingTalkEmulator,
    "wecom": WeComEmulator,
}
WHO = {
    "feishu": Claimed("on-1", "李四"),
    "dingtalk": Claimed("u-1", "李四"),
    "wecom": Claimed("app/li.si", "li.si"),
}
CALLS = {
    "feishu": [
        "POST open.feishu.cn/open-apis/authen/v2/oauth/token",
        "GET open.feishu.cn/open-apis/authen/v1/user_info",
    ],
    "dingtalk": [
        "POST api.dingtalk.com/v1.0/oauth2/userAccessToken",
        "GET api.dingtalk.com/v1.0/contact/users/me",
    ],
    "wecom": [
        "GET qyapi.weixin.qq.com/cgi-bin/gettoken",
        "GET qyapi.weixin.qq.com/cgi-bin/auth/getuserinfo",
    ],
}


def configured(secret: str = SECRET) -> Configured:
    """The app as an operator sets it up."""
    return Configured("x", {}, "app", secret, {"agent": "1000002"})


def test_every_kind_that_is_no_openid_has_its_emulator() -> None:
    assert EMULATORS.keys() == KINDS.keys() - {"oidc"}


@pytest.mark.parametrize("kind", EMULATORS)
async def test_who_it_is_comes_by_the_makers_protocol(kind: str) -> None:
    emulator = EMULATORS[kind]("app", BACK)
    async with httpx.AsyncClient(transport=httpx.MockTransport(emulator)) as web:
        provider = KINDS[kind](configured(), web)
        answer = emulator.visit(await provider.address(ASK))
        assert answer["state"] == "state"
        assert await provider.claim(ASK, answer) == WHO[kind]
        assert emulator.calls == CALLS[kind]
        with pytest.raises(NotSignedIn, match="provider_refused"):
            await provider.claim(ASK, answer)


@pytest.mark.parametrize("kind", EMULATORS)
async def test_what_it_does_not_vouch_for_is_refused(kind: str) -> None:
    emulator = EMULATORS[kind]("app", BACK)
    async with httpx.AsyncClient(transport=httpx.MockTransport(emulator)) as web:
        answer = emulator.visit(await KINDS[kind](configured(), web).address(ASK))
        wrong = KINDS[kind](configured("another secret"), web)
        for told in (answer, {"state": "state"}, {"state": "state", "error": "access_denied"}):
            with pytest.raises(NotSignedIn, match="provider_refused"):
                await wrong.claim(ASK, told)


async def test_feishu_wants_the_verifier_of_the_browser_that_was_sent() -> None:
    emulator = FeishuEmulator("app", BACK)
    async with httpx.AsyncClient(transport=httpx.MockTransport(emulator)) as web:
        provider = KINDS["feishu"](configured(), web)
        answer = emulator.visit(await provider.address(ASK))
        with pytest.raises(NotSignedIn, match="provider_refused"):
            await provider.claim(replace(ASK, verifier="w" * 43), answer)


async def test_a_guest_of_the_company_is_nobody() -> None:
    emulator = WeComEmulator("app", BACK, member=False)
    async with httpx.AsyncClient(transport=httpx.MockTransport(emulator)) as web:
        provider = KINDS["wecom"](configured(), web)
        answer = emulator.visit(await provider.address(ASK))
        with pytest.raises(NotSignedIn, match="provider_refused"):
            await provider.claim(ASK, answer)
