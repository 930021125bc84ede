"""JSON Schemas of authorization details (RFC 9396 5): which are taken, and whether an entry fits one.

Draft 2020-12. A schema stands alone: references are local and never lead back, nothing is ever fetched,
and its patterns cannot run away (`pattern_cost`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from pushgate.protocol.authorization_details import ARRAYS
from pushgate.protocol.pattern_cost import BadPattern, ecma

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA = 32 * 1024  # bytes
MAX_LEVELS = 30  # of objects and arrays, as written
MAX_NODES, MAX_HEIGHT = 5000, 60  # of objects and arrays, references written out
FORMATS = ("date", "email", "ipv4", "ipv6", "uuid")  # no others are checked, so no others are taken
DEFINITION = re.compile(r"#/\$defs/[^/]+")
NOT_TAKEN = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"})
COMMON = ("type", *ARRAYS, "identifier")
NAMING = frozenset({"properties", "patternProperties", "dependentSchemas", "allOf", "anyOf", "oneOf", "if", "$ref"})
"""Keywords that say which members an object has; `{type: object}` alone says nothing about them."""


class _Problem(ValueError):
    """Why a schema cannot be used, in words."""


# --- Which schemas are taken --------------------------------------------------------------------------


def schema_problem(schema: Any) -> str | None:
    """Why this schema cannot be a type's, in words; None if it can.

    Beside JSON Schema's own rules: only `$ref`s to the schema's own `$defs` that do not lead back to
    themselves, no identifiers and anchors, only formats that are checked here, only patterns that are
    quick on any text.
    """
    try:
        _check(schema)
    except _Problem as problem:
        return str(problem)
    return None


def _check(given: Any) -> None:
    if not isinstance(given, dict):
        raise _Problem("is not an object")
    _check_levels(given, MAX_LEVELS)
    try:
        encoded = msgspec.json.encode(given)
    except (TypeError, ValueError, OverflowError):
        raise _Problem("is not JSON") from None
    if len(encoded) > MAX_SCHEMA:
        raise _Problem(f"is longer than {MAX_SCHEMA} bytes")
    schema = msgspec.json.decode(encoded)
    for node in _objects(schema):
        for name, value in node.items():
            _check_keyword(name, value)
    _check_draft(schema)
    if schema.get("type", "object") != "object":
        raise _Problem("is not about objects")
    _measure(schema, schema, (), {})


def _check_levels(value: Any, left: int) -> None:
    if not isinstance(value, dict | list | tuple):
        return
    if left == 0:
        raise _Problem("is nested too deeply")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_levels(inner, left - 1)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value. Data in `enum` or `default` is looked at too: it may be a property's name."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _objects(inner)


def _check_keyword(name: str, value: Any) -> None:
    """The house's own rules; a property may be called like a keyword, but then its value is no string."""
    if name == "patternProperties" and isinstance(value, dict):
        for pattern in value:
            _check_pattern(pattern)
    if not isinstance(value, str):
        return
    if name in NOT_TAKEN:
        raise _Problem(f"has {name}, which is not taken here")
    if name == "$schema" and value.removesuffix("#") != DRAFT:
        raise _Problem("is not of JSON Schema draft 2020-12")
    if name == "$ref" and not DEFINITION.fullmatch(value):
        raise _Problem("has a $ref that is not #/$defs/ and a name")
    if name == "format" and value not in FORMATS:
        raise _Problem(f"has a format other than {', '.join(FORMATS)}, which nothing would check")
    if name == "pattern":
        _check_pattern(value)


def _check_pattern(pattern: str) -> None:
    try:
        ecma(pattern)
    except BadPattern as bad:
        raise _Problem(f"has a pattern that {bad}") from None


def _check_draft(schema: Any) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _Problem(f"is not valid at {error.json_path[:200]}: {error.message[:200]}") from None


def _measure(value: Any, root: Any, inside: tuple[str, ...], known: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Nodes and height of a schema with its references written out. Raises _Problem where there is no end."""
    if not isinstance(value, dict | list):
        return 0, 0
    parts = [_measure(v, root, inside, known) for v in (value.values() if isinstance(value, dict) else value)]
    if isinstance(value, dict) and isinstance(ref := value.get("$ref"), str):
        if ref in inside:
            raise _Problem("has a $ref that leads back to itself")
        if ref not in known:
            known[ref] = _measure(_target(ref, root), root, (*inside, ref), known)
        parts.append(known[ref])
    nodes, height = 1 + sum(n for n, _ in parts), 1 + max((h for _, h in parts), default=0)
    if nodes > MAX_NODES or height > MAX_HEIGHT:
        raise _Problem("is too large with its references written out")
    return nodes, height


def _target(ref: str, root: Any) -> Any:
    try:
        found = _registry.resolver_with_root(DRAFT202012.create_resource(root)).lookup(ref).contents
    except (Unresolvable, ValueError, TypeError, LookupError):
        raise _Problem("has a $ref that leads nowhere") from None
    return found


# --- Whether an entry fits ------------------------------------------------------------------------------


def misfit(entry: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """Which rule an entry of `authorization_details` breaks; None if it fits.

    The members of RFC 9396 2.2 have their types by themselves; a schema may narrow them. Where a schema names
    members, in nested objects too, every other one is unknown, unless it says something else there with
    `additionalProperties` or `unevaluatedProperties`; without any schema the members of the RFC are all there
    are. The answer has no text of the entry.
    """
    for name in ARRAYS:
        value = entry.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return name
    if not isinstance(entry.get("identifier", ""), str):
        return "identifier"
    error = next(iter(_validator(msgspec.json.encode(schema)).iter_errors(entry)), None)
    return None if error is None else "/".join(map(str, error.absolute_schema_path)) or "schema"


@lru_cache(maxsize=128)
def _validator(encoded: bytes) -> Validator:
    schema = msgspec.json.decode(encoded)
    if not schema or NAMING & schema.keys():
        schema["properties"] = dict.fromkeys(COMMON, True) | schema.get("properties", {})
    return _Validator(_closed(schema, place=True), registry=_registry, format_checker=FormatChecker(FORMATS))


def _closed(schema: Any, *, place: bool) -> Any:
    """The schema with unknown members refused wherever it names those of a `place` of its own in the entry.

    Schemas that speak about a place together with others (`allOf`, a definition) are left open, because
    the others may name more members; conditions (`if`, `not`, `contains`) are left as they are.
    """
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    for name, inner in schema.items():
        if name in ("properties", "patternProperties", "$defs", "dependentSchemas"):
            own = name in ("properties", "patternProperties")
            closed[name] = {key: _closed(value, place=own) for key, value in inner.items()}
        elif name in ("allOf", "anyOf", "oneOf", "prefixItems"):
            closed[name] = [_closed(value, place=name == "prefixItems") for value in inner]
        elif name in ("items", "unevaluatedItems", "additionalProperties", "unevaluatedProperties"):
            closed[name] = _closed(inner, place=True)
        elif name in ("then", "else"):
            closed[name] = _closed(inner, place=False)
    if place and NAMING & schema.keys() and "additionalProperties" not in schema:
        closed.setdefault("unevaluatedProperties", False)
    return closed


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """The keyword `pattern` as JSON Schema means it: Python's `$` would let a line break through."""
    if isinstance(instance, str) and not ecma(pattern).search(instance):
        yield ValidationError("does not match the pattern")


# An empty registry knows no way to fetch anything.
_registry: Registry[Any] = Registry()
_extend: Callable[..., type[Validator]] = extend
_Validator = _extend(Draft202012Validator, {"pattern": _pattern})
