"""The kinds there are: a new kind is a file beside this one and a line here."""

from typing import Final

from backend.service.restatement.kinds.base import Change
from backend.service.restatement.kinds.factor import FactorChange

KINDS: Final[dict[str, type[Change]]] = {kind.name: kind for kind in (FactorChange,)}
