"""The language of a page: the client's wish, the browser's, English; and the kind of page that a client asks for."""

from __future__ import annotations

import json

import pytest

from pushgate.refusals import REFUSALS
from pushgate.testing import Browser, Running, running
from pushgate.web.languages import translations
from tests.support.manifests import APP_SECRET, REDIRECT, REQUEST
from tests.support.steps import AUTHORIZE, HYBRID, PAR, TOKEN, answered, ask, at, but, post_as, refused, shown, told

SIGN_IN = {"en": "Sign in", "de": "Anmelden", "es": "Iniciar sesión", "fr": "Se connecter", "ja": "ログイン"}
PUSHED = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])


def speaking(server: Running, header: str) -> Browser:
    """A browser that sends this Accept-Language."""
    browser = server.browser()
    browser.http.headers["accept-language"] = header
    return browser


def language(browser: Browser) -> str:
    """The language of the page on the screen, by its header and by its markup."""
    assert browser.page is not None, browser.landed
    found = browser.page.headers["content-language"]
    assert f'<html lang="{found}" dir="ltr">' in browser.page.text
    return found


# --- Which one ----------------------------------------------------------------------------------------------------


@PUSHED
@pytest.mark.parametrize(
    ("ui_locales", "header", "expected"),
    [
        ("de", "fr", "de"),
        ("it fr-CA de", "ja", "fr"),
        ("it", "ja;q=0.2, es;q=0.8", "es"),
        ("it", "pt", "en"),
        ("EN-us", "de", "en"),
        (None, "de-CH", "de"),
        (None, "", "en"),
        ("ja_JP", "de", "ja"),
    ],
)
async def test_the_request_comes_before_the_browser_and_english_last(
    server: Running, push: bool, ui_locales: str | None, header: str, expected: str
) -> None:
    browser = await ask(server, but(REQUEST, ui_locales=ui_locales), push=push, browser=speaking(server, header))
    assert at(browser, "login")
    assert language(browser) == expected
    assert browser.page is not None
    assert f"<h1>{SIGN_IN[expected]}</h1>" in browser.page.text


@PUSHED
@pytest.mark.parametrize("value", ["", "  ", "x" * 5000, "-- ** ;q=1 de,fr", "<b>", "\u65e5\u672c"])
async def test_no_value_of_ui_locales_or_display_is_an_error(server: Running, push: bool, value: str) -> None:
    request = but(REQUEST, ui_locales=value, display=value)
    browser = await ask(server, request, push=push, browser=speaking(server, "fr"))
    assert at(browser, "login")
    assert language(browser) == "fr"


async def test_every_page_of_an_interaction_is_in_its_language(server: Running) -> None:
    browser = await ask(server, but(REQUEST, ui_locales="de", scope="openid email write"), push=True)
    await browser.submit("login-submit", username="alice", password="wrong")
    assert language(browser) == "de"
    assert browser.page is not None
    assert "Benutzername und Passwort stimmen nicht überein." in browser.page.text
    await browser.sign_in()
    assert language(browser) == "de"
    text = browser.page.text
    for expected in (
        '<h1>Darf <bdi class="who">The App</bdi> Ihr Konto verwenden?</h1>',
        "Sie sind als ",
        "<bdi>Erfahren, wer Sie sind</bdi>",
        "<bdi>Ihre E-Mail-Adresse</bdi>",
        "Zugriff auf https://api.example",
        ">Ablehnen<",
    ):
        assert expected in text
    assert "<bdi>write</bdi>" in text  # what a client calls its scope is not ours to translate


async def test_a_scope_that_is_called_like_one_of_our_texts_keeps_its_name() -> None:
    client = {"client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT], "scope": "openid Allow <b>"}
    user = {"username": "alice", "password": "alice-password"}
    resource = {"identifier": "https://api.example", "scopes": ["Allow", "<b>"]}
    realm = {"name": "default", "clients": [client], "users": [user], "resources": [resource]}
    async with running(json.dumps({"realms": [realm]})) as server:
        browser = await ask(server, but(REQUEST, ui_locales="de", scope="openid Allow <b>"))
        await browser.sign_in()
        assert browser.page is not None
        assert "<bdi>Allow</bdi>" in browser.page.text
        assert "<bdi>&lt;b&gt;</bdi>" in browser.page.text


async def test_a_name_of_the_client_is_in_the_language_of_the_browser_too(server: Running) -> None:
    registration = {"mode": "open"}
    await server.apply(json.dumps({"realms": [{"name": "default", "registration": registration}]}))
    document = {"redirect_uris": ["https://new.example/cb"], "client_name": "The Tool", "client_name#fr": "L'outil"}
    client = (await server.http.post("/oauth2/register", json=document)).json()
    browser = speaking(server, "fr-BE")
    request = but(REQUEST, redirect_uri="https://new.example/cb")
    await ask(server, request, client["client_id"], browser=browser)
    await browser.sign_in()
    assert browser.page is not None
    assert "outil" in browser.page.text
    assert "The Tool" not in browser.page.text


async def test_other_pages_follow_the_browser(server: Running) -> None:
    browser = speaking(server, "ja")
    for path, text in (("/", "これは認可サーバーです"), ("/oauth2/logout", "すでにログアウトしています")):
        await browser.open(path)
        assert language(browser) == "ja"
        assert browser.page is not None
        assert text in browser.page.text


async def test_a_sign_out_follows_the_wish_of_the_application(server: Running) -> None:
    browser = speaking(server, "ja")
    await browser.open("/oauth2/logout", params={"ui_locales": "fr de"})
    assert language(browser) == "fr"


# --- Errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["de", "es", "fr", "ja"])
async def test_an_error_page_is_translated_and_its_codes_are_not(server: Running, code: str) -> None:
    browser = await ask(server, but(REQUEST, redirect_uri="https://evil.example/cb", ui_locales=code))
    shown(browser.page, 400, "invalid_request", "request.redirect_uri_mismatch")
    assert language(browser) == code
    refusal, say = REFUSALS["request.redirect_uri_mismatch"], translations(code).gettext
    assert browser.page is not None
    for text in (refusal.description, refusal.advice, "This sign-in cannot go on", "Details for support"):
        assert say(text) != text
        assert say(text) in browser.page.text
        assert text not in browser.page.text


async def test_an_error_before_the_client_is_known_follows_the_browser_or_the_query(server: Running) -> None:
    browser = await speaking(server, "de").open(AUTHORIZE, params={"client_id": "nobody"})
    assert language(browser) == "de"
    browser = await speaking(server, "de").open(AUTHORIZE, params={"client_id": "nobody", "ui_locales": "es"})
    assert language(browser) == "es"
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")
    browser = await speaking(server, "es").open("/nothing", headers={"accept": "text/html"})
    assert language(browser) == "es"
    shown(browser.page, 404, "invalid_request", "http.not_found")


@PUSHED
async def test_what_a_client_is_told_stays_english(server: Running, push: bool) -> None:
    request = but(REQUEST, prompt="none", ui_locales="de")
    browser = await ask(server, request, push=push, browser=speaking(server, "de"))
    told(browser, request, "login_required", "authorize.login_required")
    form = but(REQUEST, redirect_uri="https://evil.example/cb", ui_locales="de")
    server.http.headers["accept-language"] = "de"
    refused(await post_as(server, "app", PAR, form), 400, "invalid_request", "request.redirect_uri_mismatch")
    refused(
        await post_as(server, "app", TOKEN, {"grant_type": "x"}),
        400,
        "unsupported_grant_type",
        "token.grant_type_unsupported",
    )


async def test_a_form_that_posts_itself_is_translated_and_carries_the_same(server: Running) -> None:
    request = but(HYBRID, response_mode="form_post", ui_locales="fr")
    browser = await answered(server, request, "hybrid")
    assert language(browser) == "fr"
    assert browser.form().fields
    assert {name for name, _ in browser.form().fields} == {"code", "state", "iss"}


# --- The kind of page ---------------------------------------------------------------------------------------------


@PUSHED
@pytest.mark.requirement("META-OIDD-5")
@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram", None])
async def test_a_page_is_as_small_as_the_request_asks(server: Running, push: bool, display: str | None) -> None:
    kind = display if display in ("popup", "wap") else "page"
    browser = await ask(server, but(REQUEST, display=display), push=push)
    for _ in range(2):
        assert browser.page is not None
        assert f' {kind}">\n' in browser.page.text
        await browser.sign_in() if at(browser, "login") else None


@pytest.mark.requirement("META-8414-13", "META-OIDD-5")
async def test_the_languages_and_displays_are_told_and_each_of_them_works(server: Running) -> None:
    metadata = (await server.http.get("/.well-known/openid-configuration")).json()
    assert metadata["ui_locales_supported"] == ["en", "de", "es", "fr", "ja"]
    for tag in metadata["ui_locales_supported"]:
        assert language(await ask(server, but(REQUEST, ui_locales=tag))) == tag
    assert metadata["display_values_supported"] == ["page", "popup", "touch", "wap"]
    for kind in metadata["display_values_supported"]:
        assert at(await ask(server, but(REQUEST, display=kind)), "login")
    async with running("realms: [{name: default, profile: oauth2}]") as plain:
        metadata = (await plain.http.get("/.well-known/oauth-authorization-server")).json()
        assert metadata["ui_locales_supported"] == ["en", "de", "es", "fr", "ja"]
        assert "display_values_supported" not in metadata
