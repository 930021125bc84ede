"""Put our pages into a frame, let them load something foreign, or learn from them where the user was."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import httpx
import pytest

from pushgate.store.ports import StoreUnavailable
from pushgate.testing import Running, running
from tests.support.manifests import MANIFEST, REQUEST
from tests.support.steps import AUTHORIZE, FORM, PAR, TOKEN, answered, ask, at, but, refused

PARAMS = {"client_id": "app", **REQUEST}
HTML = {"accept": "text/html"}


async def pages(server: Running) -> dict[str, httpx.Response]:
    """Every page there is, by name; those of errors too."""
    http, found = server.http, {}
    found["home"] = await http.get("/")
    browser = await ask(server, REQUEST)
    found["login"] = page_of(browser.page)
    login = browser.page
    await browser.sign_in("alice", "wrong")
    found["login failed"] = page_of(browser.page)
    browser.page = login
    await browser.sign_in("", "")
    found["login incomplete"] = page_of(browser.page)
    browser.page = login
    await browser.sign_in()
    assert at(browser, "consent")
    found["consent"] = page_of(browser.page)
    found["sign out"] = await browser.http.get("/oauth2/logout")
    found["form post"] = page_of((await answered(server, but(REQUEST, response_mode="form_post"))).page)
    found["signed out before"] = await http.get("/oauth2/logout")
    await browser.open("/oauth2/logout")
    await browser.submit("logout-submit")
    found["signed out"] = page_of(browser.page)
    found["400"] = await http.get(AUTHORIZE)
    found["400 unknown client"] = await http.get(AUTHORIZE, params=PARAMS | {"client_id": "x"})
    found["400 redirect uri"] = await http.get(AUTHORIZE, params=PARAMS | {"redirect_uri": "https://evil.example/"})
    found["400 dead link"] = await http.get(
        AUTHORIZE, params={"client_id": "app", "request_uri": "urn:ietf:params:oauth:request_uri:x"}
    )
    found["403 csrf"] = await browser.http.post(login.url.path if login else "", data={"csrf": "x"})
    found["403 other browser"] = await server.browser().http.get(login.url.path if login else "")
    found["404"] = await http.get("/nothing", headers=HTML)
    found["404 realm"] = await http.get("/realms/nowhere/oauth2/authorize")
    found["405"] = await http.put(AUTHORIZE)
    found["413"] = await http.post(AUTHORIZE, content=b"x" * 70_000, headers=FORM)
    found["414"] = await http.get(AUTHORIZE, params={"state": "x" * 33_000})
    found["415"] = await http.post(AUTHORIZE, json={})
    found["503 prefetch"] = await http.get(AUTHORIZE, params=PARAMS, headers={"sec-purpose": "prefetch"})
    return found


def page_of(page: httpx.Response | None) -> httpx.Response:
    """The page on the screen."""
    assert page is not None
    return page


def policy_of(page: httpx.Response) -> dict[str, str]:
    """The Content-Security-Policy, by directive."""
    [value] = page.headers.get_list("content-security-policy")
    return dict(part.strip().partition(" ")[::2] for part in value.split(";"))


class Page(HTMLParser):
    """What a page loads, links to and runs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.attributes: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self._script: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.attributes += [(tag, name) for name in found]
        self.loads += [
            value or "" for name, value in attrs if name in ("src", "srcset", "data", "poster", "background")
        ]
        if tag == "link":
            self.loads.append(found.get("href") or "")
        if tag == "script":
            self._script = found

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None


@pytest.mark.requirement("BCP-4.16-1", "OIDC-3.1.2.3-1")
async def test_put_a_page_into_a_frame(server: Running) -> None:
    for name, page in (await pages(server)).items():
        assert page.headers["content-type"] == "text/html; charset=utf-8", name
        assert policy_of(page)["frame-ancestors"] == "'none'", name
        assert page.headers.get_list("x-frame-options") == ["DENY"], name


@pytest.mark.requirement("BCP-4.16-1")
async def test_put_a_page_of_our_own_failures_into_a_frame(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object) -> None:
        raise problem

    monkeypatch.setattr(server.server.journal, "fault", lambda *args: None)
    monkeypatch.setattr(server.engine, "read", fail)
    for problem, status in ((StoreUnavailable("gone"), 503), (RuntimeError("bug"), 500)):
        page = await server.http.get("/oauth2/logout", headers={"cookie": "pushgate-session-default=x"})
        assert page.status_code == status
        assert policy_of(page)["frame-ancestors"] == "'none'"
        assert page.headers["x-frame-options"] == "DENY"
        assert str(problem) not in page.text


@pytest.mark.requirement("BCP-4.2.4-1")
async def test_learn_from_the_referrer_or_a_cache(server: Running) -> None:
    for name, page in (await pages(server)).items():
        assert page.headers.get_list("referrer-policy") == ["no-referrer"], name
        assert "no-store" in page.headers["cache-control"], name
        assert page.headers["x-content-type-options"] == "nosniff", name
    redirect = await server.http.get(AUTHORIZE, params=PARAMS)
    assert redirect.headers["referrer-policy"] == "no-referrer"


@pytest.mark.requirement("BCP-4.2.4-1")
async def test_be_loaded_by_a_page(server: Running) -> None:
    for name, page in (await pages(server)).items():
        found, policy = Page(page.text), policy_of(page)
        assert policy["default-src"] == "'none'", name
        assert policy["base-uri"] == "'none'", name
        assert {policy[kind] for kind in ("style-src", "img-src")} == {"'self'"}, name
        assert not {"unsafe-inline", "unsafe-eval", "*", "http:", "https:", "data:"} & set(
            re.split(r"[\s']+", page.headers["content-security-policy"])
        ), name
        assert found.loads, name
        for address in found.loads:
            assert re.fullmatch(r"/static/[\w.-]+\?v=[0-9a-f]+", address), (name, address)
        assert not found.tags & {"iframe", "frame", "object", "embed", "base", "applet", "style"}, name


@pytest.mark.requirement("BCP-4.2.4-1")
async def test_run_a_script_that_the_policy_does_not_name(server: Running) -> None:
    for name, page in (await pages(server)).items():
        found, allowed = Page(page.text), policy_of(page).get("script-src", "")
        for attributes, text in found.scripts:
            if "src" in attributes:  # a file of ours, which the policy names
                path = attributes["src"].partition("?")[0]
                assert f"{server.server.base_url}{path}" in allowed.split(), name
                continue
            digest = b64encode(sha256(text.encode()).digest()).decode()
            nonce = attributes.get("nonce")
            inline = {word for word in allowed.split() if word.startswith("'")}
            assert inline in ({f"'sha256-{digest}'"}, {f"'nonce-{nonce}'"}), name
        assert not [a for a in found.attributes if a[1].startswith("on") or a[1] == "style"], name


async def test_everything_that_pages_load_is_there_and_is_what_it_says(server: Running) -> None:
    loads = {address for page in (await pages(server)).values() for address in Page(page.text).loads}
    kinds = {".css": "text/css", ".svg": "image/svg+xml"}
    for address in loads:
        reply = await server.http.get(address)
        kind = kinds[re.search(r"\.\w+", address.removeprefix("/static/"))[0]]  # type: ignore[index]
        assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, kind)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "http" not in re.sub(r"https?://www\.w3\.org/[\w/]+", "", reply.text)


@pytest.mark.parametrize("path", ["/", "/oauth2/logout", AUTHORIZE, "/realms/nowhere/", "/realms/other/oauth2/logout"])
async def test_a_page_below_a_path_loads_its_style_from_below_that_path(path: str) -> None:
    manifest = MANIFEST + "  - name: other\n"
    async with running(manifest, base_url="https://as.example/id") as server:
        page = await server.http.get(f"https://as.example/id{path}", headers=HTML)
        for address in Page(page.text).loads:
            assert (await server.http.get(f"https://as.example{address}")).status_code == 200, address


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/server.py", "/static//etc/passwd",
             "/static/", "/static", "/static/pages.py", "/static/%00", "/static/" + "x" * 5000, "/static/%ff"]
)  # fmt: skip
async def test_read_other_files_through_the_static_path(server: Running, path: str) -> None:
    refused(await server.http.get(path), 404, "invalid_request", "http.not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_write_a_static_file(server: Running, method: str) -> None:
    reply = await server.http.request(method, "/static/pushgate.css", content=b"body { display: none }")
    refused(reply, 405, "invalid_request", "http.method")
    assert reply.headers["allow"] == "GET, HEAD"


async def test_machine_endpoints_never_answer_with_a_page(server: Running) -> None:
    for path in (TOKEN, PAR, "/oauth2/userinfo", "/oauth2/jwks", "/.well-known/openid-configuration"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            reply = await server.http.request(method, path, headers=HTML)
            assert reply.headers["content-type"] == "application/json", (method, path)
            assert "<" not in reply.text
