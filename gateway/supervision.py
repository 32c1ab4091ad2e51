"""Parts that run for ever: started again after a bug, and ended for sure."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable

log = logging.getLogger(__name__)

RESTART_S = 5.0
ASK_AGAIN_S = 0.5
PATIENCE_S = 10.0
"""How long a part may take to end; one that hangs longer is left behind and said."""


async def kept(name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
    """Supervisor: a part that fails by a bug is logged and started again; the others go on."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s failed and is started again in %.0f s", name, RESTART_S)
        await asyncio.sleep(RESTART_S)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until it took: asyncio.wait_for of Python 3.11 can swallow a cancellation."""
    waiting = set(tasks)
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while waiting and loop.time() < until:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ASK_AGAIN_S)
    for task in waiting:
        log.error("%s does not end and is left behind.", task.get_name())
