"""Who shows accounts reads them as of a version: a part of one being applied is no figure."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent / "backend"
DIRECT = re.compile(r"(FROM|JOIN) account\b(?!_)")
ALLOWED = {
    "service/calendar/settings.py": "counts rows that will be summed anew",
    "service/demand_peaks.py": "which hours were accounted anew; those of a version wait",
    "service/equipment/keep.py": "which hours were accounted anew",
    "service/restatement/difference.py": "the version that was made in the same transaction",
}


def test_services_and_interfaces_read_accounts_through_versions() -> None:
    found = {
        str(file.relative_to(ROOT))
        for layer in ("service", "application")
        for file in (ROOT / layer).rglob("*.py")
        if DIRECT.search(file.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)
