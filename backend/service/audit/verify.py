"""`kilowise audit verify`: whether any entry of the audit was tampered with."""

from backend.core.audit import broken, head
from backend.core.errors import OperatingError
from backend.core.platform import Platform
from backend.service.projects.known import known_projects


async def verify(platform: Platform, project: str | None) -> str:
    """Look through the whole chain of every project, or of one: a line each.

    Raises OperatingError, which is exit code 2, when an entry was changed, is missing, or does not
    follow from the one before. Keep the line it prints elsewhere: a chain whose end was cut off
    whole is found by comparing the number and the hash.
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
        async with platform.database.read(number) as tx:
            at, last = await broken(tx, number), await head(tx, number)
        if at is not None:
            lines.append(f"{slug}: broken at entry {at}")
            whole = False
        elif last is None:
            lines.append(f"{slug}: no entries")
        else:
            lines.append(f"{slug}: {last[0]} entries whole, head {last[1].hex()}")
    if not whole:
        raise OperatingError("\n".join(lines))
    return "\n".join(lines)
