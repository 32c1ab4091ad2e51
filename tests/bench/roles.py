"""Roles of the platform as processes of their own, for figures of the whole way."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def roles(environment: Mapping[str, str], log: Path, *names: str) -> AsyncIterator[None]:
    """Run them for the time of the block; what they print goes into `log`."""
    with log.open("wb") as out:
        children = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "backend", name, env=environment, stdout=out, stderr=out
            )
            for name in names
        ]
        try:
            yield
        finally:
            for child in children:
                if child.returncode is None:
                    child.kill()
                await child.wait()
