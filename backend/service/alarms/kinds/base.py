"""What every alarm kind offers: a params model, a loader of its window, a pure evaluate."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from backend.core.db import ReadSession

Number = float | int | str


class Params(BaseModel):
    """Parameters of a definition; the app's form is made from the JSON schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition as evaluation needs it: where it looks, priority 1 (highest) to 4."""

    id: int
    kind: str
    node_id: int | None
    meter_id: int | None
    priority: int
    params: dict[str, object]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the window says: active, not active, or unknown (None: no data, the state stays).

    `at` is the sample time that decided; `params` are the numbers the texts name.
    """

    active: bool | None
    at: datetime
    priority: int
    params: dict[str, Number] = field(default_factory=dict)


ParamsT = TypeVar("ParamsT", bound=Params)
WindowT = TypeVar("WindowT")


class Kind(Protocol[ParamsT, WindowT]):
    """An alarm kind. `load` reads a window, `evaluate` judges it and nothing else."""

    name: str
    params: type[ParamsT]
    pace_s: float
    """Seconds between two looks at least; 0 = at every committed batch."""

    async def load(
        self, tx: ReadSession, project_id: int, definition: Definition, now: datetime
    ) -> WindowT | None:
        """Everything `evaluate` needs, or None where the definition has nothing to look at."""
        ...

    def evaluate(
        self, params: ParamsT, window: WindowT, priority: int, *, was_active: bool
    ) -> Verdict:
        """Judge the window; `was_active` selects the clearing limit (hysteresis)."""
        ...
