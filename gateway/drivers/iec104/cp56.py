"""CP56Time2a, the time tag of IEC 60870-5-104 (seven octets, IEC 60870-5-101 clause 7.2.6.18).

Milliseconds of the minute (two octets, low first), minute with IV, hour with SU, day of the month
with the day of the week, month, year of the century. The tag names no time zone.
"""

from calendar import timegm
from datetime import datetime

OCTETS = 7
INVALID = 0x80
SUMMER = 0x80
CENTURY = 2000
MINUTE_MS = 60_000


def to_ms(tag: bytes, offset_minutes: int) -> int | None:
    """Milliseconds since 1970 in UTC of a tag whose clock runs `offset_minutes` ahead of UTC.

    A tag marked as summer time runs one hour further ahead. None when the station calls its clock
    invalid, or the tag is no moment that exists.
    """
    milliseconds = tag[0] | tag[1] << 8
    if tag[2] & INVALID or milliseconds >= MINUTE_MS:
        return None
    try:
        moment = datetime(  # noqa: DTZ001 - the zone is the option, not the machine's
            CENTURY + (tag[6] & 0x7F), tag[5] & 0x0F, tag[4] & 0x1F, tag[3] & 0x1F, tag[2] & 0x3F
        )
    except ValueError:
        return None
    ahead = offset_minutes + (60 if tag[3] & SUMMER else 0)
    return timegm(moment.timetuple()) * 1000 + milliseconds - ahead * MINUTE_MS
