"""Whatever a stranger sends as form, header or JWT: parsing gives a value or a refusal, and nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from pushgate.errors import InvalidClient, OAuthError
from pushgate.jose.verify import BadJws, KeySet, import_key, parse_jws
from pushgate.model import Client
from pushgate.profiles import OAUTH2
from pushgate.protocol import client_assertion
from pushgate.protocol.client_auth import (
    AssertionCredential,
    NoCredential,
    SecretCredential,
    find_credential,
    parse_basic,
)
from pushgate.protocol.params import Params, parse_form
from tests.support.assertions import MAC_SECRET, TYPE, b64, seal
from tests.support.strategies import anything, is_refusal, json_values, jwks, pieces, text, thoroughly

# --- Forms -------------------------------------------------------------------------------------------------

form_pieces = pieces(
    b"a", b"resource", b"=", b"&", b"%", b"+", b"%00", b"%FF", b"%C3%A9", b"\xc3", b"\xa9", b"%2", b";", b"\0"
)


@anything
@given(st.binary(max_size=200) | form_pieces, st.just(b"") | form_pieces)
@example(b"&" * 199, b"")
@example(b"&" * 200, b"")
def test_any_bytes_are_a_form_or_a_refusal(body: bytes, query: bytes) -> None:
    try:
        found = parse_form(body, query=query)
    except OAuthError as problem:
        is_refusal(problem)
        return
    assert isinstance(found, Params)
    for name, value in found.items():
        assert name
        assert value
        assert (name + value).encode().decode() == name + value
    assert not found.repeated & found.keys()


@anything
@given(st.dictionaries(text.filter(bool), text, max_size=20), st.sampled_from([quote, quote_plus]))
def test_what_is_encoded_comes_back(params: dict[str, str], how: Any) -> None:
    sent = {name: value for name, value in params.items() if value}
    assert parse_form(urlencode(params, quote_via=how).encode()) == sent
    assert parse_form(urlencode(params, quote_via=how, safe=":/ ?@!$'()*,;").encode()) == sent


@anything
@given(st.lists(st.tuples(st.sampled_from("abc"), text), min_size=1, max_size=8))
def test_a_name_that_is_repeated_has_no_value(fields: list[tuple[str, str]]) -> None:
    found = parse_form(urlencode(fields).encode())
    names = [name for name, _ in fields]
    assert found.repeated == {name for name in names if names.count(name) > 1}
    assert found == {name: value for name, value in fields if value and names.count(name) == 1}


# --- Credentials -------------------------------------------------------------------------------------------

header_values = st.text(st.characters(max_codepoint=255), max_size=30) | st.binary(max_size=40).map(
    lambda raw: "Basic " + b64encode(raw).decode()
)


@anything
@given(header_values)
def test_any_header_is_basic_or_a_refusal(value: str) -> None:
    try:
        client_id, secret = parse_basic(value)
    except InvalidClient as problem:
        is_refusal(problem)
        return
    assert client_id
    assert (client_id + secret).encode()


@anything
@given(text.filter(bool), text)
def test_basic_comes_back(client_id: str, secret: str) -> None:
    for encode in (quote_plus, lambda value: quote(value, safe="")):
        raw = f"{encode(client_id)}:{encode(secret)}".encode()
        assert parse_basic("Basic " + b64encode(raw).decode()) == (client_id, secret)


CREDENTIALS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")


@anything
@given(
    st.lists(header_values, max_size=3),
    st.dictionaries(st.sampled_from(CREDENTIALS), text.filter(bool) | st.just(TYPE), max_size=4),
)
def test_any_request_has_one_credential_or_a_refusal(authorization: list[str], params: dict[str, str]) -> None:
    try:
        found = find_credential(authorization, Params(params))
    except OAuthError as problem:
        is_refusal(problem, "invalid_client", "invalid_request")
        return
    basic = [value for value in authorization if value.lower().startswith("basic")]
    ways = len(basic) + ("client_secret" in params) + ("client_assertion" in params)
    assert ways == (0 if isinstance(found, NoCredential) else 1)
    assert isinstance(found, NoCredential | SecretCredential | AssertionCredential)
    if "client_id" in params:
        assert found.client_id == params["client_id"]


# --- JWS ---------------------------------------------------------------------------------------------------

json_like = pieces(
    b"{", b"}", b'"a"', b":", b",", b"[", b"]", b"1", b"NaN", b"null", b'"\\ud800"', b'"alg":"x"', b"\xff", b" "
)
parts = st.binary(max_size=30).map(b64) | json_like.map(b64) | json_values.map(b64) | st.text(max_size=5)
headers = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]), json_values, max_size=4)


@anything
@given(st.text(max_size=60) | st.lists(parts, max_size=5).map(".".join))
def test_any_text_is_a_jws_or_bad(value: str) -> None:
    try:
        found = parse_jws(value)
    except BadJws:
        return
    assert isinstance(found.header["alg"], str)
    assert isinstance(found.claims, dict)
    assert value.startswith(found.signing_input.decode() + ".")
    json.dumps([found.header, found.claims], ensure_ascii=False).encode()


def well_formed(value: Any) -> bool:
    """JSON that RFC 8259 knows: no NaN, no infinity, no lone surrogate."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


@anything
@given(
    st.text(max_size=9), headers, st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.binary(max_size=80)
)
def test_what_is_well_formed_comes_back(alg: str, header: dict[str, Any], claims: dict[str, Any], tail: bytes) -> None:
    header = header | {"alg": alg}
    assume(well_formed(header) and well_formed(claims))
    found = parse_jws(f"{b64(header)}.{b64(claims)}.{b64(tail)}")
    assert (found.header, found.claims, found.signature) == (header, claims, tail)


@pytest.mark.filterwarnings("ignore:Key size should be")
@anything
@given(jwks)
def test_any_jwk_is_imported_or_passed_over(jwk: dict[str, Any]) -> None:
    found = import_key(jwk)
    assert len(KeySet.of_jwks({"keys": [jwk, None]}).keys) == (found is not None)
    assert found is None or "d" not in jwk


# --- Assertions --------------------------------------------------------------------------------------------

NOW = 1_800_000_000
AUDIENCE = "https://as.example"
MAC_CLIENT = Client(client_id="mac", token_endpoint_auth_method="client_secret_jwt")
good_or_odd = {
    "iss": st.just("mac") | json_values,
    "sub": st.just("mac") | json_values,
    "aud": st.sampled_from([AUDIENCE, [AUDIENCE], [AUDIENCE, AUDIENCE]]) | json_values,
    "exp": st.integers(NOW - 20, NOW + 4000) | json_values,
    "iat": st.integers(NOW - 4000, NOW + 60) | json_values,
    "nbf": st.integers(NOW - 60, NOW + 60) | json_values,
    "jti": st.text(max_size=300) | json_values,
}
SECRETS = KeySet.of_secret(MAC_SECRET)


@thoroughly
@given(
    st.fixed_dictionaries({}, optional=good_or_odd),
    st.fixed_dictionaries({}, optional={"typ": st.just("JWT") | json_values, "kid": json_values, "crit": json_values}),
    st.none() | st.just("mac") | text,
)
def test_any_signed_assertion_is_verified_or_refused(
    claims: dict[str, Any], header: dict[str, Any], client_id: str | None
) -> None:
    token = seal({"alg": "HS256"} | header, claims, "HS256", OctKey.import_key(MAC_SECRET))
    try:
        unverified, claimed = client_assertion.claimed_client_id(token, client_id)
        client = client_assertion.check_method(unverified, MAC_CLIENT if claimed == "mac" else None)
        found = client_assertion.verify_assertion(unverified, client, SECRETS, frozenset({AUDIENCE}), NOW, OAUTH2)
    except InvalidClient as problem:
        is_refusal(problem)
        return
    assert (claims["iss"], claims["sub"], found.jti) == ("mac", "mac", claims["jti"])
    assert claims["aud"] in (AUDIENCE, [AUDIENCE])
    assert NOW - 10 < claims["exp"] <= NOW + 3630
    assert (claims.get("nbf") or 0) <= NOW + 30
    assert NOW - 3601 < (claims.get("iat") or NOW) < NOW + 31
    assert found.remember_until >= claims["exp"] + 10
    assert header.get("typ") in ("JWT", None)
    assert "crit" not in header


def test_a_header_that_comes_again_is_remembered_and_cannot_be_changed() -> None:
    part = b64({"alg": "ES256", "kid": "one"})
    first, again = (parse_jws(f"{part}.e30.AA").header for _ in range(2))
    assert first is again
    with pytest.raises(TypeError):
        first["alg"] = "none"  # type: ignore[index]


def test_a_header_with_a_key_in_it_is_not_kept() -> None:
    """Somebody may send the private half by mistake."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "x" * 43, "d": "d" * 43}
    part = b64({"alg": "EdDSA", "typ": "dpop+jwt", "jwk": jwk})
    first, again = (parse_jws(f"{part}.e30.AA").header for _ in range(2))
    assert first == again
    assert first is not again
