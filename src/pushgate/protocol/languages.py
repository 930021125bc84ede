"""Languages and displays of pages: which there are, and which one a person is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

UI_LOCALES = ("en", "de", "es", "fr", "ja")
"""The languages that pages are written in; the first is for everybody whose own is not among them."""
DISPLAYS = ("page", "popup", "touch", "wap")
"""Values of `display` that make a difference, or that every page is fit for (OpenID Connect Core 3.1.2.1)."""
MAX_RANGES = 20
MAX_RANGE = 100  # characters
QUALITY = re.compile(r"\s*(?:q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\s*", re.IGNORECASE)


@lru_cache(maxsize=256)
def accepted(header: str) -> tuple[str, ...]:
    """The language ranges of an Accept-Language header, best first; none that are refused (`q=0`) or malformed.

    RFC 9110 12.5.4.
    """
    weighed = []
    for element in header.split(",")[:MAX_RANGES]:
        language, semicolon, parameters = element.partition(";")
        quality = QUALITY.fullmatch(parameters)
        if language.strip() and quality is not None and bool(semicolon) == bool(quality[1]):
            weighed.append((float(quality[1] or 1), language.strip()))
    return tuple(language for weight, language in sorted(weighed, key=lambda one: -one[0]) if weight > 0)


def lookup(ranges: Iterable[str], available: tuple[str, ...] = UI_LOCALES) -> str | None:
    """The available language that fits the first range which any fits; None where none does.

    A range is shortened from its end until one fits: `de-AT` finds `de`. Case makes no difference, and `de_AT` is
    taken for what it means. `*` says nothing about a language. RFC 4647 3.4.
    """
    for wanted in list(ranges)[:MAX_RANGES]:
        tag = wanted[:MAX_RANGE].replace("_", "-").lower()
        while tag:
            if tag in available:
                return tag
            tag = tag.rpartition("-")[0]
            while tag[-2:-1] == "-":  # a singleton means nothing without what came behind it
                tag = tag[:-2]
    return None
