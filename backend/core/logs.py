"""Logs go to stderr, one line an event: time (UTC), role, level, what happened."""

import logging
import sys
import time

_FORMAT = "%(asctime)s %(role)-9s %(levelname).1s %(message)s"


def set_up_logs(role: str, level: str) -> None:
    """Send everything of this process to stderr with the role's name in front."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%SZ", defaults={"role": role})
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("alembic", "psycopg.pool", "httpx", "procrastinate", "gmqtt"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
