"""Updates that the platform asks for: taken from the wire, fetched and installed by a process of
its own, and told of when the supervisor has judged the new version.

What was asked is kept beside the releases, so that whichever version runs after the trial tells
how it ended.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.contract import topics
from gateway.contract.sparkplug import Datatype, Metric, Payload, encode
from gateway.contract.update import Update, UpdateCode, UpdateResult, UpdateState, encode_update
from gateway.installed import software_version
from gateway.journal import NODE, Journal
from gateway.update.health import VARIABLE
from gateway.update.software import Outcome, Software

log = logging.getLogger(__name__)

LOOK_S = 0.5
REMEMBERED = 100
"""Ids whose updates are not done again when they come twice."""
SAID_MOST = 300


class Asked(msgspec.Struct, frozen=True):
    """An update under way: what was asked, and what ran then."""

    update: Update
    before: str


@dataclass(frozen=True, slots=True)
class Means:
    """What an update needs of this gateway."""

    config: Path
    enrolled: bool
    has_keys: bool
    supervised: bool

    @classmethod
    def of(
        cls, config: Path, environment: Mapping[str, str], *, enrolled: bool, has_keys: bool
    ) -> "Means":
        """What there is."""
        return cls(config, enrolled, has_keys, VARIABLE in environment)

    def lack(self) -> UpdateCode | None:
        """The first thing that is missing; None = nothing."""
        if not self.has_keys:
            return UpdateCode.NO_KEYS
        if not self.enrolled:
            return UpdateCode.NOT_ENROLLED
        return None if self.supervised else UpdateCode.NOT_SUPERVISED


class Updates:
    """Takes updates from the wire; `run` until cancelled."""

    def __init__(
        self,
        means: Means,
        journal: Journal,
        now_ms: Callable[[], int],
        software: Software | None = None,
    ) -> None:
        """`now_ms` answers the platform's time, UTC milliseconds."""
        self._means = means
        self._journal = journal
        self._now_ms = now_ms
        self._software = software or Software(means.config.parent / "software")
        self._file = self._software.folder / "asked.json"
        self._wanted: asyncio.Queue[Update] = asyncio.Queue(1)
        self._seen: dict[str, None] = {}

    def offer(self, update: Update) -> None:
        """Take an update; one that came before is not done again."""
        under_way = self._under_way()
        if update.id in self._seen or (under_way and under_way.update.id == update.id):
            return
        self._seen[update.id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        code = self._refusal(update, busy=under_way is not None or self._wanted.full())
        if code is not None:
            self._say(update, UpdateState.REFUSED, code)
            return
        self._wanted.put_nowait(update)
        self._say(update, UpdateState.ACCEPTED, UpdateCode.DONE)

    async def run(self) -> None:
        """Tell how the last one ended, then do one after the other."""
        self._end_interrupted()
        while True:
            asked = self._under_way()
            outcome = None if asked is None else self._outcome(asked)
            if asked is not None and outcome is not None:
                self._ended(asked, outcome)
            if asked is None or outcome is not None:
                await self._next()
            await asyncio.sleep(LOOK_S)

    def _end_interrupted(self) -> None:
        """Give up what was neither installed nor tried when the process before this one ended."""
        asked = self._under_way()
        if asked is None or self._software.on_trial or self._outcome(asked) is not None:
            return
        self._file.unlink(missing_ok=True)
        code = UpdateCode.INTERRUPTED
        self._say(asked.update, UpdateState.FAILED, code, before=asked.before)

    async def _next(self) -> None:
        """Do what waits, if something does."""
        if self._wanted.empty():
            return
        update = self._wanted.get_nowait()
        self._keep(Asked(update, software_version()))
        said = await self._install(update)
        if said:
            log.error("%s", said)
            self._file.unlink(missing_ok=True)
            self._say(update, UpdateState.FAILED, UpdateCode.NOT_INSTALLED, detail=said)

    async def _install(self, update: Update) -> str:
        """Fetch and install in a process of its own; answers the sentence of what went wrong.

        The cryptographic library, too large to carry along, is in that process.
        """
        words = ("-m", "gateway", "update-asked", update.id, update.version, update.sha256)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            "--config",
            str(self._means.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, told = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
        if child.returncode == 0:
            return ""
        last = told.decode(errors="replace").strip().rpartition("\n")[2]
        return last or f"the installation ended with code {child.returncode}"

    def _refusal(self, update: Update, *, busy: bool) -> UpdateCode | None:
        if self._now_ms() > update.not_after_ms:
            return UpdateCode.LATE
        if update.version == software_version():
            return UpdateCode.RUNS_ALREADY
        return UpdateCode.BUSY if busy else self._means.lack()

    def _outcome(self, asked: Asked) -> Outcome | None:
        """How its trial ended; None while it is installed or tried."""
        if self._software.on_trial:
            return None
        outcome = self._software.outcome()
        return outcome if outcome is not None and outcome.version == asked.update.version else None

    def _ended(self, asked: Asked, outcome: Outcome) -> None:
        state = UpdateState.KEPT if outcome.kept else UpdateState.ROLLED_BACK
        code = UpdateCode.DONE if outcome.kept else UpdateCode.NOT_HEALTHY
        self._say(asked.update, state, code, before=asked.before, detail=outcome.reason)
        self._file.unlink(missing_ok=True)

    def _say(
        self,
        update: Update,
        state: UpdateState,
        code: UpdateCode,
        *,
        before: str | None = None,
        detail: str = "",
    ) -> None:
        at_ms, now = self._now_ms(), software_version()
        result = UpdateResult(
            update.id,
            state,
            code,
            at_ms,
            update.actor,
            now if before is None else before,
            now,
            detail[:SAID_MOST],
        )
        log.warning("update to %s: %s/%s %s", update.version, state, code, detail)
        text = encode_update(result)
        metric = Metric(topics.EXT_UPDATE_RESULT, None, Datatype.STRING, text, at_ms)
        self._journal.append(NODE, encode(Payload(None, (metric,))))

    def _under_way(self) -> Asked | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Asked)
        except (OSError, msgspec.MsgspecError):
            return None

    def _keep(self, asked: Asked) -> None:
        self._software.folder.mkdir(parents=True, exist_ok=True)
        self._software.forget_outcome()
        fresh = self._file.with_name("asked.json.new")
        fresh.write_bytes(msgspec.json.encode(asked))
        fresh.replace(self._file)
