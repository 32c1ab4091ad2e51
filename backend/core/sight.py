"""What a limited member sees of a project, as the database is told it.

A transaction with a sight runs as `kw_limited`, the role that the policies `sight` of the tables
speak to: a row counts only where its node, meter, point, device or gateway is listed here and its
module is open. Whoever forgets to narrow a statement is narrowed all the same; a table that no
policy names is closed to that role.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ROLE = "kw_limited"


@dataclass(frozen=True, slots=True)
class Sight:
    """Numbers of rows; `line` are the nodes and what is above them, whose calendar they follow."""

    nodes: tuple[int, ...]
    line: tuple[int, ...]
    meters: tuple[int, ...]
    devices: tuple[int, ...]
    gateways: tuple[int, ...]
    points: tuple[int, ...]
    modules: frozenset[str]

    def begin(self) -> str:
        """Answer the statements that narrow a transaction which has just begun."""
        listed = {
            "nodes": _numbers(self.nodes),
            "line": _numbers(self.line),
            "meters": _numbers(self.meters),
            "devices": _numbers(self.devices),
            "gateways": _numbers(self.gateways),
            "points": _numbers(self.points),
            # Names of an enum, never text from outside.
            "modules": ",".join(sorted(self.modules)),
        }
        told = "; ".join(f"SET LOCAL app.{name} = '{value}'" for name, value in listed.items())
        return f"{told}; SET LOCAL ROLE {ROLE}"


def _numbers(ids: Iterable[int]) -> str:
    return ",".join(str(int(id)) for id in ids)
