"""Keep the catalogs in src/pushgate/web/locale in step with the texts of the pages (`make messages`).

New texts are added to every catalog without a translation, and texts that are gone are taken out. With --check
nothing is written: what is missing, left over, or has other placeholders than its English text is listed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from pushgate import refusals
from pushgate.protocol.languages import UI_LOCALES
from pushgate.refusals import REFUSALS
from pushgate.web.languages import FOLDER, SOURCE, templates

PACKAGE = Path(refusals.__file__).parents[1]
KEYWORDS = {"_": None, "gettext": None, "N_": None, "say": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
TEMPLATES = {"extensions": "jinja2.ext.i18n", "trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s")
ON_PAGES = ("http.", "authorize.", "login.", "logout.", "account.", "request_object.", "directory.")
"""Groups of refusals that a person can be shown; the others are answered to machines alone."""
ON_PAGES_TOO = {"request.redirect_uri_missing", "request.redirect_uri_mismatch"}

Text = str | tuple[str, ...]


def texts() -> Catalog:
    """Every English text of the pages, with the files it is in."""
    catalog = Catalog()
    for place, text, context in (*_written(), *_refusals()):
        catalog.add(text, locations=[(place, None)], context=context)  # type: ignore[list-item]
    return catalog


def _written() -> Iterator[tuple[str, Text, str | None]]:
    """What templates and Python files have."""
    templates = sorted((PACKAGE / "web" / "templates").glob("*.html"))
    for path in (*templates, *sorted(PACKAGE.rglob("*.py"))):
        template = path.suffix == ".html"
        found = extract_from_file("jinja2" if template else "python", path, KEYWORDS, options=TEMPLATES)
        for _, text, _, context in found:
            yield path.relative_to(PACKAGE).as_posix(), text, context


def _refusals() -> Iterator[tuple[str, str, None]]:
    for refusal in REFUSALS.values():
        if refusal.id.startswith(ON_PAGES) or refusal.id in ON_PAGES_TOO:
            yield "refusals", refusal.description, None
            yield "refusals", refusal.advice, None


def read(language: str, folder: Path = FOLDER) -> Catalog:
    """A catalog as it stands; an empty one for a new language."""
    path = folder / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language, project="pushgate")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, wanted: Catalog, folder: Path = FOLDER) -> None:
    """Write a catalog with exactly these texts, and the translations that there are."""
    old = read(language, folder)
    new = Catalog(locale=language, project="pushgate", creation_date=old.creation_date, fuzzy=False)
    for message in wanted:
        if message.id:
            there = old.get(message.id, message.context)
            kept = there.string if there is not None and message.id else ""
            new.add(message.id, kept, message.locations, context=message.context)
    out = BytesIO()
    write_po(out, new, width=120, include_lineno=False, omit_header=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    plural = f'"Plural-Forms: {new.plural_forms}\\n"\n\n'
    (folder / f"{language}.po").write_bytes((header + plural).encode() + out.getvalue().rstrip(b"\n") + b"\n")


def problems(language: str, wanted: Catalog, folder: Path = FOLDER) -> list[str]:
    """What is wrong with a catalog, a line for each text."""
    catalog = read(language, folder)
    found = []
    for message in wanted:
        if not message.id:
            continue
        there = catalog.get(message.id, message.context)
        strings = [] if there is None else there.string if isinstance(there.string, tuple) else (there.string,)
        if not strings or not all(strings):
            found.append(f"{language}: not translated: {message.id!r}")
        elif not all(_placeholders(string) == _placeholders(message.id) for string in strings):
            found.append(f"{language}: other placeholders: {message.id!r}")
    known = {(message.id, message.context) for message in wanted}
    found += [f"{language}: left over: {m.id!r}" for m in catalog if m.id and (m.id, m.context) not in known]
    return found


def _placeholders(text: Text) -> set[str]:
    """The names that are put into a text; of one with a plural, into either form."""
    return {name for form in ((text,) if isinstance(text, str) else text) for name in PLACEHOLDER.findall(form)}


# --- Texts that somebody forgot to wrap -----------------------------------------------------------------------

TRANSLATING = {"_", "gettext", "ngettext", "pgettext"}
SPOKEN = {"aria-label", "alt", "title", "placeholder"}
SENTENCE = re.compile(r"[A-Z][a-z]+( |$|[.:?!])|[a-z]+ [a-z]+ [a-z]+")


class _Spoken(HTMLParser):
    """Collects what a person reads or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in SPOKEN and value]


def unwrapped(source: str) -> list[str]:
    """The texts of a template that are not translated: between its tags, in attributes, and in its expressions."""
    tree = templates(SOURCE).parse(source)
    html, literals = "", []
    for block in tree.find_all(nodes.Block):
        block.body = [] if block.name == "width" else block.body  # a class name
    for output in tree.find_all(nodes.Output):
        # Where an expression stands, a blank: it is looked at by itself, and a tag may go on behind it.
        html += "".join(part.data if isinstance(part, nodes.TemplateData) else " " for part in output.nodes)
        literals += [text for part in output.nodes for text in _literals(part)]
    for assigned in (*tree.find_all(nodes.Assign), *tree.find_all(nodes.CallBlock)):
        literals += _literals(assigned)
    spoken = _Spoken()
    spoken.feed(re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL))
    shown = [" ".join(text.split()) for text in spoken.found if re.search("[A-Za-z]{2}", text)]
    return [*shown, *(text for text in literals if SENTENCE.match(text))]


def _literals(node: nodes.Node) -> list[str]:
    """The strings in an expression that no translating function gets."""
    if isinstance(node, nodes.TemplateData | nodes.Compare | nodes.Getattr | nodes.Test):
        return []
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in TRANSLATING:
        return [text for keyword in node.kwargs for text in _literals(keyword.value)]
    if isinstance(node, nodes.Const):
        return [node.value] if isinstance(node.value, str) else []
    return [text for child in node.iter_child_nodes() for text in _literals(child)]


def main() -> int:
    """Exit code 1 if --check finds something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, list what is wrong")
    check, wanted = parser.parse_args().check, texts()
    found = []
    for language in UI_LOCALES:
        if language == SOURCE:
            continue
        if not check:
            update(language, wanted)
        found += problems(language, wanted)
    for path in sorted((PACKAGE / "web" / "templates").glob("*.html")):
        found += [f"{path.name}: not wrapped: {text!r}" for text in unwrapped(path.read_text("utf-8"))]
    print("\n".join(found) or "every catalog is complete")
    return 1 if found and check else 0


if __name__ == "__main__":
    sys.exit(main())
