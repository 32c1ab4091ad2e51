"""The kinds of providers; one line a file."""

from collections.abc import Callable

import httpx

from backend.service.identity.providers.base import Configured, Provider
from backend.service.identity.providers.oidc import Oidc

KINDS: dict[str, Callable[[Configured, httpx.AsyncClient], Provider]] = {
    "oidc": Oidc,
}
NEEDS: dict[str, tuple[str, ...]] = {
    "oidc": ("issuer",),
}
"""The options that a provider of a kind has to have."""
