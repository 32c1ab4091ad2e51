"""A meter's own wall time out of registers; pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.contract.profile import ClockFormat
from gateway.contract.registers import Datatype, Order, decode_raw

CENTURY = 2000
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the meter's own zone


def clock_time(words: Sequence[int], form: ClockFormat, order: Order) -> datetime | None:
    """The time that a clock's registers mean; None when they mean none."""
    if form is ClockFormat.EPOCH_U32:
        seconds = decode_raw(words, Datatype.UINT32, order)
        return EPOCH + timedelta(seconds=seconds) if seconds else None
    year, month, day, hour, minute, second = (
        int(decode_raw([word], Datatype.UINT16, order)) for word in words
    )
    try:
        # Two digits are a year of this century.
        return datetime(  # noqa: DTZ001 - the meter's own zone
            year if year >= 100 else CENTURY + year, month, day, hour, minute, second
        )
    except ValueError:
        return None
