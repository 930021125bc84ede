"""The consent page with authorization details (RFC 9396): what a person is asked is all there, and can be read."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_layout import PALE, SMALL, WIDTHS
from tests.browser.visitor import Arrive, Visitor
from tests.support.live import Live
from tests.support.manifests import APP, APP_SECRET, REDIRECT, REQUEST

TEXT = {"type": "string"}
PARTY = {
    "type": "object",
    "properties": {
        "name": {"title": "Name", **TEXT},
        "iban": {"title": "Account (IBAN)", **TEXT},
        "address": {
            "title": "Address",
            "type": "object",
            "properties": {"street": {"title": "Street", **TEXT}, "town": {"title": "Town", **TEXT}},
        },
    },
}
PAYMENT = {
    "type": "object",
    "properties": {
        "type": {},
        "amount": {
            "title": "Amount",
            "type": "object",
            "properties": {"value": {"title": "Value", **TEXT}, "currency": {"title": "Currency", **TEXT}},
        },
        "creditor": {**PARTY, "title": "To"},
        "date": {"title": "On", **TEXT},
        "recurring": {"title": "Every month", "type": "boolean"},
        "remittance": {"title": "Purpose", **TEXT},
        "tags": {"title": "Marked as", "type": "array", "items": TEXT},
    },
}
TYPES = [
    {"type": "payment", "title": "Make a payment", "schema": PAYMENT},
    {"type": "accounts", "title": "See your accounts", "schema": {"type": "object"}},
    {"type": f"https://schemes.example/{'a-very-long-name/' * 5}v1", "schema": {"type": "object"}},
]
ARABIC = "مؤسسة الاختبار المحدودة"
ENTRIES: list[dict[str, Any]] = [
    {
        "type": "payment",
        "amount": {"value": "1,299.00", "currency": "EUR"},
        "creditor": {
            "name": "Donaudampfschifffahrtsgesellschaft mbH",
            "iban": "DE02 1005 0000 0054 5404 02",
            "address": {"street": "Hauptstraße 12", "town": "Regensburg"},
        },
        "date": "2026-12-01",
        "recurring": True,
        "remittance": "Invoice 2026-11-0815",
        "tags": ["rent", "household, other"],
    },
    {
        "type": "payment",
        "amount": {"value": "20.00", "currency": "GBP"},
        "creditor": {"name": ARABIC, "iban": "GB33BUKB20201555555555"},
        "remittance": '<b>Nothing</b> <script>alert(1)</script> & "quotes" \u202egnihtyna \u2066and\u2069',
        "recurring": False,
    },
    {
        "type": "accounts",
        "locations": ["https://accounts.example/v2/customers/42/a-rather-long-path-without-any-space-in-it"],
        "actions": ["list_accounts", "read_balances", "read_transactions"],
        "identifier": "W" * 700,
        "nothing": None,
        "empty": [],
    },
    {"type": TYPES[2]["type"], "x-y-z": [{"a": 1, "b": [2, 3]}, {"a": "two words", "b": []}], "limit": 12.5},
]
REALM = {
    "name": "payments",
    "authorization_details_types": TYPES,
    "resources": [{"identifier": "https://api.example", "scopes": ["read"]}],
    "clients": [
        {
            "client_id": "app", "client_name": "The App", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT],
            "scope": "openid profile read",
        }
    ],
    "users": [{"username": "alice", "password": "alice-password"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def payments(live: Live) -> str:
    """URL of a realm that knows such details."""
    (live.folder / "payments.yaml").write_text(json.dumps({"realms": [REALM]}))
    done = live.pushgate("apply", "payments.yaml")
    assert done.returncode == 0, done.stderr
    url, deadline = f"{live.url}/realms/payments", time.monotonic() + 10
    while "authorization_details_types_supported" not in httpx.get(f"{url}/.well-known/openid-configuration").json():
        assert time.monotonic() < deadline
    return url


def asked(person: Visitor, realm: str, *entries: dict[str, Any], scope: str | None = "openid", **more: Any) -> None:
    """Bring a person to the consent page for these entries."""
    form = {**REQUEST, "authorization_details": json.dumps(entries), "prompt": "consent", **more}
    form = form | {"scope": scope} if scope else {k: v for k, v in form.items() if k != "scope"}
    reply = httpx.post(f"{realm}/oauth2/par", auth=APP, data=form)
    assert reply.status_code == 201, reply.text
    query = urlencode({"client_id": "app", "request_uri": reply.json()["request_uri"]})
    person.page.goto(f"{realm}/oauth2/authorize?{query}")
    person.sign_in()
    person.sees_consent()


def test_it_fits_and_can_be_read(arrive: Arrive, payments: str) -> None:
    person = arrive()
    asked(person, payments, *ENTRIES)
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            person.shot(f"details-{scheme}-{width}")
            wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert wide[0] <= wide[1], f"{scheme}, {width}: scrolls sideways, {wide}"
            assert person.page.evaluate(PALE) == [], f"{scheme}, {width}"
            assert person.page.evaluate(SMALL) == [], f"{scheme}, {width}"


HEADINGS = [
    "Allow The App to use your account?", "Make a payment 1 of 4", "Make a payment 2 of 4", "See your accounts 3 of 4",
    f"{TYPES[2]['type']} 4 of 4",
]  # fmt: skip


@pytest.mark.requirement("RAR-3.1-1", "RAR-12-1", "RAR-2-2")
def test_a_person_sees_all_of_it_in_order_and_as_text(person: Visitor, payments: str) -> None:
    asked(person, payments, *ENTRIES)
    headings = person.page.get_by_role("heading")
    assert [" ".join(text.split()) for text in headings.all_inner_texts()] == HEADINGS
    assert person.page.get_by_role("checkbox", name="Know who you are").is_disabled()
    first, second, accounts, _ = (person.page.get_by_role("region", name=name) for name in HEADINGS[1:])
    assert outline(first) == [
        ["Amount", [["Value", "1,299.00"], ["Currency", "EUR"]]],
        ["To", [
            ["Name", "Donaudampfschifffahrtsgesellschaft mbH"], ["Account (IBAN)", "DE02 1005 0000 0054 5404 02"],
            ["Address", [["Street", "Hauptstraße 12"], ["Town", "Regensburg"]]],
        ]],
        ["On", "2026-12-01"], ["Every month", "yes"], ["Purpose", "Invoice 2026-11-0815"],
        ["Marked as", 'rent, "household, other"'],
    ]  # fmt: skip
    # Markup is text; what would turn the line around is spelt out; what is written from right to left stays by itself.
    purpose = '<b>Nothing</b> <script>alert(1)</script> & "quotes" \\u202egnihtyna \\u2066and\\u2069'
    assert dict(outline(second))["Purpose"] == purpose
    assert second.locator("b, script").count() == 0
    name = second.get_by_text(ARABIC)
    assert name.evaluate("e => [e.tagName, getComputedStyle(e).unicodeBidi, e.childElementCount]") == [
        "BDI", "isolate", 0,
    ]  # fmt: skip
    assert dict(outline(accounts))["identifier"] == "W" * 500 + "… (200 more characters)"
    lists = person.page.evaluate("[...document.querySelectorAll('dt, dd')].map(e => e.parentElement.tagName)")
    assert set(lists) == {"DL"}


def outline(part: Locator) -> list[Any]:
    """What a description list says: names with texts, or with the list within."""
    found: list[Any] = part.locator("dl").first.evaluate(
        """function rows(dl) {
          return [...dl.children].filter(e => e.tagName === 'DT').map(dt => {
            const dd = dt.nextElementSibling, inner = dd.querySelector(':scope > dl')
            return [dt.innerText, inner ? rows(inner) : dd.innerText]
          })
        }"""
    )
    return found


@pytest.mark.parametrize("width", [320, 1280])
def test_the_keyboard_comes_to_every_choice_and_decides_nothing_on_its_way(
    arrive: Arrive, payments: str, width: int
) -> None:
    person = arrive(viewport={"width": width, "height": 740})
    asked(person, payments, *ENTRIES, scope="openid read")
    for name in ("Not you? Sign in as someone else", "read", "Allow"):
        person.page.keyboard.press("Tab")
        person.sees_focus(name)
        seen = person.page.locator(":focus").bounding_box()
        assert seen is not None
        assert 0 <= seen["y"] <= 740 - seen["height"], f"{name} is out of sight"
        if name == "read":
            person.page.keyboard.press("Enter")
            person.sees_consent()
    person.page.keyboard.press("Tab")
    person.sees_focus("Do not allow")
    person.page.keyboard.press("Shift+Tab")
    person.page.keyboard.press("Enter")
    person.arrival()
    assert dict(person.client.arrivals[-1].answer).keys() == {"code", "state", "iss"}


def test_details_without_any_scope(person: Visitor, payments: str) -> None:
    asked(person, payments, ENTRIES[0], scope=None)
    person.page.set_viewport_size({"width": 320, "height": 740})
    expect(person.main).to_contain_text("If you allow it, this application can:")
    expect(person.page.get_by_role("heading", level=2)).to_have_text("Make a payment")
    expect(person.page.get_by_role("checkbox")).to_have_count(0)
    person.shot("details-alone")
    person.press("Do not allow")
    person.arrival()
    assert dict(person.client.arrivals[-1].answer)["error"] == "access_denied"


def test_long_names_leave_room_for_what_they_name(person: Visitor, payments: str) -> None:
    deep: Any = "found"
    for level in range(7):
        deep = {f"level-{level}": deep, "beside": [level]}
    asked(person, payments, {"type": "accounts", "n" * 100: "9.99", "deep": deep})
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": 740})
        person.shot(f"details-names-{width}")
        wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], width
        value = person.page.get_by_text("9.99", exact=True).bounding_box()
        assert value is not None
        assert value["height"] < 30, f"{width}: the value is squeezed"
        narrow = person.page.evaluate("Math.min(...[...document.querySelectorAll('dd')].map(e => e.clientWidth))")
        assert narrow > 120, f"{width}: {narrow} pixels for a value"


def test_a_person_sees_at_which_api_it_will_be_used(person: Visitor, payments: str) -> None:
    asked(person, payments, ENTRIES[0], scope="openid read", resource="https://api.example")
    expect(person.page.get_by_text("It will use this at:")).to_be_visible()
    expect(person.page.locator(".resources li")).to_have_text(["https://api.example"])
    person.shot("consent-resources")
