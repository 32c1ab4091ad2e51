"""What a role permits: permissions are an enum, roles are rows of permissions.

What a member may do is their role's permissions, less those of closed modules and, where they are
limited to a part of the plant, less those whose effects reach beyond any part.
"""

from collections.abc import Iterable, Set
from enum import StrEnum

from backend.core.errors import NotAllowed


class Permission(StrEnum):
    """One thing a person may do in a project; texts under `permissions.<value>`."""

    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    IMPORT = "import"
    DEMONSTRATE = "demonstrate"
    WRITE = "write"
    """Set points of devices."""
    CONFIGURE = "configure"
    """Say what gateways read, and bring device profiles."""
    SUPPORT = "support"
    """Open a gateway to support for a while, and ask it."""
    UPDATE = "update"
    """Bring releases of the gateways' software, and have gateways try them."""
    AUDIT = "audit"
    """Read who did what."""
    ENROL = "enrol"
    PLAN = "plan"
    """Say when the plant works: states, shifts, where periods begin."""
    MODEL = "model"
    """Change trees, meters, what counts where, and conversion factors."""
    RESTATE = "restate"
    """Propose changes with effect in the past."""
    APPROVE = "approve"
    """Decide on them."""
    RECORD = "record"
    """Enter readings and stock documents."""
    PEOPLE = "people"
    """Say who belongs to the project and what they may do, and end their sessions."""
    KEYS = "keys"
    """Make keys for programs, and revoke them."""
    PROJECT = "project"
    """Say what the project is called and looks like, and end it."""
    EXPORT = "export"
    """Take everything of the project away as one archive."""


class Module(StrEnum):
    """A part of what is told of a plant, whatever the place; texts under `modules.<value>`."""

    ENERGY = "energy"
    """Accounts, their cost and carbon, demand."""
    DEVICES = "devices"
    """Gateways and commands."""
    ALARMS = "alarms"
    EQUIPMENT = "equipment"
    RECORDS = "records"
    """Readings and stock papers that people enter, and files of them."""


NEEDS: dict[Permission, Module] = {
    Permission.ACKNOWLEDGE: Module.ALARMS,
    Permission.IMPORT: Module.RECORDS,
    Permission.RECORD: Module.RECORDS,
    Permission.WRITE: Module.DEVICES,
    Permission.CONFIGURE: Module.DEVICES,
    Permission.SUPPORT: Module.DEVICES,
    Permission.UPDATE: Module.DEVICES,
    Permission.ENROL: Module.DEVICES,
    Permission.RESTATE: Module.ENERGY,
    Permission.APPROVE: Module.ENERGY,
}
"""Permissions that are worth nothing without a module."""
WITHIN_A_PART = frozenset(
    {Permission.READ, Permission.ACKNOWLEDGE, Permission.RECORD, Permission.WRITE}
)
"""What a member of a part of the plant may do: the effects of everything else reach beyond it."""


def known(stored: Iterable[str]) -> frozenset[Permission]:
    """Answer the permissions among stored words; one that this version does not know is none."""
    words = set(stored)
    return frozenset(one for one in Permission if one.value in words)


def within(
    permissions: Set[Permission], *, part: bool, modules: Iterable[Module] | None
) -> frozenset[Permission]:
    """Answer what is left of permissions in a part of the plant and in some modules (None: all)."""
    left = frozenset(permissions) & WITHIN_A_PART if part else frozenset(permissions)
    if modules is None:
        return left
    opened = frozenset(modules)
    return frozenset(one for one in left if one not in NEEDS or NEEDS[one] in opened)


def require(permissions: Set[Permission], permission: Permission) -> None:
    """Raise NotAllowed, naming the permission, when it is not among these."""
    if permission not in permissions:
        raise NotAllowed(permission=permission.value)
