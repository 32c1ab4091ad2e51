"""Columns of the meter list: one row a circuit; headers in both languages. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Final

import msgspec
from openpyxl.utils import get_column_letter

from backend.service.imports.sheet import SheetFault

HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "meter": ("meter", "计量点编号"),
    "name": ("name", "英文名称"),
    "name_zh": ("name zh-CN", "中文名称"),
    "energy": ("energy", "能源"),
    "level": ("level", "计量级别"),
    "asset": ("asset number", "资产编号"),
    "gateway": ("gateway", "网关"),
    "device": ("device", "设备"),
    "profile": ("profile", "设备型号"),
    "host": ("host", "地址"),
    "port": ("port", "端口"),
    "line": ("line", "线路"),
    "unit": ("unit id", "站号"),
    "ct": ("CT", "电流互感器变比"),
    "pt": ("PT", "电压互感器变比"),
    "serial": ("serial number", "出厂编号"),
    "circuit": ("circuit", "回路"),
    "register": ("register", "电能寄存器"),
    "power": ("power", "功率"),
    "end": ("end", "停用"),
}
"""By field: the header in English and in Chinese. A place has one column a tree."""
REQUIRED: Final = ("energy", "gateway", "device")
PLACE: Final = ("place", "位置")
_PLACE: Final = re.compile(r"(?:place|位置)\s*[:：]\s*(.+)", re.IGNORECASE)
WIRING: Final = ("profile", "host", "port", "line", "unit", "ct", "pt", "serial")
"""What a gateway's document says of a device."""
FIXED: Final = ("energy", "gateway", "device", "circuit", "register", "power")
"""What a meter is read from: another register is another meter."""

Value = str | int | Decimal | bool | None
Places = tuple[tuple[str, Decimal], ...]
"""Nodes of one tree by slug, each with its coefficient, in the order of slugs."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the list: a meter, the device it is read from and where it counts.

    `ct` and `pt` are ratios (400/5 = 80); `places` by tree; `end` is asked for, never told.
    """

    meter: str | None = None
    name: str | None = None
    name_zh: str | None = None
    energy: str | None = None
    level: int = 3
    asset: str | None = None
    gateway: str | None = None
    device: str | None = None
    profile: str | None = None
    host: str | None = None
    port: int | None = None
    line: str | None = None
    unit: int | str | None = None
    ct: Decimal | None = None
    pt: Decimal | None = None
    serial: str | None = None
    circuit: str | None = None
    register: str | None = None
    power: str | None = None
    end: bool = False
    places: Mapping[str, Places] = field(default_factory=dict)

    def point(self, key: str | None) -> str | None:
        """Answer a point's name on the wire: `ep_imp`, or `c2/ep_imp` of a circuit."""
        return f"{self.circuit}/{key}" if self.circuit and key else key

    def told(self, name: str) -> Value:
        """Answer one field as people read it; `place:<tree>` is a tree's places."""
        tree = tree_of(name)
        if tree is not None:
            return places_text(self.places.get(tree, ()))
        found: Value = getattr(self, name)
        return found


def listed(told: Mapping[str, object]) -> Listed:
    """Answer the row that says this, by field; what is not told is as in an empty row."""
    return msgspec.convert(told, Listed)


PLAIN: Final = tuple(one.name for one in fields(Listed) if one.name != "places")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a sheet, and the headers nobody knows."""

    places: Mapping[str, int]
    unknown: tuple[str, ...]

    def cell(self, name: str, row: int) -> str:
        """Answer the address of a field's cell; of the row's first cell where it has no column."""
        return f"{get_column_letter(self.places.get(name, 0) + 1)}{row}"


def header_of(name: str, locale: str) -> str:
    """Answer a field's header; `locale` is en or zh-CN."""
    chinese = locale.startswith("zh")
    tree = tree_of(name)
    if tree is not None:
        return f"{PLACE[chinese]}: {tree}"
    return HEADERS[name][chinese]


def tree_of(name: str) -> str | None:
    """Answer the tree of a field `place:<tree>`; None for any other field."""
    head, _, tree = name.partition(":")
    return tree if head == "place" and tree else None


def places_text(places: Places) -> str | None:
    """Answer places as their cell has them: `a; b*0.4`."""
    texts = [slug if factor == 1 else f"{slug}*{factor.normalize():f}" for slug, factor in places]
    return "; ".join(texts) or None


def find_columns(headers: Sequence[str]) -> Columns:
    """Answer the columns of a sheet. Raises SheetFault: a field missing, or there twice."""
    found: dict[str, int] = {}
    unknown: list[str] = []
    for place, header in enumerate(headers):
        name = _field(header)
        if name is None:
            unknown += [header] if header else []
        elif name in found:
            raise SheetFault("sheet_column_twice", column=header, field=name)
        else:
            found[name] = place
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        known = " / ".join(HEADERS[missing[0]])
        raise SheetFault("sheet_column_missing", fields=", ".join(missing), known=known)
    return Columns(found, tuple(unknown))


def _field(header: str) -> str | None:
    tree = _PLACE.fullmatch(header.strip())
    if tree is not None:
        return f"place:{tree[1].strip()}"
    return _FIELD_OF.get(_bare(header))


def _bare(text: str) -> str:
    return re.sub(r"[\s_\-]+", "", text.lower())


_FIELD_OF: Final = {
    _bare(header): name for name, both in HEADERS.items() for header in (*both, name)
}
