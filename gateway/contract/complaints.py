"""One clear log line for what is wrong with somebody's messages, however many of them come."""

import logging
import time
from dataclasses import dataclass

QUIET_S = 60.0
MOST = 1000
"""Kinds of faults that are remembered; beyond, the memory starts anew."""


@dataclass(slots=True)
class _Said:
    at_s: float
    more: int = 0


class Complaints:
    """Says a fault at once; then at most once a minute, with how often it came since."""

    def __init__(self, log: logging.Logger) -> None:
        """Nothing was said yet; `log` is where it will be."""
        self._log = log
        self._said: dict[tuple[str, str], _Said] = {}

    def say(self, who: str, reason: str, detail: object) -> None:
        """Log a fault of somebody; `reason` is one of a few, `detail` may be anything."""
        now_s = time.monotonic()
        said = self._said.get((who, reason))
        if said is not None and now_s - said.at_s < QUIET_S:
            said.more += 1
            return
        more = f" ({said.more} more since the last line)" if said is not None and said.more else ""
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[who, reason] = _Said(now_s)
        self._log.warning("%s: %s: %s%s", who, reason, _short(detail), more)


def _short(detail: object, limit: int = 200) -> str:
    text = str(detail).encode("ascii", "backslashreplace").decode()
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= limit else f"{text[:limit]}..."
