"""The configuration documents a gateway holds on disk: the one in force and the last good one.

One small file beside the journal, replaced as a whole, so that a kill -9 or power cut leaves
either the old or the new state.
"""

import contextlib
import logging
import os
from pathlib import Path

import msgspec

from gateway.contract.configuration import ConfigDocument, ConfigResult

log = logging.getLogger(__name__)

SUFFIX = ".config"


class Held(msgspec.Struct, frozen=True):
    """What is held; `None` for a document stands for the gateway's own file alone."""

    current: ConfigDocument | None = None
    previous: ConfigDocument | None = None
    confirmed: bool = True
    """Whether the platform was in reach under `current`."""
    starts: int = 0
    """How often the gateway began with an unconfirmed document."""
    failed: ConfigResult | None = None
    """The last document that was refused or rolled back; it is not tried again."""


class ConfigStore:
    """The file of one gateway."""

    def __init__(self, journal: Path) -> None:
        """Keep it beside this journal."""
        self._file = journal.with_name(journal.name + SUFFIX)
        self.held = Held()

    def load(self) -> None:
        """Read what is held; a file that cannot be read is set aside, and nothing is held."""
        try:
            self.held = msgspec.json.decode(self._file.read_bytes(), type=Held)
        except FileNotFoundError:
            self.held = Held()
        except (OSError, msgspec.MsgspecError) as error:
            log.error(  # noqa: TRY400 - a sentence
                "%s cannot be read (%s): the gateway's own file counts until the platform sends a "
                "configuration again.",
                self._file,
                error,
            )
            self.held = Held()
            with contextlib.suppress(OSError):
                self._file.replace(self._file.with_name(self._file.name + ".damaged"))

    def keep(self, held: Held) -> None:
        """Hold this from now on, flushed to the disk. OSError when it cannot be written."""
        fresh = self._file.with_name(self._file.name + ".new")
        # A document may hold passwords of lines.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(held))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._file)
        self.held = held
