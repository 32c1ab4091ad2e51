"""Whom an alarm is told: members to whom alarms are open and whose part of the plant it is in.

The same as they see in the app (`backend.service.people.limits`): an alarm is where its definition
is, or wherever its meter counts now.
"""

from datetime import datetime

from backend.core.db import ReadSession

_BROWSERS = """
WITH RECURSIVE said AS (
    SELECT d.node_id, d.meter_id FROM alarm_occurrence o
    JOIN alarm_definition d ON d.project_id = %(project)s AND d.id = o.definition_id
    WHERE o.project_id = %(project)s AND o.id = %(occurrence)s
), place AS (
    SELECT n.id, n.parent_id FROM node n WHERE n.project_id = %(project)s AND (
        n.id = (SELECT node_id FROM said) OR n.id IN (
            SELECT t.node_id FROM node_meter t
            WHERE t.project_id = %(project)s AND t.meter_id = (SELECT meter_id FROM said)
              AND (t.valid_to IS NULL OR t.valid_to > %(now)s)))
    UNION
    SELECT n.id, n.parent_id FROM node n JOIN place p ON n.id = p.parent_id
    WHERE n.project_id = %(project)s
)
SELECT s.id FROM push_subscription s
JOIN membership m ON m.project_id = s.project_id AND m.person_id = s.person_id
JOIN project_role r ON r.project_id = m.project_id AND r.slug = m.role
WHERE s.project_id = %(project)s AND s.gone_at IS NULL AND 'read' = ANY(r.permissions)
  AND (m.ends_at IS NULL OR m.ends_at > %(now)s)
  AND (m.modules IS NULL OR 'alarms' = ANY(m.modules))
  AND (m.node_id IS NULL OR m.node_id IN (SELECT id FROM place))
ORDER BY s.id
"""


async def browsers_to_tell(
    tx: ReadSession, project_id: int, occurrence_id: int, now: datetime
) -> list[int]:
    """Answer the numbers of the push subscriptions that hear of an occurrence."""
    asked = {"project": project_id, "occurrence": occurrence_id, "now": now}
    return [int(row[0]) for row in await tx.fetch_tuples(_BROWSERS, asked)]
