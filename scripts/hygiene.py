"""What must not stand in the repository: registry addresses, paths of one machine, leftovers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BYTES_MAX = 1_500_000
"""A larger file does not belong into git (lock files and pictures stay below)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that must not occur in files whose path matches `where`."""

    why: str
    pattern: re.Pattern[str]
    where: re.Pattern[str] = re.compile("")


RULES = (
    Rule(
        "names a package registry: mirrors come from pip's and npm's own settings",
        re.compile(
            r"(?:files\.pythonhosted|pypi|npmjs|yarnpkg|npmmirror|mirrors\.(?:aliyun|tuna)"
            r"|mirrors\.cloud\.tencent|repo\.huaweicloud)\.(?:org|com|edu)"
        ),
    ),
    Rule(
        "has a download address: npm needs omit-lockfile-registry-resolved=true (.npmrc)",
        re.compile(r'"resolved": "http'),
        re.compile(r"package-lock\.json$"),
    ),
    Rule(
        "has an address or a path: compile it with scripts/lock",
        re.compile(r"--(?:index-url|extra-index-url|find-links)|file:|^\s*#.*/", re.MULTILINE),
        re.compile(r"^requirements/"),
    ),
    Rule(
        "names a path of one machine: use a setting, the current folder or tempfile",
        re.compile(r"(?<![\w./}])/(?:work|root|home/\w+|Users/\w+|tmp/[a-z]+)/"),
    ),
    Rule("has a conflict left in it", re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)),
)


def findings(path: str, text: str) -> Iterator[str]:
    """One sentence for each rule that the text of one file breaks."""
    for rule in RULES:
        if rule.where.search(path) and (match := rule.pattern.search(text)):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match[0].strip()!r} {rule.why}"


def tracked() -> list[str]:
    """Files in git and those about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def main() -> int:
    """All findings, one a line."""
    found: list[str] = []
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if len(content) > BYTES_MAX:
            found.append(f"{name}: {len(content)} bytes, at most {BYTES_MAX} belong into git")
        if b"\0" not in content:
            found.extend(findings(name, content.decode(errors="replace")))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
