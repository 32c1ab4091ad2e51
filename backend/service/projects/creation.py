"""The creation of a project under way, as every part of it is written."""

from dataclasses import dataclass
from datetime import datetime

from backend.core.db import WriteSession


@dataclass(frozen=True, slots=True)
class Creation:
    """One creation under way: every row is of this project and this moment."""

    tx: WriteSession
    project_id: int
    now: datetime

    async def insert(self, sql: str, *params: object) -> int:
        """Insert or update one row of the project; answers its id."""
        number = await self.tx.fetch_value(sql, (self.project_id, *params), into=int)
        if number is None:
            raise LookupError(f"no id from {sql.split('(')[0]}")
        return number

    async def has(self, table: str) -> bool:
        """Whether the project has any row of a table that is written once."""
        found = await self.tx.fetch_value(_COUNTS[table], (self.project_id,), into=int)
        return bool(found)


_COUNTS = {
    "conversion": "SELECT count(*) FROM conversion WHERE project_id = %s",
    "contract": "SELECT count(*) FROM supply_contract WHERE project_id = %s",
    "shed": "SELECT count(*) FROM shed_item WHERE project_id = %s",
    "pattern": "SELECT count(*) FROM shift_pattern WHERE project_id = %s",
    "tariff": "SELECT count(*) FROM tariff WHERE project_id = %s",
    "factor": "SELECT count(*) FROM factor WHERE project_id = %s",
    "alarm": "SELECT count(*) FROM alarm_definition WHERE project_id = %s",
}
