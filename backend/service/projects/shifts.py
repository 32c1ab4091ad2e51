"""What a template says of shifts and holidays, as the rules that projects keep."""

from datetime import date, timedelta

import msgspec

from backend.aggregation.shifts import Pattern, ready_made
from backend.service.projects.template import PatternPart


def pattern_of(part: PatternPart) -> Pattern:
    """Answer a ready-made pattern with the template's slots and hours only."""
    base = ready_made()[part.ready][1]
    slots = [
        msgspec.structs.replace(
            slot,
            start=part.slots[slot.name].start or slot.start,
            end=part.slots[slot.name].end or slot.end,
        )
        for slot in base.slots
        if slot.name in part.slots
    ]
    cycle = [{slot: team for slot, team in day.items() if slot in part.slots} for day in base.cycle]
    return msgspec.structs.replace(base, slots=slots, cycle=cycle, days=part.days)


def holiday_spans(spans: list[tuple[str, int]]) -> list[tuple[date, date]]:
    """Answer the first and last day of spans of (first day, number of days)."""
    firsts = [(date.fromisoformat(first), count) for first, count in spans]
    return [(first, first + timedelta(days=count - 1)) for first, count in firsts]
