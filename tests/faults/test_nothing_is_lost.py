"""kill -9 of every process under load: the database holds what the journal committed."""

import random
import time
from pathlib import Path

from tests.faults.balance import balance
from tests.faults.campaign import KILLS, drained_balance, schedule, suffer
from tests.faults.ledger import audit
from tests.faults.strike import alive, kill_and_wait, kill_backend, until, values_go_on
from tests.product import product

SEED = 20_261_126


def test_kill_9_of_every_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data folder"
    data.mkdir()
    audit(data)
    faults = schedule(random.Random(SEED), 5, cuts=None)
    assert {fault.what for fault in faults} == set(KILLS)
    with product(tmp_path) as running:
        running.wait_ready()
        running.token("manager")
        suffer(running, faults, print)
        values_go_on(running)
        kill_and_wait(running, "web")
        kill_backend(running)
        values_go_on(running)
        # A session outlives the process that made it.
        until(lambda: bool(running.graphql("{ now }")), running)
        old_server = running.pid("postgres")
        below = running.children()
        running.process.kill()
        running.process.wait()
        ended_within(below - {old_server or 0}, 3.0)
    with product(tmp_path) as running:
        running.wait_ready()
        assert servers_of(data) == {running.pid("postgres")}
        values_go_on(running)
        found = drained_balance(running)
        assert balance(data) == found, "something came after the journal was drained"
    print(f"kill -9: {found}")
    assert found.holds, found
    assert found.compared > 1000


def ended_within(pids: set[int], seconds: float) -> None:
    """The processes are gone in time."""
    deadline = time.monotonic() + seconds
    while left := {pid for pid in pids if alive(pid)}:
        assert time.monotonic() < deadline, {pid: command(pid) for pid in left}
        time.sleep(0.05)


def command(pid: int) -> list[str]:
    """The words a process was started with; its path may hold spaces."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def servers_of(data: Path) -> set[int]:
    """Postmasters on this data folder."""
    cluster = str(data / "postgres" / "cluster")
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return {
        pid
        for pid in pids
        if (words := command(pid)) and Path(words[0]).name == "postgres" and cluster in words
    }
