"""The bill of materials: CycloneDX 1.6 JSON of every package in the lock files, with its hashes.

Python packages come from requirements/run.txt (what the product needs at run time), their licences
from scripts/licences.py, so that docs/licences.md says the same; packages of the app come from
pwa/package-lock.json: required is what its sources import and what those need, the rest builds or
tests it (`excluded`). The same lock files give the same bytes.
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import msgspec
import orjson

from scripts.licences import stated

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "dist" / "kilowise.cdx.json"
SPDX = re.compile(r"\(?[A-Za-z0-9.+-]+\)?(?: (?:AND|OR|WITH) \(?[A-Za-z0-9.+-]+\)?)*")
PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*?)(?=^[A-Za-z0-9]|\Z)", re.MULTILINE | re.DOTALL
)
IMPORTED = re.compile(r"""from ['"]((?:@[\w.-]+/)?[a-zA-Z][\w.-]*)""")
BASE_64 = {"sha512": "SHA-512", "sha384": "SHA-384", "sha256": "SHA-256"}


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a lock file; hashes are (algorithm, hex) of the files it may come in."""

    ecosystem: str
    name: str
    version: str
    licence: str
    hashes: tuple[tuple[str, str], ...]
    required: bool

    @property
    def purl(self) -> str:
        """Its address as a package URL, without a registry's host."""
        return f"pkg:{self.ecosystem}/{self.name.replace('@', '%40')}@{self.version}"

    def component(self) -> dict[str, object]:
        """As CycloneDX says it."""
        is_expression = SPDX.fullmatch(self.licence) is not None
        named = (
            {"expression": self.licence} if is_expression else {"license": {"name": self.licence}}
        )
        return {
            "type": "library",
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "scope": "required" if self.required else "excluded",
            "hashes": [{"alg": kind, "content": content} for kind, content in self.hashes],
            "licenses": [named] if self.licence else [],
            "purl": self.purl,
        }


class Locked(msgspec.Struct, frozen=True):
    """A package in package-lock.json (version 3)."""

    version: str = ""
    integrity: str = ""
    license: str = ""
    dependencies: dict[str, str] = {}


class NpmLock(msgspec.Struct, frozen=True):
    """The lock file: path below node_modules -> package."""

    packages: dict[str, Locked]


def python_packages(text: str) -> Iterator[Package]:
    """The packages of a hashed requirements file."""
    for name, version, rest in PINNED.findall(text):
        hashes = tuple(("SHA-256", one) for one in sorted(re.findall(r"sha256:(\w+)", rest)))
        yield Package("pypi", name, version, stated(name), hashes, required=True)


def npm_packages(lock: bytes, sources: str) -> Iterator[Package]:
    """The packages of the app's lock file; `sources` is the text of what it is built from."""
    packages = msgspec.json.decode(lock, type=NpmLock).packages
    named = {path.rpartition("node_modules/")[2]: one for path, one in packages.items() if path}
    shipped = reached(set(IMPORTED.findall(sources)) & named.keys(), named)
    for path, one in sorted(packages.items()):
        name = path.rpartition("node_modules/")[2]
        if name and one.version:
            yield Package("npm", name, one.version, one.license, _integrity(one), name in shipped)


def reached(names: set[str], packages: Mapping[str, Locked]) -> set[str]:
    """Packages by name and all that they need."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name in packages and name not in found:
            found.add(name)
            waiting += packages[name].dependencies
    return found


def _integrity(one: Locked) -> tuple[tuple[str, str], ...]:
    parts = (part.partition("-") for part in one.integrity.split())
    return tuple((BASE_64[kind], base64.b64decode(text).hex()) for kind, _, text in parts)


def app_sources() -> str:
    """The text of everything that the app is built from."""
    files = sorted((ROOT / "pwa" / "src").rglob("*"))
    return "\n".join(file.read_text() for file in files if file.suffix in {".ts", ".svelte"})


def bill(packages: list[Package], version: str) -> bytes:
    """The document."""
    components = [one.component() for one in sorted(packages, key=lambda one: one.purl)]
    product = {"type": "application", "bom-ref": "kilowise", "name": "kilowise", "version": version}
    needed = [one.purl for one in packages if one.required]
    content = json.dumps(components, sort_keys=True)
    number = uuid5(NAMESPACE_URL, f"{version} {hashlib.sha256(content.encode()).hexdigest()}")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": [{"ref": "kilowise", "dependsOn": sorted(set(needed))}],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def written() -> bytes:
    """The bill of materials of this checkout."""
    run = (ROOT / "requirements" / "run.txt").read_text()
    lock = (ROOT / "pwa" / "package-lock.json").read_bytes()
    packages = [*python_packages(run), *npm_packages(lock, app_sources())]
    return bill(packages, metadata.version("kilowise"))


def main() -> int:
    """Writes the file that is named, else dist/kilowise.cdx.json."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(written())
    print(f"sbom: {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
