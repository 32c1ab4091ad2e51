"""How long a list may be that somebody asks for."""

from backend.core.errors import InvalidInput


def list_length(asked: int, most: int) -> int:
    """Answer the length that was asked for. Raises InvalidInput for more than `most` or none."""
    if not 1 <= asked <= most:
        raise InvalidInput("list_length", least=1, most=most)
    return asked
