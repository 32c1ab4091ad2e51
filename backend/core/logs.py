"""Logs go to stderr, one line an event: time (UTC), role, level, what happened."""

import logging
import sys
import time
from types import TracebackType

ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)}
_FORMAT = "%(asctime)s %(role)-9s %(levelname).1s %(message)s"


class OneLine(logging.Formatter):
    """Writes an event as one line: what somebody sent cannot begin a line of its own.

    The traceback of a bug goes over several, each of them indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Answer the line with control characters as escapes."""
        return super().formatMessage(record).translate(_CONTROLS)

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - logging's name
        """Answer a traceback that cannot be taken for lines of the log."""
        return "\n".join(f"    {line}" for line in super().formatException(ei).splitlines())


def set_up_logs(role: str, level: str) -> None:
    """Send everything of this process to stderr with the role's name in front."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = OneLine(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ", defaults={"role": role})
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("alembic", "psycopg.pool", "httpx", "procrastinate", "gmqtt"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
