"""What a stranger asks of stocks, readings by hand and imports of files; `test_stranger.py` walks
these rows with its own.
"""

STOCK = 'stock(meter: "{meter}") {{ book }}'
REGISTER = 'handRegister(meter: "{meter}") {{ lastValue }}'
PAPER = 'kind: COUNT, at: "2026-03-01T00:00:00Z", quantity: "1", unit: "t"'
READING = 'at: "2026-03-01T00:00:00Z", value: "1"'
NOBODY = "0000000000000000000000000a"


def of(text: str) -> list[str]:
    """A field of Alice's project, and her things asked for in one's own."""
    return [
        f'{{{{ project(id: "{{{project}}}") {{{{ {text} }}}} }}}}' for project in ("project", "own")
    ]


def change(text: str) -> list[str]:
    """A mutation in Alice's project, and one in one's own that names her things."""
    return [text.replace("PROJECT", f'project: "{{{project}}}"') for project in ("project", "own")]


QUESTIONS: dict[str, list[str]] = {
    "Project.stocks": of("stocks {{ meterId book }}"),
    "Project.stock": of(STOCK),
    "Project.handRegisters": of("handRegisters {{ meterId }}"),
    "Project.handRegister": of(REGISTER),
    "Mutation.recordStockDocument": change(
        'mutation {{ recordStockDocument(PROJECT, meter: "{meter}", input: {{'
        + PAPER
        + "}}) {{ book }} }}"
    ),
    "Mutation.reverseStockDocument": change(
        f'mutation {{{{ reverseStockDocument(PROJECT, document: "stk_{NOBODY}") {{{{ book }}}} }}}}'
    ),
    "Mutation.setStockRule": change(
        'mutation {{ setStockRule(PROJECT, meter: "{meter}", spreading: EVEN) {{ book }} }}'
    ),
    "Mutation.enterHandReading": change(
        'mutation {{ enterHandReading(PROJECT, meter: "{meter}", input: {{'
        + READING
        + "}}) {{ kept }} }}"
    ),
    "Mutation.withdrawHandReading": change(
        f'mutation {{{{ withdrawHandReading(PROJECT, reading: "hrd_{NOBODY}") {{{{ kept }}}} }}}}'
    ),
}
ROUTES: dict[str, list[str]] = {}
