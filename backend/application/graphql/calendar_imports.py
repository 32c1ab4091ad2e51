"""States from calendar files and sheets, with a dry run."""

import binascii
from base64 import b64decode

import strawberry

from backend.application.graphql.calendar import node_number
from backend.application.graphql.calendar_changes import clock_of, enter_planning
from backend.application.graphql.calendar_types import ImportedState, ImportedStates, StateFault
from backend.application.graphql.calendar_types import State as StateName
from backend.application.graphql.context import Door, KwInfo, asker_of
from backend.application.graphql.scalars import Json
from backend.core.errors import InvalidInput
from backend.core.ids import encode_id
from backend.service.calendar import effects, importing


@strawberry.type
class CalendarImportMutation:
    """Bringing states by file."""

    @strawberry.mutation
    async def import_states(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        file: str,
        state: StateName | None = None,
        dry_run: bool = True,
        keep_rest: bool = False,
    ) -> ImportedStates:
        """Read states from a file in base64: ICS, or XLSX, CSV or JSON with a row a state.

        `node` and `state` are those of rows that name none. Nothing is kept in a dry run; a file
        with faults is refused whole unless `keep_rest`.
        """
        caller, door = info.context.signed_in(), await enter_planning(info, project)
        default = await node_number(door, node)
        content = _bytes(file)
        places = await _places(door, default)
        async with door.write() as tx:
            change = await effects.begin(tx, door.project.id, clock_of(door))
            plan = await importing.look(
                change, content, places, None if state is None else state.stored
            )
            kept = 0
            if not dry_run:
                rows = await importing.keep(change, plan, asker_of(caller), rest=keep_rest)
                kept = len(rows)
        return await _told(door, plan, kept)


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("import_base64") from error


async def _places(door: Door, default: int) -> importing.Places:
    directory = await door.directory()
    named: dict[str, int] = {}
    for number, row in directory.nodes.items():
        for name in (row.slug, *row.name.values()):
            named.setdefault(name.lower(), number)
    return importing.Places(named, default)


async def _told(door: Door, plan: importing.Plan, kept: int) -> ImportedStates:
    nodes = (await door.directory()).nodes
    return ImportedStates(
        kept=kept,
        known=plan.known,
        states=[
            ImportedState(
                row=one.row,
                node_id=strawberry.ID(encode_id("node", nodes[one.wanted.node_id].uid)),
                state=StateName[one.wanted.state.name],
                first_day=one.wanted.span.first_day,
                last_day=one.wanted.span.last_day,
                start=one.wanted.span.start,
                end=one.wanted.span.end,
                de_energised=one.wanted.de_energised,
                note=one.wanted.note,
            )
            for one in plan.planned
        ],
        faults=[
            StateFault(row=f.row, field=f.field, code=f.code, params=Json(dict(f.params)))
            for f in plan.faults
        ],
    )
