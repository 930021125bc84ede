"""A pushed request is used under today's policy: what changed between push and answer counts at every step."""

from __future__ import annotations

import httpx
import pytest

from pushgate.testing import Browser, Running
from tests.support.manifests import APP, MANIFEST, REDIRECT, REQUEST
from tests.support.steps import shown, told

PLAIN = {name: value for name, value in REQUEST.items() if not name.startswith("code_challenge")}
APP_SCOPE = "scope: openid profile email write read other"
APP_REDIRECT = f"redirect_uris: [{REDIRECT}]"


def edited(old: str, new: str) -> str:
    """The test manifest with its first `old` (that of the client `app`) replaced."""
    assert old in MANIFEST
    return MANIFEST.replace(old, new, 1)


def realm(members: str) -> str:
    return f"realms: [{{name: default, {members}}}]"


PAGES: dict[str, tuple[str, str, str]] = {
    "client disabled": (
        edited(APP_SCOPE, f"{APP_SCOPE}\n        enabled: false"),
        "invalid_request",
        "authorize.client_unknown",
    ),
    "redirect URI removed": (
        edited(APP_REDIRECT, "redirect_uris: [https://app.example/new]"),
        "invalid_request",
        "request.redirect_uri_mismatch",
    ),
    "PAR switched off": (
        realm("pushed_authorization_requests: {supported: false}"),
        "invalid_request_uri",
        "authorize.request_uri_unknown",
    ),
}
"""Changes after which the client cannot be told, with the code and the refusal."""

REDIRECTS: dict[str, tuple[str, str, str]] = {
    "scope withdrawn": (edited(APP_SCOPE, "scope: openid write"), "invalid_scope", "scope_not_allowed"),
    "OpenID Connect off": (realm("profile: oauth2"), "invalid_scope", "scope_not_allowed"),
    "OpenID Connect off for the client": (
        edited(APP_SCOPE, f"{APP_SCOPE}\n        profile: oauth2"),
        "invalid_scope",
        "scope_not_allowed",
    ),
    "PKCE required of the realm": (realm("pkce_required: true"), "invalid_request", "code_challenge_missing"),
    "PKCE required of the client": (
        edited(APP_SCOPE, f"{APP_SCOPE}\n        pkce_required: true"),
        "invalid_request",
        "code_challenge_missing",
    ),
    "response type withdrawn": (
        edited(APP_SCOPE, f"{APP_SCOPE}\n        response_types: [none]"),
        "unauthorized_client",
        "response_type_unauthorized",
    ),
}
"""Changes after which the client is told by redirect, with the code and the refusal (its last part)."""

STEPS = ("before it is opened", "before login", "after login, on reload", "before consent is given")


async def push(server: Running) -> str:
    reply = await server.http.post("/oauth2/par", auth=APP, data=PLAIN)
    assert reply.status_code == 201
    return str(reply.json()["request_uri"])


async def changed_before(step: str, server: Running, manifest: str) -> Browser:
    """Go as far as `step`, let the operator change something, then go on."""
    browser = server.browser()
    address = httpx.URL("/oauth2/authorize", params={"client_id": "app", "request_uri": await push(server)})
    position = STEPS.index(step)
    if position > 0:
        await browser.open(str(address))
    if position > 1:
        await browser.sign_in()
        assert browser.page is not None
        assert "/consent/" in browser.page.url.path
    await server.apply(manifest)
    if step == "before login":
        return await browser.sign_in()
    return await browser.allow() if step == "before consent is given" else await browser.open(str(address))


@pytest.mark.requirement("PAR-4-5")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("change", PAGES)
async def test_a_client_that_may_not_be_answered_any_more_is_not(server: Running, change: str, step: str) -> None:
    manifest, code, refusal = PAGES[change]
    browser = await changed_before(step, server, manifest)
    shown(browser.page, 400, code, refusal)
    assert await server.audit("authorization_answered") == []
    assert await server.audit("consent_given") == []


@pytest.mark.requirement("PAR-4-5")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("change", REDIRECTS)
async def test_a_request_that_today_would_be_refused_is_refused(server: Running, change: str, step: str) -> None:
    manifest, code, refusal = REDIRECTS[change]
    browser = await changed_before(step, server, manifest)
    told(browser, REQUEST, code, f"request.{refusal}")
    assert len(await server.audit("authorization_answered")) == 1
    assert await server.audit("consent_given") == []


@pytest.mark.requirement("PAR-4-5")
async def test_a_request_that_was_not_pushed_stops_once_par_is_required(server: Running) -> None:
    browser = await server.browser().open("/oauth2/authorize", params=PLAIN | {"client_id": "app"})
    await server.apply(realm("pushed_authorization_requests: {required: true}"))
    await browser.sign_in()
    told(browser, REQUEST, "invalid_request", "request.par_required")


@pytest.mark.requirement("PAR-4-5")
async def test_a_policy_that_changed_without_touching_the_request_stops_nothing(server: Running) -> None:
    changes = realm("pushed_authorization_requests: {required: true, lifetime: 5}")
    browser = await changed_before("before it is opened", server, changes)
    await browser.sign_in()
    await server.apply(edited(APP_SCOPE, f"{APP_SCOPE}\n        require_pushed_authorization_requests: true"))
    await browser.allow()
    assert browser.answer["code"]


@pytest.mark.requirement("PAR-4-5")
async def test_a_change_that_is_taken_back_in_time_stops_nothing(server: Running) -> None:
    manifest, _, _ = PAGES["client disabled"]
    request_uri = await push(server)
    params = {"client_id": "app", "request_uri": request_uri}
    await server.apply(manifest)
    browser = await server.browser().open("/oauth2/authorize", params=params)
    shown(browser.page, 400, "invalid_request", "authorize.client_unknown")
    await server.apply(MANIFEST)
    await browser.open("/oauth2/authorize", params=params)
    await browser.sign_in()
    await browser.allow()
    assert browser.answer["code"]
