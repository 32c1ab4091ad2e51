"""Which providers there are: rows that the operator writes with `kilowise providers`.

They are of the whole platform, because whoever they vouch for opens every project of theirs: a
provider that one project chose could let itself into another. The client's secret is sealed, or
taken from the environment of the web role (`secret_from`).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from psycopg.types.json import Jsonb

from backend.core.db import ReadSession
from backend.core.errors import OperatingError, Unavailable
from backend.core.platform import Platform
from backend.core.seal import Seal
from backend.service.identity.providers.base import Configured
from backend.service.identity.providers.registry import KINDS, NEEDS

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider as it is stored."""

    slug: str
    kind: str
    name: dict[str, str]
    client_id: str
    options: dict[str, str]
    sealed: bytes | None
    secret_from: str | None

    def opened(self, seal: Seal) -> Configured:
        """Answer it with its secret; Unavailable when that is not there."""
        secret = (
            seal.open(self.sealed, _of(self.slug)).decode()
            if self.sealed is not None
            else os.environ.get(self.secret_from or "", "")
        )
        if not secret:
            raise Unavailable("provider_without_secret", provider=self.slug)
        return Configured(self.slug, self.name, self.client_id, secret, self.options)


async def list_providers(tx: ReadSession) -> list[ProviderRow]:
    """Answer the providers, by slug."""
    return await tx.fetch_all(
        "SELECT slug, kind, name, client_id, options, sealed, secret_from FROM identity_provider"
        " ORDER BY slug",
        (),
        into=ProviderRow,
    )


async def put(
    platform: Platform,
    *,
    slug: str,
    kind: str,
    name: str,
    client_id: str,
    options: Mapping[str, str],
    secret: str | None,
    secret_from: str | None,
) -> str:
    """Write a provider, new or anew; OperatingError says what is wrong with it."""
    if _SLUG.fullmatch(slug) is None:
        raise OperatingError(
            "SLUG is up to 31 small letters, digits and hyphens: it stands in URLs"
        )
    if kind not in KINDS:
        raise OperatingError(f"--kind is one of {', '.join(KINDS)}")
    lacking = [one for one in NEEDS.get(kind, ()) if one not in options]
    if lacking:
        raise OperatingError(f"--option {lacking[0]}=... is missing; {kind} needs it")
    if bool(secret) is bool(secret_from):
        raise OperatingError("give the secret either by --secret-file or by --secret-from")
    seal = Seal(platform.settings.data_folder)
    sealed = seal.close(secret.encode(), _of(slug)) if secret else None
    async with platform.database.platform() as tx:
        await tx.execute(
            "INSERT INTO identity_provider (slug, kind, name, client_id, options, sealed,"
            " secret_from, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (slug) DO UPDATE SET kind = excluded.kind, name = excluded.name,"
            " client_id = excluded.client_id, options = excluded.options,"
            " sealed = excluded.sealed, secret_from = excluded.secret_from",
            (
                slug,
                kind,
                Jsonb({"en": name, "zh-CN": name}),
                client_id,
                Jsonb(dict(options)),
                sealed,
                secret_from,
                platform.clock.now(),
            ),
        )
    back = f"{platform.public_url.rstrip('/')}{return_path(slug)}"
    return f"{slug}: tell {name} this address to lead back to: {back}"


async def remove(platform: Platform, *, slug: str) -> str:
    """Remove a provider; who is linked there is linked again when it comes back."""
    async with platform.database.platform() as tx:
        gone = await tx.execute("DELETE FROM identity_provider WHERE slug = %s", (slug,))
    if not gone:
        raise OperatingError(f"there is no provider {slug}; kilowise providers list names them")
    return f"{slug} was removed"


async def listed(platform: Platform) -> str:
    """Tell the providers, a line each, without secrets."""
    async with platform.database.platform_read() as tx:
        rows = await list_providers(tx)
    told = (f"{row.slug}  {row.kind}  {row.client_id}  {row.options}" for row in rows)
    return "\n".join(told) or "there are no providers"


def return_path(slug: str) -> str:
    """Answer where a provider sends the browser back to."""
    return f"/api/v1/sign-in/{slug}/return"


def _of(slug: str) -> str:
    return f"provider {slug}"
