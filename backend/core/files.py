"""Files that others read while they are replaced, and that no stranger reads at all."""

import os
from pathlib import Path


def write_private(file: Path, content: bytes) -> None:
    """Replace a file at once, so that no reader sees a half of it, and no stranger any of it."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    fresh.replace(file)


def settle(fresh: Path, file: Path) -> None:
    """Give a written file its name for good: it is there after a loss of power, or was never."""
    _sync(fresh)
    fresh.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
