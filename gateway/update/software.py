"""The folder of installed releases, and which one runs.

`current` is a symbolic link that is replaced as a whole, `confirmed` names the version that proved
itself; when they differ, `current` is on trial. So a kill -9 or power cut at any moment leaves
either the old or the new version, and what was on trial is still on trial. No link at all stands
for the package that pip installed.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway.update.release import Release

INSTALLED = ""
"""The name of the package that pip installed."""


class Trial(msgspec.Struct, frozen=True):
    """The version on trial, how often it was started, and whether the one before had contact."""

    version: str
    starts: int = 0
    contact: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """How the last trial ended."""

    version: str
    kept: bool
    reason: str


class Software:
    """The releases of one gateway, in a folder beside its configuration."""

    def __init__(self, folder: Path) -> None:
        """The folder may be missing until the first release is staged."""
        self.folder = folder
        self._releases = folder / "releases"
        self._current = folder / "current"
        self.health_file = folder / "health.json"

    @property
    def current(self) -> str:
        """The version that is to run."""
        try:
            name = self._current.readlink().name
        except OSError:
            return INSTALLED
        return name if self.path(name).is_dir() else INSTALLED

    @property
    def confirmed(self) -> str:
        """The version that proved itself last."""
        try:
            name = (self.folder / "confirmed").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return INSTALLED
        return name if name and self.path(name).is_dir() else INSTALLED

    @property
    def on_trial(self) -> bool:
        """Whether what is to run has not proved itself yet."""
        return self.current != self.confirmed

    def path(self, version: str) -> Path:
        """Where a version's files are."""
        return self._releases / version

    def stage(self, release: "Release") -> None:
        """Lay a release's files on the disk for good; removes all but what runs or ran."""
        # A gateway that runs only looks at the folder, and needs neither.
        import shutil

        from gateway.update.release import unpack

        self._releases.mkdir(parents=True, exist_ok=True)
        for old in self._releases.iterdir():
            if old.name not in (self.current, self.confirmed):
                shutil.rmtree(old, ignore_errors=True)
        partial = self._releases / f".{release.version}.partial"
        partial.mkdir()
        unpack(release, partial)
        os.sync()
        shutil.rmtree(self.path(release.version), ignore_errors=True)
        partial.rename(self.path(release.version))
        _flush(self._releases)

    def switch(self, version: str) -> None:
        """Have this version run from now on."""
        fresh = self.folder / "current.new"
        fresh.unlink(missing_ok=True)
        if version == INSTALLED:
            self._current.unlink(missing_ok=True)
        else:
            fresh.symlink_to(Path("releases") / version)
            fresh.replace(self._current)
        _flush(self.folder)

    def confirm(self, version: str) -> None:
        """This version has proved itself."""
        self._write("confirmed", version.encode())
        self.end_trial(Outcome(version, kept=True, reason=""))

    def roll_back(self, reason: str) -> None:
        """Go back to the version that proved itself."""
        failed = self.current
        self.switch(self.confirmed)
        self.end_trial(Outcome(failed, kept=False, reason=reason))

    def trial(self) -> Trial:
        """How the trial of what is to run goes."""
        try:
            found = msgspec.json.decode((self.folder / "trial").read_bytes(), type=Trial)
        except (OSError, msgspec.MsgspecError):
            return Trial(self.current)
        return found if found.version == self.current else Trial(self.current)

    def keep_trial(self, trial: Trial) -> None:
        """Remember how the trial goes."""
        self._write("trial", msgspec.json.encode(trial))

    def end_trial(self, outcome: Outcome) -> None:
        """Keep how it ended."""
        self._write("outcome.json", msgspec.json.encode(outcome))
        (self.folder / "trial").unlink(missing_ok=True)

    def outcome(self) -> Outcome | None:
        """How the last trial ended; None before the first."""
        try:
            return msgspec.json.decode((self.folder / "outcome.json").read_bytes(), type=Outcome)
        except (OSError, msgspec.MsgspecError):
            return None

    def forget_outcome(self) -> None:
        """Forget how the last trial ended, because the next one begins."""
        (self.folder / "outcome.json").unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        fresh = self.folder / f"{name}.new"
        with fresh.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.folder / name)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
