"""The wheel is whole: all of our files, the built app, and a gateway that runs from base alone."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("backend", "gateway", "migrations")
STATIC = Path("backend/application/static")
WALK = """
import importlib, json, pkgutil, sys
import gateway
optional = {"gateway.drivers.opcua"}  # its package is an extra
names = [row.name for row in pkgutil.walk_packages(gateway.__path__, "gateway.")]
for name in names:
    if not name.endswith("__main__") and name not in optional:
        importlib.import_module(name)
backend = [name for name in sys.modules if name.partition(".")[0] == "backend"]
print(json.dumps({"names": names, "from": gateway.__file__, "backend": backend}))
"""


def execute(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(*folders: str) -> list[str]:
    """Files below the folders that git has or is about to have."""
    options = ("--cached", "--others", "--exclude-standard")
    listed = execute("git", "ls-files", "-z", *options, "--", *folders, cwd=ROOT)
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of what is in git, with the built app."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked("pyproject.toml", "README.md", "LICENSE", *PACKAGES):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    assert (ROOT / STATIC / "index.html").is_file(), "build it: scripts/setup test"
    shutil.copytree(ROOT / STATIC, source / STATIC)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    execute(*pip, "--wheel-dir", "dist", ".", cwd=source)
    [built] = (source / "dist").glob("kilowise-*.whl")
    return built


def test_every_file_of_ours_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    wanted = set(tracked(*PACKAGES))
    assert "gateway/contract/energy_types.yaml" in wanted
    assert sorted(wanted - packed) == [], "add it to [tool.setuptools.package-data]"


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} <= set(PACKAGES)


def test_the_built_app_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith(f"{STATIC}/")}
        page = archive.read(f"{STATIC}/index.html").decode()
    built = {str(STATIC / path.relative_to(ROOT / STATIC)) for path in files(ROOT / STATIC)}
    assert packed == built
    assert "/_app/immutable/" in page


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def edge_box(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the base requirements, as on an edge box."""
    home = tmp_path_factory.mktemp("edge box")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    execute(*pip, "--require-hashes", "-r", ROOT / "requirements/base.txt", cwd=home)
    execute(*pip, "--no-deps", wheel, cwd=home)
    return python


def test_the_gateway_needs_the_base_only(edge_box: Path) -> None:
    told = json.loads(execute(edge_box, "-I", "-c", WALK, cwd=edge_box.parent))
    ours = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in tracked("gateway")
        if path.endswith(".py")
    }
    assert set(told["names"]) == ours - {"gateway"}
    assert told["backend"] == []
    assert not told["from"].startswith(f"{ROOT}{os.sep}")


def test_base_brings_no_server(edge_box: Path) -> None:
    listed = json.loads(execute(edge_box, "-m", "pip", "list", "--format=json", cwd=ROOT))
    installed = {row["name"].lower() for row in listed}
    assert {"kilowise", "pymodbus", "gmqtt"} <= installed
    assert not installed & {"starlette", "sqlalchemy", "psycopg", "amqtt", "pydantic"}


def test_the_gateway_command_explains_itself(edge_box: Path) -> None:
    said = execute(edge_box.parent / "kilowise-gateway", "--help", cwd=edge_box.parent)
    assert "run" in said
    assert "simulate" in said
