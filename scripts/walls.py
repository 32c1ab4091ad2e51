"""The import walls of pyproject.toml, and that the wire stands on nothing else of the gateway."""

import subprocess
import sys
from pathlib import Path

import grimp

WIRE = "gateway.contract"


def breaches(graph: grimp.ImportGraph) -> list[str]:
    """Imports by which the wire leans on the rest of the gateway, which the platform lacks."""
    wire = {WIRE, *graph.find_descendants(WIRE)}
    return sorted(
        f"{module} imports {imported}: gateway.contract may import only itself"
        for module in wire
        for imported in graph.find_modules_directly_imported_by(module)
        if imported not in wire
    )


def main() -> int:
    """Both readings; their findings on standard output."""
    linted = subprocess.run([str(Path(sys.prefix) / "bin" / "lint-imports")], check=False)
    found = breaches(grimp.build_graph("gateway", "backend", cache_dir=".cache/grimp"))
    print("\n".join(found))
    return linted.returncode or bool(found)


if __name__ == "__main__":
    sys.exit(main())
