"""What the stranger (test_stranger.py) asks about restatements."""

from uuid import UUID

from psycopg.types.json import Jsonb

from backend.core.db import WriteSession
from backend.core.ids import new_uuid
from tests.postgres import NOW, Actor

RESTATEMENT = new_uuid(NOW)
_PARAMS = (
    'kind: "factor", reason: "x", params: {{ energy: "electricity", substance: "kgce",'
    ' basis: "calorific", value: "1", since: "2026-03-01T00:00:00Z", source: "x" }}'
)
_PROPOSE = 'mutation {{ proposeRestatement(input: {{ project: "%s", ' + _PARAMS + " }}) {{ id }} }}"
_HERS = '{{ project(id: "{project}") {{ %s }} }}'
_OWN = '{{ project(id: "{own}") {{ %s }} }}'
_ONE = 'restatement(id: "{restatement}") {{ state }}'

_SHEET = (
    'readingSheet(scope: "{%s}", energy: "electricity", period: DAY, at: "%s") {{ name {{ en }} }}'
)

QUESTIONS: dict[str, list[str]] = {
    "Project.readingSheet": [
        template % _SHEET % (whose, "2026-03-10T00:00:00Z")
        for template in (_HERS, _OWN)
        for whose in ("node", "meter")
    ],
    "Project.restatements": [
        _HERS % "restatements {{ id }}",
        _OWN % "restatements {{ id }}",
        _OWN % 'restatements(before: "{restatement}") {{ id }}',
    ],
    "Project.restatement": [_HERS % _ONE, _OWN % _ONE],
    "Project.restatementKinds": [_HERS % "restatementKinds {{ name }}"],
    "Mutation.proposeRestatement": [_PROPOSE % "{project}", _PROPOSE % "{slug}"],
    "Mutation.approveRestatement": [
        f'mutation {{{{ approveRestatement(project: "{{{whose}}}", id: "{{restatement}}")'
        " {{ id }} }}"
        for whose in ("project", "slug", "own")
    ],
    "Mutation.rejectRestatement": [
        f'mutation {{{{ rejectRestatement(project: "{{{whose}}}", id: "{{restatement}}",'
        ' reason: "x") {{ id }} }}'
        for whose in ("project", "slug", "own")
    ],
}
ROUTES: dict[str, list[str]] = {
    "GET /api/v1/restatements": [
        "/api/v1/restatements?project={project}",
        "/api/v1/restatements?project={own}&before={restatement}",
    ],
    "GET /api/v1/restatements/{restatement}": [
        "/api/v1/restatements/{restatement}?project={project}",
        "/api/v1/restatements/{restatement}?project={own}",
    ],
    "GET /api/v1/reading-sheet": [
        f"/api/v1/reading-sheet?project={project}&scope={scope}&energy=electricity&period=DAY"
        "&at=2026-03-10T00:00:00Z"
        for project in ("{project}", "{own}")
        for scope in ("{node}", "{meter}")
    ],
}
SUBSCRIPTIONS = {
    "Subscription.restatements": ['subscription {{ restatements(project: "{project}") {{ id }} }}']
}


async def propose_one(tx: WriteSession, person: Actor, uid: UUID = RESTATEMENT) -> None:
    """A restatement in the person's project that could be decided at once."""
    await tx.execute(
        "INSERT INTO restatement (project_id, uid, state, change, reason, first_ts, last_ts,"
        " difference, proposed_by, proposed_at)"
        " VALUES (%s, %s, 'proposed', %s, 'hers', %s, %s, '[]', %s, %s)",
        (
            person.tenant.id,
            uid,
            Jsonb({"kind": "factor", "params": {}, "refs": []}),
            NOW,
            NOW,
            person.id,
            NOW,
        ),
    )
