"""What people can read as the name of a client. Whoever registers one chooses it freely (RFC 7591 5)."""

from __future__ import annotations

from unicodedata import category

BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that look like nothing."""
BREAKS = frozenset({"Cc", "Zl", "Zp"})
MOST_MARKS = 6
"""Marks on one letter: more than languages need, and it runs into the lines above and below."""


def name_problem(name: str) -> str | None:
    """Why this is no name to show to people, in words; None if it is one, or empty. RFC 7591 5."""
    kinds = [category(character) for character in name]
    if not BREAKS.isdisjoint(kinds):
        return "must be one line of text without control characters"
    if name and not any(k[0] in "LNPS" and c not in BLANK for c, k in zip(name, kinds, strict=True)):
        return "must have a character that can be seen"
    run = 0
    for kind in kinds:
        run = run + 1 if kind in ("Mn", "Me") else 0
        if run > MOST_MARKS:
            return f"must not have more than {MOST_MARKS} marks on one letter"
    return None
