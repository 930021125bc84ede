"""Rich authorization requests (RFC 9396) in words, for the person who is asked.

Everything is plain text, to be escaped by the page (RFC 9396 12).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias
from unicodedata import category

from pushgate.model import AuthorizationDetailsType, Details

MAX_SHOWN = 500  # characters of one value
MAX_MARKS = 4  # combining characters on one letter
# Characters that print as nothing: joiners, fillers and selectors of variants (Unicode: Default_Ignorable_Code_Point).
BLANK = (
    range(0x34F, 0x350), range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810), range(0x2800, 0x2801),
    range(0x3164, 0x3165), range(0xFE00, 0xFE10), range(0xFFA0, 0xFFA1), range(0xE0000, 0xE1000),
)  # fmt: skip
MAX_NESTED = 3  # levels of rows within rows; what lies deeper is put into a row's text

Say: TypeAlias = Callable[[str], str]
"""Our own few words in the language of the page."""
Row: TypeAlias = "tuple[str, str | list[Row]]"
"""A label, and a text or the rows within."""


def in_words(details: Details, types: tuple[AuthorizationDetailsType, ...], say: Say = str) -> list[dict[str, Any]]:
    """What the consent page shows of each entry: `title`, and `rows` of (label, text or rows). Nothing is left out.

    Labels are the `title`s of the schema's properties, else the members' names; things in an array are numbered.
    Characters that do not print, or change the direction of writing, are spelt out. Of a value longer than 500
    characters the beginning is shown, and how much more there is.
    """
    by_name = {known.type: known for known in types}
    shown = []
    for entry in details:
        known = by_name.get(entry["type"], AuthorizationDetailsType(type=entry["type"]))
        members = {name: value for name, value in entry.items() if name != "type"}
        shown.append({"title": _visible(known.title or known.type), "rows": _rows(members, known.schema, 0, say)})
    return shown


def value_in_words(value: Any, say: Say = str) -> str:
    """A single value in one line, as in a row of `in_words`."""
    return _text(value, None, say)


def name_in_words(name: str) -> str:
    """A name that somebody else chose, with what does not print spelt out."""
    return _visible(name)


def _rows(value: dict[str, Any] | list[Any], schema: Any, depth: int, say: Say) -> list[Row]:
    if isinstance(value, dict):
        return [
            (_label(name, inner), _shown(value[name], inner, depth, say)) for name, inner in _members(value, schema)
        ]
    return [(str(number), _shown(item, _items(schema), depth, say)) for number, item in enumerate(value, 1)]


def _shown(value: Any, schema: Any, depth: int, say: Say) -> str | list[Row]:
    """Rows for an object, and for an array of such; a text for the rest."""
    has_parts = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
    )
    if has_parts and value and depth < MAX_NESTED:
        return _rows(value, schema, depth + 1, say)
    return _text(value, schema, say)


def _members(value: dict[str, Any], schema: Any) -> list[tuple[str, Any]]:
    """Names with their schemas, in the schema's order; those it does not name come last."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    named = [name for name in properties if name in value]
    return [(name, properties.get(name)) for name in (*named, *(n for n in value if n not in properties))]


def _items(schema: Any) -> Any:
    return schema.get("items") if isinstance(schema, dict) else None


def _label(name: str, schema: Any) -> str:
    title = schema.get("title") if isinstance(schema, dict) else None
    return _visible(title) if title else _visible(name.replace("_", " "))


def _text(value: Any, schema: Any, say: Say) -> str:
    """One row's text; at the top of a row nothing needs quotes or brackets."""
    if isinstance(value, str):
        return _cut(value, say) or '""'
    text = _inner(value, schema, say)
    return text[1:-1] if isinstance(value, dict | list) and value else text


def _inner(value: Any, schema: Any, say: Say) -> str:
    """A value beside others: brackets and quotes keep one from looking like several."""
    if isinstance(value, dict):
        parts = [f"{_quoted(_label(n, s), ':')}: {_inner(value[n], s, say)}" for n, s in _members(value, schema)]
        return f"({', '.join(parts)})"
    if isinstance(value, list):
        return f"[{', '.join(_inner(item, _items(schema), say) for item in value)}]"
    if isinstance(value, str):
        return _quoted(_cut(value, say), ": ")
    if isinstance(value, bool) or value is None:
        return say("none") if value is None else say("yes") if value else say("no")
    return str(value)


def _quoted(text: str, *more: str) -> str:
    """In quotes, where the text would otherwise look like more than one value."""
    plain = text.strip() == text != "" and not any(mark in text for mark in (*',;()[]"', *more))
    return text if plain else json.dumps(text, ensure_ascii=False)


def _cut(text: str, say: Say) -> str:
    rest = len(text) - MAX_SHOWN
    if rest <= 0:
        return _visible(text)
    more = say("%(count)s more characters") % {"count": rest}
    return f"{_visible(text[:MAX_SHOWN])}… ({more})"


def _visible(text: str) -> str:
    """The text, with what nobody could see or tell apart spelt out: a person decides on what is on the page."""
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for c in text:
        marks = marks + 1 if category(c) in ("Mn", "Me") else 0
        hidden = not c.isprintable() or marks > MAX_MARKS or any(ord(c) in block for block in BLANK)
        shown.append(f"\\u{ord(c):04x}" if hidden else c)
    return "".join(shown)
