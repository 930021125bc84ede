"""Regular expressions of JSON Schemas: in ECMA-262's meaning, and only those that are quick on any text.

Python's engine tries one way after the other. How many ways there are is bounded by the quantifiers and
alternatives alone, so a pattern that could run away is refused when it is saved, not when it runs.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_TEXT = 1000  # characters of a text that a pattern is tried on; the reader of details keeps to it
MAX_PATTERN = 500  # characters
MAX_WAYS = 5_000_000  # a few tens of milliseconds
MAX_GROUPS = 20  # inside one another
QUANTIFIER = re.compile(r"([*+?]|\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\})[?+]?")
GROUP = re.compile(r"\((?:\?(?:[:=!]|<[=!])|(?!\?))")
SETS = re.compile(r"(?<!\\)\[|--|&&|~~|\|\|")  # Python and ECMA-262 both plan to read sets here
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)


class BadPattern(ValueError):
    """A pattern that is not taken; the message continues `has a pattern that ...`."""


@lru_cache(maxsize=512)
def ecma(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern as ECMA-262 means it: `$` is the very end, `\d` and `\w` are ASCII. Raises BadPattern.

    Groups may be plain, `(?:...)` or look around; flags and names are extensions of one engine.
    """
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"is longer than {MAX_PATTERN} characters")
    scan = _Scan(pattern)
    ways = scan.alternatives(MAX_GROUPS)
    if scan.at != len(pattern):
        raise BadPattern("is not a regular expression")
    anchored = pattern.startswith("^") and "|" not in pattern
    if ways * (1 if anchored else MAX_TEXT) > MAX_WAYS:
        raise BadPattern("could take too long: bound what repeats, and repeat no group that itself varies")
    try:
        return re.compile("".join(scan.out), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        raise BadPattern("is not a regular expression") from None


class _Scan:
    """Reads a pattern once, counting in how many ways it can go over a text of MAX_TEXT characters."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0
        self.out: list[str] = []

    def alternatives(self, groups: int) -> int:
        """Up to the end of a group, or of the pattern."""
        if groups == 0:
            raise BadPattern("has too many groups inside one another")
        before, ways = 0, 1
        while self.at < len(self.pattern) and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self._take(1)
                before, ways = before + ways, 1
            else:
                ways = min(ways * self._piece(groups), MAX_WAYS + 1)
        return before + ways

    def _piece(self, groups: int) -> int:
        inner = self._atom(groups)
        found = QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return inner
        self._take(found.end() - self.at)
        low, high = _bounds(found)
        return int((high - low + 1) * min(inner**high, MAX_WAYS + 1))

    def _atom(self, groups: int) -> int:
        rest = self.pattern[self.at]
        if rest == "(":
            found = GROUP.match(self.pattern, self.at)
            if found is None:
                raise BadPattern("has a group with an extension")
            self._take(found.end() - self.at)
            ways = self.alternatives(groups - 1)
            if self.at == len(self.pattern):
                raise BadPattern("is not a regular expression")
            self._take(1)
            return ways
        if rest == "[":
            found = CLASS.match(self.pattern, self.at)
            if found is None:
                raise BadPattern("is not a regular expression")
            if SETS.search(found[0][1:]):
                raise BadPattern("has a character class that not everybody reads alike: escape [ - & ~ | in it")
            self._take(found.end() - self.at)
        elif rest == "{":
            raise BadPattern("has a brace that is not a quantifier")  # Python reads `{,9}` as one, ECMA-262 does not
        elif rest == "$":
            self.at += 1
            self.out.append(r"\Z")
        else:
            self._take(2 if rest == "\\" else 1)
        return 1

    def _take(self, length: int) -> None:
        self.out.append(self.pattern[self.at : self.at + length])
        self.at += length


def _bounds(quantifier: re.Match[str]) -> tuple[int, int]:
    sign, low, comma, high = quantifier.groups()
    if low is None:
        return (0, 1) if sign == "?" else (0, MAX_TEXT)
    least = int(low)
    most = least if not comma else int(high) if high else MAX_TEXT
    return min(least, MAX_TEXT), max(min(most, MAX_TEXT), min(least, MAX_TEXT))
