"""The status page as plain HTML in English or 简体中文: one table each, nothing to press."""

from collections.abc import Iterable
from html import escape

from gateway.status_facts import Facts

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:60rem;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8886}"
)
EN = {
    "title": "Gateway",
    "link": "Platform",
    "online": "connected",
    "offline": "not connected",
    "contact": "last acknowledgement",
    "journal": "Journal",
    "waiting": "messages waiting",
    "dropped": "given up",
    "disk": "disk cannot be written",
    "data": "Data this month",
    "forecast": "forecast",
    "limit": "budget",
    "none": "none",
    "lines": "Lines",
    "devices": "Devices",
    "alive": "answers",
    "silent": "silent",
    "load": "load",
    "age": "newest value",
    "ago": "{} s ago",
    "never": "not yet",
    "yes": "yes",
    "no": "no",
}
ZH = {
    "title": "网关",
    "link": "平台",
    "online": "已连接",
    "offline": "未连接",
    "contact": "最近确认",
    "journal": "日志",
    "waiting": "条待确认",
    "dropped": "条已放弃",
    "disk": "磁盘无法写入",
    "data": "本月流量",
    "forecast": "预计",
    "limit": "限额",
    "none": "无",
    "lines": "线路",
    "devices": "设备",
    "alive": "在线",
    "silent": "无应答",
    "load": "负载",
    "age": "最新数据",
    "ago": "{} 秒前",
    "never": "尚无",
    "yes": "是",
    "no": "否",
}
TEXTS = {"en": EN, "zh-CN": ZH}
MB = 1_000_000


def language(accepted: str) -> str:
    """The better of our two languages for an Accept-Language header; English when it says none."""
    best, found = 0.0, "en"
    for part in accepted.split(","):
        tag, _, rest = part.strip().lower().partition(";")
        known = {"zh": "zh-CN", "en": "en"}.get(tag[:2])
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        if known is not None and weight > best:
            best, found = weight, known
    return found


def page(facts: Facts, locale: str) -> str:
    """The whole page."""
    text = TEXTS[locale]
    name = escape(f"{facts.project}/{facts.node}")
    parts = (
        _overview(facts, text),
        _table(
            (text["lines"], text["devices"], text["online"], text["load"]),
            (
                (one.name, f"{one.alive}/{one.devices}", text["yes" if one.connected else "no"],
                 "" if one.busy is None else f"{one.busy} %")
                for one in facts.lines
            ),
        ),
        _table(
            (text["devices"], "", text["age"]),
            (
                (one.slug, text["alive" if one.alive else "silent"], _age(one.age_s, text))
                for one in facts.devices
            ),
        ),
    )  # fmt: skip
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" '
        f'content="10"><title>{name}</title><style>{STYLE}</style></head>'
        f"<body><h1>{text['title']} {name}</h1><p>{escape(facts.software)} · {escape(facts.at)}"
        f"</p>{''.join(parts)}</body></html>"
    )


def _overview(facts: Facts, text: dict[str, str]) -> str:
    journal, data = facts.journal, facts.data
    waits = f"{journal.records} {text['waiting']}, {journal.dropped} {text['dropped']}"
    limit = _megabytes(data.limit) if data.limit else text["none"]
    return _table(
        (text["link"], text["online" if facts.online else "offline"]),
        (
            (text["contact"], _age(facts.contact_age_s, text)),
            (text["journal"], waits if journal.healthy else f"{waits}, {text['disk']}"),
            (text["data"], _megabytes(data.used)),
            (text["forecast"], _megabytes(data.forecast)),
            (text["limit"], limit),
        ),
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _age(age_s: int | None, text: dict[str, str]) -> str:
    return text["never"] if age_s is None else text["ago"].format(age_s)


def _megabytes(size: int) -> str:
    return f"{size / MB:.1f} MB"
