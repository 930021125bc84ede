"""Whatever is asked for, the answer is a refusal, or goes to a redirect URI that was registered."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from pushgate.errors import InvalidRequest, OAuthError
from pushgate.model import AuthorizationRequest, Client, PushedAuthorizationRequest, RealmSettings
from pushgate.profiles import OAUTH2, OIDC
from pushgate.protocol.authorization_request import parse_authorization_request
from pushgate.protocol.authorization_response import FormPost, RedirectTo, deliver, response_members
from pushgate.protocol.params import Params
from pushgate.protocol.redirect_uri import matches, pushed_uri_allowed, registration_problem, reply_to
from pushgate.protocol.rules import Facts, check
from pushgate.protocol.scopes import realm_scopes
from tests.support.strategies import anything, is_refusal, text, thoroughly, uri_pieces, uris

NOW = 1_800_000_000
AUDIENCE = "https://as.example"

# --- Authorization requests --------------------------------------------------------------------------------

REDIRECTS = ("https://app.example/cb", "https://app.example/cb?tenant=1")
REALM = RealmSettings(name="default")
CLIENT = Client(
    client_id="app",
    redirect_uris=REDIRECTS,
    grant_types=("authorization_code", "implicit"),
    response_types=("code", "token", "id_token", "code id_token", "code token", "none"),
)
values = {
    "response_type": ["code", "token", "id_token code", "none", "code ", " ", "  ", "CODE"],
    "response_mode": ["query", "fragment", "form_post", "jwt"],
    "redirect_uri": [*REDIRECTS, REDIRECTS[0] + "/", "javascript:x", "https://evil.example"],
    "scope": ["openid", "openid email", "openid unknown", " ", "a  b", '"'],
    "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "x" * 43, "x" * 44],
    "code_challenge_method": ["S256", "plain"],
    "prompt": ["none", "login consent", "none login"],
    "max_age": ["0", "3600", "-1", "1e9", "٣", "9" * 11],
    "nonce": ["n", "n" * 1001],
    "state": ["s", "\0", "é", "&=#"],
}
params = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(known) | text.filter(bool) for name, known in values.items()}
)


@thoroughly
@given(params, st.dictionaries(text.filter(bool), text.filter(bool), max_size=3), st.booleans(), st.booleans())
def test_any_request_is_answered_where_it_may_be_or_refused(
    known: dict[str, str], more: dict[str, str], pushed: bool, openid_connect: bool
) -> None:
    profile = OIDC if openid_connect else OAUTH2
    asked, malformed = parse_authorization_request(Params(more | known), "app")
    assert asked.client_id == "app"
    try:
        target = reply_to(asked, CLIENT, named="openid" in (asked.scope or ()))
    except InvalidRequest as problem:
        is_refusal(problem)
        return
    assert target.redirect_uri in REDIRECTS
    assert (target.redirect_uri, target.state) == (known.get("redirect_uri", target.redirect_uri), known.get("state"))
    facts = Facts(
        request=asked,
        client=CLIENT,
        policy=profile.tighten(REALM, CLIENT),
        pushed=pushed,
        signed=False,
        default_scope=None,
        resources=(),
        issuer=AUDIENCE,
        known_scopes=realm_scopes(profile, ()),
        malformed=malformed,
    )
    try:
        granted = check(facts)
    except OAuthError as problem:
        is_refusal(problem)
        return
    assert set(granted) <= set(asked.scope or ()) <= set(known["scope"].split(" "))
    record = PushedAuthorizationRequest(request=asked, scope=granted, expires_at=NOW, correlation_id="x")
    assert PushedAuthorizationRequest.decode(record.encode()) == record
    if target.carrier == "query":
        assert asked.response_types <= {"code", "none"}


# --- Redirect URIs -----------------------------------------------------------------------------------------

kinds = st.sampled_from(["web", "native"])
loopback = st.sampled_from(["127.0.0.1", "[::1]"])
ports = st.just("") | st.integers(0, 65535).map(lambda port: f":{port}")
paths = st.sampled_from(["", "/", "/cb", "/cb?x=1", "?x=1", "/cb:80", "/%2e"])
PORT = re.compile(r"(?<=^http://127\.0\.0\.1):[0-9]{1,5}(?=[/?]|$)|(?<=^http://\[::1\]):[0-9]{1,5}(?=[/?]|$)")


@thoroughly
@given(uris, uris, kinds)
@example("http://127.0.0.1/cb", "http://127.0.0.1:1234/cb", "native")
@example("http://127.0.0.1/cb", "http://127.0.0.1:1234@evil.example/cb", "native")
@example("http://127.0.0.1/cb", "http://127.0.0.1:٣/cb", "native")
@example("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", "native")
def test_redirect_uris_are_compared_exactly(registered: str, wanted: str, kind: str) -> None:
    same = registered == wanted
    without_ports = kind == "native" and wanted.isascii() and PORT.sub("", registered) == PORT.sub("", wanted)
    is_loopback = registered.startswith(("http://127.0.0.1", "http://[::1]"))
    assert matches(registered, registered, kind)
    if matches(registered, wanted, kind) and not same:
        assert without_ports
        assert is_loopback
        assert urlsplit(wanted).hostname == urlsplit(registered).hostname


@anything
@given(loopback, ports, ports, paths)
def test_only_a_native_loopback_port_may_differ(host: str, one: str, other: str, path: str) -> None:
    registered, wanted = f"http://{host}{one}{path}", f"http://{host}{other}{path}"
    # With neither path nor slash a query belongs to no port; such a URI is compared exactly.
    odd = path.startswith("?") and (one or other)
    assert matches(registered, wanted, "native") or odd or one == other
    assert matches(registered, wanted, "web") == (one == other)
    assert not matches(registered, wanted + "x", "native")
    assert not matches(registered.replace("http:", "https:"), wanted, "native")


@thoroughly
@given(uris, kinds, st.sampled_from(["query", "fragment", "form_post"]))
def test_what_can_be_registered_can_be_answered(uri: str, kind: Any, mode: str) -> None:
    problem = registration_problem(uri, kind)
    if problem is not None:
        assert problem
        return
    client = Client(client_id="app", application_type=kind, redirect_uris=(uri,))
    asked = AuthorizationRequest(client_id="app", redirect_uri=uri, response_mode=mode, state="é&=#")
    target = reply_to(asked, client, named=True)
    answer = deliver(target, response_members(target, AUDIENCE, {"code": "a-code"}))
    if isinstance(answer, FormPost):
        assert answer.action == uri
        assert dict(answer.fields) == {"code": "a-code", "state": "é&=#", "iss": AUDIENCE}
        return
    assert isinstance(answer, RedirectTo)
    assert re.fullmatch(r"[\x21-\x7e]+", answer.url)
    before, after = urlsplit(uri), urlsplit(answer.url)
    assert before[:3] == after[:3]
    carried = parse_qs(after.query if mode == "query" else after.fragment)
    assert {name: carried[name] for name in ("code", "state", "iss")} == {
        "code": ["a-code"], "state": ["é&=#"], "iss": [AUDIENCE],
    }  # fmt: skip


@anything
@given(uris | uri_pieces.map("https://app.example/t/".__add__), st.lists(uris, max_size=2))
def test_a_pushed_uri_stays_below_its_prefix(wanted: str, more: list[str]) -> None:
    prefixes = (
        "https://app.example/t/",
        *(p for p in more if registration_problem(p, "web") is None and urlsplit(p).path),
    )
    if pushed_uri_allowed(prefixes, wanted):
        allowed = [prefix for prefix in prefixes if wanted.startswith(prefix)]
        assert any(urlsplit(prefix)[:2] == urlsplit(wanted)[:2] for prefix in allowed)
        assert registration_problem(wanted, "web") is None
        assert ".." not in urlsplit(wanted).path.split("/")
