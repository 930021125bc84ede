"""A valid request object, then the same with one thing wrong: each has its refusal.

RFC 9101, OpenID Connect Core 6, FAPI 2.0 Message Signing 5.3.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import Key

from pushgate import errors
from pushgate.errors import OAuthError
from pushgate.jose.encrypt import CONTENT_ENCS, KEY_ALGS, DecryptionKey, DecryptionKeys, is_jwe
from pushgate.jose.verify import MAX_HEADER, KeySet
from pushgate.model import Client
from pushgate.profiles import OAUTH2
from pushgate.protocol.authorization_details import parse_authorization_details
from pushgate.protocol.client_assertion import parse_assertion, verify_assertion
from pushgate.protocol.params import Params, parse_form
from pushgate.protocol.request_object import (
    KNOWN,
    MESSAGE_SIGNING,
    PLAIN,
    RequestObjectRules,
    open_encrypted,
    parse_request_object,
    verify_request_object,
)
from tests.support.assertions import ASYMMETRIC, b64, key, public, seal
from tests.support.encryption import encrypt
from tests.support.strategies import is_refusal, json_values, pieces, thoroughly

ISSUER = "https://as.example"
NOW = 1_800_000_000.5  # seconds since the epoch
BOTH = pytest.mark.parametrize("rules", [PLAIN, MESSAGE_SIGNING], ids=["plain", "message signing"])
KEYS = KeySet.of_jwks(public("p256", "p256-second", "p384", "p521", "rsa", "ed25519"))
OURS = DecryptionKeys([DecryptionKey("rsa-ours", None, key("rsa-ours")), DecryptionKey("ours", None, key("ours"))])
TIMES = ("exp", "nbf", "iat")

REQUEST = {
    "client_id": "app",
    "response_type": "code",
    "redirect_uri": "https://app.example/cb",
    "scope": "openid",
    "state": "a-state",
}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good request object, but with these changes; None leaves one out, times are relative to now."""
    now = int(NOW)
    good = {"iss": "app", "aud": ISSUER, "nbf": 0, "exp": 300, "iat": 0, "jti": "a-jti", **REQUEST, **changes}
    relative = {k: now + v if k in TIMES and type(v) is int else v for k, v in good.items()}
    return {name: value for name, value in relative.items() if value is not None}


def made(payload: object = None, *, alg: str = "ES256", by: Key | None = None, **header: Any) -> str:
    """A request object signed with the key that goes with `alg`, or `by` another; a header member None is left out."""
    signer = by or key(ASYMMETRIC[alg])
    members = {"typ": "oauth-authz-req+jwt", "alg": alg, "kid": signer.kid, **header}
    members = {name: value for name, value in members.items() if value is not None}
    return seal(members, claims() if payload is None else payload, alg, signer)


def read(value: str, **changes: Any) -> Params:
    """Read as an endpoint would that has a client `app`."""
    facts = {"client_id": "app", "registered_alg": None, "keys": KEYS, "issuer": ISSUER, "now": NOW, "rules": PLAIN}
    return verify_request_object(parse_request_object(value), **{**facts, **changes})


def refused(
    call: Callable[[], object], refusal: str, code: type[OAuthError] = errors.InvalidRequestObject
) -> OAuthError:
    """The call is refused, for this reason."""
    with pytest.raises(OAuthError) as caught:
        call()
    found = caught.value
    assert (type(found), found.refusal.id, found.code, found.status) == (code, refusal, code.code, 400)
    return found


def bad(value: str, refusal: str, **changes: Any) -> OAuthError:
    """The request object is refused, for this reason."""
    return refused(lambda: read(value, **changes), refusal)


# --- What is accepted -----------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-6.2-1", "JAR-4-1")
@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_every_algorithm(alg: str) -> None:
    found = read(made(alg=alg))
    assert type(found) is Params
    assert (found, found.repeated) == (REQUEST, frozenset())


def test_what_was_read_does_not_show_itself() -> None:
    assert "a-state" not in repr(read(made())) + repr(parse_request_object(made()))


@pytest.mark.requirement("JAR-4-6", "FMS-5.3.1-5")
@BOTH
@pytest.mark.parametrize(
    "typ", [None, "JWT", "jwt", "oauth-authz-req+jwt", "OAuth-Authz-Req+JWT", "application/oauth-authz-req+jwt",
            "application/JWT"], ids=repr,
)  # fmt: skip
def test_types_that_are_taken(typ: str | None, rules: RequestObjectRules) -> None:
    assert read(made(typ=typ), rules=rules) == REQUEST


BARE = {"iss": None, "aud": None, "nbf": None, "exp": None, "iat": None, "jti": None}


@pytest.mark.requirement("JAR-4-4", "JAR-9.1-1")
def test_claims_about_the_object_may_be_missing() -> None:
    assert read(made(claims(**BARE))) == REQUEST
    assert read(made({**claims(**BARE), **dict.fromkeys(BARE), "sub": None, "nonce": None})) == REQUEST


@pytest.mark.requirement("FMS-5.3.1-2", "JAR-4-4")
@BOTH
@pytest.mark.parametrize("aud", [ISSUER, [ISSUER], [ISSUER, "https://other.example"], ["x", ISSUER]], ids=str)
def test_aud_that_names_this_server(aud: Any, rules: RequestObjectRules) -> None:
    assert read(made(claims(aud=aud)), rules=rules) == REQUEST


def test_other_names_of_this_server() -> None:
    endpoint = ISSUER + "/oauth2/par"
    assert read(made(claims(aud=endpoint)), audiences=frozenset({endpoint})) == REQUEST
    assert read(made(), audiences=frozenset({endpoint})) == REQUEST
    bad(made(claims(aud=endpoint)), "request_object.aud")


WINDOWS = {
    "as old as may be": {"nbf": -3599, "exp": 1},
    "as long as may be": {"nbf": 0, "exp": 3600},
    "from a clock that is ahead": {"nbf": 30, "iat": 30, "exp": 60},
    "eight seconds ahead": {"nbf": 8, "iat": 8},
    "over, but only by our clock": {"nbf": -100, "exp": -9},
    "spelt with an exponent": {"nbf": int(NOW) + 0.0, "exp": int(NOW) + 60.0},
}


@pytest.mark.requirement("FMS-5.3.1-3", "FMS-5.3.1-4", "JAR-9.1-1")
@BOTH
@pytest.mark.parametrize("case", WINDOWS)
def test_times_that_are_good(case: str, rules: RequestObjectRules) -> None:
    assert read(made(claims(**WINDOWS[case])), rules=rules) == REQUEST


@pytest.mark.requirement("JAR-9.1-1")
def test_plain_rules_set_no_length() -> None:
    year = 365 * 86_400
    assert read(made(claims(nbf=-year, iat=-year, exp=year))) == REQUEST


@pytest.mark.requirement("JAR-10.8-1")
def test_a_subject_that_is_not_the_client_means_nothing() -> None:
    assert read(made(claims(sub="alice"))) == REQUEST


def test_header_members_that_mean_nothing_here() -> None:
    assert read(made(cty="x", b64=True, zip="DEF", epk={}, jku="https://attacker.example")) == REQUEST


# --- The parameters inside --------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-4-1")
def test_values_as_a_form_would_bring_them() -> None:
    details = [{"type": "payment", "amount": {"currency": "EUR", "value": 1.50}, "note": 'é "quoted"'}]
    found = read(
        made(
            claims(
                nonce="n", max_age=60, dpop_jkt="j" * 43, prompt="login", state="", unknown="kept",
                resource=["https://a.example", "", "https://b.example"], authorization_details=details,
                claims={"id_token": {"acr": None}}, another=5, more={"x": []}, yet=[1], flag=True,
            )
        )
    )  # fmt: skip
    text = '[{"type":"payment","amount":{"currency":"EUR","value":1.5},"note":"é \\"quoted\\""}]'
    assert found == {
        **{name: value for name, value in REQUEST.items() if name != "state"},
        "nonce": "n", "max_age": "60", "dpop_jkt": "j" * 43, "prompt": "login", "unknown": "kept",
        "resource": "https://a.example https://b.example", "authorization_details": text,
        "claims": '{"id_token":{"acr":null}}',
    }  # fmt: skip
    assert list(parse_authorization_details(found["authorization_details"])) == details
    form = b"resource=https%3A%2F%2Fa.example&resource=&resource=https%3A%2F%2Fb.example"
    assert parse_form(form)["resource"] == found["resource"]


@pytest.mark.requirement("JAR-4-1")
@pytest.mark.parametrize(("value", "expected"), [(0, "0"), (-1, "-1"), (10**10, "10000000000")])
def test_max_age(value: Any, expected: str) -> None:
    assert read(made(claims(max_age=value)))["max_age"] == expected


def test_one_resource_may_be_a_text() -> None:
    assert read(made(claims(resource="https://a.example"))) == {**REQUEST, "resource": "https://a.example"}
    # And stays one, so that it is refused as no URI.
    assert " " not in read(made(claims(resource="https://a.example https://b.example")))["resource"]
    assert read(made(claims(resource=["https://a.example https://b.example"])))["resource"].count(" ") == 0


def test_nothing_is_as_good_as_absent() -> None:
    assert read(made({**claims(), "": "x", "nonce": "", "resource": [], "prompt": None})) == REQUEST
    assert "resource" not in read(made(claims(resource=[""])))


WRONG: list[tuple[str, Any]] = [
    ("max_age", "60"), ("claims", "{}"), ("authorization_details", '[{"type":"x"}]'),
    *((name, value) for name in sorted(KNOWN - {"client_id"}) for value in (True, 1.5, [5], [["x"]])),
    *((name, {"x": 1}) for name in sorted(KNOWN - {"client_id", "claims"})),
    *((name, ["x"]) for name in sorted(KNOWN - {"client_id", "authorization_details", "resource"})),
    *((name, 5) for name in sorted(KNOWN - {"client_id", "max_age"})),
    ("max_age", 10**12), ("max_age", -(10**12)), ("max_age", 10**400), ("resource", ["https://a.example", None]),
]  # fmt: skip
WRONG = [(name, value) for name, value in WRONG if not (name == "authorization_details" and isinstance(value, list))]


@pytest.mark.requirement("JAR-4-1")
@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:30])
def test_parameters_of_another_type(name: str, value: Any) -> None:
    error = bad(made(claims(**{name: value})), "request_object.type")
    assert error.detail == name


@pytest.mark.requirement("JAR-4-1")
def test_structures_that_no_text_can_hold() -> None:
    pattern = json.dumps(claims(authorization_details="HERE"))
    bad(made(pattern.replace('"HERE"', '[{"x":1e999}]').encode()), "request_object.type")
    reasons = set()
    for depth in (100, 300, 900, 950, 1_000, 5_000):
        value = made(pattern.replace('"HERE"', "[" * depth + "]" * depth).encode())
        with pytest.raises(OAuthError) as caught:
            parse_authorization_details(read(value)["authorization_details"])
        reasons.add(caught.value.refusal.id)
    assert reasons <= {"request_object.malformed", "request_object.type", "details.too_large"}


@pytest.mark.requirement("JAR-4-3")
@BOTH
@pytest.mark.parametrize("name", ["request", "request_uri"])
@pytest.mark.parametrize("value", ["", "eyJ.e30.x", "https://app.example/r", "urn:x", None, 5, [], {}], ids=repr)
def test_a_request_inside_the_request(name: str, value: Any, rules: RequestObjectRules) -> None:
    bad(made({**claims(), name: value}), "request_object.nested", rules=rules)


# --- Whose it is, and for whom ------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-6.3-1")
@BOTH
@pytest.mark.parametrize(
    "client_id", [None, "", "other", "App", "app ", "аpp", 5, True, ["app"], {"app": 1}], ids=ascii
)
def test_client_id_missing_or_another(client_id: Any, rules: RequestObjectRules) -> None:
    value = made(claims(client_id=client_id))
    refused(lambda: read(value, rules=rules), "request_object.client_id", errors.InvalidRequest)


@pytest.mark.requirement("JAR-4-4")
@BOTH
@pytest.mark.parametrize("iss", ["other", "", "App", ISSUER, 5, False, ["app"], {}], ids=repr)
def test_iss_of_another(iss: Any, rules: RequestObjectRules) -> None:
    bad(made(claims(iss=iss)), "request_object.iss", rules=rules)


AUDIENCES: list[Any] = [
    "", "https://other.example", ISSUER + "/", ISSUER + "/oauth2/authorize", ISSUER.upper(), ISSUER[:-1], ISSUER + " ",
    [], ["https://other.example"], [ISSUER + "/"], [[ISSUER]], [ISSUER, 5], {ISSUER: 1}, 5, True, False,
]  # fmt: skip


@pytest.mark.requirement("JAR-4-4", "FMS-5.3.1-2")
@BOTH
@pytest.mark.parametrize("aud", AUDIENCES, ids=str)
def test_aud_that_does_not_name_this_server(aud: Any, rules: RequestObjectRules) -> None:
    bad(made(claims(aud=aud)), "request_object.aud", rules=rules)


@pytest.mark.requirement("FMS-5.3.1-2")
def test_message_signing_wants_aud() -> None:
    bad(made(claims(aud=None)), "request_object.aud", rules=MESSAGE_SIGNING)
    bad(made({**claims(), "aud": None}), "request_object.aud", rules=MESSAGE_SIGNING)


# --- When -------------------------------------------------------------------------------------------------

NO_TIMES: list[Any] = ["soon", "1800000000", True, False, [1], {"at": 1}, 10**12, -(10**12), 10**400, int(NOW) + 0.25]


@pytest.mark.requirement("JAR-9.1-1")
@BOTH
@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", NO_TIMES, ids=lambda v: repr(v)[:20])
def test_times_that_are_no_whole_seconds(name: str, value: Any, rules: RequestObjectRules) -> None:
    bad(made({**claims(), name: value}), f"request_object.{name}", rules=rules)


def test_a_time_past_every_double() -> None:
    value = json.dumps(claims(exp="EXP")).replace('"EXP"', "1e400")
    bad(made(value.encode()), "request_object.exp")


@pytest.mark.requirement("JAR-9.1-1", "FMS-5.3.1-4")
@BOTH
@pytest.mark.parametrize("ago", [11, 300, 86_400])
def test_exp_has_passed(ago: int, rules: RequestObjectRules) -> None:
    bad(made(claims(exp=-ago, nbf=-ago)), "request_object.exp", rules=rules)


@pytest.mark.requirement("JAR-9.1-1", "FMS-5.3.1-3")
@BOTH
@pytest.mark.parametrize("ahead", [31, 120, 86_400])
@pytest.mark.parametrize(("name", "refusal"), [("nbf", "request_object.nbf"), ("iat", "request_object.iat")])
def test_not_valid_yet(name: str, refusal: str, ahead: int, rules: RequestObjectRules) -> None:
    bad(made(claims(**{name: ahead})), refusal, rules=rules)


@pytest.mark.requirement("FMS-5.3.1-3", "FMS-5.3.1-4")
@pytest.mark.parametrize("name", ["nbf", "exp"])
def test_message_signing_wants_a_window(name: str) -> None:
    bad(made(claims(**{name: None})), f"request_object.{name}", rules=MESSAGE_SIGNING)
    bad(made({**claims(), name: None}), f"request_object.{name}", rules=MESSAGE_SIGNING)


@pytest.mark.requirement("FMS-5.3.1-3")
@pytest.mark.parametrize("ago", [3601, 3660, 86_400])
def test_message_signing_wants_a_recent_nbf(ago: int) -> None:
    bad(made(claims(nbf=-ago, exp=0)), "request_object.nbf_old", rules=MESSAGE_SIGNING)


@pytest.mark.requirement("FMS-5.3.1-4")
@pytest.mark.parametrize(("nbf", "exp"), [(0, 3601), (0, 3660), (-600, 3060), (30, 3631), (0, 10**10)])
def test_message_signing_wants_an_end_within_the_hour(nbf: int, exp: int) -> None:
    bad(made(claims(nbf=nbf, exp=exp)), "request_object.exp_far", rules=MESSAGE_SIGNING)


# --- Its form -----------------------------------------------------------------------------------------------


def glued(pattern: str) -> str:
    """A good request object's three parts where the pattern has H, P and S."""
    return "".join(dict(zip("HPS", made().split("."), strict=True)).get(letter, letter) for letter in pattern)


MALFORMED: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "garbage": lambda: "garbage",
    "the claims alone": lambda: json.dumps(claims()),
    "a URI": lambda: "https://app.example/request.jwt",
    "two parts": lambda: glued("H.P"),
    "padding": lambda: glued("H.P.S=="),
    "a space in front": lambda: glued(" H.P.S"),
    "payload that is no object": lambda: made([claims()]),
    "payload that is no JSON": lambda: made(b"client_id=app"),
    "header without alg": lambda: seal({"typ": "JWT"}, claims(), "ES256", key("p256")),
    "alg that is no text": lambda: seal({"alg": ["ES256"]}, claims(), "ES256", key("p256")),
    "half a character": lambda: made(claims(state="\ud800")),
    "NaN": lambda: made(json.dumps(claims()).replace('"a-state"', "NaN").encode()),
    "17 kB": lambda: made(claims(state="s" * 17_000)),
    "a huge header": lambda: made(x="x" * MAX_HEADER),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    refused(lambda: parse_request_object(MALFORMED[case]()), "request_object.malformed")


@pytest.mark.requirement("JAR-4-6", "JAR-10.8-1")
@pytest.mark.parametrize(
    "typ", ["dpop+jwt", "at+jwt", "logout+jwt", "client-authentication+jwt", "", "JWT ", "application/application/jwt",
            "text/jwt", "oauth-authz-req", 5, ["JWT"], True], ids=repr,
)  # fmt: skip
def test_typed_for_another_purpose(typ: Any) -> None:
    refused(lambda: parse_request_object(made(typ=typ)), "request_object.typ")


# --- Who signed, and how ------------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-6.2-1")
@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_one_byte_of_the_payload(alg: str) -> None:
    head, payload, signature = made(alg=alg).split(".")
    assert read(f"{head}.{payload}.{signature}") == REQUEST
    altered = b64(json.dumps(claims(state="b-state")).encode())
    for wrong in (f"{head}.{altered}.{signature}", f"{head}.{payload}.", f"{head}.{payload}.{b64(bytes(64))}"):
        bad(wrong, "request_object.signature")


@pytest.mark.requirement("JAR-6.2-2")
def test_kid_names_one_key_and_no_other() -> None:
    assert read(made(by=key("p256-second"))) == REQUEST
    assert read(made(kid=None)) == REQUEST
    bad(made(kid="p256-second"), "request_object.signature")
    bad(made(kid="p384"), "request_object.key")


@pytest.mark.requirement("JAR-6.2-1", "JAR-6.2-2")
@pytest.mark.parametrize("kid", ["stranger", "", "P256", 5, ["p256"], True], ids=repr)
def test_kid_that_nobody_registered(kid: Any) -> None:
    bad(made(kid=kid), "request_object.key")
    bad(made(kid=kid), "request_object.key", keys=KeySet([]))


@pytest.mark.requirement("JAR-6.2-3")
@pytest.mark.parametrize(("alg", "kid"), [("ES256", "rsa"), ("ES256", "p384"), ("PS256", "p256"), ("EdDSA", "rsa")])
def test_a_key_that_does_not_fit_the_algorithm(alg: str, kid: str) -> None:
    bad(made(alg=alg, kid=kid), "request_object.key")


@pytest.mark.requirement("JAR-6.2-3")
@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_the_registered_algorithm_and_no_other(alg: str) -> None:
    for registered in ASYMMETRIC:
        if registered == alg:
            assert read(made(alg=alg), registered_alg=registered) == REQUEST
        else:
            bad(made(alg=alg), "request_object.alg", registered_alg=registered)


@pytest.mark.requirement("JAR-4-5")
@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_message_signing_narrows_the_algorithms(alg: str) -> None:
    if alg in {"ES256", "PS256", "EdDSA", "Ed25519"}:
        assert read(made(alg=alg), rules=MESSAGE_SIGNING) == REQUEST
    else:
        # Nor does it help to be registered for it.
        for registered in (None, alg):
            bad(made(alg=alg), "request_object.alg", rules=MESSAGE_SIGNING, registered_alg=registered)


def test_rules_add_no_algorithm() -> None:
    asked = parse_request_object(made())
    unverified = msgspec.structs.replace(asked, header={**asked.header, "alg": "HS256"})
    wide = RequestObjectRules(algorithms=frozenset({"HS256"}), audience_required=False, window_required=False)
    facts: dict[str, Any] = {"client_id": "app", "registered_alg": None, "issuer": ISSUER, "now": NOW, "rules": wide}
    keys = KeySet.of_secret("a-secret-of-at-least-22-characters")
    refused(lambda: verify_request_object(unverified, keys=keys, **facts), "request_object.alg")


# --- Encrypted --------------------------------------------------------------------------------------------


def closed(text: str, alg: str = "RSA-OAEP-256", enc: str = "A256GCM") -> str:
    """Encrypted to us."""
    return encrypt(text, jwk_keys=public("rsa-ours", "ours"), alg=alg, enc=enc, cty="oauth-authz-req+jwt")


@pytest.mark.requirement("JAR-4-2", "JAR-6.1-1")
@pytest.mark.parametrize("enc", CONTENT_ENCS)
@pytest.mark.parametrize("alg", KEY_ALGS)
def test_encryption_around_a_signature(alg: str, enc: str) -> None:
    value = closed(made(), alg, enc)
    assert is_jwe(value)
    assert read(open_encrypted(value, OURS)) == REQUEST


@pytest.mark.requirement("JAR-6.1-1")
@pytest.mark.parametrize("part", range(5))
def test_encryption_that_is_damaged(part: int) -> None:
    parts = closed(made()).split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    refused(lambda: open_encrypted(".".join(parts), OURS), "request_object.encryption")


@pytest.mark.requirement("JAR-6.1-1")
def test_encryption_to_another() -> None:
    foreign = encrypt(made(), jwk_keys=public("rsa-foreign"), alg="RSA-OAEP", enc="A256GCM")
    wrong_key = encrypt(made(), jwk_keys={"keys": [public("rsa-foreign")["keys"][0] | {"kid": "rsa-ours"}]},
                        alg="RSA-OAEP", enc="A256GCM")  # fmt: skip
    for value in (foreign, wrong_key):
        error = refused(lambda value=value: open_encrypted(value, OURS), "request_object.encryption")
        assert error.detail == "cannot be decrypted"
    refused(lambda: open_encrypted(closed(made()), DecryptionKeys([])), "request_object.encryption")


@pytest.mark.requirement("JAR-6.1-1")
@pytest.mark.parametrize("header", [{"enc": "A192GCM"}, {"alg": "RSA1_5"}, {"alg": "dir"}, {"zip": "DEF"}], ids=repr)
def test_encryption_that_is_not_taken(header: dict[str, str]) -> None:
    rest = closed(made()).split(".", 1)[1]
    members = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "rsa-ours", **header}
    refused(lambda: open_encrypted(f"{b64(members)}.{rest}", OURS), "request_object.encryption")


@pytest.mark.requirement("JAR-5-4")
def test_encrypted_but_not_signed() -> None:
    for inside in (json.dumps(claims()), b64(claims()), ""):
        text = open_encrypted(closed(inside), OURS)
        refused(lambda text=text: parse_request_object(text), "request_object.malformed")


@pytest.mark.requirement("JAR-4-2")
def test_a_signature_around_encryption() -> None:
    bad(made(closed(made()).encode()), "request_object.malformed")
    bad(made(json.dumps(closed(made())).encode(), cty="JWT"), "request_object.malformed")


def test_only_one_layer() -> None:
    twice = open_encrypted(closed(closed(made(), enc="A128GCM")), OURS)
    refused(lambda: parse_request_object(twice), "request_object.malformed")
    refused(lambda: parse_request_object(closed(made())), "request_object.malformed")
    refused(lambda: open_encrypted(made(), OURS), "request_object.encryption")


# --- Not a client assertion -----------------------------------------------------------------------------------


@pytest.mark.requirement("JAR-10.8-1")
@BOTH
def test_a_client_assertion_is_no_request_object(rules: RequestObjectRules) -> None:
    assertion = {"iss": "app", "sub": "app", "aud": ISSUER, "exp": 60, "nbf": 0, "iat": 0, "jti": "j"}
    as_it_is = {name: value for name, value in claims(**assertion).items() if name in assertion}
    value = made(as_it_is, typ="JWT")
    refused(lambda: read(value, rules=rules), "request_object.client_id", errors.InvalidRequest)
    # Claims that mean nothing in an assertion do not make it a request object.
    bad(made({**as_it_is, **REQUEST}, typ="JWT"), "request_object.sub", rules=rules)
    bad(made(as_it_is, typ="client-authentication+jwt"), "request_object.typ", rules=rules)


@pytest.mark.requirement("JAR-10.8-1")
def test_a_request_object_is_no_client_assertion() -> None:
    client = Client(client_id="app", token_endpoint_auth_method="private_key_jwt")
    for more in ({}, {"sub": "alice"}):
        unverified = parse_assertion(made(claims(**more), typ="JWT"))
        with pytest.raises(errors.InvalidClient) as caught:
            verify_assertion(unverified, client, KEYS, frozenset({ISSUER}), NOW, OAUTH2)
        assert caught.value.refusal.id == "assertion.sub"
    with pytest.raises(errors.InvalidClient) as caught:
        parse_assertion(made())
    assert caught.value.refusal.id == "assertion.typ"


# --- Anything -----------------------------------------------------------------------------------------------

PIECES = pieces(*made().split("."), closed(made()), b64({"alg": "none"}), "e30", ".", "=", "é", "\ud800", "A")


@given(st.text(max_size=60) | PIECES)
@thoroughly
def test_any_string_is_an_object_or_refused(value: str) -> None:
    for step in (read, lambda value: open_encrypted(value, OURS)):
        try:
            found = step(value)
        except OAuthError as problem:
            is_refusal(problem, "invalid_request_object", "invalid_request")
        else:
            assert isinstance(found, str) or found == REQUEST


NAMES = sorted({*KNOWN, *TIMES, "iss", "sub", "aud", "jti", "request", "request_uri", "x", ""})


@given(st.dictionaries(st.sampled_from(NAMES), json_values | st.sampled_from(["app", ISSUER, int(NOW)])), st.booleans())
@thoroughly
def test_any_claims_are_read_or_refused(changes: dict[str, Any], plain: bool) -> None:
    value = made(json.dumps({**claims(), **changes}).encode())
    try:
        found = read(value, rules=PLAIN if plain else MESSAGE_SIGNING)
    except OAuthError as problem:
        is_refusal(problem, "invalid_request_object", "invalid_request")
    else:
        assert found["client_id"] == "app"
        assert all(isinstance(text, str) and name and text for name, text in found.items())
        assert found.keys() <= {*REQUEST, *changes}
        assert not {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "request", "request_uri"} & found.keys()


@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "cty"]), json_values))
@thoroughly
def test_any_header_is_taken_or_refused(header: dict[str, Any]) -> None:
    members = {"alg": "ES256", "kid": "p256", **header}
    try:
        found = read(seal(json.dumps(members).encode(), claims(), "ES256", key("p256")))
    except OAuthError as problem:
        is_refusal(problem, "invalid_request_object")
    else:
        assert found == REQUEST
