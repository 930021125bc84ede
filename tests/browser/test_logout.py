"""Applications sign their users out, and hear of each other's sign-outs: in a real browser, over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.relying_party import RelyingParty
from tests.browser.test_layout import PALE, SMALL, WIDTHS
from tests.browser.test_other_sites import post_from_client
from tests.browser.visitor import PATIENCE, Visitor, Watch
from tests.support.live import Live, serving
from tests.support.manifests import APP_SECRET, REDIRECT
from tests.support.receiver import Receiver, receiving, verified_by_jose

BYE = "https://app.example/bye"
FRONT = "https://app.example/front"
LOGOUT = "/oauth2/logout"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def manifest(receiver: Receiver) -> str:
    """The application, which hears of sign-outs in both ways, and one without any."""
    app: dict[str, Any] = {
        "client_id": "app", "client_name": "The App", "client_secret": APP_SECRET, "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid email",
        "post_logout_redirect_uris": [BYE], "backchannel_logout_uri": receiver.url,
        "frontchannel_logout_uri": FRONT, "frontchannel_logout_session_required": True,
    }  # fmt: skip
    quiet = {**app, "client_id": "quiet", "client_name": "The Quiet", "skip_consent": True}
    for name in ("backchannel_logout_uri", "frontchannel_logout_uri", "frontchannel_logout_session_required"):
        del quiet[name]
    users = [{"username": "alice", "password": "alice-password"}]
    realm = {"name": "default", "clients": [app, quiet], "users": users, "session_management": True}
    return json.dumps({"realms": [realm]})


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """The application's server, behind its web site."""
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Live]:
    """`pushgate serve --workers 2`, which may call this machine."""
    folder = tmp_path_factory.mktemp("logout")
    with serving(folder, manifest(receiver), "--workers", "2", PUSHGATE_FETCH_ALLOW="127.0.0.1") as found:
        yield found
        assert "Traceback" not in found.log


BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["with-javascript", "without-javascript"], indirect=True)


@pytest.fixture
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts; no page needs them, so it does only where that may make a difference."""
    found: bool = getattr(request, "param", False)
    return found


@pytest.fixture
def person(
    scripts: bool, server: Live, chromium: Browser, client: RelyingParty, receiver: Receiver, tmp_path: Path
) -> Iterator[Visitor]:
    """Somebody with a browser; nothing is asked for but the server and the client."""
    client.arrivals.clear()
    client.pages.clear()
    receiver.tokens.clear()
    watch = Watch(server)
    context = chromium.new_context(java_script_enabled=scripts)
    watch.on(context)
    yield Visitor(server, client, context, context.new_page(), watch, tmp_path)
    context.close()
    assert not watch.strangers
    assert not watch.complaints
    assert not watch.unprotected


def use(person: Visitor) -> str:
    """Sign in to the application; the ID Token that it gets."""
    person.complete()
    found: str = person.redeem(dict(person.client.arrivals[-1].answer)["code"])["id_token"]
    person.client.arrivals.clear()
    return found


def sid_of(token: str) -> str:
    """The session of a token, as it stands there."""
    found: str = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["sid"]
    return found


def leave(person: Visitor, **fields: str) -> None:
    """The application sends the browser to sign out."""
    person.page.goto(f"{person.live.url}{LOGOUT}?{urlencode(fields)}")


def heard_in_the_browser(person: Visitor) -> list[dict[str, list[str]]]:
    """What the application's page was told."""
    return [parse_qs(urlsplit(a.url).query) for a in person.client.arrivals if a.url.startswith(FRONT)]


@BOTH
def test_the_application_hears_of_its_own_sign_out_in_all_ways(person: Visitor, receiver: Receiver) -> None:
    id_token = use(person)
    leave(person, id_token_hint=id_token, post_logout_redirect_uri=BYE, state="a-state")
    person.sees("You are signed out")
    expect(person.main).to_contain_text("You go on in a moment.")
    person.shot("going-on")
    # The server was told before the page came.
    [token] = receiver.tokens
    claims = verified_by_jose(token, person.live.url, "app")
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    # And so is the application's page, in a frame.
    person.page.wait_for_url(f"{BYE}?state=a-state", timeout=PATIENCE)
    [told] = heard_in_the_browser(person)
    assert told == {"iss": [person.live.url], "sid": [claims["sid"]]}
    assert all("referer" not in arrival.headers for arrival in person.client.arrivals)
    person.start(prompt=None)
    person.sees_login()


def test_the_way_on_can_be_pressed(person: Visitor) -> None:
    leave(person, id_token_hint=use(person), post_logout_redirect_uri=BYE, state="a-state")
    person.page.get_by_role("link", name="Go on to The App").click()
    person.page.wait_for_url(f"{BYE}?state=a-state", timeout=PATIENCE)


def test_without_proof_people_are_asked_who_wants_it(person: Visitor, receiver: Receiver) -> None:
    use(person)
    leave(person, client_id="app", post_logout_redirect_uri=BYE, state="a-state")
    person.sees("Do you want to sign out?")
    expect(person.main).to_contain_text("The App asks to sign you out here.")
    expect(person.main).to_contain_text("You are signed in as alice.")
    person.shot("asked")
    assert receiver.tokens == []
    person.press("Sign out")
    person.sees("You are signed out")
    assert len(receiver.tokens) == 1
    person.page.wait_for_url(f"{BYE}?state=a-state", timeout=PATIENCE)


@BOTH
def test_a_form_on_the_applications_own_site_signs_out(person: Visitor, receiver: Receiver, scripts: bool) -> None:
    fields = {"id_token_hint": use(person), "post_logout_redirect_uri": BYE, "state": "a-state"}
    post_from_client(person, f"{person.live.url}{LOGOUT}", fields)
    if not scripts:
        person.sees("Signing you out")
        person.shot("sent-on")
        person.press("Continue")
    person.page.wait_for_url(f"{BYE}?state=a-state", timeout=PATIENCE)
    assert len(receiver.tokens) == 1


def test_a_sign_out_that_cannot_be_has_a_way_out(person: Visitor) -> None:
    id_token = use(person)
    leave(person, id_token_hint=id_token, post_logout_redirect_uri="https://evil.example/")
    person.sees_refusal("You were not signed out", "invalid_request", "logout.redirect_uri")
    person.shot("refused")
    person.page.get_by_role("link", name="Sign out here").click()
    person.sees("Do you want to sign out?")


def test_an_operator_signs_somebody_out(person: Visitor, receiver: Receiver) -> None:
    person.live.pushgate("user", "sign-out", "alice")  # of what other tests have left
    sid = sid_of(use(person))
    done = person.live.pushgate("user", "sign-out", "alice")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 signed out" in done.stdout
    tokens = receiver.wait_for(lambda token: sid_of(token) == sid)
    assert verified_by_jose(tokens[-1], person.live.url, "app")["sid"] == sid
    person.start(prompt=None)
    person.sees_login()
    assert [sid_of(token) for token in receiver.tokens].count(sid) == 1, "both workers sent it"


def asked(person: Visitor) -> None:
    """The page that asks."""
    use(person)
    leave(person, client_id="app", post_logout_redirect_uri=BYE)
    person.sees("Do you want to sign out?")


def told(person: Visitor) -> None:
    """The last page, which tells the application."""
    leave(person, id_token_hint=use(person))
    person.sees("You are signed out")


def nobody(person: Visitor) -> None:
    """The page for who is signed out already, with a way on."""
    leave(person, client_id="app", post_logout_redirect_uri=BYE)
    person.sees("You are already signed out")


def refused(person: Visitor) -> None:
    """The page with a way out."""
    leave(person, id_token_hint="x")
    person.sees("You were not signed out")


@pytest.mark.parametrize("bring_up", [asked, told, nobody, refused], ids=lambda page: page.__name__)
def test_a_page_fits_and_can_be_read(person: Visitor, bring_up: Callable[[Visitor], None]) -> None:
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
