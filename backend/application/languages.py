"""In which of our languages a request wants to be answered, by its `Accept-Language` (RFC 9110)."""

from backend.core.texts import LOCALES


def reader_of(accepted: str | None, otherwise: str) -> str:
    """Answer the language of ours that is liked best; `otherwise` where none is named.

    `zh`, `zh-TW` and `zh-Hans-CN` are all read as the Chinese that we have. A range of weight 0 is
    not wanted, a weight that is no number counts as none.
    """
    best, weight = otherwise, 0.0
    for one in (accepted or "").split(","):
        tag, _, parameters = one.partition(";")
        found = _ours(tag.strip().lower())
        liked = _weight(parameters)
        if found is not None and liked > weight:
            best, weight = found, liked
    return best


def _ours(tag: str) -> str | None:
    primary = tag.partition("-")[0]
    return next((ours for ours in LOCALES if ours.partition("-")[0] == primary), None)


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
