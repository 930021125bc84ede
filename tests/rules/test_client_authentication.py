"""Client authentication with secrets and without: the right credential, then the same but with one thing wrong.

RFC 6749 2.3, 5.2; the same at every endpoint that authenticates clients. Assertions: test_client_assertion.py.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import httpx
import pytest
import pytest_asyncio

from pushgate.testing import Running, running
from tests.support.assertions import FORMS, TYPE, accepted
from tests.support.steps import FORM, PAR, TOKEN, refused, stored

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a-secret-of-at-least-22-characters"
OTHER = "another-secret-of-22-characters"
ODD = {
    "colon": "a:secret:of:at:least:22",
    "percent": "a%20secret%of%at%least%22",
    "plus": "a+secret+of+at+least+22+",
    "space": "a secret of at least 22 ",
    "form": "a=secret&of=at&least=22?",
    "quotes": "a\"secret'of\\at\\least\\22",
    "letters": "ein-Geheimnis-für-Ärzte-żółć",
    "beyond": "a-secret-with-🔑-and-𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "composed": "cafe\u0301-and-caf\u00e9-are-not-one",
}
"""Secrets that only come through if every step decodes as it should. The id of their client is odd as well."""


def odd_id(name: str) -> str:
    return f"{name}:50%+&=/?#@"


def manifest() -> str:
    common = {"redirect_uris": ["https://client.example/cb"], "scope": "write"}
    both = {"grant_types": ["authorization_code", "client_credentials"]}
    post = {"token_endpoint_auth_method": "client_secret_post"}
    clients: list[dict[str, Any]] = [
        {"client_id": "app", "client_secret": SECRET, **both},
        {"client_id": "post", "client_secret": SECRET, **post, **both},
        {"client_id": "other", "client_secret": OTHER, **both},
        {"client_id": "off", "client_secret": SECRET, "enabled": False, **both},
        {"client_id": "spa", "token_endpoint_auth_method": "none"},
        {"client_id": "spa-off", "token_endpoint_auth_method": "none", "enabled": False},
        *({"client_id": odd_id(name), "client_secret": secret, **both} for name, secret in ODD.items()),
        *({"client_id": f"post-{name}", "client_secret": secret, **post, **both} for name, secret in ODD.items()),
    ]
    realm = {"resources": [{"identifier": "https://api.example", "scopes": ["write"]}]}
    free = {"rates": {"failures_per_minute": 0}}
    everybody = [common | client for client in clients]
    beta = [common | {"client_id": "app", "client_secret": OTHER, **both}]
    realms = [
        {"name": "default", **realm, **free, "clients": everybody},
        {"name": "beta", **realm, **free, "clients": beta},
        {"name": "patient", **realm, "rates": {"failures_per_minute": 5}, "clients": everybody},
    ]
    return json.dumps({"realms": realms}, ensure_ascii=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Running]:
    """A server with clients whose secrets are odd, a realm with other clients, and one that counts failures."""
    async with running(manifest()) as found:
        yield found


def basic(client_id: str, secret: str, scheme: str = "Basic ") -> dict[str, str]:
    """A Basic header as RFC 6749 2.3.1 wants it: form-encoded, then joined."""
    return raw_basic(f"{quote_plus(client_id)}:{quote_plus(secret)}", scheme)


def raw_basic(text: str | bytes, scheme: str = "Basic ") -> dict[str, str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return {"authorization": scheme + b64encode(raw).decode()}


def posted(client_id: str, secret: str) -> dict[str, str]:
    return {"client_id": client_id, "client_secret": secret}


async def send(server: Running, path: str, data: dict[str, Any] | None = None, **how: Any) -> httpx.Response:
    """A request that is good but for the client's credential, which is the caller's affair."""
    return await server.http.post(how.pop("realm", "") + path, data=FORMS[path] | (data or {}), **how)


async def good(server: Running, data: dict[str, Any] | None = None, **how: Any) -> None:
    """The credential is accepted at every endpoint."""
    for path in FORMS:
        accepted(await send(server, path, data, **how))


async def bad(server: Running, refusal: str, data: dict[str, Any] | None = None, **how: Any) -> None:
    """The credential is refused at every endpoint with a challenge, and nothing is stored."""
    before = stored(server)
    for path in FORMS:
        reply = await send(server, path, data, **how)
        refused(reply, 401, "invalid_client", refusal)
        realm = how.get("realm", "").removeprefix("/realms/") or "default"
        assert reply.headers.get_list("www-authenticate") == [f'Basic realm="{realm}", charset="UTF-8"']
    assert stored(server) == before


async def confused(server: Running, refusal: str, data: dict[str, Any] | None = None, **how: Any) -> None:
    """The request contradicts itself: 400 at every endpoint, and nothing is stored."""
    before = stored(server)
    for path in FORMS:
        reply = await send(server, path, data, **how)
        refused(reply, 400, "invalid_request", refusal)
        assert "www-authenticate" not in reply.headers
    assert stored(server) == before


# --- Basic -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-2.3.1-1", "VEN-A-1")
@pytest.mark.parametrize("name", ODD)
async def test_basic_is_form_decoded(server: Running, name: str) -> None:
    await good(server, headers=basic(odd_id(name), ODD[name]))


@pytest.mark.requirement("OA-2.3.1-1")
@pytest.mark.parametrize("name", ODD)
async def test_every_way_to_encode_is_understood(server: Running, name: str) -> None:
    """Space as plus or as %20, and characters encoded although they need not be."""
    client_id, secret = odd_id(name), ODD[name]
    for encode in (lambda text: quote(text, safe=""), lambda text: "".join(f"%{byte:02x}" for byte in text.encode())):
        await good(server, headers=raw_basic(f"{encode(client_id)}:{encode(secret)}"))


@pytest.mark.requirement("OA-2.3.1-1")
@pytest.mark.parametrize("name", ["colon", "percent", "plus", "space"])
async def test_a_secret_in_another_encoding_is_another_secret(server: Running, name: str) -> None:
    client_id = quote_plus(odd_id(name))
    twice = quote_plus(quote_plus(ODD[name]))
    await bad(server, "client.authentication", headers=raw_basic(f"{client_id}:{twice}"))
    if name in ("percent", "plus"):
        await bad(server, "client.authentication", headers=raw_basic(f"{client_id}:{ODD[name]}"))


@pytest.mark.requirement("OA-2.3.1-1", "VEN-A-1")
@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC ", "bAsIc ", "Basic   "], ids=repr)
async def test_spellings_of_basic(server: Running, scheme: str) -> None:
    await good(server, headers=basic("app", SECRET, scheme))


@pytest.mark.requirement("OA-2.3.1-1")
async def test_client_id_beside_basic(server: Running) -> None:
    await good(server, {"client_id": "app"}, headers=basic("app", SECRET))
    await good(server, {"client_id": ""}, headers=basic("app", SECRET))


@pytest.mark.requirement("PAR-2.1-4")
@pytest.mark.parametrize("client_id", ["other", "spa", "nobody", "App", "app "])
async def test_another_client_id_beside_basic(server: Running, client_id: str) -> None:
    await confused(server, "client.mismatch", {"client_id": client_id}, headers=basic("app", SECRET))


NO_BASIC: dict[str, dict[str, str]] = {
    "nothing": {"authorization": "Basic"},
    "nothing but space": {"authorization": "Basic "},
    "not base64": {"authorization": f"Basic app:{SECRET}"},
    "base64url": {"authorization": "Basic YXBwOj8_Pz8-Pj4-"},
    "padding missing": {"authorization": "Basic YXBwOg"},
    "padding inside": {"authorization": "Basic YXBw=Og=="},
    "something behind": {"authorization": "Basic YXBwOg==YQ=="},
    "two values": {"authorization": "Basic YXBwOg== YXBwOg=="},
    "a comma": {"authorization": "Basic YXBwOg==,"},
    "a parameter": {"authorization": 'Basic realm="default"'},
    "a tab": {"authorization": "Basic\tYXBwOg=="},
    "no space": {"authorization": "BasicYXBwOg=="},
    "no colon": raw_basic("app"),
    "no client": raw_basic(f":{SECRET}"),
    "no client, no secret": raw_basic(":"),
    "an encoded colon": raw_basic(f"app%3A{SECRET}"),
    "no UTF-8": raw_basic(b"app:\xff\xfe-and-eighteen-characters"),
    "no UTF-8, encoded": raw_basic("app:%ff%fe-and-eighteen-characters"),
    "no UTF-8 in the client": raw_basic(b"\xff:" + SECRET.encode()),
    "half a character": raw_basic("app:%ed%a0%80-and-eighteen-characters"),
    "overlong": raw_basic("app:%c0%af-and-eighteen-characters"),
    "an option of curl": {"authorization": f"Basic -u app:{SECRET}"},
}


@pytest.mark.requirement("OA-2.3.1-1", "VEN-A-3")
@pytest.mark.parametrize("case", NO_BASIC)
async def test_headers_that_are_not_basic(server: Running, case: str) -> None:
    await bad(server, "client.basic_malformed", headers=NO_BASIC[case])
    await bad(server, "client.basic_malformed", {"client_id": "spa"}, headers=NO_BASIC[case])


@pytest.mark.requirement("OA-2.3.1-1")
async def test_bytes_that_are_not_ascii(server: Running) -> None:
    await bad(server, "client.basic_malformed", headers={b"authorization": "Basic ¥¥¥¥".encode("latin-1")})


# --- The secret --------------------------------------------------------------------------------------------

WRONG = {
    "none": "",
    "the beginning": SECRET[:-1],
    "more": SECRET + "s",
    "capitals": SECRET.upper(),
    "space behind": SECRET + " ",
    "zero behind": SECRET + "\0",
    "another client's": OTHER,
    "the client": "app",
    "look-alike": SECRET.replace("a", "а"),
    "wide": SECRET.replace("a", "ａ"),
    "huge": "x" * 50_000,
}


@pytest.mark.requirement("OA-5.2-2", "PAR-2.1-3")
@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_secret(server: Running, case: str) -> None:
    for client_id in ("app", "off", "nobody", "spa"):
        await bad(server, "client.authentication", headers=basic(client_id, WRONG[case]))
        if WRONG[case]:
            await bad(server, "client.authentication", posted(client_id.replace("app", "post"), WRONG[case]))


@pytest.mark.requirement("OA-5.2-2")
async def test_normalisation_is_not_applied_to_secrets(server: Running) -> None:
    decomposed = ODD["composed"].replace("\u00e9", "e\u0301")
    await bad(server, "client.authentication", headers=basic(odd_id("composed"), decomposed))


@pytest.mark.requirement("OA-5.2-2")
@pytest.mark.parametrize(
    "client_id",
    ["nobody", "off", "App", "app ", "app\0", "ａpp", "аpp", "a" * 50_000],
    ids=lambda name: ascii(name[:9]),
)
async def test_a_client_that_is_not_there(server: Running, client_id: str) -> None:
    """And the reply is the same as for a wrong secret, so that nobody finds out which clients exist."""
    await bad(server, "client.authentication", headers=basic(client_id, SECRET))
    await bad(server, "client.authentication", posted(client_id, SECRET))
    for path in FORMS:
        unknown = await send(server, path, headers=basic(client_id, SECRET))
        wrong = await send(server, path, headers=basic("app", OTHER))
        assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content)
        assert {**unknown.headers, "x-request-id": ""} == {**wrong.headers, "x-request-id": ""}


@pytest.mark.requirement("OA-5.2-2", "VEN-T-1")
async def test_a_client_of_another_realm(server: Running) -> None:
    await bad(server, "client.authentication", headers=basic("app", SECRET), realm="/realms/beta")
    await bad(server, "client.authentication", headers=basic("other", OTHER), realm="/realms/beta")
    await good(server, headers=basic("app", OTHER), realm="/realms/beta")


# --- The form ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-2.3.1-2", "VEN-A-1")
@pytest.mark.parametrize("name", ODD)
async def test_a_secret_in_the_form(server: Running, name: str) -> None:
    await good(server, posted(f"post-{name}", ODD[name]))


@pytest.mark.requirement("OA-2.3.1-2", "ASSERT-OIDC9-1", "VEN-A-1")
async def test_the_right_secret_in_the_wrong_place(server: Running) -> None:
    await bad(server, "client.method", posted("app", SECRET))
    await bad(server, "client.method", headers=basic("post", SECRET))


@pytest.mark.requirement("PAR-2.1-1")
async def test_a_secret_without_a_client(server: Running) -> None:
    await bad(server, "client.missing", {"client_secret": SECRET})
    await bad(server, "client.missing", posted("", SECRET))
    await bad(server, "client.missing", {})


@pytest.mark.requirement("OA-2.3.1-3")
@pytest.mark.parametrize("client_id", ["app", "post", "spa"])
async def test_credentials_in_the_query(server: Running, client_id: str) -> None:
    query = posted(client_id, SECRET)
    await bad(server, "client.missing", params=query)
    if client_id != "spa":
        await bad(server, "client.authentication", {"client_id": client_id}, params=query)


@pytest.mark.requirement("OA-2.3.1-3")
@pytest.mark.parametrize("path", FORMS)
async def test_everything_in_the_query(server: Running, path: str) -> None:
    before = stored(server)
    params = FORMS[path] | posted("post", SECRET)
    for body in ({"content": b""}, {"content": b"", "headers": FORM}):
        refused(await server.http.post(path, params=params, **body), 401, "invalid_client", "client.missing")
    assert stored(server) == before


@pytest.mark.requirement("OA-3.1-6")
@pytest.mark.parametrize("name", ["client_id", "client_secret", "client_assertion", "client_assertion_type"])
async def test_half_a_credential_twice(server: Running, name: str) -> None:
    fields = {**posted("post", SECRET), "client_assertion": "a.b.c", "client_assertion_type": TYPE}
    both = {name: fields[name]} if name.startswith("client_assertion") else posted("post", SECRET)
    for again in (fields[name], "another", ""):
        await confused(server, "http.repeated_parameter", both | {name: [fields[name], again]})


# --- Two at once -------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-2.3-1", "VEN-A-4")
@pytest.mark.parametrize(
    "more",
    [
        posted("app", SECRET),
        {"client_secret": SECRET},
        {"client_secret": "wrong"},
        {"client_assertion": "a.b.c", "client_assertion_type": TYPE},
        {"client_assertion": "a.b.c"},
        {"client_assertion_type": TYPE},
    ],
    ids=" ".join,
)
async def test_basic_and_something_else(server: Running, more: dict[str, str]) -> None:
    await confused(server, "client.two_methods", more, headers=basic("app", SECRET))


@pytest.mark.requirement("OA-2.3-1")
async def test_a_secret_and_an_assertion(server: Running) -> None:
    both = posted("post", SECRET) | {"client_assertion": "a.b.c", "client_assertion_type": TYPE}
    await confused(server, "client.two_methods", both)


@pytest.mark.requirement("OA-2.3-1")
@pytest.mark.parametrize("second", [basic("app", SECRET), basic("other", OTHER), {"authorization": "basic"}], ids=str)
async def test_two_basic_headers(server: Running, second: dict[str, str]) -> None:
    headers = httpx.Headers([*basic("app", SECRET).items(), *second.items()])
    await confused(server, "client.two_methods", headers=headers)


@pytest.mark.requirement("VEN-A-2")
@pytest.mark.parametrize("value", ["Bearer abc", "Bearer <ACCESS_TOKEN>", "Bearer", "DPoP abc", "Digest a=b", "", "?"])
async def test_another_scheme_is_no_client_authentication(server: Running, value: str) -> None:
    other = {"authorization": value}
    await good(server, posted("post", SECRET), headers=other)
    await bad(server, "client.missing", headers=other)
    await bad(server, "client.authentication", {"client_id": "app"}, headers=other)
    await good(server, headers=httpx.Headers([*other.items(), *basic("app", SECRET).items()]))


# --- Nothing to prove --------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-2.2-1")
@pytest.mark.parametrize("client_id", ["app", "post", "off", "nobody", "spa-off"])
async def test_a_name_alone(server: Running, client_id: str) -> None:
    await bad(server, "client.authentication", {"client_id": client_id})
    await bad(server, "client.authentication", posted(client_id, ""))


async def public(server: Running, path: str, **form: str) -> httpx.Response:
    """A request that is good for a public client; at the token endpoint up to its code, which does not exist."""
    good_form = FORMS[PAR] if path == PAR else {"grant_type": "authorization_code", "code": "no-code"}
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    return await server.http.post(path, data=good_form | challenge | form)


@pytest.mark.requirement("OA-3.2.1-1", "VEN-A-1")
@pytest.mark.parametrize("secret", [{}, {"client_secret": ""}], ids=["without secret", "with an empty one"])
async def test_a_public_client_says_who_it_is(server: Running, secret: dict[str, str]) -> None:
    accepted(await public(server, PAR, client_id="spa", **secret))
    reply = await public(server, TOKEN, client_id="spa", **secret)
    refused(reply, 400, "invalid_grant", "code.invalid")
    for path in FORMS:
        refused(await public(server, path, **secret), 401, "invalid_client", "client.missing")


@pytest.mark.requirement("OA-3.2.1-1", "ASSERT-OIDC9-1")
@pytest.mark.parametrize("secret", [SECRET, "none", "spa"])
async def test_a_public_client_has_no_secret_to_show(server: Running, secret: str) -> None:
    await bad(server, "client.authentication", posted("spa", secret))
    await bad(server, "client.authentication", headers=basic("spa", secret))
    await bad(server, "client.authentication", headers=basic("spa", ""))


# --- Guessing ----------------------------------------------------------------------------------------------

PATIENT = "/realms/patient"  # five failures a minute


def elsewhere(server: Running, address: str) -> httpx.AsyncClient:
    """The same server, seen from another address."""
    transport = httpx.ASGITransport(server.app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=server.server.base_url)


async def guess(server: Running, client_id: str, secret: str, http: httpx.AsyncClient | None = None) -> httpx.Response:
    return await (http or server.http).post(PATIENT + PAR, data=FORMS[PAR], headers=basic(client_id, secret))


@pytest.mark.requirement("OA-2.3.1-4", "VEN-T-7")
async def test_guessing_is_slowed_down(server: Running) -> None:
    """Per client and address, so that a guesser cannot lock the client out from its own address."""
    for _ in range(5):
        refused(await guess(server, "app", OTHER), 401, "invalid_client", "client.authentication")
    for secret in (OTHER, SECRET):
        reply = await guess(server, "app", secret)
        refused(reply, 429, "temporarily_unavailable", "http.rate")
        assert reply.headers["retry-after"] == "12"
    accepted(await guess(server, "other", OTHER))
    async with elsewhere(server, "192.0.2.1") as http:
        accepted(await guess(server, "app", SECRET, http))
    server.clock.advance(11)
    assert (await guess(server, "app", SECRET)).status_code == 429
    server.clock.advance(1)
    accepted(await guess(server, "app", SECRET))


@pytest.mark.requirement("OA-2.3.1-4")
async def test_every_way_to_guess_counts(server: Running) -> None:
    """At whichever endpoint, by whichever method."""
    server.clock.advance(600)
    how: list[dict[str, Any]] = [
        {"headers": basic("post", OTHER)},
        {"data": posted("post", OTHER)},
        {"data": {"client_id": "post"}},
    ]
    for number in range(5):
        path = [PAR, TOKEN][number % 2]
        assert (await send(server, path, realm=PATIENT, **how[number % 3])).status_code == 401
    for path in FORMS:
        reply = await send(server, path, posted("post", SECRET), realm=PATIENT)
        refused(reply, 429, "temporarily_unavailable", "http.rate")


@pytest.mark.requirement("OA-2.3.1-4")
async def test_success_is_not_counted(server: Running) -> None:
    server.clock.advance(600)
    for _ in range(20):
        accepted(await guess(server, "app", SECRET))


# --- Who may come in today -----------------------------------------------------------------------------------


@pytest.mark.requirement("PAR-4-5")
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"enabled": False}, "client.authentication"),
        ({"client_secret": OTHER}, "client.authentication"),
        ({"token_endpoint_auth_method": "client_secret_post", "client_secret": SECRET}, "client.method"),
        ({"token_endpoint_auth_method": "none", "client_secret": None}, "client.authentication"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
async def test_a_changed_registration_counts_at_once(server: Running, change: dict[str, Any], refusal: str) -> None:
    client = {"client_id": "changing", "client_secret": SECRET, "redirect_uris": ["https://client.example/cb"]}
    client |= {"scope": "write", "grant_types": ["authorization_code", "client_credentials"]}
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [client]}]}))
    await good(server, headers=basic("changing", SECRET))
    members = {name: value for name, value in {**client, **change}.items() if value is not None}
    if members.get("token_endpoint_auth_method") == "none":
        members["grant_types"] = ["authorization_code"]
    await server.apply(json.dumps({"realms": [{"name": "default", "clients": [members]}]}))
    await bad(server, refusal, headers=basic("changing", SECRET))


@pytest.mark.requirement("VEN-A-5")
async def test_a_wrong_secret_is_in_no_record(server: Running) -> None:
    """People type one secret where another belongs: a refused one is as secret as the right one."""
    typed = "the-secret-of-something-else"
    await bad(server, "client.authentication", headers=basic("app", typed))
    await bad(server, "client.authentication", posted("post", typed))
    await bad(server, "client.basic_malformed", headers={"authorization": f"Basic app:{typed}"})
    rows = (await server.audit("request_refused"))[:6]
    assert {row["refusal"] for row in rows} == {"client.authentication", "client.basic_malformed"}
    assert typed not in json.dumps(rows)
    assert urlencode({"": typed})[1:] not in json.dumps(rows)


@pytest.mark.requirement("OA-2.3.1-4")
async def test_long_names_of_strangers_are_not_remembered(server: Running) -> None:
    """A table of failures that keeps whatever it is sent could be filled up by anybody."""
    stranger = "stranger" * 5_000
    before = len(server.server.services.buckets._buckets)
    for path in FORMS:
        for how in ({"headers": basic(stranger, SECRET)}, {"data": posted(stranger, SECRET)}):
            reply = await send(server, path, realm=PATIENT, **how)
            refused(reply, 401, "invalid_client", "client.authentication")
    assert len(server.server.services.buckets._buckets) == before
    rows = await server.audit("request_refused", "patient")
    assert stranger not in json.dumps(rows)
