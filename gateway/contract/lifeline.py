"""A child process ends when its parent does, however the parent dies.

The parent holds the writing end of a pipe and never writes. A child reads the other end: the read
returns only when the parent is gone (kill -9 included). The child then gets SIGTERM to end in
order, and is ended hard when that takes longer than `GRACE_S`.
"""

import os
import signal
import threading
import time
from collections.abc import Mapping

VARIABLE = "KILOWISE_LIFELINE"
"""Environment variable that carries the number of the pipe's reading end to a child."""

GRACE_S = 1.4
"""Seconds a child has to end in order after its parent died; the whole end takes at most 2 s."""


class Lifeline:
    """The parent's end: hand `fd` (pass_fds) and `environment` to every child."""

    def __init__(self) -> None:
        """Open the pipe; neither end is inherited by accident."""
        self.fd, self._held = os.pipe()

    @property
    def environment(self) -> dict[str, str]:
        """The variables a child needs to find the pipe."""
        return {VARIABLE: str(self.fd)}

    def close(self) -> None:
        """Let go: every child that still runs ends."""
        os.close(self._held)
        os.close(self.fd)


def hold_lifeline(environment: Mapping[str, str] = os.environ) -> bool:
    """Watch the parent from a daemon thread; False when nobody handed a lifeline over.

    Call it early in the main thread of a child.
    """
    text = environment.get(VARIABLE, "")
    if not text.isdigit():
        return False
    threading.Thread(target=_watch, args=(int(text),), name="lifeline", daemon=True).start()
    return True


def _watch(fd: int) -> None:
    try:
        os.read(fd, 1)
    except OSError:
        # The descriptor was not handed over, so there is nothing to watch.
        return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(os.EX_SOFTWARE)
