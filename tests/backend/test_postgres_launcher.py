"""The embedded server: one on one folder, whatever was killed before, as root and as a user."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend.core.errors import PostgresError
from backend.core.passwords import load_passwords
from backend.core.postgres import EmbeddedPostgres, find_programs, running_url
from backend.core.processes import is_running, start_time, wait_until_gone
from backend.core.roles import init_sql, url_for_role
from backend.core.server_account import ServerAccount, choose_account
from backend.core.settings import Settings
from tests.postgres import DEBIAN_15

PROGRAMS = find_programs(Settings())
FAST = {"fsync": "off"}
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step aside")
REPOSITORY = Path(__file__).parents[2]

HOLDER = """
import sys, time
from pathlib import Path
from backend.core.postgres import EmbeddedPostgres, find_programs
from backend.core.settings import Settings
folder = Path(sys.argv[1])
server = EmbeddedPostgres(folder, find_programs(Settings()), folder / "p.json", {"fsync": "off"})
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a space in its path that everybody may enter."""
    made = Path(tempfile.mkdtemp(prefix="kw pg "))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def servers() -> Iterator[list[EmbeddedPostgres]]:
    """Servers to stop at the end, whatever happened."""
    made: list[EmbeddedPostgres] = []
    yield made
    for server in made:
        server.stop()


def make(folder: Path, servers: list[EmbeddedPostgres]) -> EmbeddedPostgres:
    server = EmbeddedPostgres(folder, PROGRAMS, folder / "p.json", FAST)
    servers.append(server)
    return server


def ask(folder: Path, server: EmbeddedPostgres, sql: str) -> object:
    password = load_passwords(folder / "p.json")["postgres"]
    url = url_for_role(server.url, "postgres", password, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_it_starts_keeps_its_data_and_leaves_nothing(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    server = make(folder, servers)
    server.start()
    assert str(ask(folder, server, "SHOW server_version")).startswith("18.")
    assert ask(folder, server, "SHOW server_encoding") == "UTF8"
    assert ask(folder, server, "SHOW synchronous_commit") == "on"
    ask(folder, server, "CREATE TABLE kept AS SELECT 42 AS n")
    pid = server.pid
    assert pid is not None
    assert running_url(folder) == server.url
    server.stop()
    assert not is_running(pid)
    assert running_url(folder) is None
    server.start()
    assert ask(folder, server, "SELECT n FROM kept") == 42
    assert (folder / "p.json").stat().st_mode & 0o777 == 0o600


def test_a_second_supervisor_is_told_who_holds_the_folder(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    first = make(folder, servers)
    first.start()
    with pytest.raises(PostgresError, match=f"already runs on .* \\(process {os.getpid()}\\)"):
        make(folder, servers).start()
    assert ask(folder, first, "SELECT 1") == 1


def test_when_the_parent_is_killed_the_server_ends(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    parent, pid = hold(folder)
    started = start_time(pid)
    parent.kill()
    parent.wait()
    assert wait_until_gone(pid, started, 10)
    server = make(folder, servers)
    server.start()
    assert ask(folder, server, "SELECT 1") == 1


def test_a_server_left_behind_is_stopped_before_a_new_one_starts(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    """The guard is killed with the parent, so the old server is still there at the next start."""
    parent, pid = hold(folder)
    started = start_time(pid)
    guard = int(
        subprocess.run(
            ["pgrep", "-P", str(parent.pid), "sh"], capture_output=True, text=True, check=True
        ).stdout
    )
    os.kill(guard, signal.SIGKILL)
    parent.kill()
    parent.wait()
    assert start_time(pid) == started
    server = make(folder, servers)
    server.start()
    assert start_time(pid) != started
    assert ask(folder, server, "SELECT count(*) FROM pg_stat_activity WHERE pid <> 0") is not None
    assert server.pid != pid


def test_a_killed_server_recovers_on_the_same_address(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    server = make(folder, servers)
    server.start()
    ask(folder, server, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    url, pid = server.url, server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid, start_time(pid), 5)
    server.restart()
    assert server.url == url
    assert server.pid != pid
    assert ask(folder, server, "SELECT sum(n) FROM kept") == 500500


def test_a_pid_that_now_belongs_to_another_program_does_not_stop_us(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    """After a container's restart the numbers are used again."""
    server = make(folder, servers)
    server.start()
    server.stop()
    pid_file = folder / "postgres" / "cluster" / "postmaster.pid"
    owner = pid_file.parent.stat()
    account = ServerAccount("self" if os.geteuid() else "user", owner.st_uid, owner.st_gid)
    stranger = account.popen(["sleep", "600"], output=subprocess.DEVNULL)
    try:
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n1\n5432\n\n\n0\nready   \n")
        server.start()
        assert ask(folder, server, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_first_start_is_begun_anew(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    half = folder / "postgres" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = make(folder, servers)
    server.start()
    assert ask(folder, server, "SELECT 1") == 1
    assert not half.exists()


def test_a_foreign_folder_is_left_alone(folder: Path, servers: list[EmbeddedPostgres]) -> None:
    foreign = folder / "postgres" / "cluster"
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(PostgresError, match=r"was not made by Kilowise.*KILOWISE_DATABASE_URL"):
        make(folder, servers).start()
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]


def test_an_older_cluster_says_which_programs_it_needs(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    server = make(folder, servers)
    server.start()
    server.stop()
    (folder / "postgres" / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 15.*KILOWISE_POSTGRES_BIN"):
        server.start()


@ROOT
def test_root_finds_a_way_below_a_closed_folder(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = make(closed, servers)
    server.start()
    assert ask(closed, server, "SELECT 1") == 1
    pid = server.pid
    assert pid is not None
    server.stop()
    server.start()
    assert ask(closed, server, "SELECT 1") == 1


@ROOT
@pytest.mark.parametrize("mode", ["user", "reach", "userns"])
def test_each_way_of_stepping_aside_is_recorded_and_taken_again(
    folder: Path, servers: list[EmbeddedPostgres], mode: str
) -> None:
    uid = 0 if mode == "userns" else 65534
    account = ServerAccount(mode, uid, uid)  # type: ignore[arg-type]
    if account.run([str(PROGRAMS / "postgres"), "--version"])[0] != 0:
        pytest.skip(f"{mode} is refused on this machine")
    cluster = folder / "cluster"
    cluster.mkdir(mode=0o700)
    assert choose_account(cluster, PROGRAMS, account) == account
    assert cluster.stat().st_uid == uid
    assert account.run(["/bin/sh", "-c", 'test "$(id -u)" != 0'])[0] == 0


@ROOT
def test_when_nothing_works_root_is_told_what_to_set(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "postgres").write_text("#!/bin/sh\nexit 1\n")
    (programs / "postgres").chmod(0o755)
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    with pytest.raises(PostgresError, match=r"refuses to run as root.*KILOWISE_DATABASE_URL"):
        choose_account(cluster, programs, None)


@ROOT
def test_as_a_normal_user(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    os.chown(own, 65534, 65534)
    # It may look into closed folders, because Python itself may lie in one here.
    parent, pid = hold(own, ServerAccount("reach", 65534, 65534))
    try:
        assert "Uid:\t65534\t65534" in Path(f"/proc/{pid}/status").read_text()
        assert json.loads((own / "postgres" / "server.json").read_text())["mode"] == "self"
    finally:
        started = start_time(pid)
        parent.kill()
        parent.wait()
        assert wait_until_gone(pid, started, 10)


@pytest.mark.needs("postgresql-15")
def test_the_printed_sql_lets_an_administrator_prepare_the_server(
    folder: Path, servers: list[EmbeddedPostgres]
) -> None:
    """The script runs twice through psql; then kw_owner alone can make the tables."""
    server = EmbeddedPostgres(folder, DEBIAN_15, folder / "p.json", FAST)
    servers.append(server)
    server.start()
    passwords = load_passwords(folder / "p.json")
    admin = url_for_role(server.url, "postgres", passwords["postgres"], "postgres")
    for _ in range(2):
        subprocess.run(
            [str(DEBIAN_15 / "psql"), "-v", "ON_ERROR_STOP=1", "-q", "-d", admin],
            input=init_sql(passwords),
            text=True,
            check=True,
        )
    upgrade = subprocess.run(
        [sys.executable, "-m", "backend", "db", "upgrade"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "KILOWISE_DATA": str(folder),
            "KILOWISE_DATABASE_URL": server.url,
            "KILOWISE_DATABASE_PASSWORDS": str(folder / "p.json"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (upgrade.returncode, upgrade.stderr) == (0, "")
    with psycopg.connect(
        url_for_role(server.url, "kw_app", passwords["kw_app"], "kilowise")
    ) as app:
        assert app.execute("SELECT count(*) FROM reading").fetchone() == (0,)


def hold(folder: Path, account: ServerAccount | None = None) -> tuple[subprocess.Popen[str], int]:
    """Start a server from a process of its own; answer that process and the server's pid."""
    argv = [sys.executable, "-c", HOLDER, str(folder)]
    parent = subprocess.Popen(
        account.command(argv) if account else argv,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout as told:
        return parent, int(told.readline())
