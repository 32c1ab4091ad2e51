"""What a role permits: permissions are an enum, roles are rows of permissions."""

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


ROLES: dict[str, frozenset[Permission]] = {
    "manager": frozenset(
        {
            Permission.READ,
            Permission.ACKNOWLEDGE,
            Permission.DEMONSTRATE,
            Permission.WRITE,
            Permission.AUDIT,
            Permission.PLAN,
            Permission.MODEL,
            Permission.RESTATE,
            Permission.APPROVE,
            Permission.RECORD,
        }
    ),
    "shift_leader": frozenset(
        {Permission.READ, Permission.ACKNOWLEDGE, Permission.DEMONSTRATE, Permission.RECORD}
    ),
    "administrator": frozenset(Permission),
}
"""Roles known today; a role that is not here permits nothing."""


def permits(role: str, permission: Permission) -> bool:
    """Tell whether the role permits it; an unknown role permits nothing."""
    return permission in ROLES.get(role, frozenset())


def require(role: str, permission: Permission) -> None:
    """Raise NotAllowed, naming the permission, when the role does not permit it."""
    if not permits(role, permission):
        raise NotAllowed(permission=permission.value)
