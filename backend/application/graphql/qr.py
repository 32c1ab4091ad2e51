"""QR codes as the app draws them: one path on a grid."""

import io

import segno


def drawn(text: str) -> tuple[str, int]:
    """Answer a text as the path of its QR code, and the side of the grid that it is drawn on."""
    code = segno.make(text, error="m", micro=False)
    rows = [bytes(row) for row in code.matrix]
    path = io.StringIO()
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                path.write(f"M{x} {y}h1v1h-1z")
    return path.getvalue(), len(rows)
