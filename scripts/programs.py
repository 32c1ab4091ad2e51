"""Programs outside Python that tests need: found, installed on Debian as root, else named."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")
CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.conf")
START_POLICY = Path("/usr/sbin/policy-rc.d")
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Program:
    """`name` is the argument of `@pytest.mark.needs`; `packages` are Debian's."""

    name: str
    packages: tuple[str, ...]
    present: Callable[[], bool]


def on_path(*names: str) -> bool:
    """Whether one of the commands is there; servers live in sbin, which users lack in PATH."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"
    return any(shutil.which(name, path=path) for name in names)


def chinese_glyphs() -> bool:
    """Whether a font can draw 简体中文; without one a picture shows empty boxes."""
    if not on_path("fc-list"):
        return False
    listed = subprocess.run(
        ["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=False
    )
    return bool(listed.stdout.strip())


PROGRAMS = (
    Program("chromium", ("chromium",), lambda: on_path("chromium", "chromium-browser")),
    Program("mosquitto", ("mosquitto",), lambda: on_path("mosquitto")),
    Program("mosquitto-clients", ("mosquitto-clients",), lambda: on_path("mosquitto_sub")),
    Program("gcc", ("gcc", "libc6-dev"), lambda: on_path("gcc")),
    Program(
        "libmodbus",
        ("libmodbus-dev",),
        lambda: Path("/usr/include/modbus/modbus.h").exists(),
    ),
    Program("postgresql-15", ("postgresql-15",), lambda: (POSTGRESQL_15 / "postgres").is_file()),
    # Not for Debian: a wheel that PyPI has for Linux and Windows only.
    Program("c104", (), lambda: find_spec("c104") is not None),
    Program("fonts", ("fontconfig", "fonts-noto-cjk"), chinese_glyphs),
)


def absent() -> list[Program]:
    """Programs that this machine lacks."""
    return [program for program in PROGRAMS if not program.present()]


def sentence(missing: list[Program]) -> str:
    """What to install, for people."""
    packages = " ".join(package for program in missing for package in program.packages)
    return (
        f"\n!!! These tests could not run: {', '.join(program.name for program in missing)} "
        f"missing.\n!!! Debian: sudo apt-get install {packages}\n"
    )


@contextmanager
def absent_file(path: Path, text: str, mode: int) -> Iterator[None]:
    """Puts a file there unless it exists, and takes ours away again."""
    if path.exists():
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink()


def install(missing: list[Program]) -> None:
    """apt-get, without starting a broker or making a PostgreSQL cluster on this machine."""
    packages = [package for program in missing for package in program.packages]
    print(f"test: installing {' '.join(packages)}", flush=True)
    apt = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (
        absent_file(START_POLICY, "#!/bin/sh\nexit 101\n", 0o755),
        absent_file(CLUSTER_SETTINGS, "create_main_cluster = false\n", 0o644),
    ):
        for command in (
            [*apt, "update"],
            [*apt, "install", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                command,
                env=quiet,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(f"{done.stdout}{done.stderr}\ntest: {' '.join(command)} failed", flush=True)
                return


def provide() -> list[Program]:
    """Installs what is absent where that is ours to do; returns what is still absent."""
    missing = absent()
    if missing and os.geteuid() == 0 and on_path("apt-get"):
        install(missing)
        missing = absent()
    if missing:
        print(sentence(missing), flush=True)
    return missing
