"""Rich authorization requests (RFC 9396): reading them, and who may ask for what.

Values are data: they are compared as they came, without normalisation (RFC 9396 12). How people are told is in
details_words.
"""

from __future__ import annotations

import json
from typing import Any

from pushgate import refusals
from pushgate.model import AuthorizationDetailsType, Details, Resource
from pushgate.protocol.params import Params
from pushgate.protocol.pattern_cost import MAX_TEXT

MAX_BYTES = 16 * 1024
MAX_ENTRIES = 50
MAX_DEPTH = 10  # objects and arrays inside one another, the outer array included
MAX_MEMBERS = 100  # of one object or array
MAX_NAME = 100  # characters of a member's name
MAX_INTEGER = 2**53 - 1  # RFC 7493 2.2: what lies beyond is another number to another reader
ARRAYS = ("locations", "actions", "datatypes", "privileges")
"""RFC 9396 2.2: members that mean the same in every type."""


# --- Reading --------------------------------------------------------------------------------------------


def requested_details(params: Params) -> Details:
    """What a request says in `authorization_details`. Raises InvalidAuthorizationDetails. RFC 9396 3."""
    text = params.get("authorization_details")
    return () if text is None else parse_authorization_details(text)


def parse_authorization_details(text: str) -> Details:
    """A JSON array of objects that each have a string `type`; at least one, at most 50.

    Strict: no member name twice, no NaN, no number that another reader would round, no lone surrogates.
    Raises InvalidAuthorizationDetails. RFC 9396 2, RFC 7493 2.
    """
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise refusals.DETAILS_TOO_LARGE("bytes")
    try:
        found = _decoder.decode(text)
    except RecursionError:
        raise refusals.DETAILS_TOO_LARGE("depth") from None
    except ValueError as problem:
        raise refusals.DETAILS_MALFORMED(type(problem).__name__) from None
    if not isinstance(found, list) or not found:
        raise refusals.DETAILS_MALFORMED("not an array, or empty")
    if len(found) > MAX_ENTRIES:
        raise refusals.DETAILS_TOO_LARGE("entries")
    _check_bounds(found, MAX_DEPTH)
    if not all(isinstance(entry, dict) and isinstance(entry.get("type"), str) for entry in found):
        raise refusals.DETAILS_MALFORMED("an entry is not an object with a type")
    return tuple(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(value := int(digits)) > MAX_INTEGER:
        raise ValueError("integer out of range")
    return value


def _fraction(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_fraction, parse_constant=_no_constant
)


def _check_bounds(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value, MAX_TEXT)
    if not isinstance(value, dict | list):
        return
    if depth == 0 or len(value) > MAX_MEMBERS:
        raise refusals.DETAILS_TOO_LARGE("depth or members")
    if isinstance(value, dict):
        for name in value:
            _check_text(name, MAX_NAME)
    for inner in value.values() if isinstance(value, dict) else value:
        _check_bounds(inner, depth - 1)


def _check_text(text: str, limit: int) -> None:
    if len(text) > limit:
        raise refusals.DETAILS_TOO_LARGE("text")
    if any("\ud800" <= c <= "\udfff" for c in text):
        # It has no UTF-8 form: no store could keep it, no token could carry it.
        raise refusals.DETAILS_MALFORMED("lone surrogate")


# --- What may be asked for --------------------------------------------------------------------------------


def check_details(
    details: Details, types: tuple[AuthorizationDetailsType, ...], allowed: frozenset[str] | None
) -> None:
    """Every entry has a type of the realm that the client may use, and fits its schema.

    `allowed` are the client's `authorization_details_types`; None leaves it to the realm.
    Raises InvalidAuthorizationDetails. RFC 9396 5, 10.
    """
    schemas = {known.type: known.schema for known in types}
    for entry in details:
        name = entry["type"]
        if name not in schemas:
            raise refusals.DETAILS_TYPE_UNKNOWN()
        if allowed is not None and name not in allowed:
            raise refusals.DETAILS_TYPE_NOT_ALLOWED(name)
        if problem := _misfit(entry, schemas[name]):
            raise refusals.DETAILS_INVALID(f"{name}: {problem}"[:200])


def _misfit(entry: dict[str, Any], schema: dict[str, Any]) -> str | None:
    from pushgate.protocol.details_schema import misfit  # with jsonschema, which takes its time: few requests need it

    return misfit(entry, schema)


def check_narrowed(wanted: Details, granted: Details) -> Details:
    """The authorization details of one token: those of the grant, or what a token request asks of them.

    Raises InvalidAuthorizationDetails for anything beyond the grant. RFC 9396 6.
    """
    if not covered(wanted, granted):
        raise refusals.DETAILS_EXCEED()
    return wanted or granted


def covered(wanted: Details, granted: Details) -> bool:
    """Whether each wanted entry is a granted one, or narrows one; no granted entry serves for two.

    Two entries are two permissions: a payment that was granted once must not come back twice. RFC 9396 6.1.
    """
    choices = [[n for n, entry in enumerate(granted) if _narrows(want, entry)] for want in wanted]
    taken: dict[int, int] = {}
    return all(_place(n, choices, taken, set()) for n in range(len(wanted)))


def _place(want: int, choices: list[list[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Find a granted entry for a wanted one, moving others to their other choices where that helps."""
    for choice in choices[want]:
        if choice in tried:
            continue
        tried.add(choice)
        if choice not in taken or _place(taken[choice], choices, taken, tried):
            taken[choice] = want
            return True
    return False


def _narrows(wanted: dict[str, Any], granted: dict[str, Any]) -> bool:
    """The same members, equal but for RFC 9396 2.2's arrays, of which some values may be missing.

    An array that is absent or empty is no narrowing: to an API it may mean everything.
    """
    return wanted.keys() == granted.keys() and all(
        _same(value, granted[name]) or (name in ARRAYS and _some_of(value, granted[name]))
        for name, value in wanted.items()
    )


def _some_of(wanted: Any, granted: Any) -> bool:
    if not isinstance(wanted, list) or not isinstance(granted, list) or not wanted:
        return False
    return all(any(_same(value, other) for other in granted) for value in wanted)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: the order of members does not matter, true is not 1, and 1.0 is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def resources_of(details: Details, known: tuple[Resource, ...]) -> tuple[str, ...]:
    """The realm's resources that the `locations` of the entries point at. RFC 9396 2.2."""
    return tuple(r.identifier for r in known if any(_is_at(entry, r.identifier) for entry in details))


def for_audience(details: Details, audience: tuple[str, ...], known: tuple[Resource, ...]) -> Details:
    """The entries that a token for this audience carries: all but those that are for other resources of the realm.

    An entry without `locations`, or with locations that the realm does not know, is for everybody. RFC 9396 9.1.
    """
    return tuple(
        entry for entry in details
        if any(_is_at(entry, identifier) for identifier in audience) or not resources_of((entry,), known)
    )  # fmt: skip


def _is_at(entry: dict[str, Any], identifier: str) -> bool:
    """Whether one of the entry's locations is this resource, or a path below it."""
    below = identifier if identifier.endswith("/") else f"{identifier}/"
    return any(at == identifier or at.startswith(below) for at in entry.get("locations") or ())
