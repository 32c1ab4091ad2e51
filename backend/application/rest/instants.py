"""Instants of a request."""

from datetime import UTC, datetime

from backend.core.errors import InvalidInput


def aware(instant: datetime) -> datetime:
    """Refuse a local time without its offset: twice a year it is not one instant."""
    if instant.tzinfo is None:
        raise InvalidInput("time_without_zone", given=instant.isoformat())
    return instant.astimezone(UTC)
