"""Documents of which a few values were exchanged for anything at all."""

import copy

from hypothesis import strategies as st

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.sampled_from(["int32", "uint16", "bcd2", "1%", "register", "0x10", "modbus", "dlt645"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5) | scalars, inner)
    ),
    max_leaves=4,
)


def places(data: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document below its root."""
    found = [path] if path else []
    if isinstance(data, dict):
        for key, value in data.items():
            found += places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += places(value, (*path, index))
    return found


def damaged(data: st.DataObject, whole: object) -> object:
    """A copy of a document with one to three values exchanged."""
    document = copy.deepcopy(whole)
    for path in data.draw(st.lists(st.sampled_from(places(document)), min_size=1, max_size=3)):
        inner = document
        try:
            for key in path[:-1]:
                inner = inner[key]  # type: ignore[index]
            inner[path[-1]] = data.draw(values)  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier exchange took this place away
    return document
