"""A meter's own date and time as items of DL/T 645-2007; pure.

Both are BCD with the low byte first: the date is weekday, day, month, year of the century; the time
is second, minute, hour. They are two reads, so a midnight may lie between them.
"""

from datetime import datetime

DATE = "04000101"
TIME = "04000102"
DATE_BYTES = 4
TIME_BYTES = 3
CENTURY = 2000


def may_be_next_day(time: bytes) -> bool:
    """Whether the date that was read before this time may be yesterday's: read it once more.

    The first minute of a day is longer than any two reads take.
    """
    return time[1:TIME_BYTES] == b"\0\0"


def meter_time(date: bytes, time: bytes) -> datetime | None:
    """The wall time that the two items mean; None for digits that are no time."""
    if len(date) != DATE_BYTES or len(time) != TIME_BYTES:
        return None
    digits = (date[:0:-1] + time[::-1]).hex()
    if not digits.isdecimal():
        return None
    year, month, day, hour, minute, second = (int(digits[n : n + 2]) for n in range(0, 12, 2))
    try:
        return datetime(CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001 - the meter's own zone
    except ValueError:
        return None
