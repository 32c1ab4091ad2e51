"""Processes known by pid and start time, because a pid alone is used again; and giving way."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

POLL_S = 0.02
AUTOGROUP = Path("/proc/self/autogroup")


def give_way(nice: int, autogroup: Path = AUTOGROUP) -> None:
    """Let other processes go first by `nice` (0: not), here and in children started from now on.

    Where Linux schedules sessions as groups (autogroups, sched(7)) niceness counts within a session
    only: a process that leads one, as the supervisor's children do, has all of it give way.
    """
    if nice == 0:
        return
    os.nice(nice)
    if os.getsid(0) != os.getpid():
        return
    with suppress(OSError):
        autogroup.write_text(f"{nice}\n", encoding="ascii")


def start_time(pid: int) -> str | None:
    """Answer a text that only this process with this pid has; None when it does not run."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name in brackets may hold spaces; the fields after it do not (proc(5)).
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if fields[0] in {"Z", "X"}:
            return None
        return f"{_boot()} {fields[19]}"
    shown = _ps(pid, "stat=", "lstart=").split(maxsplit=1)
    return shown[1] if len(shown) == 2 and not shown[0].startswith("Z") else None


def command_line(pid: int) -> str:
    """Answer the command a process was started with; empty when it does not run."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return _ps(pid, "args=")


def is_running(pid: int) -> bool:
    """Tell whether a process has this pid and is no zombie."""
    return start_time(pid) is not None


def wait_until_gone(pid: int, started: str | None, patience_s: float) -> bool:
    """Wait until the process is gone; False when it is still there after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while start_time(pid) == started:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _ps(pid: int, *columns: str) -> str:
    """Ask ps, where there is no /proc."""
    wanted = [part for column in columns for part in ("-o", column)]
    argv = ["/bin/ps", *wanted, "-p", str(pid)]
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
