"""Whose groups GraphQL and REST show: a person's own, to no key and to no shared device."""

from backend.application.graphql.context import outside_uid
from backend.application.web_process import WebProcess
from backend.core.errors import NotFound
from backend.service.groups import groups
from backend.service.groups.groups import GroupRow
from backend.service.people.sessions import Caller


async def list_mine(process: WebProcess, caller: Caller) -> list[GroupRow]:
    """Answer the groups that the caller is in, by name."""
    if caller.scope is not None:
        return []
    async with process.platform.database.platform_read() as tx:
        return await groups.list_groups(tx, caller.person_id)


async def find_mine(process: WebProcess, caller: Caller, id: str) -> GroupRow:
    """Answer one of these by its outside identity; NotFound for everybody else."""
    if caller.scope is not None:
        raise NotFound(kind="group")
    uid = outside_uid("grp", id)
    async with process.platform.database.platform_read() as tx:
        return await groups.find_group(tx, uid, caller.person_id)
