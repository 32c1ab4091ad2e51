"""Making groups of projects, and saying who is in them."""

import strawberry

from backend.application.graphql.context import Context, KwInfo, asker_of, outside_uid
from backend.application.graphql.enums import GroupLink
from backend.application.graphql.groups import Group, GroupInvitation
from backend.application.graphql.qr import drawn
from backend.core.ids import encode_id
from backend.service.groups import groups, invitations
from backend.service.groups.groups import GroupRow
from backend.service.people.asker import Asker


@strawberry.type
class NewGroupInvitation:
    """A link that was made; link and code are shown this once."""

    link: str
    qr: str = strawberry.field(description="The link as an SVG path on a grid of `qrSize`.")
    qr_size: int
    invitation: GroupInvitation


@strawberry.type
class GroupMutation:
    """Making, naming and ending groups, links into them, and who is in them."""

    @strawberry.mutation
    async def make_group(self, info: KwInfo, name: str) -> Group:
        """Make a group, whose owner one is; for who looks after a project as a whole."""
        context, asker = info.context, _in_person(info)
        platform = context.process.platform
        async with platform.database.platform() as tx:
            uid = await groups.make_group(tx, name, asker, platform.clock.now())
        return await _shown(context, asker, encode_id("grp", uid))

    @strawberry.mutation
    async def rename_group(self, info: KwInfo, group: strawberry.ID, name: str) -> Group:
        """Call it something else; by its owners."""
        context, asker = info.context, _in_person(info)
        platform, uid = context.process.platform, outside_uid("grp", group)
        async with groups.changing(platform.database, uid, asker, platform.clock.now()) as change:
            await groups.rename(change, name)
        return await _shown(context, asker, group)

    @strawberry.mutation
    async def end_group(self, info: KwInfo, group: strawberry.ID) -> bool:
        """End it, and with it what projects let it see; by its owners."""
        asker, platform = _in_person(info), info.context.process.platform
        uid, now = outside_uid("grp", group), platform.clock.now()
        async with groups.changing(platform.database, uid, asker, now) as change:
            await groups.end_group(change)
        return True

    @strawberry.mutation
    async def invite_to_group(
        self,
        info: KwInfo,
        group: strawberry.ID,
        kind: GroupLink,
        days: int = 7,
        note: str = "",
    ) -> NewGroupInvitation:
        """Make a one-time link for a project or a person; by the group's owners."""
        asker, platform = _in_person(info), info.context.process.platform
        uid, now = outside_uid("grp", group), platform.clock.now()
        async with groups.changing(platform.database, uid, asker, now) as change:
            token, row = await invitations.invite(change, kind, days, note)
        link = f"{platform.public_url.rstrip('/')}/groups/join#{token}"
        path, size = drawn(link)
        return NewGroupInvitation(
            link=link, qr=path, qr_size=size, invitation=GroupInvitation.of(row)
        )

    @strawberry.mutation
    async def revoke_group_invitation(
        self, info: KwInfo, group: strawberry.ID, id: strawberry.ID
    ) -> GroupInvitation:
        """Take a link back; by the group's owners."""
        asker, platform = _in_person(info), info.context.process.platform
        uid, now = outside_uid("grp", group), platform.clock.now()
        async with groups.changing(platform.database, uid, asker, now) as change:
            row = await invitations.revoke_group_invitation(change, outside_uid("inv", id))
        return GroupInvitation.of(row)

    @strawberry.mutation
    async def accept_group_invitation(self, info: KwInfo, token: str) -> Group:
        """Come into a group as its reader or owner, by a link for people."""
        context, asker = info.context, _in_person(info)
        platform = context.process.platform
        await context.process.sign_in.throttle.count_from(context.address)
        now = platform.clock.now()
        uid = await invitations.accept(platform.database, token, asker, now)
        return await _shown(context, asker, encode_id("grp", uid))

    @strawberry.mutation
    async def set_group_owner(
        self, info: KwInfo, group: strawberry.ID, person: strawberry.ID, owner: bool
    ) -> Group:
        """Say whether somebody of the group owns it; by its owners."""
        context, asker = info.context, _in_person(info)
        platform, uid = context.process.platform, outside_uid("grp", group)
        async with groups.changing(platform.database, uid, asker, platform.clock.now()) as change:
            await groups.set_owner(change, outside_uid("per", person), owner=owner)
        return await _shown(context, asker, group)

    @strawberry.mutation
    async def leave_group(
        self, info: KwInfo, group: strawberry.ID, person: strawberry.ID | None = None
    ) -> bool:
        """Go out of a group; its owners take others out."""
        asker, platform = _in_person(info), info.context.process.platform
        who = asker.uid if person is None else outside_uid("per", person)
        uid, now = outside_uid("grp", group), platform.clock.now()
        await groups.leave(platform.database, uid, who, asker, now)
        return True


def _in_person(info: KwInfo) -> Asker:
    """Answer who asks; groups are for people, not for keys or shared devices."""
    caller = info.context.signed_in()
    caller.in_person()
    return asker_of(caller)


async def _shown(context: Context, asker: Asker, group: str) -> Group:
    async with context.process.platform.database.platform_read() as tx:
        row: GroupRow = await groups.find_group(tx, outside_uid("grp", group), asker.person_id)
    return Group.of(row)
