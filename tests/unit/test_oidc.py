"""What an ID token has to say; each token here is wrong in one way."""

import json
from collections.abc import Mapping

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from backend.core.clock import SystemClock
from backend.core.errors import NotSignedIn, Unavailable
from backend.service.identity.providers.base import Ask, Claimed, Configured
from backend.service.identity.providers.oidc import Oidc

ISSUER = "https://id.example.com"
KEY, OTHER = (RSAKey.generate_key(2048, {"kid": "1"}) for _ in range(2))
ASK = Ask("https://us.example.com/return", "state", "nonce", "v" * 43)
NOW = int(SystemClock().now().timestamp())
GOOD: dict[str, object] = {
    "iss": ISSUER, "aud": "us", "sub": "7", "nonce": "nonce", "iat": NOW, "exp": NOW + 300,
    "name": "Li",
}  # fmt: skip
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def signed(claims: Mapping[str, object], key: RSAKey | OctKey = KEY, alg: str = "RS256") -> str:
    """A token of these claims."""
    return jwt.encode({"alg": alg, "kid": "1"}, dict(claims), key, algorithms=[alg])


async def claimed(
    token: str, document: Mapping[str, str] = DOCUMENT, answer: Mapping[str, str] | None = None
) -> Claimed:
    """What comes of a token that a provider answers."""

    def provider(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=document)
            case "/keys":
                return httpx.Response(200, json={"keys": [KEY.as_dict(private=False)]})
            case "/token" if b"code_verifier=" + b"v" * 43 in request.content:
                return httpx.Response(200, json={"id_token": token})
        return httpx.Response(404)

    configured = Configured("x", {}, "us", "secret", {"issuer": ISSUER})
    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as web:
        return await Oidc(configured, web).claim(ASK, answer or {"code": "c"})


async def test_a_good_token_says_who_it_is() -> None:
    assert await claimed(signed(GOOD)) == Claimed("7", "Li", strong=False)
    assert await claimed(signed({**GOOD, "amr": ["pwd", "mfa"]})) == Claimed("7", "Li", strong=True)


PUBLIC = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
UNSIGNED = "eyJhbGciOiJub25lIn0." + signed(GOOD).split(".")[1] + "."
WRONG = {
    "issuer": signed({**GOOD, "iss": "https://evil.example"}),
    "audience": signed({**GOOD, "aud": "them"}),
    "authorized party": signed({**GOOD, "aud": ["us", "them"], "azp": "them"}),
    "nonce": signed({**GOOD, "nonce": "other"}),
    "no nonce": signed({name: value for name, value in GOOD.items() if name != "nonce"}),
    "time": signed({**GOOD, "exp": NOW - 120}),
    "no end": signed({name: value for name, value in GOOD.items() if name != "exp"}),
    "key": signed(GOOD, OTHER),
    "algorithm": signed(GOOD, PUBLIC, "HS256"),
    "no signature": UNSIGNED,
    "nonsense": "x",
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_token_that_is_wrong_says_nothing(what: str) -> None:
    with pytest.raises(NotSignedIn, match="provider_refused"):
        await claimed(WRONG[what])


async def test_an_answer_of_another_provider_is_refused() -> None:
    with pytest.raises(NotSignedIn, match="provider_refused"):
        await claimed(signed(GOOD), answer={"code": "c", "iss": "https://evil.example"})
    with pytest.raises(NotSignedIn, match="provider_refused"):
        await claimed(signed(GOOD), answer={"error": "access_denied"})
    for wrong in ({"issuer": "https://evil.example"}, {"jwks_uri": "http://id.example.com/keys"}):
        with pytest.raises(Unavailable, match="provider_silent"):
            await claimed(signed(GOOD), {**DOCUMENT, **wrong})
