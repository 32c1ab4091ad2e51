"""`kilowise audit verify`: whether any entry of the audit was tampered with."""

from backend.core.errors import OperatingError
from backend.core.platform import Platform
from backend.service.audit.chain import Verdict, judge
from backend.service.projects.known import known_projects


async def verify(platform: Platform, project: str | None) -> str:
    """Look through the whole chain of every project, or of one: a line each.

    The files of what was moved and the table are one chain. Raises OperatingError, which is exit
    code 2, when an entry was changed, is missing, or does not follow from the one before, and names
    files that are missing or damaged. Keep the line it prints elsewhere: a chain whose end was cut
    off whole is found by comparing the number and the hash.
    """
    chosen = [
        (number, slug)
        for number, slug in await known_projects(platform.database)
        if project in {None, slug}
    ]
    if not chosen:
        raise OperatingError(f"There is no project {project}; name one with --project.")
    lines, whole = [], True
    for number, slug in chosen:
        verdict = await judge(platform.database, number, platform.settings.audit_folder)
        lines += _told(slug, verdict)
        whole = whole and verdict.whole
    if not whole:
        raise OperatingError("\n".join(lines))
    return "\n".join(lines)


def _told(slug: str, verdict: Verdict) -> list[str]:
    """What is said of a project: a line, and one for each file that is not as it should be."""
    lines = [f"{slug}: the file {fault}; bring it back from a backup" for fault in verdict.faults]
    if verdict.broken is not None:
        return [f"{slug}: broken at entry {verdict.broken}", *lines]
    if verdict.last is None:
        return [f"{slug}: no entries"]
    files = f", the older ones in {verdict.files} files" if verdict.files else ""
    return [f"{slug}: {verdict.last[0]} entries whole{files}, head {verdict.last[1].hex()}"]
