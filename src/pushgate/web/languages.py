"""The language of a page: which one it is, and the templates in it.

Texts in templates and in Python are English. `{{ _("...") }}` and `{% trans %}` translate them; a text that Python
hands to a template is marked with `N_` and translated there. Catalogs are the files in `locale`, which
`tools/messages.py` keeps in step with the texts; they are read when the first page in a language is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pushgate.endpoints.http import Request
from pushgate.protocol.languages import UI_LOCALES, accepted, lookup

FOLDER = Path(__file__).parent / "locale"
SOURCE = UI_LOCALES[0]
DATES = {"en": "en_GB"}
"""Where the dates of a language are not those of the country that Babel has in mind."""


def N_(text: str) -> str:
    """Mark an English text for translation; it is translated where it is shown."""
    return text


def wanted(request: Request) -> tuple[str, ...]:
    """The language ranges that a page should be in, best first: the client's wish, then the browser's.

    OpenID Connect Core 3.1.2.1 (`ui_locales`), RFC 9110 12.5.4.
    """
    return (*request.ui_locales, *accepted(request.header(b"accept-language") or ""))


def language_of(request: Request) -> str:
    """The language of a page that answers this request."""
    return lookup(wanted(request)) or SOURCE


@cache
def translations(language: str) -> NullTranslations:
    """The catalog of a language; English needs none."""
    if language == SOURCE:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def say_for(request: Request) -> Callable[[str], str]:
    """A function that translates for the page which answers this request, where Python has to put words together."""
    return translations(language_of(request)).gettext


@cache
def templates(language: str) -> Environment:
    """The templates in a language. Undefined names are errors."""
    environment = Environment(
        loader=PackageLoader("pushgate.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals |= _functions(translations(language))
    environment.globals |= {"day": partial(_day, language), "moment": partial(_moment, language)}
    return environment


def _day(language: str, seconds: float) -> str:
    """A day as people of this language write it."""
    from babel import dates

    return dates.format_date(datetime.fromtimestamp(seconds, UTC), "long", locale=DATES.get(language, language))


def _moment(language: str, seconds: float) -> str:
    """A day with the time on it, to the minute."""
    from babel import dates

    pattern = str(dates.get_datetime_format("medium", locale=DATES.get(language, language)))
    return pattern.format(f"{datetime.fromtimestamp(seconds, UTC):%H:%M} UTC", _day(language, seconds))


def _functions(catalog: NullTranslations) -> dict[str, Any]:
    """What `_` and `trans` call. Jinja's own take a message for markup; here it is text, and escaped like any other.

    So a text that comes out of a variable is safe, and a catalog cannot bring markup into a page. Only what is put
    into a message may be markup: the output of a macro.
    """

    def filled(message: str, values: dict[str, Any]) -> str:
        return Markup(escape(message)) % values if values else message  # noqa: S704 - escaped, and so is what it holds

    def gettext(message: str, /, **values: Any) -> str:
        return filled(catalog.gettext(message) if message else "", values)

    def ngettext(singular: str, plural: str, n: int, /, **values: Any) -> str:
        return filled(catalog.ngettext(singular, plural, n), {"num": n, **values})

    def pgettext(context: str, message: str, /, **values: Any) -> str:
        return filled(catalog.pgettext(context, message), values)

    return {"gettext": gettext, "ngettext": ngettext, "pgettext": pgettext}
