"""What somebody may do with what is handed to them, as pure functions of grants.

A project is opened within one limit. So what is handed counts where it is for the very same part,
besides the holder's own permissions; or where it holds everything that they may already, in its
place. Anything else would take something away, or give it where nobody meant it: it is refused when
it is handed over, and counts for nothing when memberships have changed since.
"""

from collections.abc import Set

from backend.service.people.authority import Grant
from backend.service.people.limits import Limit
from backend.service.people.roles import Permission, within


def covers(wide: Limit, narrow: Limit) -> bool:
    """Tell whether everything within a limit is within another, as far as their names tell."""
    places = wide.node_id is None or wide.node_id == narrow.node_id
    return places and narrow.modules <= wide.modules


def joined(own: Grant, given: Grant) -> Grant:
    """Answer what a person has with something handed to them."""
    if given.limit == own.limit:
        return Grant(own.permissions | given.permissions, own.limit)
    if covers(given.limit, own.limit) and own.permissions <= given.permissions:
        return given
    return own


def handed(permissions: Set[Permission], limit: Limit, giver: Limit) -> Grant:
    """Answer what is left of permissions within a limit, and within the modules of their giver."""
    kept = Limit(limit.node_id, limit.modules & giver.modules)
    return Grant(within(permissions, part=kept.part, modules=kept.modules), kept)
