"""Export files as values: plain JSON or XML, of reasonable size and depth, or refused whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pushgate.manage.importers.common import BadExport

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 50
DEEP = "is nested too deeply"


def content(path: Path) -> bytes:
    """What is in a file. Raises BadExport."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadExport(f"is larger than {MAX_BYTES // 2**20} MiB")
        return path.read_bytes()
    except OSError as problem:
        raise BadExport(f"cannot be read: {problem.strerror or problem}") from None


def json_document(data: bytes) -> Any:
    """A JSON text (RFC 8259) without repeated names, half characters and numbers that are none. Raises BadExport."""
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise BadExport(DEEP) from None
    except json.JSONDecodeError as problem:
        raise BadExport(f"is not JSON: {problem.msg} (line {problem.lineno})") from None
    except UnicodeError:
        raise BadExport("is not JSON: it has characters that are not Unicode") from None
    except ValueError:
        raise BadExport("is not JSON: a number has too many digits") from None
    _shallow(document)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise BadExport(f"the name {next(n for n in names if names.count(n) > 1)!r} is there twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise BadExport(f"is not JSON: {text} is not a number")


def _shallow(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            inner += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not inner:
            return
        level = inner
    raise BadExport(DEEP)


def xml_document(data: bytes | str) -> Element:
    """An XML text without a document type, so without entities of its own. Raises BadExport."""
    from xml.etree.ElementTree import ParseError

    import defusedxml.ElementTree as Safe
    from defusedxml import DefusedXmlException

    try:
        root: Element = Safe.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise BadExport("has a document type or entities, which are not taken") from None
    except ParseError as problem:
        raise BadExport(f"is not XML: {problem}") from None
    except (ValueError, LookupError, RecursionError):
        raise BadExport("is not XML that can be read") from None
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return root
    raise BadExport(DEEP)
