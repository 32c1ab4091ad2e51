"""People as the schema tells them."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from backend.application.graphql.naming import Name
from backend.core.db import Database
from backend.core.ids import encode_id

LOCALES = frozenset({"en", "zh-CN"})


@strawberry.type
class Person:
    """A human who can sign in."""

    id: strawberry.ID
    name: Name
    login: str
    locale: str
    role: str | None = None

    @classmethod
    def of(
        cls, uid: UUID, login: str, name: dict[str, str], locale: str, role: str | None = None
    ) -> "Person":
        """Answer a person from what is stored of one."""
        return cls(
            id=strawberry.ID(encode_id("per", uid)),
            name=Name.of(name, login),
            login=login,
            locale=locale,
            role=role,
        )


async def persons_by_id(
    database: Database, project_id: int, ids: Sequence[int]
) -> list[Person | None]:
    """Answer people by their inside numbers, with their role in the project."""
    async with database.platform_read() as tx:
        rows = await tx.fetch_all(
            "SELECT p.id, p.uid, p.login, p.name, p.locale, m.role FROM person p"
            " LEFT JOIN membership m ON m.person_id = p.id AND m.project_id = %s"
            " WHERE p.id = ANY(%s)",
            (project_id, list(ids)),
        )
    found = {
        row["id"]: Person.of(row["uid"], row["login"], row["name"], row["locale"], row["role"])
        for row in rows
    }
    return [found.get(id) for id in ids]


async def person_number(database: Database, uid: UUID) -> int | None:
    """Answer the inside number of somebody by the outside identity that is kept of them."""
    async with database.platform_read() as tx:
        return await tx.fetch_value("SELECT id FROM person WHERE uid = %s", (uid,), into=int)


async def person_with(database: Database, login: str) -> int | None:
    """Answer the inside number of whoever signs in with this."""
    async with database.platform_read() as tx:
        return await tx.fetch_value(
            "SELECT id FROM person WHERE login = %s", (login.strip().casefold(),), into=int
        )
