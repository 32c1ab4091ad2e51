"""The last lines of the log, kept in memory for support."""

import logging
from collections import deque

KEPT = 200
MAX_CHARACTERS = 300
"""Of one line; longer ones are cut."""


class LogTail(logging.Handler):
    """Keeps what is logged; the oldest lines go first."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=KEPT)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._lines.append(self.format(record)[:MAX_CHARACTERS])

    def last(self, count: int) -> list[str]:
        """The newest lines, oldest first."""
        return list(self._lines)[-count:]
