"""The roles that every project begins with; the rows made of them are what counts."""

from dataclasses import dataclass

from psycopg.types.json import Jsonb

from backend.core.db import WriteSession
from backend.service.people.roles import Permission


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A role that every project begins with."""

    en: str
    zh: str
    permissions: frozenset[Permission]


_SEE = frozenset({Permission.READ})
READY_MADE: dict[str, ReadyMade] = {
    "manager": ReadyMade(
        "Manager",
        "经理",
        frozenset(
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
    ),
    "shift_leader": ReadyMade(
        "Shift leader",
        "班长",
        _SEE | {Permission.ACKNOWLEDGE, Permission.DEMONSTRATE, Permission.RECORD},
    ),
    "shift_staff": ReadyMade(
        "Shift staff", "值班员", _SEE | {Permission.ACKNOWLEDGE, Permission.RECORD}
    ),
    "energy_engineer": ReadyMade(
        "Energy engineer",
        "能源工程师",
        frozenset(
            {
                Permission.READ,
                Permission.ACKNOWLEDGE,
                Permission.IMPORT,
                Permission.PLAN,
                Permission.MODEL,
                Permission.RESTATE,
                Permission.RECORD,
            }
        ),
    ),
    "accountant": ReadyMade("Accountant", "会计", _SEE | {Permission.APPROVE, Permission.RECORD}),
    "auditor": ReadyMade("Auditor", "审计员", _SEE | {Permission.AUDIT}),
    "integrator": ReadyMade(
        "Integrator",
        "集成商",
        frozenset(
            {
                Permission.READ,
                Permission.CONFIGURE,
                Permission.SUPPORT,
                Permission.UPDATE,
                Permission.ENROL,
                Permission.IMPORT,
                Permission.MODEL,
                Permission.KEYS,
            }
        ),
    ),
    "administrator": ReadyMade("Administrator", "管理员", frozenset(Permission)),
    "system_administrator": ReadyMade(
        "System administrator",
        "系统管理员",
        frozenset(
            {
                Permission.READ,
                Permission.IMPORT,
                Permission.WRITE,
                Permission.CONFIGURE,
                Permission.SUPPORT,
                Permission.UPDATE,
                Permission.ENROL,
                Permission.PLAN,
                Permission.MODEL,
                Permission.KEYS,
            }
        ),
    ),
    "security_administrator": ReadyMade(
        "Security administrator", "安全管理员", _SEE | {Permission.PEOPLE}
    ),
    "audit_administrator": ReadyMade(
        "Audit administrator", "审计管理员", _SEE | {Permission.AUDIT}
    ),
}


async def make_roles(tx: WriteSession, project_id: int) -> None:
    """Give a project the ready-made roles that it lacks."""
    await tx.execute_many(
        "INSERT INTO project_role (project_id, slug, name, permissions, ready_made)"
        " VALUES (%s, %s, %s, %s, true) ON CONFLICT (project_id, slug) DO NOTHING",
        [
            (
                project_id,
                slug,
                Jsonb({"en": role.en, "zh-CN": role.zh}),
                [one.value for one in Permission if one in role.permissions],
            )
            for slug, role in READY_MADE.items()
        ],
    )
