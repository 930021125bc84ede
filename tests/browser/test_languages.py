"""Pages in five languages in a real browser: what a person reads, and that it fits on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_layout import PALE, SMALL
from tests.browser.visitor import Arrive, Visitor

WORDS = {
    "de": {"user": "Benutzername", "password": "Passwort", "in": "Anmelden", "allow": "Erlauben",
           "deny": "Ablehnen"},
    "es": {"user": "Nombre de usuario", "password": "Contraseña", "in": "Iniciar sesión", "allow": "Permitir",
           "deny": "No permitir"},
    "fr": {"user": "Nom d’utilisateur", "password": "Mot de passe", "in": "Se connecter", "allow": "Autoriser",
           "deny": "Refuser"},
    "ja": {"user": "ユーザー名", "password": "パスワード", "in": "ログイン", "allow": "許可する", "deny": "許可しない"},
}  # fmt: skip
LOCALES = {"de": "de-AT", "es": "es-MX", "fr": "fr-CA", "ja": "ja-JP"}
EVERY_LANGUAGE = pytest.mark.parametrize("language", WORDS)


def sign_in(person: Visitor, language: str) -> None:
    """Fill in the login page by what it says."""
    words = WORDS[language]
    person.page.get_by_label(words["user"], exact=True).fill("alice")
    person.page.get_by_label(words["password"], exact=True).fill("alice-password")
    person.press(words["in"])


@EVERY_LANGUAGE
def test_the_whole_way_in_the_language_of_the_browser(arrive: Arrive, language: str) -> None:
    person = arrive(locale=LOCALES[language])
    person.start(scope="openid profile email write read")
    assert person.page.locator("html").get_attribute("lang") == language
    sign_in(person, language)
    words = WORDS[language]
    expect(person.page.get_by_role("button", name=words["deny"], exact=True)).to_be_visible()
    assert person.page.locator("html").get_attribute("lang") == language
    person.press(words["allow"])
    assert person.redeem(person.answer()["code"])["token_type"] == "Bearer"


def test_the_request_decides_before_the_browser(arrive: Arrive) -> None:
    person = arrive(locale="fr-CA")
    person.start(ui_locales="ja en")
    person.sees("ログイン")
    sign_in(person, "ja")
    person.sees("The App にアカウントの利用を許可しますか？")


# --- How it looks ---------------------------------------------------------------------------------------------


def login(person: Visitor, language: str) -> None:
    person.start(ui_locales=language, prompt="login")


def login_error(person: Visitor, language: str) -> None:
    person.start(ui_locales=language)
    person.page.get_by_label(WORDS[language]["user"], exact=True).fill("alice")
    person.page.get_by_label(WORDS[language]["password"], exact=True).fill("wrong")
    person.press(WORDS[language]["in"])
    expect(person.page.get_by_role("alert")).to_be_visible()


def consent(person: Visitor, language: str) -> None:
    claims = '{"userinfo": {"birthdate": null, "phone_number_verified": null}}'
    person.start(ui_locales=language, scope="openid profile email write read", claims=claims)
    sign_in(person, language)
    expect(person.page.get_by_role("button", name=WORDS[language]["allow"], exact=True)).to_be_visible()


def popup(person: Visitor, language: str) -> None:
    person.start(ui_locales=language, display="popup")
    sign_in(person, language)
    expect(person.page.get_by_role("button", name=WORDS[language]["allow"], exact=True)).to_be_visible()


def account(person: Visitor, language: str) -> None:
    person.start(ui_locales=language)
    sign_in(person, language)
    person.press(WORDS[language]["allow"])
    person.arrival()
    person.page.goto(f"{person.live.url}/oauth2/account")


def authenticator(person: Visitor, language: str) -> None:
    account(person, language)
    person.page.goto(f"{person.live.url}/oauth2/account/totp")


def refused(person: Visitor, language: str) -> None:
    person.page.goto(f"{person.live.url}/oauth2/authorize?client_id=app&request_uri=urn:nobody")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()


def home(person: Visitor, language: str) -> None:
    person.page.goto(f"{person.live.url}/")


def signing_out(person: Visitor, language: str) -> None:
    account(person, language)
    person.page.goto(f"{person.live.url}/oauth2/logout")


PAGES = (login, login_error, consent, popup, account, authenticator, refused, home, signing_out)


@pytest.mark.parametrize("colour", ["light", "dark"])
@EVERY_LANGUAGE
@pytest.mark.parametrize("go", PAGES, ids=lambda go: go.__name__)
def test_a_page_fits_and_is_readable(
    arrive: Arrive, go: Callable[[Visitor, str], None], language: str, colour: str
) -> None:
    person = arrive(color_scheme=colour, locale=LOCALES[language], viewport={"width": 1280, "height": 800})
    go(person, language)
    assert person.page.locator("html").get_attribute("lang") == language
    for width in (320, 390, 1280):
        person.page.set_viewport_size({"width": width, "height": 800})
        person.shot(f"{go.__name__}-{language}-{colour}-{width}")
        wide = person.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{go.__name__} in {language} is {wide} wide"
        assert person.page.evaluate(PALE) == []
        assert person.page.evaluate(SMALL) == []


def test_a_popup_is_smaller_than_a_page(arrive: Arrive) -> None:
    heights = []
    for display in ("page", "popup"):
        person = arrive(viewport={"width": 480, "height": 300})
        person.start(display=display)
        person.sees_login()
        heights.append(person.page.evaluate("document.documentElement.scrollHeight"))
    assert heights[1] < heights[0]
