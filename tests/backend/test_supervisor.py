"""One supervisor: children restart, end with it however it ends, and none stays behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.core.errors import OperatingError, SettingError
from backend.core.ports import HANDED, choose_port, hold_port, is_free, port_of
from backend.core.processes import is_running, start_time, wait_until_gone
from backend.core.supervisor import Backoff, Child, Supervisor

REPOSITORY = Path(__file__).parents[2]

SLEEPER = "import time; from gateway.contract.lifeline import hold_lifeline;hold_lifeline();"
OBEDIENT = SLEEPER + "time.sleep(600)"
STUBBORN = (
    "import signal,sys;signal.signal(signal.SIGTERM, signal.SIG_IGN);open(sys.argv[1],'w');"
    + OBEDIENT
)

PARENT = f"""
import asyncio, sys
from backend.core.supervisor import Child, Supervisor
async def main():
    supervisor = Supervisor()
    for name, code in (("obedient", {OBEDIENT!r}), ("stubborn", {STUBBORN!r})):
        supervisor.keep(Child(name, [sys.executable, "-c", code, "/dev/null"]))
    while not (supervisor.pid("obedient") and supervisor.pid("stubborn")):
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
    print(supervisor.pid("obedient"), supervisor.pid("stubborn"), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def child(name: str) -> Child:
    return Child(name, [sys.executable, "-c", OBEDIENT])


async def running_pid(supervisor: Supervisor, name: str, other_than: int | None = None) -> int:
    """Wait until the child runs under another pid than the given one."""
    await until(lambda: supervisor.pid(name) not in {None, other_than})
    return supervisor.pid(name) or 0


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - another process decides
        await asyncio.sleep(0.01)


async def test_a_killed_child_is_started_again() -> None:
    supervisor = Supervisor()
    supervisor.keep(child("one"))
    first = await running_pid(supervisor, "one")
    os.kill(first, signal.SIGKILL)
    second = await running_pid(supervisor, "one", other_than=first)
    assert is_running(second)
    await supervisor.close()
    assert not is_running(second)


async def test_stopping_leaves_no_process_even_a_stubborn_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("backend.core.supervisor.STOP_S", 0.5)
    supervisor, ready = Supervisor(), tmp_path / "ready"
    supervisor.keep(child("obedient"))
    supervisor.keep(Child("stubborn", [sys.executable, "-c", STUBBORN, str(ready)]))
    await until(ready.exists)
    pids = [await running_pid(supervisor, name) for name in ("obedient", "stubborn")]
    await supervisor.close()
    assert [is_running(pid) for pid in pids] == [False, False]


async def test_a_gated_child_waits_until_the_gate_opens(tmp_path: Path) -> None:
    code = (
        "import sys,pathlib;from backend.core.supervisor import wait_at_gate;"
        "pathlib.Path(sys.argv[1], 'there').touch();wait_at_gate();"
        "pathlib.Path(sys.argv[1], 'through').touch();"
    )
    supervisor = Supervisor()
    argv = [sys.executable, "-c", code + OBEDIENT, str(tmp_path)]
    supervisor.keep(Child("one", argv, gated=True))
    await until((tmp_path / "there").exists)
    await asyncio.sleep(0.3)
    assert not (tmp_path / "through").exists()
    supervisor.open_gate()
    await until((tmp_path / "through").exists)
    await supervisor.close()


async def test_a_watched_server_is_restarted() -> None:
    supervisor = Supervisor()
    restarted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def restart() -> None:
        loop.call_soon_threadsafe(restarted.set)

    supervisor.watch("server", lambda: not restarted.is_set(), restart)
    await restarted.wait()
    await supervisor.close()


async def test_a_watched_server_that_cannot_be_restarted_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor, faults = Supervisor(), [OperatingError("killed while it recovered"), OSError("no")]
    up = asyncio.Event()
    loop = asyncio.get_running_loop()

    def restart() -> None:
        if faults:
            raise faults.pop(0)
        loop.call_soon_threadsafe(up.set)

    supervisor.watch("server", lambda: not up.is_set(), restart)
    async with asyncio.timeout(30):
        await up.wait()
    await supervisor.close()
    assert "server: killed while it recovered" in caplog.text
    assert "server could not be restarted" in caplog.text


def test_children_end_when_the_supervisor_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout as told:
        pids = [int(pid) for pid in told.readline().split()]
    started = [start_time(pid) for pid in pids]
    parent.kill()
    parent.wait()
    assert len(pids) == 2
    for pid, born in zip(pids, started, strict=True):
        assert wait_until_gone(pid, born, 10), f"{pid} outlived its supervisor"


def test_the_wait_doubles_and_a_steady_run_resets_it() -> None:
    backoff = Backoff()
    assert [backoff.after(0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff.after(31) == 0.2
    assert backoff.after(0) == 0.4


def test_a_taken_default_port_moves_and_an_explicit_one_is_an_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = int(holder.getsockname()[1])
        assert not is_free("127.0.0.1", taken)
        assert choose_port("PORT", "127.0.0.1", taken, explicit=False) > taken
        with pytest.raises(SettingError, match=f"The port PORT={taken} on 127.0.0.1 is taken"):
            choose_port("PORT", "127.0.0.1", taken, explicit=True)


CHOOSER = """
import sys
from backend.core.ports import hold_port, port_of
print("ready", flush=True)
sys.stdin.readline()
held = hold_port("PORT", "127.0.0.1", int(sys.argv[1]), explicit=False)
print(port_of(held), flush=True)
sys.stdin.readline()
"""


def test_who_chooses_in_the_same_moment_gets_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        wanted = int(probe.getsockname()[1])
    choosers = [
        subprocess.Popen(
            [sys.executable, "-c", CHOOSER, str(wanted)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    pipes = [(one.stdin, one.stdout) for one in choosers if one.stdin and one.stdout]
    for _, told in pipes:
        assert told.readline() == "ready\n"
    for go, _ in pipes:
        go.write("\n")
        go.flush()
    ports = [int(told.readline()) for _, told in pipes]
    for chooser in choosers:
        chooser.communicate("\n")
    assert len(set(ports)) == len(choosers)
    assert wanted <= min(ports)


GREETER = """
import os
from backend.core.ports import handed_socket
held = handed_socket("http")
held.setblocking(True)
connection, _ = held.accept()
connection.sendall(str(os.getpid()).encode())
connection.close()
"""


async def test_a_handed_socket_outlives_the_process_that_serves_it() -> None:
    supervisor = Supervisor()
    with hold_port("PORT", "127.0.0.1", 20_000, explicit=False) as held:
        greeter = [sys.executable, "-c", GREETER]
        supervisor.keep(Child("greeter", greeter, sockets={HANDED["http"]: held.fileno()}))
        pids = set()
        for _ in range(2):
            # Nobody may be accepting at this moment, and nobody is refused.
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(held))
            pids.add(int(await reader.read()))
            writer.close()
        await supervisor.close()
    assert len(pids) == 2


@pytest.mark.long
def test_serve_recovers_from_its_own_death_and_ends_in_order(tmp_path: Path) -> None:
    """kill -9 of `kilowise serve`, then a second start on the same folder, then Ctrl-C."""
    data = tmp_path / "a path" / "var"
    first = serve(data)
    pid = postgres_pid(data)
    started = start_time(pid)
    family = descendants(first.pid)
    assert len(family) >= 2
    first.kill()
    first.wait()
    assert wait_until_gone(pid, started, 10)
    for child_pid, born in family.items():
        assert wait_until_gone(child_pid, born, 10)
    second = serve(data)
    again = postgres_pid(data, other_than=pid)
    family = descendants(second.pid)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 0
    assert not is_running(again)
    assert [pid for pid, born in family.items() if start_time(pid) == born] == []


def serve(data: Path) -> subprocess.Popen[bytes]:
    log = data.with_name("serve.log")
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "backend", "serve"],
            cwd=REPOSITORY,
            env={**os.environ, "KILOWISE_DATA": str(data)},
            stdout=output,
            stderr=output,
        )


def postgres_pid(data: Path, other_than: int | None = None) -> int:
    """Wait until the server of the folder is recorded and ready."""
    pid_file = data / "postgres" / "cluster" / "postmaster.pid"
    record = data / "postgres" / "server.json"
    while True:
        if pid_file.exists() and "ready" in pid_file.read_text():
            pid = json.loads(record.read_text())["pid"]
            if pid is not None and pid != other_than and start_time(pid):
                return int(pid)
        time.sleep(0.05)


def descendants(pid: int) -> dict[int, str | None]:
    """Answer the children of a process and their start times."""
    found = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return {int(number): start_time(int(number)) for number in found}


async def test_a_child_that_runs_once_is_not_started_again(tmp_path: Path) -> None:
    """Done when it ends without a fault; a fault is tried again."""
    tries = tmp_path / "tries"
    code = (
        "import sys,pathlib; p=pathlib.Path(sys.argv[1]);"
        "n=len(p.read_text()) if p.exists() else 0;"
        "p.write_text('x'*(n+1)); sys.exit(0 if n else 3)"
    )
    supervisor = Supervisor()
    supervisor.keep(Child("once", [sys.executable, "-c", code, str(tries)], once=True))
    await until(lambda: tries.exists() and tries.read_text() == "xx")
    await asyncio.sleep(1.0)
    assert tries.read_text() == "xx"
    assert supervisor.pid("once") is None
    await supervisor.close()
