"""What is watched in a project: definitions of alarms with the places they are of."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.core.db import ReadSession


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """A definition with the outside identities of its node and meter."""

    uid: UUID
    kind: str
    name: dict[str, str]
    node_uid: UUID | None
    meter_uid: UUID | None
    params: dict[str, object]
    priority: int
    mode: str


_SELECT: Final = """
SELECT d.uid, d.kind, d.name, n.uid AS node_uid, m.uid AS meter_uid, d.params, d.priority, d.mode
FROM alarm_definition d
LEFT JOIN node n ON n.project_id = %(project)s AND n.id = d.node_id
LEFT JOIN meter m ON m.project_id = %(project)s AND m.id = d.meter_id
WHERE d.project_id = %(project)s ORDER BY d.kind, d.id
"""


async def list_definitions(tx: ReadSession, project_id: int) -> list[DefinitionRow]:
    """Answer every definition by kind."""
    return await tx.fetch_all(_SELECT, {"project": project_id}, into=DefinitionRow)
