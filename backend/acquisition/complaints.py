"""One clear log line for what is wrong with a node's messages, however many of them come."""

import logging
import time
from dataclasses import dataclass

log = logging.getLogger(__name__)

QUIET_S = 60.0


@dataclass(slots=True)
class _Said:
    at_s: float
    more: int = 0


class Complaints:
    """Says a fault at once; then at most once a minute, with how often it came since."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._said: dict[tuple[str, str], _Said] = {}

    def say(self, who: str, reason: str, detail: object) -> None:
        """Log a fault of a node; `reason` is one of a few, `detail` may be anything."""
        now_s = time.monotonic()
        said = self._said.get((who, reason))
        if said is not None and now_s - said.at_s < QUIET_S:
            said.more += 1
            return
        more = f" ({said.more} more since the last line)" if said is not None and said.more else ""
        self._said[who, reason] = _Said(now_s)
        log.warning("%s: %s: %s%s", who, reason, _short(detail), more)


def _short(detail: object, limit: int = 200) -> str:
    text = str(detail).encode("ascii", "backslashreplace").decode()
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if len(text) <= limit else f"{text[:limit]}..."
