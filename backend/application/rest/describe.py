"""`python -m backend.application.rest.describe` writes `openapi.json` and `openapi.zh-CN.json`."""

import json
import sys
from pathlib import Path

from backend.application.entries import ENGLISH
from backend.application.rest.app import build_rest
from backend.application.rest.descriptions import described
from backend.core.texts import LOCALES


def describe(language: str = ENGLISH) -> str:
    """Answer the description of REST (OpenAPI 3.1) in a language as JSON."""
    document = described(build_rest(None).openapi(), language)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the description in each language into the folder named, or here."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    for language in LOCALES:
        name = "openapi.json" if language == ENGLISH else f"openapi.{language}.json"
        (folder / name).write_text(describe(language), encoding="utf-8")


if __name__ == "__main__":
    main()
