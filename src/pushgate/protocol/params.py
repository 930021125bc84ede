"""Form bytes, or a JSON object, to parameters: strict UTF-8, no repeated name, empty means absent."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote_to_bytes

from pushgate import refusals
from pushgate.jose.verify import BadJws, json_object

REPEATABLE = frozenset({"resource"})
NO_SPACE = "\0"
"""What stands for a space inside a repeatable value, so that one value does not become two; no URI has it."""
MAX_PARAMETERS = 200
FEW_VALUES = frozenset({"redirect_uri", "scope", "client_assertion_type", "grant_type", "response_type"})
"""Parameters whose few values come again and again, and are no secrets."""
MAX_KNOWN = 200  # characters


class Params(dict[str, str]):
    """Parameter names to values; absent and empty are the same thing (RFC 6749 3.1).

    A name that was repeated has no value here; `repeated` names it.
    """

    repeated: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Params({', '.join(self)})"

    def reject_repeated(self, *names: str) -> None:
        """Refuse a repeated parameter: any, or one of `names`. Raises InvalidRequest. RFC 6749 3.1, 3.2."""
        if self.repeated and (not names or self.repeated.intersection(names)):
            raise refusals.REPEATED_PARAMETER(" ".join(sorted(self.repeated))[:200])


def parse_form(body: bytes, *, query: bytes = b"") -> Params:
    """Parse application/x-www-form-urlencoded; body and `query` together are one set of parameters.

    A name may appear once, except `resource`, whose values are joined with a space (RFC 8707 values are
    URIs, which contain none). Fields without a name are ignored. Raises InvalidRequest.
    RFC 6749 3.1, 3.2 and appendix B; RFC 9126 2.
    """
    text = _decode(body if not query else body + b"&" + query)
    fields = text.split("&")
    if len(fields) > MAX_PARAMETERS:
        raise refusals.TOO_MANY_PARAMETERS()
    found = Params()
    repeated: set[str] = set()
    for part in fields:
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            value = _known_unquoted(value) if name in FEW_VALUES and len(value) <= MAX_KNOWN else _unquote(value)
            if "%" in name or "+" in name:
                name = _unquote(name)
        if name in REPEATABLE:
            value = f"{found.get(name, '')} {value.replace(' ', NO_SPACE)}".strip(" ")
        elif name in found:
            repeated.add(name)
        found[name] = value
    if repeated or "" in found.values() or "" in found:
        found.repeated = frozenset(repeated - {""})
        for name in [n for n, value in found.items() if not n or not value or n in repeated]:
            del found[name]
    return found


def parse_json(body: bytes) -> Params:
    """The same from the members of a JSON object; null and empty mean absent. Raises InvalidRequest."""
    try:
        said = json_object(body)
    except BadJws:
        raise refusals.JSON_PARAMETERS() from None
    if len(said) > MAX_PARAMETERS:
        raise refusals.TOO_MANY_PARAMETERS()
    if not all(value is None or isinstance(value, str) for value in said.values()):
        raise refusals.JSON_PARAMETERS()
    found = Params({name: value for name, value in said.items() if name and value})
    found.update({name: found[name].replace(" ", NO_SPACE) for name in REPEATABLE & found.keys()})
    return found


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise refusals.FORM() from None


@lru_cache(maxsize=512)
def _known_unquoted(text: str) -> str:
    return _unquote(text)


def _unquote(text: str) -> str:
    text = text.replace("+", " ")
    return _decode(unquote_to_bytes(text)) if "%" in text else text
