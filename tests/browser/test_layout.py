"""How the pages look: on a phone and on a desk, in light and in dark; readable, and nothing to scroll sideways."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Arrive, Visitor
from tests.support.manifests import APP_SECRET, MANIFEST

WIDTHS = (320, 360, 1280)  # CSS pixels; 320 is what WCAG 2.2 1.4.10 asks for

# Every text on the page whose contrast with what is behind it is below WCAG 2.2 1.4.3 (AA).
PALE = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n }
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor)
      if (colour[3] === 1) return colour
    }
    return [255, 255, 255, 1]
  }
  const pale = []
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim())
    if (!own || !e.checkVisibility() || e.closest('.visually-hidden, script')) continue
    const style = getComputedStyle(e)
    const [a, b] = [luminance(parse(style.color)), luminance(behind(e))].sort((x, y) => y - x)
    const size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700)
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) pale.push(e.outerHTML.slice(0, 80))
  }
  return pale
}"""

# What can be pressed and is lower than 24 CSS pixels: WCAG 2.2 2.5.8; links within a sentence are exempt.
SMALL = """() => [...document.querySelectorAll('button, input:not([type=hidden]), .inline-links a')]
  .filter(e => e.checkVisibility())
  .map(e => e.matches('[type=checkbox]') ? e.closest('label') : e)
  .filter(e => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)
  .map(e => e.outerHTML.slice(0, 80))"""


def home(person: Visitor) -> None:
    person.page.goto(f"{person.live.url}/")


def login(person: Visitor) -> None:
    person.start()
    person.sees_login()


def login_error(person: Visitor) -> None:
    person.start()
    person.sign_in("somebody.with.a.rather.long.name@" + "sub-domain." * 12 + "example", "wrong")
    expect(person.page.get_by_role("alert")).to_be_visible()


def login_again(person: Visitor) -> None:
    login(person)
    person.sign_in()
    person.start(prompt="login")
    person.sees("Sign in again")


def consent(person: Visitor) -> None:
    person.start(scope="openid profile email write read")
    person.sign_in()
    person.sees_consent()


def wordy(person: Visitor) -> None:
    """A client that asks for much and has names that fit nowhere."""
    form = {
        "response_type": "code",
        "redirect_uri": wordy_redirect(),
        "scope": "openid profile email address phone write",
    }
    reply = httpx.post(f"{person.live.url}/oauth2/par", auth=("wordy", APP_SECRET), data=form)
    assert reply.status_code == 201, reply.text
    person.page.goto(f"{person.live.url}/oauth2/authorize?client_id=wordy&request_uri={reply.json()['request_uri']}")
    person.sign_in()
    expect(person.page.get_by_role("button", name="Allow", exact=True)).to_be_visible()


def wordy_redirect() -> str:
    """The client's redirect URI, as the manifest has it."""
    return next(part for part in MANIFEST.split('"') if part.endswith("wordy.example/cb"))


def error(person: Visitor) -> None:
    person.page.goto(
        f"{person.live.url}/oauth2/authorize?client_id=app&request_uri=urn:ietf:params:oauth:request_uri:x"
    )
    person.sees("This sign-in cannot go on")


def form_post(person: Visitor) -> None:
    person.start(response_mode="form_post")
    person.press("Cancel")
    person.sees("Returning you to the application")


def logout(person: Visitor) -> None:
    login(person)
    person.sign_in()
    person.page.goto(f"{person.live.url}/oauth2/logout")
    person.sees("Do you want to sign out?")


def signed_out(person: Visitor) -> None:
    logout(person)
    person.press("Sign out")
    person.sees("You are signed out")


PAGES = (home, login, login_error, login_again, consent, wordy, error, form_post, logout, signed_out)


@pytest.mark.parametrize("bring_up", PAGES, ids=lambda page: page.__name__)
def test_a_page_fits_and_can_be_read(arrive: Arrive, bring_up: Callable[[Visitor], None]) -> None:
    person = arrive(java_script_enabled=bring_up is not form_post)
    bring_up(person)
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            person.shot(f"{bring_up.__name__}-{scheme}-{width}")
            wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1], f"{scheme}, {width}: scrolls sideways, {wide}"
            assert person.page.evaluate(PALE) == [], f"{scheme}, {width}"
            assert person.page.evaluate(SMALL) == [], f"{scheme}, {width}"
            page_colour = person.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert page_colour == {"light": "rgb(244, 246, 245)", "dark": "rgb(15, 21, 19)"}[scheme]
    expect(person.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(person.page.get_by_role("main")).to_have_count(1)
    expect(person.page.locator("html")).to_have_attribute("lang", "en")


def test_text_may_be_twice_as_large(person: Visitor) -> None:
    consent(person)
    person.page.set_viewport_size({"width": 640, "height": 740})
    wide = person.page.evaluate(
        "() => { document.documentElement.style.fontSize = '200%';"
        " return [document.documentElement.scrollWidth, document.documentElement.clientWidth] }"
    )
    assert wide[0] <= wide[1]
    person.shot("consent-200-percent")


def test_a_disguised_name_cannot_turn_the_sentence_around(person: Visitor) -> None:
    wordy(person)
    text = person.page.get_by_role("heading", level=1).inner_text()
    assert "\u202e" not in text
    assert text.endswith("to use your account?")
    expect(person.main).to_contain_text("long.sub-domain.sub-domain.sub-domain.sub-domain.wordy.example")
