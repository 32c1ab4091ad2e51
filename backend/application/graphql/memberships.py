"""Which meters count for which place, how much, and from when to when."""

from datetime import datetime
from decimal import Decimal

import strawberry

from backend.application.graphql.context import Door, KwInfo, enter_project, outside_uid
from backend.application.graphql.factors import begin_edit
from backend.application.graphql.naming import Name
from backend.core.ids import encode_id
from backend.service.plant import memberships
from backend.service.plant.memberships import Wanted
from backend.service.plant.meters import find_meter
from backend.service.plant.nodes import find_place


@strawberry.type
class Membership:
    """A place counts coefficient x meter in [validFrom, validTo)."""

    node_id: strawberry.ID
    node_name: Name
    tree: str
    meter_id: strawberry.ID
    energy: str
    coefficient: Decimal
    valid_from: datetime = strawberry.field(description="1970 where it always did.")
    valid_to: datetime | None

    @classmethod
    def of(cls, row: memberships.Membership) -> "Membership":
        """Answer a stored membership."""
        return cls(
            node_id=strawberry.ID(encode_id("node", row.node_uid)),
            node_name=Name.of(row.node_name, row.node),
            tree=row.tree,
            meter_id=strawberry.ID(encode_id("mtr", row.meter_uid)),
            energy=row.energy,
            coefficient=row.coefficient,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )


@strawberry.input
class MembershipInput:
    """What a place is to count of a meter."""

    project: strawberry.ID
    node: strawberry.ID
    meter: strawberry.ID
    coefficient: Decimal = strawberry.field(
        default=Decimal(1), description="Exact: 0.6 here and 0.4 there are the whole."
    )
    valid_from: datetime | None = strawberry.field(
        default=None, description="A quarter hour; the next one by default."
    )
    valid_to: datetime | None = None
    instead: bool = strawberry.field(
        default=False, description="End the membership in force where this one begins."
    )


@strawberry.type
class MembershipMutation:
    """Changing what counts where."""

    @strawberry.mutation
    async def set_membership(
        self,
        info: KwInfo,
        input: MembershipInput,  # noqa: A002 - what the schema calls it
    ) -> Membership:
        """Have a place count a meter; refused where it would count it twice."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, input.project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            wanted = Wanted(
                node=outside_uid("node", input.node),
                meter=outside_uid("mtr", input.meter),
                coefficient=input.coefficient,
                valid_from=input.valid_from or edit.next_quarter(),
                valid_to=input.valid_to,
                instead=input.instead,
            )
            return Membership.of(await memberships.set_membership(edit, wanted))

    @strawberry.mutation
    async def end_membership(
        self,
        info: KwInfo,
        project: strawberry.ID,
        node: strawberry.ID,
        meter: strawberry.ID,
        valid_from: datetime,
        at: datetime | None = None,
    ) -> Membership:
        """End a membership, from the next quarter hour on by default."""
        caller = info.context.signed_in()
        door = await enter_project(info.context, project)
        async with door.write() as tx:
            edit = await begin_edit(door, tx, caller)
            uids = outside_uid("node", node), outside_uid("mtr", meter)
            return Membership.of(await memberships.end_membership(edit, *uids, valid_from, at))


async def read_memberships(door: Door, node: str | None, meter: str | None) -> list[Membership]:
    """Answer memberships of a node, of a meter, or all. NotFound for an unknown one."""
    project = door.project.id
    async with door.read() as tx:
        place = None if node is None else await find_place(tx, project, outside_uid("node", node))
        found = None if meter is None else await find_meter(tx, project, outside_uid("mtr", meter))
        rows = await memberships.list_memberships(
            tx,
            project,
            node=None if place is None else place.id,
            meter=None if found is None else found.id,
        )
    return [Membership.of(row) for row in rows]
