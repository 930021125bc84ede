"""What a person sees of a client that registered itself: nobody has looked at its name, or at where it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.test_layout import PALE, SMALL, WIDTHS
from tests.browser.visitor import SCRIPTS, Arrive, Visitor
from tests.support.live import Live, serving
from tests.support.manifests import MANIFEST, REDIRECT, REQUEST

OPEN = MANIFEST.replace(
    "  - name: default\n", '  - name: default\n    registration: {mode: "open", per_minute: 0}\n', 1
)
NAME = "Your \u202eknaB <b>Bank</b> " + "of everything " * 10
CANNOT = "This request cannot be answered"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A real server where clients register themselves."""
    with serving(tmp_path_factory.mktemp("open"), OPEN) as found:
        yield found


def visit(person: Visitor, **changes: Any) -> None:
    """Register a client, and open an authorization request of it that was not pushed."""
    metadata = {
        "redirect_uris": [REDIRECT], "client_name": NAME, "token_endpoint_auth_method": "none",
        "logo_uri": "https://elsewhere.example/logo.png", "client_uri": "https://app.example/",
    }  # fmt: skip
    reply = httpx.post(f"{person.live.url}/oauth2/register", json=metadata)
    assert reply.status_code == 201, reply.text
    query = {**REQUEST, "client_id": reply.json()["client_id"], "scope": "openid profile", **changes}
    person.page.goto(f"{person.live.url}/oauth2/authorize?{urlencode(query)}")


def fits(person: Visitor, name: str) -> None:
    """Pictures from phone to desktop, light and dark; nothing is cut off, pale or too small to press."""
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            person.shot(f"{name}-{scheme}-{width}")
            wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1], f"{scheme}, {width}: scrolls sideways, {wide}"
            assert person.page.evaluate(PALE) == [], f"{scheme}, {width}"
            assert person.page.evaluate(SMALL) == [], f"{scheme}, {width}"


@pytest.mark.requirement("BCP-4.11.2-1")
@SCRIPTS
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_a_made_up_request_stops_and_the_person_decides(arrive: Arrive, scripts: bool, mode: str) -> None:
    person = arrive(java_script_enabled=scripts)
    visit(person, response_type="nonsense", response_mode=mode)
    person.sees(CANNOT)
    assert person.client.arrivals == []
    assert "\u202e" not in person.main.inner_text()
    assert person.page.locator("main b").count() == 0
    role = "link" if mode == "query" else "button"
    onwards = person.page.get_by_role(role, name="Continue to app.example", exact=True)
    assert onwards.inner_text() == "Continue to app.example"  # one line of text, no pieces side by side
    person.page.keyboard.press("Tab")
    person.sees_focus("Continue to app.example")
    person.page.keyboard.press("Enter")
    expect(onwards).to_have_count(0)
    arrival = person.arrival()
    assert arrival.method == ("GET" if mode == "query" else "POST")
    assert dict(arrival.answer)["error"] == "unsupported_response_type"
    assert "referer" not in arrival.headers


@pytest.mark.requirement("BCP-4.11.2-1")
def test_the_page_between_fits_and_can_be_read(person: Visitor) -> None:
    visit(person, response_type="nonsense")
    person.sees(CANNOT)
    fits(person, "doubtful")
    visit(person, response_type="nonsense", response_mode="form_post")
    person.sees(CANNOT)
    fits(person, "doubtful-form-post")


@pytest.mark.requirement("REG-7591-5-1")
def test_consent_says_that_the_name_is_unverified_and_loads_no_picture(person: Visitor) -> None:
    visit(person)
    person.sign_in()
    expect(person.main).to_contain_text("Nobody has checked the name of this application.")
    expect(person.main).to_contain_text("app.example")
    assert "\u202e" not in person.main.inner_text()
    assert person.page.locator("main b, main img").count() == 0
    fits(person, "unverified")
    person.press("Allow")
    assert "code" in person.answer()
