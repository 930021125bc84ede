"""Every text of a page is in every catalog, with the same placeholders, and no text is forgotten."""

from __future__ import annotations

import subprocess
import sys
from gettext import NullTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from pushgate.protocol.languages import UI_LOCALES
from pushgate.web.languages import FOLDER, SOURCE, templates, translations
from tools import messages

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = [language for language in UI_LOCALES if language != SOURCE]
EVERY_LANGUAGE = pytest.mark.parametrize("language", TRANSLATED)
TEMPLATES = sorted(FOLDER.parent.glob("templates/*.html"))


@pytest.fixture(scope="module")
def wanted() -> Catalog:
    """The texts of the pages as they are."""
    return messages.texts()


@EVERY_LANGUAGE
def test_a_catalog_has_every_text_and_no_other(language: str, wanted: Catalog) -> None:
    assert messages.problems(language, wanted) == []


def test_there_is_a_catalog_for_every_language_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{language}.po" for language in TRANSLATED)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_of_a_template_is_forgotten(path: Path) -> None:
    assert messages.unwrapped(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello</p>", "Hello"),
        ("<p>{% if x %}Hello{% endif %}</p>", "Hello"),
        ("<p>{{ 'Hello there' if x else y }}</p>", "Hello there"),
        ("<p>{{ macro('Privacy policy') }}</p>", "Privacy policy"),
        ("{% set text = 'Privacy policy' %}", "Privacy policy"),
        ('<img alt="A picture">', "A picture"),
        ('<p aria-label="Hello {{ name }}"></p>', "Hello"),
        ('<input placeholder="Your name">', "Your name"),
        ("<p>{{ _('Hello') }} there</p>", "there"),
    ],
)
def test_a_forgotten_text_is_found(source: str, text: str) -> None:
    assert messages.unwrapped(source) == [text]


@pytest.mark.parametrize(
    "source",
    [
        "<p>{{ _('Hello') }}</p>",
        "<p>{% trans name=app(name) %}Hello {{ name }}{% endtrans %}</p>",
        '<p class="some words" id="another">{{ name }}</p>',
        "<script>const text = 'Hello there you'</script>",
        "{% if x == 'A text' %}{{ y }}{% endif %}",
        '<p aria-label="{{ _(\'Hello\') }}">{{ macro(_("Privacy policy")) }}</p>',
    ],
)
def test_what_is_no_text_is_not_found(source: str) -> None:
    assert messages.unwrapped(source) == []


def test_texts_in_templates_python_and_refusals_are_found(wanted: Catalog) -> None:
    for text, place in (
        ("Allow %(name)s to use your account?", "web/templates/consent.html"),
        ("Know who you are", "web/interaction/consent.py"),
        ("%(count)s more characters", "protocol/details_words.py"),
        ("This sign-in was already completed.", "refusals"),
    ):
        found = wanted.get(text)
        assert found is not None, text
        assert place in [where for where, _ in found.locations]


def test_what_is_missing_left_over_or_has_other_placeholders_is_listed(tmp_path: Path) -> None:
    now = Catalog()
    for text in ("Hello %(name)s", "Bye", "New"):
        now.add(text)
    now.add(("%(num)s thing", "%(num)s things"))
    old = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    old += 'msgid "Hello %(name)s"\nmsgstr "Hallo %(nom)s"\n\nmsgid "Bye"\nmsgstr ""\n\nmsgid "Old"\nmsgstr "Alt"\n'
    (tmp_path / "de.po").write_text(old)
    assert sorted(messages.problems("de", now, tmp_path)) == [
        "de: left over: 'Old'",
        "de: not translated: 'Bye'",
        "de: not translated: 'New'",
        "de: not translated: ('%(num)s thing', '%(num)s things')",
        "de: other placeholders: 'Hello %(name)s'",
    ]
    messages.update("de", now, tmp_path)
    kept = messages.read("de", tmp_path)
    assert {message.id for message in kept if message.id} == {message.id for message in now if message.id}
    assert kept["Hello %(name)s"].string == "Hallo %(nom)s"
    messages.update("de", now, tmp_path)
    assert (tmp_path / "de.po").read_bytes().count(b"Plural-Forms") == 1


def test_the_tool_changes_nothing_where_all_is_well() -> None:
    before = {path: path.read_bytes() for path in FOLDER.iterdir()}
    check = subprocess.run(
        [sys.executable, "tools/messages.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout) == (0, "every catalog is complete\n")
    for language in TRANSLATED:
        messages.update(language, messages.texts())
    assert {path: path.read_bytes() for path in FOLDER.iterdir()} == before


# --- A message is text, never markup ------------------------------------------------------------------------------


@EVERY_LANGUAGE
def test_no_text_and_no_translation_has_markup_or_a_stray_percent_sign(language: str, wanted: Catalog) -> None:
    for catalog in (wanted, messages.read(language)):
        for message in (message for message in catalog if message.id):
            for forms in filter(None, (message.id, message.string)):
                for text in (forms,) if isinstance(forms, str) else forms:
                    assert "%" not in messages.PLACEHOLDER.sub("", text), text
                    assert "&" not in text, text


def test_a_text_from_a_variable_is_escaped_whether_it_is_translated_or_not() -> None:
    page = templates(SOURCE).from_string("{{ _(text) }} {{ _('Access to %(name)s', name=text) }}")
    assert page.render(text="<b>100%</b>") == "&lt;b&gt;100%&lt;/b&gt; Access to &lt;b&gt;100%&lt;/b&gt;"


def test_the_output_of_a_macro_stays_markup_within_a_translation() -> None:
    source = (
        "{% from '_parts.html' import app %}{% trans name=app('A&B') %}{{ name }} asks you to sign in.{% endtrans %}"
    )
    page = templates("de").from_string(source).render()
    assert page == '<bdi class="who">A&amp;B</bdi> bittet Sie, sich anzumelden.'


def test_nothing_is_read_for_english_and_the_header_of_a_catalog_is_never_shown() -> None:
    assert type(translations(SOURCE)) is NullTranslations
    assert templates("de").from_string("[{{ _('') }}]").render() == "[]"


@EVERY_LANGUAGE
def test_numbers_and_days_are_written_as_in_the_language(language: str) -> None:
    source = "{{ day(0) }}|{{ moment(60) }}|{{ ngettext('%(num)s earlier one is not shown.',"
    source += " '%(num)s earlier ones are not shown.', 1) }}"
    day, moment, one = templates(language).from_string(source).render().split("|")
    expected = {"de": "1. Januar 1970", "es": "1 de enero de 1970", "fr": "1 janvier 1970", "ja": "1970年1月1日"}
    assert day == expected[language]
    assert moment == f"{expected[language]}{' ' if language == 'ja' else ', '}00:01 UTC"
    assert "1" in one
    assert "earlier" not in one
    assert templates(SOURCE).from_string("{{ day(0) }}").render() == "1 January 1970"
