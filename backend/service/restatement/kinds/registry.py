"""The kinds there are: a new kind is a file beside this one and a line here."""

from typing import Final

from backend.service.restatement.kinds.base import Change
from backend.service.restatement.kinds.exchange import ExchangeChange
from backend.service.restatement.kinds.exclude import ExcludeChange
from backend.service.restatement.kinds.factor import FactorChange
from backend.service.restatement.kinds.mapping import MappingChange
from backend.service.restatement.kinds.membership import MembershipChange
from backend.service.restatement.kinds.ratio import RatioChange
from backend.service.restatement.kinds.revoke import RevokeChange
from backend.service.restatement.kinds.stock import StockChange

KINDS: Final[dict[str, type[Change]]] = {
    kind.name: kind
    for kind in (
        RatioChange,
        ExchangeChange,
        ExcludeChange,
        MappingChange,
        StockChange,
        FactorChange,
        MembershipChange,
        RevokeChange,
    )
}
