"""Which column is which field: by header, in both languages; a unit may stand in brackets. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.service.imports.sheet import SheetFault

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "meter": ("meter", "meter id", "slug", "计量点", "表计", "仪表", "表号"),
    "time": ("time", "ts", "timestamp", "date", "date time", "at", "时间", "日期", "抄表时间"),
    "start": ("start", "from", "begin", "since", "开始", "开始时间", "起始时间", "起"),
    "end": ("end", "to", "until", "结束", "结束时间", "终止时间", "止"),
    "value": ("value", "reading", "数值", "读数", "表码", "示数"),
    "quantity": ("quantity", "amount", "qty", "数量", "用量", "电量", "产量", "能耗"),
    "unit": ("unit", "单位", "计量单位"),
    "quality": ("quality", "质量", "数据质量"),
    "kind": ("kind", "type", "document", "类型", "单据类型"),
    "price": ("price", "unit price", "价格", "单价"),
    "currency": ("currency", "币种", "货币"),
    "calorific_value": ("calorific value", "lhv", "ncv", "热值", "低位发热量", "发热量"),
    "calorific_unit": ("calorific unit", "lhv unit", "热值单位"),
    "supplier": ("supplier", "vendor", "供应商", "供货单位"),
    "reference": ("reference", "number", "document number", "单号", "凭证号", "编号"),
    "note": ("note", "remark", "comment", "备注", "说明"),
}
KINDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "readings": (("meter", "time", "value"), ("unit", "quality")),
    "intervals": (("meter", "start", "end", "quantity"), ("unit",)),
    "production": (("meter", "start", "end", "quantity"), ("unit",)),
    "hand": (("meter", "time", "value"), ("unit", "note")),
    "stock": (
        ("meter", "kind", "time", "quantity"),
        (
            "unit",
            "price",
            "currency",
            "calorific_value",
            "calorific_unit",
            "supplier",
            "reference",
            "note",
        ),
    ),
}
"""Fields that each kind of file must have, and those that it may have."""
UNIT_OF: Final = {"quantity": "unit", "value": "unit", "calorific_value": "calorific_unit"}
"""Which field a unit in brackets behind a header stands for."""
_BRACKETS: Final = re.compile(r"^(.*?)\s*[(（\[【]\s*([^)）\]】]+?)\s*[)）\]】]\s*$")
_FIELD_OF: Final = {
    re.sub(r"[\s_\-]+", "", name): field for field, names in NAMES.items() for name in names
} | {re.sub(r"[\s_\-]+", "", field): field for field in NAMES}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, units that headers say, and the columns nobody knows."""

    places: Mapping[str, int]
    units: Mapping[str, str]
    unknown: tuple[str, ...]


def find_columns(headers: Sequence[str], kind: str) -> Columns:
    """Answer the columns of a file. Raises SheetFault: a field missing, or there twice."""
    required, optional = KINDS[kind]
    places: dict[str, int] = {}
    units: dict[str, str] = {}
    unknown: list[str] = []
    for place, header in enumerate(headers):
        bare, unit = _split(header)
        field = _FIELD_OF.get(re.sub(r"[\s_\-]+", "", bare.lower()))
        if field is None or field not in (*required, *optional):
            unknown += [header] if header else []
            continue
        if field in places:
            raise SheetFault("sheet_column_twice", column=header, field=field)
        places[field] = place
        if unit and field in UNIT_OF:
            units[UNIT_OF[field]] = unit
    missing = [field for field in required if field not in places]
    if missing:
        known = ", ".join(NAMES[missing[0]])
        raise SheetFault("sheet_column_missing", fields=", ".join(missing), known=known)
    return Columns(places, units, tuple(unknown))


def _split(header: str) -> tuple[str, str | None]:
    found = _BRACKETS.match(header)
    return (header, None) if found is None else (found[1], found[2])
