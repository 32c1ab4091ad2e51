"""Files as the body of a request."""

from fastapi import Request

from backend.core.errors import InvalidInput


async def received(request: Request, most: int, code: str) -> bytes:
    """Answer the body; InvalidInput by this code as soon as it has more than `most` bytes."""
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise InvalidInput(code, most=most // 1_000_000)
        parts.append(chunk)
    return b"".join(parts)
