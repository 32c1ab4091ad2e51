"""Who asks for a change, as services and the audit know a person."""

from dataclasses import dataclass
from uuid import UUID

from backend.core.ids import encode_id


@dataclass(frozen=True, slots=True)
class Asker:
    """A person: the number inside, the identity outside."""

    person_id: int
    uid: UUID

    @property
    def actor(self) -> str:
        """The person as the audit names them."""
        return encode_id("per", self.uid)
