"""Whether a document conforms to one of our JSON schemas, without telling where it does not.

Nearly every document does, and jsonschema costs a gateway 2.6 MB to learn it. This knows the
keywords that our schemas use (JSON Schema 2020-12, Core and Validation) and raises UnknownKeyword
for any other; tests compare it with jsonschema.
"""

import re
from collections.abc import Callable, Mapping, Sequence

Schema = Mapping[str, object]
Rule = Callable[[object, object, Schema, Schema], bool]
"""Whether it holds: the value, what the keyword says, the schema it stands in, the whole schema."""


class UnknownKeyword(Exception):
    """A schema uses what is not known here."""


def conforms(value: object, schema: object, whole: Schema) -> bool:
    """Whether a value of YAML or JSON conforms to a part of the whole schema."""
    if not isinstance(schema, Mapping):
        return schema is True
    return all(
        _rule(keyword)(value, limit, schema, whole)
        for keyword, limit in schema.items()
        if keyword not in NOTES
    )


def _rule(keyword: str) -> Rule:
    if keyword not in RULES:
        raise UnknownKeyword(keyword)
    return RULES[keyword]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and not (isinstance(value, float) and not value.is_integer())


TYPES: Mapping[object, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
    return any(TYPES[name](value) for name in _several(limit))


def _enum(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
    """True and 1 differ, 1 and 1.0 do not."""
    is_truth = isinstance(value, bool)
    return any(is_truth is isinstance(one, bool) and value == one for one in _several(limit))


def _several(limit: object) -> Sequence[object]:
    return limit if isinstance(limit, list) else [limit]


def _number(holds: Callable[[float, float], bool]) -> Rule:
    def rule(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return True
        return isinstance(limit, int | float) and holds(value, limit)

    return rule


def _size(
    kind: type[str] | type[list[object]] | type[dict[str, object]],
    holds: Callable[[int, int], bool],
) -> Rule:
    def rule(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
        if not isinstance(value, kind):
            return True
        return isinstance(limit, int) and holds(len(value), limit)

    return rule


def _pattern(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
    return not isinstance(value, str) or re.search(str(limit), value) is not None


def _required(value: object, limit: object, _schema: Schema, _whole: Schema) -> bool:
    return not isinstance(value, dict) or all(key in value for key in _several(limit))


def _properties(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    if not isinstance(value, dict) or not isinstance(limit, Mapping):
        return True
    return all(conforms(part, limit[key], whole) for key, part in value.items() if key in limit)


def _additional(value: object, limit: object, schema: Schema, whole: Schema) -> bool:
    named = schema.get("properties")
    known = named if isinstance(named, Mapping) else {}
    if not isinstance(value, dict):
        return True
    return all(conforms(part, limit, whole) for key, part in value.items() if key not in known)


def _items(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    return not isinstance(value, list) or all(conforms(part, limit, whole) for part in value)


def _any_of(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    return any(conforms(value, one, whole) for one in _several(limit))


def _one_of(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    return sum(conforms(value, one, whole) for one in _several(limit)) == 1


def _not(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    return not conforms(value, limit, whole)


def _if(value: object, limit: object, schema: Schema, whole: Schema) -> bool:
    return conforms(
        value, schema.get("then" if conforms(value, limit, whole) else "else", True), whole
    )


def _reference(value: object, limit: object, _schema: Schema, whole: Schema) -> bool:
    found: object = whole
    for part in str(limit).removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return conforms(value, found, whole)


NOTES = frozenset({"$schema", "$defs", "title", "description", "then", "else"})
"""Keywords that say nothing by themselves."""
RULES: Mapping[str, Rule] = {
    "$ref": _reference,
    "additionalProperties": _additional,
    "anyOf": _any_of,
    "const": _enum,
    "enum": _enum,
    "exclusiveMinimum": _number(lambda value, limit: value > limit),
    "if": _if,
    "items": _items,
    "maxItems": _size(list, lambda size, limit: size <= limit),
    "maxLength": _size(str, lambda size, limit: size <= limit),
    "maximum": _number(lambda value, limit: value <= limit),
    "minItems": _size(list, lambda size, limit: size >= limit),
    "minLength": _size(str, lambda size, limit: size >= limit),
    "minProperties": _size(dict, lambda size, limit: size >= limit),
    "minimum": _number(lambda value, limit: value >= limit),
    "not": _not,
    "oneOf": _one_of,
    "pattern": _pattern,
    "properties": _properties,
    "required": _required,
    "type": _type,
}
