"""Exports in the audit: who took which figures out of the platform, and how many."""

from collections.abc import Mapping

from backend.application.graphql.context import Door, asker_of
from backend.core import audit
from backend.service.people.sessions import Caller


async def note_export(
    door: Door, caller: Caller, what: str, ref: str, about: Mapping[str, object]
) -> None:
    """Write down that a file was made of `ref`; nothing is handed out when this fails."""
    asker = asker_of(caller)
    deed = audit.Deed(asker.actor, f"export.{what}", ref, "done", asker.person_id, None, about)
    async with door.write() as tx:
        await audit.record(tx, door.project.id, deed, door.process.platform.clock.now())
