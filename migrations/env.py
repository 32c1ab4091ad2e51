"""What alembic runs: our metadata against the database, without run-time partitions and jobs."""

import re
from typing import Any

from alembic import context
from sqlalchemy import Connection

from backend.core.tables import metadata

PARTITION = re.compile(r"reading_\d{4}_\d{2}$")


def include_object(item: Any, name: str | None, kind: str, reflected: bool, _: Any) -> bool:
    """Leave out what is made at run time (monthly partitions and what belongs to them)."""
    if not reflected:
        return True
    table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
    return not (table and PARTITION.match(table))


def run(connection: Connection) -> None:
    """Apply or compare on the connection handed over by backend.core.migrate."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=include_object,
        include_schemas=False,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
