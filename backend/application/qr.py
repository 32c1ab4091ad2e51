"""QR codes as a path that any screen and printer draws."""

import io

import segno


def drawn(link: str) -> tuple[str, int]:
    """Answer a link as the path of its QR code, and the side of the grid that it is drawn on."""
    code = segno.make(link, error="m", micro=False)
    rows = [bytes(row) for row in code.matrix]
    path = io.StringIO()
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                path.write(f"M{x} {y}h1v1h-1z")
    return path.getvalue(), len(rows)
