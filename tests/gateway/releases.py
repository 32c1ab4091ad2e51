"""Real releases for tests: the gateway's own source as a wheel of another version, signed."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import gateway
from gateway.update.sign import make_key, sign

SOURCE = Path(gateway.__file__).parent


class Maker:
    """Somebody who makes releases, with a key of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key = folder / "key.pem"
        self.public = make_key(self.key)

    def release(
        self, version: str, changed: Mapping[str, str] | None = None, min_wire: str = "1.0"
    ) -> Path:
        """A release of the present source, with some of its files changed."""
        wheel = self.folder / f"kilowise-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for file in SOURCE.rglob("*"):
                name = str(file.relative_to(SOURCE.parent))
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.writestr(name, (changed or {}).get(name) or file.read_bytes())
            about = f"Metadata-Version: 2.1\nName: kilowise\nVersion: {version}\n"
            archive.writestr(f"kilowise-{version}.dist-info/METADATA", about)
        out = self.folder / f"{version}.release"
        assert sign(wheel, self.key, out, min_wire) == version
        return out
