"""Renewal: at two thirds of its life a certificate is exchanged for the next, over https.

A gateway that runs only looks at the date; the exchange itself is the command `kilowise-gateway
renew` in a process of its own, because the cryptographic library is too large to carry along. The
next connection to the broker uses the new certificate; the one at hand goes on.
"""

import asyncio
import logging
import random
import sys

from gateway.enrolment.identity import read_identity
from gateway.enrolment.section import Enrolment

log = logging.getLogger(__name__)

LOOK_S = 3600.0
"""Between two looks at the date, and between two tries."""
UNKNOWN_LOOK_S = 60.0
"""Between two looks as long as nobody told the time."""


class Renewal:
    """Keeps a gateway's certificate young while it runs."""

    def __init__(self, enrolment: Enrolment) -> None:
        """Take what to renew."""
        self._enrolment = enrolment

    async def run(self) -> None:
        """Renew when it is due, try again hourly, until cancelled."""
        while True:
            if self.is_due():
                await self._renew()
            known = self._enrolment.https.known.is_known
            pause_s = LOOK_S if known else UNKNOWN_LOOK_S
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - jitter

    def is_due(self) -> bool:
        """Whether two thirds of the life are over."""
        held = read_identity(self._enrolment.identity)
        return held is not None and self._enrolment.https.known.now() >= held.renew_from

    async def _renew(self) -> None:
        command = (
            sys.executable,
            "-m",
            "gateway",
            "renew",
            "--config",
            str(self._enrolment.config),
        )
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
        if code == 0:
            log.info("the certificate is renewed; the next connection to the broker uses it")
        else:
            log.warning("the certificate could not be renewed; tried again in an hour")
