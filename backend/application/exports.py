"""Exports in the audit: who took which figures out of the platform, and in what form."""

from collections.abc import Mapping
from dataclasses import dataclass

from backend.application.graphql.context import Door, asker_of
from backend.core import audit
from backend.service.people.sessions import Caller


@dataclass(frozen=True, slots=True)
class Export:
    """A file that somebody asks for: which figures (`what`, of `ref`), and the question's words."""

    door: Door
    caller: Caller
    what: str
    ref: str
    about: Mapping[str, object]

    @property
    def name(self) -> str:
        """What the file is called, without its ending."""
        return f"{self.door.project.slug}-{self.what}"

    async def note(self, form: str) -> None:
        """Write down that it is handed out; it is not when this fails."""
        door, asker = self.door, asker_of(self.caller)
        about = {**self.about, "format": form}
        deed = audit.Deed(
            asker.actor, f"export.{self.what}", self.ref, "done", asker.person_id, None, about
        )
        async with door.write() as tx:
            await audit.record(tx, door.project.id, deed, door.process.platform.clock.now())
