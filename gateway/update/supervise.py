"""`kilowise-gateway supervise`: runs the gateway's current version, watches a new one, goes back.

The supervisor itself is the installed package's and is never replaced by a release, so it is there
when a new version is not.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from gateway.contract.lifeline import Lifeline
from gateway.update.health import VARIABLE, Health, read_health
from gateway.update.software import INSTALLED, Software

log = logging.getLogger(__name__)

LOOK_S = 0.2
END_WITHIN_S = 15.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
MAX_STARTS = 3
"""Starts of a version on trial, after which it is taken for the cause of the crashes."""
ENDED, SWITCHED, TOLD = "it ended", "another version is to run", "told to end"


class Supervisor:
    """Keeps one gateway running until told to end."""

    def __init__(
        self, software: Software, command: Sequence[str], healthy_within_s: Callable[[], float]
    ) -> None:
        """`command` is what follows the interpreter, for example `-m gateway run`."""
        self._software = software
        self._command = list(command)
        self._healthy_within_s = healthy_within_s
        self._ending = threading.Event()

    def end(self) -> None:
        """Be told to end."""
        self._ending.set()

    def run(self) -> int:
        """Supervise; answers the exit code."""
        self._software.folder.mkdir(parents=True, exist_ok=True)
        lifeline = Lifeline()
        pause = FIRST_PAUSE_S
        while not self._ending.is_set():
            self._begin_trial()
            begun = time.monotonic()
            version = self._software.current
            child = self._start(version, lifeline)
            why = self._watch(child, version)
            self._stop(child)
            if why == SWITCHED:
                health = read_health(self._software.health_file, child.pid)
                self._remember_contact(health)
            elif why == ENDED:
                pause = FIRST_PAUSE_S if time.monotonic() - begun > LONGEST_PAUSE_S else pause
                log.error("the gateway ended; it is started again in %.0f s", pause)
                self._ending.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
        lifeline.close()
        return 0

    def _begin_trial(self) -> None:
        """Count a start under trial; too many of them are enough."""
        software = self._software
        if not software.on_trial:
            return
        trial = software.trial()
        if trial.starts >= MAX_STARTS:
            self._roll_back(f"it was started {trial.starts} times and did not prove itself")
            return
        software.keep_trial(msgspec.structs.replace(trial, starts=trial.starts + 1))

    def _remember_contact(self, health: Health) -> None:
        """A new version must reach the platform only if the one before it did."""
        software = self._software
        if software.on_trial:
            contact = health.online and health.acknowledged
            software.keep_trial(msgspec.structs.replace(software.trial(), contact=contact))

    def _start(self, version: str, lifeline: Lifeline) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            **lifeline.environment,
            VARIABLE: str(self._software.health_file),
        }
        if version != INSTALLED:
            environment["PYTHONPATH"] = str(self._software.path(version).resolve())
        log.info("the gateway starts, version %s", version or "as installed")
        # -P: no folder but the release's may lend its modules.
        return subprocess.Popen(
            [sys.executable, "-P", *self._command], env=environment, pass_fds=[lifeline.fd]
        )

    def _watch(self, child: "subprocess.Popen[bytes]", version: str) -> str:
        """Wait for the child's end, a switch or our own; judge it while it is on trial."""
        begun = time.monotonic()
        within_s = self._healthy_within_s()
        on_trial = self._software.on_trial
        while not self._ending.wait(LOOK_S):
            if self._software.current != version:
                return SWITCHED
            if child.poll() is not None:
                if on_trial:
                    self._roll_back(f"it ended with code {child.returncode}")
                    return SWITCHED
                return ENDED
            if on_trial:
                health = read_health(self._software.health_file, child.pid)
                late = time.monotonic() - begun >= within_s
                verdict = judge(health, contact=self._software.trial().contact, late=late)
                if verdict:
                    log.info("version %s works and stays", version)
                    self._software.confirm(version)
                    on_trial = False
                elif verdict is False:
                    self._roll_back(f"it did not work within {within_s:g} s ({health})")
                    return SWITCHED
        return TOLD

    def _roll_back(self, reason: str) -> None:
        log.error("version %s is rolled back: %s.", self._software.current, reason)
        self._software.roll_back(reason)

    def _stop(self, child: "subprocess.Popen[bytes]") -> None:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()


def judge(health: Health, *, contact: bool, late: bool) -> bool | None:
    """Whether a version on trial works; None = not known yet.

    Acknowledged is well. Where the version before had no contact either, polling and journaling
    must do; that is decided when the time is over, because contact may still come.
    """
    if health.acknowledged:
        return True
    if not late:
        return None
    return health.journaling and not health.online and not contact


def supervise(software: Software, file: Path, healthy_within_s: Callable[[], float]) -> int:
    """Run `kilowise-gateway run` under supervision until SIGTERM or SIGINT."""
    command = ["-m", "gateway", "run", "--config", str(file)]
    supervisor = Supervisor(software, command, healthy_within_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.end())
    return supervisor.run()
