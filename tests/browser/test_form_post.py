"""response_mode=form_post in a real browser (OAuth 2.0 Form Post Response Mode)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import SCRIPTS, Arrive, Visitor
from tests.support.manifests import REDIRECT

AWKWARD = "\"'><script>alert(1)</script> &amp; +%20 ñ 漢\n"


def returned(person: Visitor, scripts: bool, state: str) -> dict[str, str]:
    """The answer that arrives: by itself, or by the button where scripts are off."""
    if not scripts:
        person.sees("Returning you to the application")
        person.shot("form-post")
        person.press("Continue")
    arrival = person.arrival()
    assert (arrival.method, arrival.url) == ("POST", REDIRECT)
    assert arrival.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "referer" not in arrival.headers
    answer = dict(arrival.answer)
    assert len(answer) == len(arrival.answer)
    # Browsers send line breaks in form fields as CR LF.
    assert answer.pop("state") == state.replace("\n", "\r\n")
    assert answer.pop("iss") == person.live.url
    return answer


@pytest.mark.requirement("FP-2-3")
@pytest.mark.parametrize("state", ["plain", AWKWARD], ids=["plain-state", "awkward-state"])
@SCRIPTS
def test_a_code_arrives_in_a_form(arrive: Arrive, scripts: bool, state: str) -> None:
    person = arrive(java_script_enabled=scripts)
    person.start(response_mode="form_post", state=state)
    person.sign_in()
    person.press("Allow")
    answer = returned(person, scripts, state)
    assert set(answer) == {"code"}
    assert person.redeem(answer["code"])["scope"] == "openid email"


@SCRIPTS
def test_a_denial_arrives_in_a_form(arrive: Arrive, scripts: bool) -> None:
    person = arrive(java_script_enabled=scripts)
    person.start(response_mode="form_post")
    person.press("Cancel")
    answer = returned(person, scripts, "a-state")
    assert answer == {"error": "access_denied", "error_description": "The request was denied."}


def test_going_back_from_the_client_does_not_answer_twice(person: Visitor) -> None:
    person.start(response_mode="form_post")
    person.sign_in()
    person.press("Allow")
    returned(person, True, "a-state")
    person.page.go_back()
    expect(person.page.get_by_role("heading", level=1)).not_to_have_text("Returning you to the application")
    codes = {dict(arrival.answer)["code"] for arrival in person.client.arrivals}
    assert len(codes) == 1
