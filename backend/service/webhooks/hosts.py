"""Which addresses webhooks may go to: those the operator named, so that nobody reaches inside."""

from collections.abc import Sequence
from fnmatch import fnmatch
from urllib.parse import SplitResult, urlsplit

HTTPS_PORT = 443
LONGEST_URL = 500


def may_call(url: str, allowed: Sequence[str]) -> bool:
    """Tell whether an address may be called.

    `allowed` are names (`hooks.example.com`, `*.example.com`), reached by https on port 443, and
    `host:port`, reached by http or https.
    """
    parts = _parts(url)
    if parts is None or parts.username is not None or parts.password is not None:
        return False
    if parts.netloc in allowed:
        return parts.scheme in {"http", "https"}
    named = any(fnmatch(parts.hostname or "", one) for one in allowed if ":" not in one)
    return named and parts.scheme == "https" and parts.port in {None, HTTPS_PORT}


def _parts(url: str) -> SplitResult | None:
    """Answer an address taken apart; None for a text that is none."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    return parts if parts.hostname else None
