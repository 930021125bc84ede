"""Bodies: read as JSON, merged into what is there (RFC 7396), taken as types with the path of what is wrong."""

from __future__ import annotations

import hashlib
import re
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from pushgate import refusals
from pushgate.manage.api.problem import Failed
from pushgate.protocol.registration import Problem

T = TypeVar("T")

BODY_LIMIT = 1024 * 1024  # bytes
MAX_DEPTH = 50
JSON = ("application/json", "application/merge-patch+json")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")


async def raw_body(request: Request) -> bytes:
    """The body, up to the limit. Raises Failed."""
    chunks, size = [], 0
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_LIMIT:
        raise Failed(refusals.MANAGEMENT_BODY_SIZE)
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise Failed(refusals.MANAGEMENT_BODY_SIZE)
        chunks.append(chunk)
    return b"".join(chunks)


def json_object(content_type: str | None, body: bytes) -> dict[str, Any]:
    """The one JSON object that a body is. Raises Failed."""
    if (content_type or "").partition(";")[0].strip().lower() not in JSON:
        raise Failed(refusals.MANAGEMENT_CONTENT_TYPE)
    try:
        found = msgspec.json.decode(body)
        msgspec.json.encode(found)  # what cannot be written again cannot be kept: a lone surrogate, a huge number
    except (msgspec.MsgspecError, RecursionError, UnicodeError, OverflowError, ValueError) as problem:
        raise Failed(refusals.MANAGEMENT_JSON, detail=str(problem)) from None
    if not isinstance(found, dict):
        raise Failed(refusals.MANAGEMENT_JSON, detail="not an object")
    if _deeper(found, MAX_DEPTH):
        raise Failed(refusals.MANAGEMENT_JSON, detail="nested too deeply")
    return found


def _deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_deeper(member, depth - 1) for member in members)


def merged(current: Any, patch: Any) -> Any:
    """A JSON merge patch, applied: members that are not named stay, null removes one. RFC 7396 2."""
    if not isinstance(patch, dict):
        return patch
    found = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def patched(current: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A document of named members with a merge patch applied.

    A member of the document is always there: null is its value where it can be null, and refused where it cannot.
    """
    return {**current, **{n: v if v is None else merged(current.get(n), v) for n, v in patch.items()}}


def writable(said: dict[str, Any], shown: dict[str, Any], *read_only: str) -> dict[str, Any]:
    """A body without the read-only members that it has as they are shown: what was read can be sent back.

    One that differs stays, and is refused as any member that cannot be set.
    """
    return {n: v for n, v in said.items() if n not in read_only or n not in shown or v != shown[n]}


def typed(document: dict[str, Any], kind: type[T]) -> T:
    """A document as a type. Raises Failed with the path of the first thing that is wrong in it."""
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as problem:
        raise invalid(_shape(str(problem))) from None


def invalid(*found: Problem) -> Failed:
    """What is wrong with a document."""
    return Failed(refusals.MANAGEMENT_INVALID, found)


def _shape(complaint: str) -> Problem:
    """msgspec's words, such as "Expected `bool`, got `str` - at `$.enabled`"."""
    reason, _, where = complaint.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    for pattern, told in ((_UNKNOWN, "is not a member that is known here"), (_MISSING, "is needed")):
        named = pattern.fullmatch(reason)
        if named is not None:
            return Problem(f"{field}.{named[1]}" if field else named[1], told)
    return Problem(field, reason)


def etag_of(record: msgspec.Struct) -> str:
    """A strong validator of what is stored: it differs whenever a member does. RFC 9110 8.8.3."""
    return f'"{hashlib.sha256(msgspec.json.encode(record)).hexdigest()[:32]}"'


def matches(header: str | None, etag: str) -> bool:
    """Whether If-Match holds; it does where it was not sent. Weak validators never match. RFC 9110 13.1.1."""
    if header is None or header.strip() == "*":
        return True
    return etag in [value.strip() for value in header.split(",")]
