"""All generated files: one row of `GENERATORS` each, written by `make generate`.

`--check` writes them too and fails when that changed a file or when git does not have it.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Generator:
    """A command, run in the repository's root, and the files it writes there."""

    name: str
    command: tuple[str, ...]
    writes: tuple[str, ...]


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """A module of the environment's Python."""
    return (sys.executable, "-m", name, *arguments)


def device_pages() -> tuple[str, ...]:
    """One page a shipped device profile."""
    files = sorted((ROOT / "gateway" / "profiles").glob("*/*.yaml"))
    return tuple(f"docs/devices/{file.parent.name}-{file.stem}.md" for file in files)


# In the order of their needs: what is written first may be read by the next.
GENERATORS: tuple[Generator, ...] = (
    Generator(
        "sparkplug",
        module(
            "grpc_tools.protoc",
            "-I.",
            "--python_out=.",
            "--pyi_out=.",
            "gateway/contract/sparkplug.proto",
        ),
        ("gateway/contract/sparkplug_pb2.py", "gateway/contract/sparkplug_pb2.pyi"),
    ),
    Generator(
        "schema",
        module("backend.application.graphql.schema"),
        ("schema.graphql", "schema.zh-CN.graphql"),
    ),
    Generator(
        "openapi",
        module("backend.application.rest.describe"),
        ("openapi.json", "openapi.zh-CN.json"),
    ),
    Generator("asyncapi", module("backend.application.mqtt_api.describe"), ("asyncapi.json",)),
    Generator(
        "tables",
        module("scripts.tables"),
        ("docs/devices.md", "docs/commands.md", *device_pages()),
    ),
    Generator("network", module("scripts.network"), ("docs/network.md",)),
    Generator("personal", module("scripts.personal"), ("docs/personal-data.md",)),
    Generator("security", module("scripts.security", "--write"), ("docs/security.md",)),
    Generator("licences", module("scripts.licences", "--write"), ("docs/licences.md",)),
)


def content(path: str) -> bytes | None:
    """The file's bytes, or None when there is no such file."""
    file = ROOT / path
    return file.read_bytes() if file.is_file() else None


def in_git(path: str) -> bool:
    """Whether git has the file (committed or staged)."""
    listed = subprocess.run(
        ["git", "ls-files", "--error-unmatch", path], cwd=ROOT, capture_output=True, check=False
    )
    return listed.returncode == 0


def generate(generator: Generator) -> list[str]:
    """Runs one generator and returns what it changed."""
    before = {path: content(path) for path in generator.writes}
    subprocess.run(generator.command, cwd=ROOT, check=True)
    missing = [path for path in generator.writes if content(path) is None]
    if missing:
        raise FileNotFoundError(f"{generator.name} did not write {', '.join(missing)}")
    return [path for path in generator.writes if content(path) != before[path]]


def main() -> int:
    """Runs all generators in order."""
    stale: list[str] = []
    for generator in GENERATORS:
        changed = generate(generator)
        for path in changed:
            print(f"generate: {generator.name} changed {path}")
        stale += changed
    if "--check" not in sys.argv:
        return 0
    stale += [path for row in GENERATORS for path in row.writes if not in_git(path)]
    if stale:
        print(f"not up to date in git: {', '.join(dict.fromkeys(stale))}; commit them now")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
