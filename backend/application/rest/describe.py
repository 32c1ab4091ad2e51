"""`python -m backend.application.rest.describe` writes `openapi.json`."""

import json
import sys
from pathlib import Path

from backend.application.rest.app import build_rest


def describe() -> str:
    """Answer the description of REST (OpenAPI 3.1) as JSON."""
    return json.dumps(build_rest(None).openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the description to the file named, or to `openapi.json` here."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "openapi.json")
    target.write_text(describe(), encoding="utf-8")


if __name__ == "__main__":
    main()
