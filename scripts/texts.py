"""The catalogue of texts: the same keys and parameters in both languages, nothing empty."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "backend" / "core" / "texts"
LANGUAGES = ("en", "zh-CN")
PARAMETER = re.compile(r"\{(\w+)\}")
PLURAL = re.compile(r"\.(?:zero|one|two|few|many)$")


def findings(one: Mapping[str, str], other: Mapping[str, str], language: str) -> Iterator[str]:
    """What `other`, in the language named, lacks against `one`.

    Chinese has no singular, so a plural form other than `.other` may be absent in one language.
    """
    for key, text in one.items():
        if key not in other:
            if not (PLURAL.search(key) and PLURAL.sub(".other", key) in other):
                yield f"{language}: {key} is missing"
        elif not other[key].strip():
            yield f"{language}: {key} is empty"
        elif set(PARAMETER.findall(text)) != set(PARAMETER.findall(other[key])):
            yield f"{language}: {key} has other parameters than its sister"


def main() -> int:
    """Compares both languages in both directions."""
    first, second = (
        json.loads((FOLDER / f"{language}.json").read_text()) for language in LANGUAGES
    )
    found = [*findings(first, second, LANGUAGES[1]), *findings(second, first, LANGUAGES[0])]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
