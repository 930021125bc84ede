"""Form bytes to parameters: strict UTF-8, no repeated name, empty means absent."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from pushgate import refusals

REPEATABLE = frozenset({"resource"})
MAX_PARAMETERS = 200


class Params(dict[str, str]):
    """Parameter names to values; absent and empty are the same thing (RFC 6749 3.1).

    A name that was repeated has no value here; `repeated` names it.
    """

    repeated: frozenset[str] = frozenset()

    def reject_repeated(self, *names: str) -> None:
        """Refuse a repeated parameter: any, or one of `names`. Raises InvalidRequest. RFC 6749 3.1, 3.2."""
        if self.repeated and (not names or self.repeated.intersection(names)):
            raise refusals.REPEATED_PARAMETER(" ".join(sorted(self.repeated)))


def parse_form(body: bytes, *, query: bytes = b"") -> Params:
    """Parse application/x-www-form-urlencoded; body and `query` together are one set of parameters.

    A name may appear once, except `resource`, whose values are joined with a space (RFC 8707 values are
    URIs, which contain none). Fields without a name are ignored. Raises InvalidRequest.
    RFC 6749 3.1, 3.2 and appendix B; RFC 9126 2.
    """
    fields = body.split(b"&") if body else []
    if query:
        fields += query.split(b"&")
    if len(fields) > MAX_PARAMETERS:
        raise refusals.TOO_MANY_PARAMETERS()
    seen: set[str] = set()
    repeated: set[str] = set()
    found = Params()
    for field in fields:
        raw_name, _, raw_value = field.partition(b"=")
        name = _decode(raw_name)
        if not name:
            continue
        value = _decode(raw_value)
        if name in seen and name not in REPEATABLE:
            repeated.add(name)
            continue
        if name in found:
            value = f"{found[name]} {value}"
        seen.add(name)
        if value:
            found[name] = value
    if repeated:
        found.repeated = frozenset(repeated)
        for name in repeated:
            found.pop(name, None)
    return found


def _decode(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise refusals.FORM() from None
