"""The consent page with claims that were asked for by name (OpenID Connect Core 5.5)."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.test_layout import PALE, SMALL, WIDTHS
from tests.browser.visitor import Arrive, Visitor
from tests.support.live import Live
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST

ACCOUNT = {
    "name": "Alice", "name#de": "Alice Straße", "phone_number": "+44 20 7946 0018", "phone_number_verified": True,
    "department": "Post", "address": {"street_address": "1 High Street", "locality": "York", "country": "GB"},
    "long": "W" * 600, "roles": ["clerk", "keeper of the keys"],
}  # fmt: skip
REALM = {
    "name": "named",
    "clients": [
        {
            "client_id": "app", "client_name": "The App", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT],
            "scope": "openid email",
        }
    ],
    "users": [{"username": "alice", "password": "alice-password", "claims": ACCOUNT}],
}  # fmt: skip
WISHES = dict.fromkeys(
    (*ACCOUNT, "name#zh-Hant", "nobody_has_this", "a-very-long-name-" * 5, "<b>x</b> \u202eevil", "email")
)
SHOWN = [
    ("Your name", "Alice"), ("Your name de", "Alice Straße"), ("Your phone number", "+44 20 7946 0018"),
    ("Whether your phone number was verified", "yes"), ("department", "Post"),
    ("Your postal address", "street address: 1 High Street, locality: York, country: GB"),
    ("long", "W" * 500 + "… (100 more characters)"), ("roles", "clerk, keeper of the keys"),
    ("Your name zh-Hant", "Your account does not have this."),
    ("nobody_has_this", "Your account does not have this."),
    ("a-very-long-name-" * 5, "Your account does not have this."),
    ("<b>x</b> \\u202eevil", "Your account does not have this."),
]  # fmt: skip


@pytest.fixture(scope="module")
def realm(live: Live) -> str:
    """URL of a realm with an account that has claims of every kind."""
    (live.folder / "named.yaml").write_text(json.dumps({"realms": [REALM]}))
    done = live.pushgate("apply", "named.yaml")
    assert done.returncode == 0, done.stderr
    url, deadline = f"{live.url}/realms/named", time.monotonic() + 10
    while httpx.get(f"{url}/.well-known/openid-configuration").status_code != 200:
        assert time.monotonic() < deadline
    return url


def asked(person: Visitor, realm: str) -> None:
    """Bring a person to the consent page for these claims."""
    form = {**REQUEST, "claims": json.dumps({"userinfo": WISHES}), "prompt": "consent"}
    reply = httpx.post(f"{realm}/oauth2/par", auth=APP, data=form)
    assert reply.status_code == 201, reply.text
    query = urlencode({"client_id": "app", "request_uri": reply.json()["request_uri"]})
    person.page.goto(f"{realm}/oauth2/authorize?{query}")
    person.sign_in()
    person.sees_consent()


def test_claims_fit_and_can_be_read(arrive: Arrive, realm: str) -> None:
    person = arrive()
    asked(person, realm)
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            person.shot(f"claims-{scheme}-{width}")
            wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1], f"{scheme}, {width}: scrolls sideways, {wide}"
            assert person.page.evaluate(PALE) == [], f"{scheme}, {width}"
            assert person.page.evaluate(SMALL) == [], f"{scheme}, {width}"


@pytest.mark.requirement("OIDC-3.1.2.4-1")
def test_a_person_sees_each_claim_with_what_the_account_has(person: Visitor, realm: str) -> None:
    asked(person, realm)
    boxes = person.page.get_by_role("group", name="It asks for these details of your account:").get_by_role("checkbox")
    expect(boxes).to_have_count(len(SHOWN))
    for index, (name, value) in enumerate(SHOWN):
        expect(boxes.nth(index)).to_be_checked()
        expect(boxes.nth(index)).to_have_accessible_name(name)
        expect(boxes.nth(index)).to_have_accessible_description(value)
    assert person.page.locator("main b").count() == 0
    # The email address comes with its scope, once.
    expect(person.page.get_by_text("Your email address", exact=True)).to_have_count(1)
    person.page.get_by_role("checkbox", name="department").uncheck()
    person.press("Allow")
    person.arrival()
    assert "code" in dict(person.client.arrivals[-1].answer)
