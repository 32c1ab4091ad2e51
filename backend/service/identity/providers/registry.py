"""The kinds of providers; one line a file."""

from collections.abc import Callable

import httpx

from backend.service.identity.providers.base import Configured, Provider
from backend.service.identity.providers.dingtalk import DingTalk
from backend.service.identity.providers.feishu import Feishu
from backend.service.identity.providers.oidc import Oidc
from backend.service.identity.providers.wecom import WeCom

KINDS: dict[str, Callable[[Configured, httpx.AsyncClient], Provider]] = {
    "oidc": Oidc,
    "wecom": WeCom,
    "dingtalk": DingTalk,
    "feishu": Feishu,
}
NEEDS: dict[str, tuple[str, ...]] = {"oidc": ("issuer",), "wecom": ("agent",)}
"""The options that a provider of a kind has to have."""
