"""The whole product as a user starts it: `kilowise serve --demo` with a data folder of its own.

    with product(tmp_path) as running:
        running.wait_ready()
        running.url                       # http://127.0.0.1:<port>
        running.kill("ingest")            # kill -9; the supervisor restarts it
        running.post("/graphql", {...})   # signed in as `manager`

Ports are free ones chosen by the product itself; everything ends with the block.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READY_S = 300.0
END_S = 60.0


@dataclass(slots=True)
class Product:
    """A running supervisor and what it printed."""

    process: subprocess.Popen[bytes]
    data: Path
    log: Path
    tokens: dict[str, str] = field(default_factory=dict)
    _url: str | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return self._url or self.wait_url()

    def printed(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(errors="replace")

    def wait_url(self, timeout_s: float = READY_S) -> str:
        """Wait for the line that says where to go."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = re.search(r"Kilowise is ready: (\S+?)/\s", self.printed())
            if found is not None:
                self._url = found.group(1)
                return self._url
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the product did not start:\n{self.printed()[-4000:]}")

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until live values flow."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with suppress(OSError, ValueError):
                if self.get("/readyz").get("ready") is True:
                    return
            time.sleep(0.1)
        raise AssertionError(f"no live values:\n{self.printed()[-4000:]}")

    def get(self, path: str) -> dict[str, Any]:
        """GET a JSON document; an HTTP error raises."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
            document: dict[str, Any] = json.load(answer)
            return document

    def post(
        self, path: str, body: Mapping[str, Any], login: str | None = "manager"
    ) -> dict[str, Any]:
        """POST JSON as a demo person (None: as nobody)."""
        headers = {"content-type": "application/json"}
        if login is not None:
            headers["authorization"] = f"Bearer {self.token(login)}"
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            document: dict[str, Any] = json.load(answer)
            return document

    def token(self, login: str) -> str:
        """The bearer token of a demo person, as scripts get it."""
        if login not in self.tokens:
            body = {"login": login, "password": "kilowise-demo"}
            self.tokens[login] = str(self.post("/api/v1/session", body, login=None)["token"])
        return self.tokens[login]

    def graphql(self, query: str, login: str | None = "manager", **variables: Any) -> Any:
        """The data of an operation; errors fail."""
        answer = self.post("/graphql", {"query": query, "variables": variables}, login)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def pid(self, role: str) -> int | None:
        """The process of a role (`web`, `ingest`, `broker`, `gateway`, `plant`, `postgres`)."""
        if role == "postgres":
            file = self.data / "postgres" / "cluster" / "postmaster.pid"
            return int(file.read_text().split()[0]) if file.exists() else None
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and _is(folder, role, self.process.pid):
                return int(folder.name)
        return None

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """Kill -9 the process of a role and return its pid."""
        pid = self.pid(role)
        assert pid is not None, f"{role} does not run"
        os.kill(pid, number)
        return pid

    def wait_restarted(self, role: str, old: int, timeout_s: float = 120.0) -> int:
        """Wait until another process does the work of the killed one."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            pid = self.pid(role)
            if pid is not None and pid != old:
                return pid
            time.sleep(0.05)
        raise AssertionError(f"{role} was not restarted:\n{self.printed()[-3000:]}")

    def children(self) -> set[int]:
        """Every process below the supervisor."""
        found, known = set(), {self.process.pid}
        while known:
            known = {
                int(folder.name)
                for folder in Path("/proc").iterdir()
                if folder.name.isdigit() and _parent(folder) in known
            }
            found |= known
        return found

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def _is(folder: Path, role: str, supervisor: int) -> bool:
    words = {
        "plant": ["gateway", "simulate"],
        "gateway": ["gateway", "run"],
    }.get(role, ["backend", role])
    try:
        argv = (folder / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    if "-m" not in argv or _parent(folder) != supervisor:
        return False
    after = argv[argv.index("-m") + 1 :]
    return after[:1] == words[:1] and words[1] in after


def _parent(folder: Path) -> int | None:
    try:
        stat = (folder / "stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


@contextmanager
def product(folder: Path, *, demo: bool = True, **environment: str) -> Iterator[Product]:
    """Start the product with its data below `folder`; stops it and leaves nothing running.

    The demonstration's past is 35 days long: what is older is a matter of tests of its own.
    """
    environment = {"KILOWISE_HISTORY_DAYS": "35", **environment}
    data = folder / "data folder"
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o755)
    # A log of its own for each start on this folder: what an earlier one printed says nothing.
    log = folder / f"serve-{len([*folder.glob('serve-*.log')]) + 1}.log"
    scrubbed = {name: value for name, value in os.environ.items() if name not in environment}
    argv = [sys.executable, "-m", "backend", "serve", *(["--demo"] if demo else [])]
    with log.open("ab") as out:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**scrubbed, "KILOWISE_DATA": str(data), **environment},
        )
    running = Product(process, data, log)
    try:
        yield running
    finally:
        with suppress(subprocess.TimeoutExpired):
            running.stop()
        if process.poll() is None:
            process.kill()
            process.wait()
