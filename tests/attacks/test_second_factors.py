"""Get past a second factor: guess it, replay it, skip it, enrol one's own, or use somebody's half of a sign-in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from pushgate.endpoints.factors import use_totp
from pushgate.testing import Browser, Running
from pushgate.web.interaction.guessing import CODES, NAME_ATTEMPTS
from tests.support.authenticator import PRESENT, VERIFIED, Authenticator, passkey_form, press, send
from tests.support.factors import (
    OTP,
    ask,
    code_of,
    secret_on,
    serving,
    session_of,
    shows,
    with_passkey,
    with_totp,
)
from tests.support.steps import answered, at, shown

HALF = "pushgate-signing-in-default"


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    """A server with levels, where passkeys work."""
    async with serving() as found:
        yield found


def text_of(browser: Browser) -> str:
    """The page, without what differs at every visit."""
    assert browser.page is not None
    text = re.sub(r'(value|data-options|action)="[^"]*"', "", browser.page.text)
    return text.replace(browser.page.headers["x-request-id"], "")


def from_address(server: Running, address: str) -> Browser:
    """A browser somewhere else."""
    transport = httpx.ASGITransport(server.app, client=(address, 1))
    return Browser(httpx.AsyncClient(transport=transport, base_url=server.server.base_url))


# --- Codes -------------------------------------------------------------------------------------------------------


async def test_use_a_code_twice(server: Running) -> None:
    secret = await with_totp(server)
    code = code_of(secret, server)
    for right in (True, False):
        browser = await ask(server)
        await browser.sign_in()
        await browser.submit("code-submit", code=code)
        assert at(browser, "consent") is right
    assert shows(browser, "Enter a code")
    assert "used already" in text_of(browser)


async def test_use_the_code_that_enrolled_the_app(server: Running) -> None:
    browser = await ask(server, service="password-totp")
    await browser.sign_in()
    secret = secret_on(browser)
    code = code_of(secret, server)
    await browser.submit("enrol-submit", code=code)
    other = await ask(server)
    await other.sign_in()
    await other.submit("code-submit", code=code)
    assert session_of(other) is None


async def test_race_for_one_code(server: Running) -> None:
    secret = await with_totp(server)
    context = await server.server.realm()
    assert context is not None
    [alice, _] = await server.management.accounts("default").users()
    code, barrier = code_of(secret, server), asyncio.Barrier(8)

    async def attempt() -> bool:
        await barrier.wait()
        return await use_totp(context, alice.sub, code)

    assert sorted(await asyncio.gather(*(attempt() for _ in range(8)))) == [False] * 7 + [True]


async def test_race_for_a_session_out_of_one_half(server: Running) -> None:
    secret = await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    form, barrier = browser.form(), asyncio.Barrier(4)
    cookies = dict(browser.http.cookies)

    async def attempt(steps: int) -> str | None:
        data = {**dict(form.fields), "code": code_of(secret, server, steps)}
        await barrier.wait()
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        reply = await server.http.post(form.action, data=data, headers={"cookie": header})
        return next((c for c in reply.headers.get_list("set-cookie") if "pushgate-session-default=" in c), None)

    won = await asyncio.gather(*(attempt(steps) for steps in (0, 1, 0, 1)))
    assert len([cookie for cookie in won if cookie]) == 1


async def test_guess_codes_with_a_stolen_password(server: Running) -> None:
    secret = await with_totp(server)
    for attempt in range(int(CODES)):
        # Every guess in a browser, a session and from an address of its own.
        browser = await ask(server, from_address(server, f"10.0.0.{attempt}"))
        await browser.sign_in()
        await browser.submit("code-submit", code="000000")
        assert browser.page is not None
        assert browser.page.status_code == 400
    browser = await ask(server, from_address(server, "10.0.1.1"))
    await browser.sign_in()
    await browser.submit("code-submit", code=code_of(secret, server))
    shown(browser.page, 429, "temporarily_unavailable", "http.rate")
    assert session_of(browser) is None


async def test_lock_the_owner_out_by_guessing_codes(server: Running) -> None:
    secret = await with_totp(server)
    owner = await answered(server)
    await owner.submit("code-submit", code=code_of(secret, server))
    await owner.allow()
    server.clock.advance(30)
    for attempt in range(int(CODES)):
        browser = await ask(server, from_address(server, f"10.0.0.{attempt}"))
        await browser.sign_in()
        await browser.submit("code-submit", code="000000")
    await ask(server, owner, prompt="login")
    await owner.sign_in()
    await owner.submit("code-submit", code=code_of(secret, server))
    assert "code" in owner.answer


async def test_reach_the_code_without_the_password(server: Running) -> None:
    secret = await with_totp(server)
    browser = await ask(server)
    form = browser.form()
    data = {**dict(form.fields), "step": "totp", "code": code_of(secret, server), "username": "alice"}
    await browser._follow(await browser.http.post(form.action, data=data))
    assert shows(browser, "Sign in")
    assert session_of(browser) is None
    # The owner's code was not used up by it.
    await browser.sign_in()
    await browser.submit("code-submit", code=code_of(secret, server))
    assert at(browser, "consent")


@pytest.mark.parametrize(
    "step", ["password", "totp", "passkey", "enrol-totp", "enrol-passkey", "select", "nothing", ""]
)
async def test_skip_the_code_by_sending_another_form(server: Running, step: str) -> None:
    await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    form = browser.form()
    data = {**dict(form.fields), "step": step, "code": "", "account": "this", "secret": "", "credential": "{}"}
    await browser._follow(await browser.http.post(form.action, data=data))
    assert session_of(browser) is None
    await browser.open(form.action.replace("/login/", "/consent/"))
    assert shows(browser, "Enter a code")


async def test_carry_half_a_sign_in_into_another_browser_or_request(server: Running) -> None:
    secret = await with_totp(server)
    victim = await ask(server)
    await victim.sign_in()
    handle = victim.http.cookies[HALF]
    thief = await ask(server)
    thief.http.cookies.set(HALF, handle, domain="localhost.local", path="/")
    await thief.open(str(thief.page.url) if thief.page else "")
    assert shows(thief, "Sign in")
    # Another request in the same browser starts at the beginning too.
    await ask(server, victim, state="another")
    assert shows(victim, "Sign in")
    assert code_of(secret, server)


async def test_finish_with_the_password_of_before(server: Running) -> None:
    secret = await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    await server.apply("realms: [{name: default, users: [{username: alice, password: another-password}]}]")
    await browser.submit("code-submit", code=code_of(secret, server))
    assert shows(browser, "Sign in")
    assert session_of(browser) is None


async def test_finish_as_a_user_who_was_disabled(server: Running) -> None:
    secret = await with_totp(server)
    browser = await ask(server)
    await browser.sign_in()
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    await browser.submit("code-submit", code=code_of(secret, server))
    assert shows(browser, "Sign in")
    assert session_of(browser) is None


async def test_enrol_an_own_app_with_a_stolen_password(server: Running) -> None:
    await with_passkey(server)
    await server.apply("realms: [{name: default, step_up: true}]")
    for changes in ({"service": "password-totp"}, {"acr_values": OTP}):
        browser = await ask(server, **changes)
        await browser.sign_in()
        # Who has a passkey shows it before anything is added to the account.
        assert shows(browser, "Use your passkey")
        form = browser.form()
        data = {**dict(form.fields), "step": "enrol-totp", "code": "000000", "secret": "x"}
        await browser._follow(await browser.http.post(str(form.action), data=data))
        assert shows(browser, "Use your passkey")


async def test_have_the_victim_confirm_the_attackers_app(server: Running) -> None:
    attacker = await ask(server, service="password-totp")
    await attacker.sign_in("bob", "bob-password")
    sealed, secret = dict(attacker.form().fields)["secret"], secret_on(attacker)
    victim = await ask(server, service="password-totp")
    await victim.sign_in()
    await victim.submit("enrol-submit", secret=sealed, code=code_of(secret, server))
    assert shows(victim, "Set up an authenticator app")
    assert [row["kind"] for row in await server.audit("credential_added")] == []


async def test_the_secret_is_sealed_at_rest_and_logged_nowhere(
    server: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = await with_totp(server)
    [alice, _] = await server.management.accounts("default").users()
    [credential] = await server.management.credentials("default").of_user(alice.sub)
    assert credential.sealed is not None
    for text in (repr(credential), str(await server.audit()), "".join(capsys.readouterr())):
        assert secret not in text


# --- Session fixation --------------------------------------------------------------------------------------------


@pytest.mark.requirement("OIDC-3.1.2.3-1")
async def test_keep_the_cookie_of_a_session_that_rises(server: Running) -> None:
    await server.apply("realms: [{name: default, step_up: true}]")
    browser = await answered(server)
    before = session_of(browser) or ""
    await ask(server, browser, acr_values=OTP)
    assert session_of(browser) == before
    await browser.submit("enrol-submit", code=code_of(secret_on(browser), server))
    assert session_of(browser) not in (None, before)
    thief = server.browser()
    thief.http.cookies.set("pushgate-session-default", before, domain="localhost.local", path="/")
    await ask(server, thief)
    assert shows(thief, "Sign in"), "the cookie of before is nobody's session"


# --- Who has an account, and what they have enrolled -------------------------------------------------------------


async def test_tell_accounts_apart_by_a_wrong_password(server: Running) -> None:
    await with_totp(server)
    await with_passkey(server, "bob")
    for service in ({}, {"service": "password-totp"}, {"service": "with-passkey"}):
        pages = []
        for username in ("alice", "bob", "nobody", "' OR 1=1 --"):
            browser = await ask(server, **service)
            await browser.sign_in(username, "wrong-password")
            assert browser.page is not None
            cookies = [c.partition("=")[0] for c in browser.page.headers.get_list("set-cookie")]
            pages.append((browser.page.status_code, text_of(browser), cookies))
        assert len({str(page) for page in pages}) == 1


async def test_tell_accounts_apart_by_the_work_they_make(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await with_totp(server)
    work: list[str] = []
    from pushgate.directory import local

    real = local.check_password
    monkeypatch.setattr(local, "check_password", lambda kept, typed: work.append(kept[:9]) or real(kept, typed))
    seen = []
    await server.apply("realms: [{name: default, users: [{username: bob, enabled: false}]}]")
    for username, password in (("alice", "wrong"), ("bob", "bob-password"), ("nobody", "wrong")):
        work.clear()
        await (await ask(server)).sign_in(username, password)
        seen.append(list(work))
    assert seen == [["$argon2id"]] * 3


async def test_tell_accounts_apart_by_the_passkeys_they_are_asked_for(server: Running) -> None:
    await with_passkey(server)
    found = []
    for hint in ("alice", "bob", "nobody"):
        form = passkey_form(await ask(server, login_hint=hint))
        assert form is not None
        found.append({name: value for name, value in form[0].items() if name != "challenge"})
    assert found[0] == found[1] == found[2]
    assert not found[0].get("allowCredentials")


async def test_tell_passkeys_apart_by_how_they_are_refused(server: Running) -> None:
    await with_passkey(server)
    known = await with_passkey(server, "bob")
    unknown, forged = Authenticator(), Authenticator(credential_id=known.credential_id, handle=known.handle)
    pages = []
    for authenticator in (unknown, forged):
        browser = await ask(server)
        await press(browser, authenticator)
        assert browser.page is not None
        pages.append((browser.page.status_code, text_of(browser)))
        assert session_of(browser) is None
    assert pages[0] == pages[1]
    assert pages[0][0] == 400


# --- Locking people out ------------------------------------------------------------------------------------------


async def guess_from_everywhere(server: Running, username: str) -> None:
    """Use up what everybody together may guess for a name."""
    for attempt in range(int(NAME_ATTEMPTS)):
        browser = await ask(server, from_address(server, f"10.1.{attempt // 5}.1"))
        await browser.sign_in(username, "wrong-password")
        assert browser.page is not None
        assert browser.page.status_code == 400


async def test_guess_a_password_from_many_addresses(server: Running) -> None:
    owner = await answered(server)
    server.clock.advance(1)
    for username in ("alice", "nobody"):
        await guess_from_everywhere(server, username)
        browser = await ask(server, from_address(server, "10.2.0.1"))
        await browser.sign_in(username, "alice-password")
        shown(browser.page, 429, "temporarily_unavailable", "http.rate")
    # The owner comes in with the browser of before, and others are not slowed down.
    await ask(server, owner, prompt="login")
    await owner.sign_in()
    assert "code" in owner.answer
    assert at(await (await ask(server)).sign_in("bob", "bob-password"), "consent")
    # In a new browser they wait for half a minute, not for ever.
    server.clock.advance(31)
    assert "code" in (await (await ask(server, from_address(server, "10.2.0.1"))).sign_in()).answer


async def test_pose_as_a_browser_that_is_known(server: Running) -> None:
    bob = await answered(server, username="bob")
    mark = bob.http.cookies["pushgate-known-default"]
    await guess_from_everywhere(server, "alice")
    name, _, code = mark.partition(".")
    for forged in (mark, f"x.{code}", f"{name}.", ".", "é", f"{name}.é", ""):
        browser = from_address(server, "10.3.0.1")
        await ask(server, browser)
        form, cookies = browser.form(), [f"{n}={value}" for n, value in browser.http.cookies.items()]
        header = "; ".join([*cookies, f"pushgate-known-default={forged}"]).encode()
        data = {**dict(form.fields), "username": "alice", "password": "alice-password"}
        browser.http.cookies.clear()
        browser.page = await browser.http.post(form.action, data=data, headers={b"cookie": header})
        shown(browser.page, 429, "temporarily_unavailable", "http.rate")


async def test_guess_without_end_from_a_browser_that_is_known(server: Running) -> None:
    browser = await answered(server)
    server.clock.advance(1)
    await ask(server, browser, prompt="login")
    for _ in range(10):
        await browser.sign_in("alice", "wrong-password")
        assert browser.page is not None
        assert browser.page.status_code == 400
    await browser.sign_in()
    shown(browser.page, 429, "temporarily_unavailable", "http.rate")


# --- Passkeys ----------------------------------------------------------------------------------------------------

HONEST = PRESENT | VERIFIED
LIES = {
    "another origin": {"origin": "https://evil.example"},
    "a sub-domain": {"origin": "http://a.localhost:8080"},
    "another port": {"origin": "http://localhost:8081"},
    "https": {"origin": "https://localhost:8080"},
    "another host's key": {"rp_id": "evil.example"},
    "nobody verified": {"flags": PRESENT},
    "nobody there": {"flags": VERIFIED},
    "another user": {"handle": b"x" * 32},
}


@pytest.mark.parametrize("lie", LIES)
async def test_use_a_passkey_dishonestly(server: Running, lie: str) -> None:
    authenticator = await with_passkey(server)
    for name, value in LIES[lie].items():
        setattr(authenticator, name, value)
    browser = await ask(server)
    await press(browser, authenticator)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert session_of(browser) is None
    assert [row["reason"] for row in await server.audit("login_failed")] == ["passkey"]


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "another user"])
async def test_create_a_passkey_dishonestly(server: Running, lie: str) -> None:
    await server.apply("realms: [{name: default, journeys: [{name: k, ways: [[password, passkey]]}]}]")
    browser = await ask(server, service="k")
    await browser.sign_in()
    await press(browser, Authenticator(**LIES[lie]))  # type: ignore[arg-type]
    assert shows(browser, "Create a passkey")
    assert session_of(browser) is None
    assert await server.audit("credential_added") == []


async def test_use_an_answer_twice(server: Running) -> None:
    authenticator = await with_passkey(server)
    browser = await ask(server)
    found = passkey_form(browser)
    assert found is not None
    answer, page = authenticator.get(found[0]), browser.page
    await send(browser, answer)
    assert at(browser, "consent")
    session = session_of(browser)
    browser.page = page
    await send(browser, answer)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert session_of(browser) == session


@pytest.mark.parametrize("where", ["another browser", "another request", "another page", "too late", "made up"])
async def test_use_an_answer_elsewhere(server: Running, where: str) -> None:
    authenticator = await with_passkey(server)
    source = await ask(server)
    found = passkey_form(source)
    assert found is not None
    options = dict(found[0])
    if where == "made up":
        options["challenge"] = "A" * 75
    target = source
    if where == "another browser":
        target = await ask(server)
    if where == "another request":
        target = await ask(server, source, state="another")
    if where == "another page":
        await source.sign_in()
        target = await ask(server, source, service="with-passkey")
    if where == "too late":
        server.clock.advance(1801)
        target = await ask(server, source)
    before = session_of(target)
    await send(target, authenticator.get(options))
    assert target.page is not None
    assert target.page.status_code == 400
    assert session_of(target) == before


async def test_use_a_copy_of_an_authenticator(server: Running) -> None:
    authenticator = await with_passkey(server, counter=5)
    for counter, right in ((9, True), (8, False), (3, False), (10, True)):
        authenticator.counter = counter
        browser = await ask(server)
        await press(browser, authenticator)
        assert at(browser, "consent") is right, counter


async def test_register_somebody_elses_passkey_as_ones_own(server: Running) -> None:
    alice = await with_passkey(server)
    browser = await ask(server, service="with-passkey")
    await browser.sign_in("bob", "bob-password")
    await press(browser, Authenticator(credential_id=alice.credential_id))
    assert shows(browser, "Create a passkey")
    assert at(await press(await ask(server), alice), "consent")
    first, second = await server.management.accounts("default").users()
    credentials = server.management.credentials("default")
    assert [len(await credentials.of_user(user.sub)) for user in (first, second)] == [1, 0]


async def test_a_passkey_of_a_user_who_was_disabled(server: Running) -> None:
    authenticator = await with_passkey(server)
    await server.apply("realms: [{name: default, users: [{username: alice, enabled: false}]}]")
    browser = await ask(server)
    await press(browser, authenticator)
    assert session_of(browser) is None


async def test_use_a_passkey_of_one_realm_in_another(server: Running) -> None:
    from tests.support.manifests import MANIFEST, REQUEST

    authenticator = await with_passkey(server)
    await server.apply(MANIFEST.replace("name: default", "name: other"))
    browser = server.browser()
    await browser.open("/realms/other/oauth2/authorize", params={"client_id": "app", **REQUEST})
    await press(browser, authenticator)
    assert browser.page is not None
    assert browser.page.status_code == 400


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", "{" * 2000, '{"rawId": 1, "response": {"clientDataJSON": 2}}']
)
async def test_send_what_is_no_answer(server: Running, answer: str) -> None:
    browser = await ask(server)
    await send(browser, answer)
    assert browser.page is not None
    assert browser.page.status_code == 400
    assert shows(browser, "Sign in")


async def test_the_page_runs_our_script_and_no_other(server: Running) -> None:
    browser = await ask(server)
    assert browser.page is not None
    policy = browser.page.headers["content-security-policy"]
    [scripts] = [part.strip() for part in policy.split(";") if part.strip().startswith("script-src")]
    words = scripts.split()
    assert words[2:] == ["http://localhost:8080/static/passkey.js"]
    assert words[1].startswith("'sha256-")
    # Other pages do not even have that.
    await browser.sign_in()
    assert browser.page is not None
    assert "passkey.js" not in browser.page.headers["content-security-policy"]
