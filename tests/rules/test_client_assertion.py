"""A valid client assertion, then the same but with one thing wrong: each has its refusal, at every endpoint.

RFC 7521, RFC 7523, OpenID Connect Core 9.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import OctKey

from pushgate.testing import BASE_URL, Running, running
from tests.support.assertions import (
    ASYMMETRIC,
    BASIC_SECRET,
    FORMS,
    MAC_SECRET,
    SYMMETRIC,
    accepted,
    b64,
    claims,
    key,
    manifest,
    seal,
    send,
    signed,
)
from tests.support.manifests import POST_SECRET
from tests.support.steps import PAR, TOKEN, header, refused, stored, tokens_for, used, verified

DAY = 86_400  # seconds
YEAR = 365 * DAY


# A refused assertion changes nothing, so these hundreds of tests can share one server.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Running]:
    """A server with the clients of tests/support/assertions.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pushgate.server.PURGE_EVERY", 86_400.0)  # what expires meanwhile is counted too
        async with running(manifest()) as found:
            yield found


async def good(server: Running, assertion: str, path: str, **more: Any) -> None:
    """The assertion authenticates its client."""
    accepted(await send(server, path, assertion, **more))


async def bad(server: Running, assertion: str | None, refusal: str, **more: Any) -> None:
    """The assertion is refused at every endpoint, for this reason, and nothing is stored."""
    before = kept(server)
    for path in FORMS:
        refused(await send(server, path, assertion, **more), 401, "invalid_client", refusal)
    assert kept(server) == before


def kept(server: Running) -> tuple[int, int]:
    """How many pushed requests and used assertions the server remembers."""
    return stored(server), used(server)


# --- What is accepted -----------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-5-1", "ASSERT-7523-3-9", "ASSERT-7523-2.2-1")
@pytest.mark.parametrize("alg", ASYMMETRIC)
@pytest.mark.parametrize("path", FORMS)
async def test_private_key_jwt_with_every_algorithm(server: Running, path: str, alg: str) -> None:
    await good(server, signed(claims(server), alg=alg), path)


@pytest.mark.requirement("ASSERT-7523-3-11")
@pytest.mark.parametrize("alg", SYMMETRIC)
@pytest.mark.parametrize("path", FORMS)
async def test_client_secret_jwt_with_every_algorithm(server: Running, path: str, alg: str) -> None:
    await good(server, signed(claims(server, "mac"), alg=alg), path)


async def test_these_are_the_algorithms_of_the_metadata(server: Running) -> None:
    document = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert sorted(document["token_endpoint_auth_signing_alg_values_supported"]) == sorted([*ASYMMETRIC, *SYMMETRIC])


@pytest.mark.requirement("PAR-2-5", "ASSERT-7523-3-3")
@pytest.mark.parametrize("aud", [BASE_URL, BASE_URL + TOKEN, BASE_URL + PAR])
@pytest.mark.parametrize("many", [False, True], ids=["string", "array of one"])
@pytest.mark.parametrize("path", FORMS)
async def test_the_issuer_and_both_endpoints_are_audiences(server: Running, path: str, many: bool, aud: str) -> None:
    await good(server, signed(claims(server, aud=[aud] if many else aud)), path)


WELCOME = {
    "without iat": {"iat": None},
    "as old as may be": {"iat": -3600},
    "from a clock that is ahead": {"iat": +30},
    "reached just now": {"nbf": 0},
    "reached soon, by our clock": {"nbf": +30},
    "as long-lived as may be": {"exp": 3630},
    "over, but only by our clock": {"exp": -9},
    "with fractions of a second": {"exp": 60.5, "iat": -0.5, "nbf": -0.25},
    "without kid": {"kid": None},
    "with a jti as long as may be": {"jti": "j" * 256},
    "with claims that mean nothing here": {"client_id": "somebody", "nonce": [1], "scope": {}, "htm": "GET"},
    "with header members that mean nothing here": {"cty": "text/plain", "b64": True, "zip": "DEF", "epk": {}},
    "for JWT": {"typ": "JWT"},
    "for jwt": {"typ": "jwt"},
    "for client authentication": {"typ": "client-authentication+jwt"},
    "for client authentication, spelt out": {"typ": "application/client-authentication+jwt"},
}
"""Changes to a good assertion that leave it good; times are relative to now."""
TIMES = ("exp", "iat", "nbf")
IN_HEADER = ("kid", "typ", "cty", "b64", "zip", "epk")


def changed(server: Running, changes: dict[str, Any], **more: Any) -> str:
    """A good assertion with these changes to claims (times relative to now) and header."""
    now = int(server.clock())
    of_header = {name: value for name, value in changes.items() if name in IN_HEADER}
    of_claims = {
        name: now + value if name in TIMES and value is not None else value
        for name, value in changes.items()
        if name not in IN_HEADER
    }
    return signed(claims(server, **of_claims), **of_header, **more)


@pytest.mark.requirement(
    "ASSERT-7523-3-4", "ASSERT-7523-3-5", "ASSERT-7523-3-6", "ASSERT-7523-3-7", "ASSERT-7523-3-13", "ASSERT-7523-3-14"
)
@pytest.mark.parametrize("case", WELCOME)
async def test_welcome(server: Running, case: str) -> None:
    for path in FORMS:
        fresh = {} if "jti" in WELCOME[case] and path == PAR else WELCOME[case]
        await good(server, changed(server, fresh), path)


@pytest.mark.requirement("ASSERT-7523-3-13")
async def test_welcome_with_null_where_a_claim_may_be_missing(server: Running) -> None:
    await good(server, signed({**claims(server), "iat": None, "nbf": None, "anything": None}), PAR)


@pytest.mark.requirement("ASSERT-7521-4.2-1")
@pytest.mark.parametrize("client_id", ["any", "", None], ids=["the same", "empty", "absent"])
async def test_client_id_is_optional(server: Running, client_id: str | None) -> None:
    for path in FORMS:
        await good(server, signed(claims(server)), path, client_id=client_id)


@pytest.mark.requirement("ASSERT-7521-4.2-1")
@pytest.mark.parametrize("client_id", ["fixed", "nobody", "Any", "any ", "аny"])
async def test_client_id_of_another(server: Running, client_id: str) -> None:
    await bad(server, signed(claims(server)), "assertion.client_id", client_id=client_id)


# --- Whose it is, and for whom ---------------------------------------------------------------------------

LOOK_ALIKE = "аny"  # Cyrillic а
NOT_ANY: list[Any] = [None, "", 5, True, ["any"], {"any": 1}]


@pytest.mark.requirement("ASSERT-7523-3-1", "ASSERT-7521-4.2.1-1")
@pytest.mark.parametrize("iss", NOT_ANY, ids=repr)
async def test_iss_missing_or_no_text(server: Running, iss: Any) -> None:
    await bad(server, signed(claims(server, iss=iss)), "assertion.iss")


@pytest.mark.requirement("ASSERT-7523-3-1")
@pytest.mark.parametrize("iss", ["nobody", "Any", "any ", LOOK_ALIKE, "any\0", "ａｎｙ", BASE_URL], ids=ascii)
async def test_iss_of_nobody(server: Running, iss: str) -> None:
    await bad(server, signed(claims(server, iss=iss, sub=iss)), "client.authentication")


@pytest.mark.requirement("ASSERT-7523-3-1", "ASSERT-7523-3-9")
async def test_iss_of_another_client(server: Running) -> None:
    await bad(server, signed(claims(server, iss="twin")), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-2")
@pytest.mark.parametrize("sub", [*NOT_ANY, "fixed", "alice", "Any", "any ", LOOK_ALIKE, "ａｎｙ"], ids=ascii)
async def test_sub_that_is_not_the_client(server: Running, sub: Any) -> None:
    await bad(server, signed(claims(server, sub=sub)), "assertion.sub")


AUDIENCES: dict[str, Any] = {
    "missing": None,
    "another server": "https://as.example",
    "UserInfo": BASE_URL + "/oauth2/userinfo",
    "the authorization endpoint": BASE_URL + "/oauth2/authorize",
    "a prefix of the issuer": BASE_URL[:-1],
    "the issuer as a prefix": BASE_URL + ".evil.example",
    "the issuer with a slash": BASE_URL + "/",
    "an endpoint with a slash": BASE_URL + TOKEN + "/",
    "the issuer and space": BASE_URL + " ",
    "the issuer in capitals": BASE_URL.upper(),
    "another realm": BASE_URL + "/realms/beta",
    "another realm's endpoint": BASE_URL + "/realms/beta" + TOKEN,
    "two, ours among them": [BASE_URL, "https://as.example"],
    "two, both ours": [BASE_URL, BASE_URL + TOKEN],
    "ours, twice": [BASE_URL, BASE_URL],
    "none": [],
    "nested": [[BASE_URL]],
    "an object": {BASE_URL: 1},
    "a number": 1,
    "true": True,
    "empty": "",
}


@pytest.mark.requirement("ASSERT-7523-3-3", "PAR-2-5")
@pytest.mark.parametrize("case", AUDIENCES)
async def test_aud_that_does_not_name_this_server_once(server: Running, case: str) -> None:
    await bad(server, signed(claims(server, aud=AUDIENCES[case])), "assertion.aud")


# --- When -------------------------------------------------------------------------------------------------

NO_NUMBERS: list[Any] = ["soon", "1", True, False, [1], {"at": 1}, 10**12, -(10**12), 10**400]


@pytest.mark.requirement("ASSERT-7523-3-4")
@pytest.mark.parametrize("ago", [10, 11, 300, YEAR])
async def test_exp_has_passed(server: Running, ago: int) -> None:
    await bad(server, changed(server, {"exp": -ago}), "assertion.exp")


@pytest.mark.requirement("ASSERT-7523-3-4")
async def test_exp_passes_while_the_clock_runs(server: Running) -> None:
    token = signed(claims(server))
    server.clock.advance(70)
    await bad(server, token, "assertion.exp")


@pytest.mark.requirement("ASSERT-7523-3-4")
@pytest.mark.parametrize("exp", [None, 0, -1, *NO_NUMBERS], ids=lambda v: repr(v)[:20])
async def test_exp_missing_or_no_time(server: Running, exp: Any) -> None:
    await bad(server, signed(claims(server, exp=exp)), "assertion.exp")


@pytest.mark.requirement("ASSERT-7523-3-5")
@pytest.mark.parametrize("ahead", [3631, DAY, YEAR])
async def test_exp_too_far_ahead(server: Running, ahead: int) -> None:
    await bad(server, changed(server, {"exp": ahead}), "assertion.exp_far")


@pytest.mark.requirement("ASSERT-7523-3-6")
@pytest.mark.parametrize("ahead", [31, 120, YEAR])
async def test_nbf_not_reached(server: Running, ahead: int) -> None:
    await bad(server, changed(server, {"nbf": ahead}), "assertion.nbf")


@pytest.mark.requirement("ASSERT-7523-3-7")
@pytest.mark.parametrize("away", [-3601, -DAY, 31, DAY])
async def test_iat_too_long_ago_or_ahead(server: Running, away: int) -> None:
    await bad(server, changed(server, {"iat": away}), "assertion.iat")


@pytest.mark.requirement("ASSERT-7523-3-6", "ASSERT-7523-3-7")
@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: repr(v)[:20])
async def test_other_times_that_are_no_times(server: Running, name: str, value: Any) -> None:
    await bad(server, signed(claims(server, **{name: value})), f"assertion.{name}")


@pytest.mark.requirement("ASSERT-7523-3-4", "ASSERT-7523-3-13")
@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
async def test_times_that_are_not_even_json(server: Running, literal: str) -> None:
    text = json.dumps(claims(server, exp="EXP")).replace('"EXP"', literal)
    await bad(server, signed(text.encode()), "assertion.malformed")


@pytest.mark.requirement("ASSERT-7523-3-4")
async def test_a_time_past_every_double(server: Running) -> None:
    text = json.dumps(claims(server, exp="EXP")).replace('"EXP"', "1e400")
    await bad(server, signed(text.encode()), "assertion.exp")


@pytest.mark.requirement("ASSERT-7523-3-8")
@pytest.mark.parametrize("jti", [None, "", 1, True, ["jti"], {}, "j" * 257], ids=lambda v: repr(v)[:20])
async def test_jti_missing_or_unusable(server: Running, jti: Any) -> None:
    await bad(server, signed(claims(server, jti=jti)), "assertion.jti")


@pytest.mark.requirement("ASSERT-7523-3-1", "ASSERT-7523-3-2", "ASSERT-7523-3-3", "ASSERT-7523-3-4", "ASSERT-7523-3-8")
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti"])
async def test_null_is_as_good_as_absent(server: Running, name: str) -> None:
    await bad(server, signed(json.dumps({**claims(server), name: None}).encode()), f"assertion.{name}")


# --- Who signed, and how ----------------------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7523-3-10")
@pytest.mark.parametrize("alg", sorted(set(ASYMMETRIC) - {"ES256"}))
async def test_another_algorithm_than_the_registered_one(server: Running, alg: str) -> None:
    await good(server, signed(claims(server, "fixed")), PAR)
    refusal = await send(server, PAR, signed(claims(server, "fixed"), alg=alg))
    refused(refusal, 401, "invalid_client", "assertion.alg")


@pytest.mark.requirement("ASSERT-7523-3-10")
@pytest.mark.parametrize("alg", ["HS256", "HS384"])
async def test_another_mac_than_the_registered_one(server: Running, alg: str) -> None:
    await bad(server, signed(claims(server, "fixed-mac"), alg=alg), "assertion.alg")
    await good(server, signed(claims(server, "fixed-mac"), alg="HS512"), TOKEN)


@pytest.mark.requirement("ASSERT-7523-3-10")
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES256K", "RSA-OAEP", "dir"])
@pytest.mark.parametrize("client_id", ["any", "fixed", "mac"])
async def test_algorithms_that_are_on_no_list(server: Running, client_id: str, alg: str) -> None:
    genuine = signed(claims(server, client_id), alg="HS256" if client_id == "mac" else "ES256")
    _, payload, signature = genuine.split(".")
    for tail in (signature, ""):
        await bad(server, f"{b64({'alg': alg})}.{payload}.{tail}", "assertion.alg")


@pytest.mark.requirement("ASSERT-7523-3-13")
@pytest.mark.parametrize("alg", [None, 256, ["ES256"], True, {}], ids=repr)
async def test_alg_that_is_no_text(server: Running, alg: Any) -> None:
    await bad(server, seal({"alg": alg}, claims(server), "ES256", key("p256")), "assertion.malformed")
    await bad(server, seal({"kid": "p256"}, claims(server), "ES256", key("p256")), "assertion.malformed")


@pytest.mark.requirement("ASSERT-7523-3-11")
@pytest.mark.parametrize("alg", SYMMETRIC)
async def test_a_mac_from_a_client_with_a_key_pair(server: Running, alg: str) -> None:
    await bad(server, signed(claims(server), alg=alg), "assertion.alg")


@pytest.mark.requirement("ASSERT-7523-3-11")
@pytest.mark.parametrize("alg", ASYMMETRIC)
async def test_a_signature_from_a_client_with_a_secret(server: Running, alg: str) -> None:
    await bad(server, signed(claims(server, "mac"), alg=alg), "assertion.alg")


@pytest.mark.requirement("ASSERT-7523-3-11", "ASSERT-7523-3-9")
@pytest.mark.parametrize("secret", [BASIC_SECRET, MAC_SECRET[:-1], MAC_SECRET.upper(), MAC_SECRET + "\0"])
async def test_a_mac_with_another_secret(server: Running, secret: str) -> None:
    wrong = signed(claims(server, "mac"), alg="HS256", by=OctKey.import_key(secret))
    await bad(server, wrong, "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-9")
async def test_the_key_of_another_client_under_the_same_kid(server: Running) -> None:
    foreign = seal({"alg": "ES256", "kid": "p256"}, claims(server), "ES256", key("twin"))
    await bad(server, foreign, "assertion.signature")
    await good(server, seal({"alg": "ES256", "kid": "p256"}, claims(server, "twin"), "ES256", key("twin")), PAR)


@pytest.mark.requirement("ASSERT-7523-3-12")
@pytest.mark.parametrize("kid", ["p256-second", "P256", "", 7, ["p256"], "p384", "rsa"], ids=repr)
async def test_kid_selects_the_key(server: Running, kid: Any) -> None:
    refusal = "assertion.signature" if kid == "p256-second" else "assertion.key"
    await bad(server, signed(claims(server), kid=kid), refusal)


@pytest.mark.requirement("ASSERT-7523-3-12")
@pytest.mark.parametrize("name", ["p256", "p256-second"])
async def test_without_kid_any_fitting_key_may_have_signed(server: Running, name: str) -> None:
    await good(server, signed(claims(server), by=key(name), kid=None), TOKEN)


@pytest.mark.requirement("ASSERT-7523-3-9")
@pytest.mark.parametrize(
    ("alg", "other"), [("ES256", "ES384"), ("RS256", "PS256"), ("EdDSA", "ES256"), ("ES512", "ES256")]
)
async def test_a_signature_of_one_algorithm_under_the_name_of_another(server: Running, alg: str, other: str) -> None:
    signer = key(ASYMMETRIC[alg])
    mislabelled = seal({"alg": other, "kid": signer.kid}, claims(server), alg, signer)
    refusal = "assertion.signature" if ASYMMETRIC[other] == signer.kid else "assertion.key"
    await bad(server, mislabelled, refusal)


def with_payload(server: Running, token: str) -> str:
    head, _, tail = token.split(".")
    return f"{head}.{b64(claims(server))}.{tail}"


def with_header(server: Running, token: str) -> str:
    _, body, tail = token.split(".")
    return f"{b64({'alg': 'ES256', 'kid': 'p256', 'x': 1})}.{body}.{tail}"


def with_signature(signature: bytes) -> Any:
    return lambda server, token: f"{token.rpartition('.')[0]}.{b64(signature)}"


ALTERED: dict[str, Any] = {
    "other payload": with_payload,
    "other header": with_header,
    "no signature": with_signature(b""),
    "short signature": with_signature(b"\1" * 63),
    "long signature": with_signature(b"\1" * 65),
    "all zero, which some libraries took": with_signature(b"\0" * 64),
    "all ones": with_signature(b"\xff" * 64),
}


@pytest.mark.requirement("ASSERT-7523-3-9")
@pytest.mark.parametrize("case", ALTERED)
async def test_altered(server: Running, case: str) -> None:
    await bad(server, ALTERED[case](server, signed(claims(server))), "assertion.signature")


@pytest.mark.requirement("ASSERT-7523-3-9")
@pytest.mark.parametrize("alg", ["RS256", "PS256", "EdDSA", "ES512"])
@pytest.mark.parametrize("size", [0, 1, 64, 255, 256, 512])
async def test_signatures_of_any_size_that_do_not_verify(server: Running, alg: str, size: int) -> None:
    token = with_signature(b"\7" * size)(server, signed(claims(server), alg=alg))
    await bad(server, token, "assertion.signature")


# --- What it is made of -------------------------------------------------------------------------------------


def parts(server: Running) -> tuple[str, str, str]:
    head, body, tail = signed(claims(server)).split(".")
    return head, body, tail


def glued(server: Running, pattern: str) -> str:
    """Header, payload and signature of a good assertion in place of H, P and S."""
    found = dict(zip("HPS", parts(server), strict=True))
    return "".join(found.get(character, character) for character in pattern)


def json_serialisation(server: Running, general: bool) -> str:
    head, body, tail = parts(server)
    signature = {"protected": head, "signature": tail}
    return json.dumps({"payload": body, "signatures": [signature]} if general else {"payload": body, **signature})


def text(server: Running, **members: str) -> str:
    """Good claims as JSON text, with members added at the end as they are written."""
    return json.dumps(claims(server))[:-1] + "".join(f', "{name}": {value}' for name, value in members.items()) + "}"


def es256(header: object, payload: object) -> str:
    return seal(header, payload, "ES256", key("p256"))


HEAD = {"alg": "ES256", "kid": "p256"}
MALFORMED: dict[str, Any] = {
    "no JWT": lambda s: "assertion",
    "one part": lambda s: parts(s)[0],
    "two parts": lambda s: ".".join(parts(s)[:2]),
    "four parts": lambda s: signed(claims(s)) + ".e30",
    "five parts, as a JWE": lambda s: ".".join([*parts(s), "e30", "e30"]),
    "a dot behind": lambda s: signed(claims(s)) + ".",
    "only dots": lambda s: "..",
    "two JWTs": lambda s: f"{signed(claims(s))} {signed(claims(s))}",
    "two JWTs with a comma": lambda s: f"{signed(claims(s))},{signed(claims(s))}",
    "flattened JSON serialisation": lambda s: json_serialisation(s, general=False),
    "general JSON serialisation": lambda s: json_serialisation(s, general=True),
    "a scheme in front": lambda s: "Bearer " + signed(claims(s)),
    "a line break behind": lambda s: signed(claims(s)) + "\n",
    "a space in front": lambda s: " " + signed(claims(s)),
    "a space inside": lambda s: glued(s, "H .P.S"),
    "padded header": lambda s: glued(s, "H=.P.S"),
    "padded payload": lambda s: glued(s, "H.P=.S"),
    "padded signature": lambda s: glued(s, "H.P.S=="),
    "base64 that is not base64url": lambda s: glued(s, "H.P.S+/"),
    "a length that base64 cannot have": lambda s: glued(s, "H.P.a"),
    "characters outside ASCII": lambda s: glued(s, "H.P.é"),
    "a zero byte": lambda s: glued(s, "H.P\0.S"),
    "empty header": lambda s: glued(s, ".P.S"),
    "empty payload": lambda s: glued(s, "H..S"),
    "header that is no JSON": lambda s: es256(b"alg=ES256", claims(s)),
    "header that is an array": lambda s: es256([HEAD], claims(s)),
    "header that is null": lambda s: es256(b"null", claims(s)),
    "payload that is no JSON": lambda s: signed(b"iss=any"),
    "payload that is an array": lambda s: signed([claims(s)]),
    "payload that is text": lambda s: signed("any"),
    "payload that is null": lambda s: signed(b"null"),
    "payload in UTF-16": lambda s: signed(json.dumps(claims(s)).encode("utf-16")),
    "payload in Latin-1": lambda s: signed(text(s, x='"ü"').encode("latin-1")),
    "payload with a byte order mark": lambda s: signed(b"\xef\xbb\xbf" + text(s).encode()),
    "payload with something behind": lambda s: signed(text(s).encode() + b"{}"),
    "payload with a comma too many": lambda s: signed(text(s).encode()[:-1] + b",}"),
    "payload with a comment": lambda s: signed(b"/* */" + text(s).encode()),
    "payload with single quotes": lambda s: signed(text(s).replace('"', "'").encode()),
    "payload with control characters": lambda s: signed(text(s, x='"\t"').encode()),
    "alg twice": lambda s: es256(b'{"alg":"none","kid":"p256","alg":"ES256"}', claims(s)),
    "kid twice": lambda s: es256(b'{"alg":"ES256","kid":"p256","kid":"p256"}', claims(s)),
    "alg twice, once escaped": lambda s: es256(b'{"alg":"ES256","\\u0061lg":"ES256"}', claims(s)),
    "iss twice": lambda s: signed(text(s, iss='"any"').encode()),
    "sub twice": lambda s: signed(text(s, sub='"alice"').encode()),
    "exp twice": lambda s: signed(text(s, exp="99").encode()),
    "a member twice, further inside": lambda s: signed(text(s, x='{"a": 1, "a": 2}').encode()),
    "NaN": lambda s: signed(text(s, x="NaN").encode()),
    "half a character": lambda s: signed(text(s, x='"\\ud800"').encode()),
    "half a character in the client's name": lambda s: signed({**claims(s), "iss": "\ud800"}),
    "half a character in the jti": lambda s: signed({**claims(s), "jti": "\ud800"}),
    "half a character in the header": lambda s: es256({**HEAD, "kid": "\udfff"}, claims(s)),
    "nested beyond reason": lambda s: signed(text(s, x="[" * 5000 + "]" * 5000).encode()),
    "a number of ten thousand digits": lambda s: signed(text(s, x="1" * 10_000).encode()),
    "a huge header": lambda s: signed(claims(s), x="x" * 4096),
    "a huge payload": lambda s: signed(claims(s, x="x" * 16_384)),
    "a huge signature": lambda s: with_signature(b"\1" * 16_384)(s, signed(claims(s))),
}


@pytest.mark.requirement("ASSERT-7523-3-13", "ASSERT-7523-2.2-1", "ASSERT-7521-4.2.1-1")
@pytest.mark.parametrize("case", MALFORMED)
async def test_malformed(server: Running, case: str) -> None:
    await bad(server, MALFORMED[case](server), "assertion.malformed")


@pytest.mark.requirement("ASSERT-7523-3-13")
@pytest.mark.parametrize("crit", [["exp"], ["b64"], ["http://example.invalid/unknown"], [], "exp", None], ids=repr)
async def test_crit_is_never_understood(server: Running, crit: Any) -> None:
    marked = es256(HEAD | {"crit": crit, "exp": 1, "b64": True}, claims(server))
    await bad(server, marked, "assertion.crit")


@pytest.mark.requirement("ASSERT-7523-3-13")
async def test_a_payload_that_says_it_is_not_encoded(server: Running) -> None:
    await bad(server, signed(claims(server), b64=False), "assertion.crit")


# Dotless i: upper() makes an I of it.
TYPES: list[Any] = [
    "dpop+jwt",
    "oauth-authz-req+jwt",
    "at+jwt",
    "application/at+jwt",
    "secevent+jwt",
    "JOSE",
    "JWE",
    "",
    " JWT",
    "jwt\0",
    "clıent-authentication+jwt",
    "application/application/jwt",
    5,
    ["JWT"],
    True,
]


@pytest.mark.requirement("ASSERT-7523-3-14")
@pytest.mark.parametrize("typ", TYPES, ids=ascii)
async def test_typed_for_another_purpose(server: Running, typ: Any) -> None:
    await bad(server, signed(claims(server), typ=typ), "assertion.typ")


@pytest.mark.requirement("ASSERT-7523-3-14")
async def test_a_dpop_proof_is_no_assertion(server: Running) -> None:
    proof = claims(server, htm="POST", htu=BASE_URL + PAR)
    jwk = key("p256").as_dict(private=False)
    await bad(server, signed(proof, typ="dpop+jwt", jwk=jwk), "assertion.typ")


@pytest.mark.requirement("ASSERT-7523-3-14")
async def test_tokens_of_this_server_are_no_assertions(server: Running) -> None:
    reply = await tokens_for(server)
    tokens = [reply["access_token"], reply["id_token"]]
    assert [header(token)["typ"] for token in tokens] == ["at+jwt", "JWT"]
    assert (await verified(server, tokens[1]))["iss"] == BASE_URL
    for token, refusal in zip(tokens, ["assertion.typ", "client.authentication"], strict=True):
        refused(await send(server, PAR, token), 401, "invalid_client", refusal)


# --- How it is sent -----------------------------------------------------------------------------------------

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.mark.requirement("ASSERT-7523-2.2-1")
@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "jwt-bearer",
        JWT_BEARER.upper(),
        JWT_BEARER + " ",
        JWT_BEARER + "\0",
    ],
    ids=repr,
)
async def test_another_assertion_type(server: Running, kind: str | None) -> None:
    await bad(server, signed(claims(server)), "assertion.type", client_assertion_type=kind)


@pytest.mark.requirement("ASSERT-7523-2.2-1")
@pytest.mark.parametrize("assertion", [None, ""], ids=["missing", "empty"])
async def test_the_type_without_an_assertion(server: Running, assertion: str | None) -> None:
    await bad(server, assertion, "assertion.type")
    await bad(server, assertion, "assertion.type", client_id="any")


@pytest.mark.requirement("ASSERT-7523-2.2-1")
async def test_two_assertions(server: Running) -> None:
    before = kept(server)
    for path in FORMS:
        form = FORMS[path] | {"client_assertion_type": JWT_BEARER}
        both = form | {"client_assertion": [signed(claims(server)), signed(claims(server))]}
        refused(await server.http.post(path, data=both), 400, "invalid_request", "http.repeated_parameter")
    assert kept(server) == before


@pytest.mark.requirement("ASSERT-7521-4.2.1-2", "OA-2.3-1")
@pytest.mark.parametrize("method", ["basic", "post"])
@pytest.mark.parametrize("own", [True, False], ids=["its own", "another client's"])
async def test_an_assertion_beside_a_secret(server: Running, own: bool, method: str) -> None:
    """400 invalid_request, as D-4 decides between RFC 6749 2.3 and RFC 7521 4.2.1."""
    secret, client_id = (MAC_SECRET, "mac") if own else (BASIC_SECRET, "default")
    basic, before = httpx.BasicAuth(client_id, secret)._auth_header, kept(server)
    for path in FORMS:
        token = signed(claims(server, "mac"), alg="HS256")
        more = {"headers": {"authorization": basic}} if method == "basic" else {"client_secret": secret}
        refused(await send(server, path, token, **more), 400, "invalid_request", "client.two_methods")
    assert kept(server) == before


# --- The registered method is the only one -------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-OIDC9-1")
@pytest.mark.parametrize("client_id", ["default", "post", "spa"])
async def test_an_assertion_from_a_client_of_another_method(server: Running, client_id: str) -> None:
    await bad(server, signed(claims(server, client_id)), "client.method")


@pytest.mark.requirement("ASSERT-OIDC9-1")
@pytest.mark.parametrize("client_id", ["nobody", "off"])
async def test_an_assertion_from_a_client_that_is_not_there(server: Running, client_id: str) -> None:
    await bad(server, signed(claims(server, client_id)), "client.authentication")


OTHER_WAYS = {
    "private_key_jwt client with Basic": ("any", "any", "x" * 30, "client.authentication"),
    "private_key_jwt client with Basic and no secret": ("any", "any", "", "client.authentication"),
    "client_secret_jwt client with Basic": ("mac", "mac", MAC_SECRET, "client.method"),
    "client_secret_post client with Basic": ("post", "post", POST_SECRET, "client.method"),
    "private_key_jwt client in the form": ("any", None, "x" * 30, "client.authentication"),
    "client_secret_jwt client in the form": ("mac", None, MAC_SECRET, "client.method"),
    "client_secret_basic client in the form": ("default", None, BASIC_SECRET, "client.method"),
    "private_key_jwt client with nothing": ("any", None, None, "client.authentication"),
    "client_secret_jwt client with nothing": ("mac", None, None, "client.authentication"),
}
"""The client, the name for Basic, the secret, and the refusal."""


@pytest.mark.requirement("ASSERT-OIDC9-1")
@pytest.mark.parametrize("case", OTHER_WAYS)
async def test_another_method_than_the_registered_one(server: Running, case: str) -> None:
    client_id, name, secret, refusal = OTHER_WAYS[case]
    before = kept(server)
    for path, good_form in FORMS.items():
        form = good_form | ({} if name else {"client_id": client_id} | ({"client_secret": secret} if secret else {}))
        auth = (name, secret or "") if name else None
        refused(await server.http.post(path, data=form, auth=auth), 401, "invalid_client", refusal)
    assert kept(server) == before


@pytest.mark.requirement("ASSERT-OIDC9-1")
async def test_the_default_method_is_basic(server: Running) -> None:
    for path, form in FORMS.items():
        accepted(await server.http.post(path, data=form, auth=("default", BASIC_SECRET)))


# --- What is told, and what is kept -----------------------------------------------------------------------


@pytest.mark.requirement("ASSERT-7521-4.2.1-1")
async def test_a_refusal_gives_nothing_away(server: Running) -> None:
    token = signed(claims(server, aud="https://as.example", jti="a-jti-to-look-for"))
    await bad(server, token, "assertion.aud")
    [one, other, *_] = await server.audit("request_refused")
    assert {one["endpoint"], other["endpoint"]} == {"par", "token"}
    for event in (one, other):
        assert (event["client_id"], event["refusal"], event["error"]) == ("any", "assertion.aud", "invalid_client")
        assert not any(part in json.dumps(event) for part in (*token.split("."), "a-jti-to-look-for"))


@pytest.mark.requirement("ASSERT-7523-3-8")
async def test_a_refused_assertion_does_not_use_its_jti_up(server: Running) -> None:
    await bad(server, signed(claims(server, jti="once", aud="https://as.example")), "assertion.aud")
    await bad(server, with_signature(b"\1" * 64)(server, signed(claims(server, jti="once"))), "assertion.signature")
    await good(server, signed(claims(server, jti="once")), TOKEN)
