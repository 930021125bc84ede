"""Reading and making JWE: the examples of the RFCs, every algorithm, and what is refused."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from pushgate.jose import encrypt as module
from pushgate.jose.encrypt import (
    CONTENT_ENCS,
    KEY_ALGS,
    MAX_CIPHERTEXT,
    MAX_JWE,
    MAX_TRIES,
    BadJwe,
    DecryptionKey,
    DecryptionKeys,
    decrypt,
    is_jwe,
)
from pushgate.jose.verify import MAX_HEADER, MAX_JWS
from tests.support.assertions import b64, key
from tests.support.encryption import NoKey, encrypt, fits_encryption
from tests.support.strategies import anything, json_values, jwks, pieces, text, thoroughly

TEXT = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"


@cache
def x25519() -> OKPKey:
    """A key pair for agreement alone."""
    return OKPKey.generate_key("X25519", {"kid": "x25519"})


def private(name: str) -> Key:
    """One of our key pairs."""
    return x25519() if name == "x25519" else key(name)


def ring(*names: str, alg: str | None = None) -> DecryptionKeys:
    """Our keys by these names."""
    return DecryptionKeys([DecryptionKey(name, alg, private(name)) for name in names])


def public(*names: str, **more: Any) -> dict[str, Any]:
    """The JWK Set of a recipient."""
    return {"keys": [private(name).as_dict(private=False) | more for name in names]}


ALL = ("rsa", "p256", "p384", "p521", "x25519")


def key_names(alg: str) -> tuple[str, ...]:
    """The keys that go with an algorithm."""
    return ("rsa",) if alg.startswith("RSA") else ("p256", "p384", "p521", "x25519")


def made(header: Any = None, content: bytes = TEXT.encode(), *, to: str = "rsa", **more: Any) -> str:
    """A JWE with RSA-OAEP-256 and A256GCM, put together by hand; `header` may be bytes as they are.

    None in `more` leaves a header member out.
    """
    members = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": to, "cty": "JWT", **more}
    head = b64({k: v for k, v in members.items() if v is not None} if header is None else header)
    content_key, vector = os.urandom(32), os.urandom(12)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = private(to).public_key.encrypt(content_key, oaep)  # type: ignore[union-attr]
    sealed = AESGCM(content_key).encrypt(vector, content, head.encode())
    return ".".join([head, b64(wrapped), b64(vector), b64(sealed[:-16]), b64(sealed[-16:])])


def bad(value: str, keys: DecryptionKeys | None = None, message: str | None = None) -> str:
    """The JWE is refused; the message is for the log."""
    with pytest.raises(BadJwe) as caught:
        decrypt(value, keys or ring(*ALL))
    # What a decrypting library thinks of it must not come along.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert message is None or str(caught.value) == message
    return str(caught.value)


CLOSED = "cannot be decrypted"

# --- The examples of the RFCs ---------------------------------------------------------------------------------

RFC7516_A1 = (
    "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ."
    "OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nf"
    "a6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETK"
    "zpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iG"
    "dXKHzg.48V1_ALb6US04U3b."
    "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ"
)
RFC7516_A1_KEY = {
    "kty": "RSA",
    "n": "oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8"
    "MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0"
    "_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5Stowj"
    "zGy-_bq6Gw",
    "e": "AQAB",
    "d": "kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh"
    "2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOA"
    "bgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE"
    "3DzgrTjgyQ",
}
RFC7520_55 = (
    "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2"
    "IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVN"
    "aFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg."
    "BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTm"
    "zmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le"
    "1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0Dy"
    "Un1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg"
)
RFC7520_55_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0",
    "y": "HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
    "d": "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8",
}


def test_rsa_oaep_of_rfc_7516() -> None:
    ours = DecryptionKeys([DecryptionKey("a1", "RSA-OAEP", RSAKey.import_key(RFC7516_A1_KEY))])
    assert decrypt(RFC7516_A1, ours) == "The true sign of intelligence is not knowledge but imagination."


def test_ecdh_es_of_rfc_7520() -> None:
    kid = "meriadoc.brandybuck@buckland.example"
    ours = DecryptionKeys([DecryptionKey(kid, "ECDH-ES", ECKey.import_key(RFC7520_55_KEY))])
    found = decrypt(RFC7520_55, ours)
    assert found.startswith("You can trust us to stick with you through thick and thin–to the bitter end.")
    assert found.endswith("We are your friends, Frodo.")


# --- There and back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enc", CONTENT_ENCS)
@pytest.mark.parametrize(("alg", "name"), [(alg, name) for alg in KEY_ALGS for name in key_names(alg)])
def test_every_algorithm_with_every_key(alg: str, name: str, enc: str) -> None:
    value = encrypt(TEXT, jwk_keys=public(name), alg=alg, enc=enc)
    header = json.loads(urlsafe_b64decode(value.split(".")[0] + "=="))
    assert {k: v for k, v in header.items() if k != "epk"} == {"alg": alg, "enc": enc, "kid": name, "cty": "JWT"}
    assert "d" not in header.get("epk", {})
    assert decrypt(value, ring(*ALL)) == TEXT
    # What we make, another library reads.
    assert jwe.decrypt_compact(value, private(name), algorithms=[alg, enc]).plaintext == TEXT.encode()


def test_what_another_made_by_hand() -> None:
    for more in ({}, {"kid": None}, {"cty": None}, {"typ": "JOSE"}, {"iss": "app", "x": {"y": [1]}}):
        assert decrypt(made(**more), ring(*ALL)) == TEXT
    assert decrypt(made(content=b""), ring("rsa")) == ""
    assert decrypt(made(content="é✓".encode()), ring("rsa")) == "é✓"


def test_the_longest_text_fits() -> None:
    longest = "x" * MAX_JWS
    for enc in CONTENT_ENCS:
        value = encrypt(longest, jwk_keys=public("rsa"), alg="RSA-OAEP", enc=enc)
        assert decrypt(value, ring("rsa")) == longest
        bad(encrypt(longest + "x" * 40, jwk_keys=public("rsa"), alg="RSA-OAEP", enc=enc), message="a part is too long")


def test_two_of_the_same_text_have_nothing_in_common() -> None:
    one, other = (encrypt(TEXT, jwk_keys=public("rsa"), alg="RSA-OAEP", enc="A256GCM").split(".") for _ in "12")
    assert [a == b for a, b in zip(one, other, strict=True)] == [True, False, False, False, False]


@given(text)
@anything
def test_any_text(value: str) -> None:
    sealed = encrypt(value, jwk_keys=public("p256"), alg="ECDH-ES", enc="A128GCM", cty="x")
    assert is_jwe(sealed)
    assert decrypt(sealed, ring("p256")) == value


def test_is_jwe() -> None:
    assert is_jwe(made())
    assert is_jwe("....")
    assert not any(map(is_jwe, ("", TEXT, "...", ".....", "a.b.c.d")))


def test_keys_hide_themselves() -> None:
    ours = ring("rsa")
    for shown in (repr(ours), str(ours), repr(ours.keys[0])):
        assert str(key("rsa").as_dict(private=True)["d"]) not in shown
        assert "RSAKey" not in shown
    assert repr(ours) == "DecryptionKeys(['rsa'])"


# --- Its form -----------------------------------------------------------------------------------------------


def changed(index: int, part: str) -> str:
    """A good JWE with another part in this place."""
    parts = made().split(".")
    parts[index] = part
    return ".".join(parts)


HEAD = {"alg": "RSA-OAEP-256", "enc": "A256GCM"}
MALFORMED: dict[str, tuple[str, Callable[[], str]]] = {
    "empty": ("not five parts", lambda: ""),
    "a JWS": ("not five parts", lambda: TEXT),
    "six parts": ("not five parts", lambda: made() + ".e30"),
    "too long": ("too long", lambda: "." * 4 + "x" * MAX_JWE),
    "a long header": ("a part is too long", lambda: made(x="x" * MAX_HEADER)),
    "a long key": ("a part is too long", lambda: changed(1, "A" * 1401)),
    "a long text": ("a part is too long", lambda: changed(3, "A" * (MAX_CIPHERTEXT + 1))),
    "padding": ("not base64url without padding", lambda: changed(4, "AAAAAAAAAAAAAAAAAAAAAA==")),
    "base64 of the other alphabet": ("not base64url without padding", lambda: changed(3, "+/+/")),
    "a line break": ("not base64url without padding", lambda: made() + "\n"),
    "outside ASCII": ("not base64url without padding", lambda: changed(1, "é")),
    "header that is no JSON": ("not JSON, or a member name twice", lambda: made(b"alg")),
    "header that is no object": ("not a JSON object", lambda: made([])),
    "header of another encoding": ("not JSON, or a member name twice", lambda: made(b'{"alg":"\xff"}')),
    "alg twice": (
        "not JSON, or a member name twice",
        lambda: made(b'{"alg":"RSA-OAEP-256","alg":"RSA-OAEP-256","enc":"A256GCM"}'),
    ),
    "kid that is no text": ("kid is no text", lambda: made(kid=5)),
    "zip": ("compressed", lambda: made(zip="DEF")),
    "an unknown zip": ("compressed", lambda: made(zip="")),
    "crit": ("crit", lambda: made(crit=["exp"], exp=1)),
    "an empty crit": ("crit", lambda: made(crit=[])),
    "a short vector": ("a part has the wrong size", lambda: changed(2, b64(bytes(8)))),
    "no vector": ("a part has the wrong size", lambda: changed(2, "")),
    "a short tag": ("a part has the wrong size", lambda: changed(4, b64(bytes(4)))),
    "no tag": ("a part has the wrong size", lambda: changed(4, "")),
    "no encrypted key": ("an encrypted key is missing or out of place", lambda: changed(1, "")),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    message, make = MALFORMED[case]
    bad(make(), message=message)


@pytest.mark.parametrize("member", ["zip", "crit", "kid"])
def test_null_is_not_absent_in_a_header(member: str) -> None:
    bad(made({**HEAD, member: None}))


@pytest.mark.parametrize(
    "alg",
    ["none", "dir", "RSA1_5", "PBES2-HS256+A128KW", "A128KW", "A256GCMKW", "ECDH-ES+A192KW", "RSA-OAEP-512", "",
     "rsa-oaep", None, 5, ["RSA-OAEP-256"], {}],
    ids=repr,
)  # fmt: skip
def test_key_algorithms_that_are_on_no_list(alg: Any) -> None:
    bad(made({"alg": alg, "enc": "A256GCM"}), message="an algorithm that is not taken here")


@pytest.mark.parametrize("enc", ["A192GCM", "A192CBC-HS384", "none", "a256gcm", "", None, 5, ["A256GCM"], {}], ids=repr)
def test_content_encryption_that_is_on_no_list(enc: Any) -> None:
    bad(made({"alg": "RSA-OAEP-256", "enc": enc}), message="an algorithm that is not taken here")


def test_algorithms_left_out() -> None:
    for header in ({}, {"alg": "RSA-OAEP-256"}, {"enc": "A256GCM"}):
        bad(made(header), message="an algorithm that is not taken here")


def test_a_key_where_none_belongs() -> None:
    head, _, *rest = encrypt(TEXT, jwk_keys=public("p256"), alg="ECDH-ES", enc="A256GCM").split(".")
    bad(".".join([head, "AQAB", *rest]), message="an encrypted key is missing or out of place")


# --- What only a key can show is told in one way ----------------------------------------------------------------


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize(("alg", "enc"), [("RSA-OAEP", "A256GCM"), ("RSA-OAEP-256", "A128CBC-HS256"),
                                          ("ECDH-ES+A128KW", "A256CBC-HS512"), ("ECDH-ES", "A128GCM")])  # fmt: skip
def test_one_bit(alg: str, enc: str, part: int) -> None:
    value = encrypt(TEXT, jwk_keys=public("rsa" if alg.startswith("RSA") else "p256"), alg=alg, enc=enc)
    parts = value.split(".")
    if part == 0:  # a header that is as good, but another one
        header = json.loads(urlsafe_b64decode(parts[0] + "=="))
        parts[0] = b64({**header, "cty": "jwt"})
    elif parts[part]:
        parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    else:
        return
    bad(".".join(parts), message=CLOSED)


def test_another_key() -> None:
    for alg, name in (("RSA-OAEP", "rsa"), ("ECDH-ES", "p256"), ("ECDH-ES+A256KW", "p256")):
        other = name + "-other"
        value = encrypt(TEXT, jwk_keys=public(other, kid=name), alg=alg, enc="A128CBC-HS256")
        bad(value, ring(name), CLOSED)
        assert decrypt(value, DecryptionKeys([DecryptionKey(name, None, key(other))])) == TEXT


def test_text_that_is_no_utf8() -> None:
    bad(made(content=b"\xff\xfe"), message=CLOSED)


def test_no_key_at_all() -> None:
    bad(made(), DecryptionKeys([]), CLOSED)


# --- Which key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kid", ["another", "", "RSA", "p256"])
def test_an_unknown_kid(kid: str) -> None:
    bad(made(kid=kid), message=CLOSED)


def test_a_kid_means_that_key_and_no_other() -> None:
    value = made(to="rsa", kid="rsa-other")
    bad(value, ring("rsa", "rsa-other"), CLOSED)


def test_without_kid_a_few_keys_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    genuine = jwe.decrypt_compact

    def watched(value: str, private_key: Key, **more: Any) -> Any:
        tried.append(private_key)
        return genuine(value, private_key, **more)

    monkeypatch.setattr(module.jwe, "decrypt_compact", watched)
    value, others = made(kid=None), ["rsa-other"] * 9
    assert decrypt(value, ring("p256", "rsa-other", "rsa")) == TEXT
    assert tried == [key("rsa-other"), key("rsa")]
    tried.clear()
    bad(value, ring(*others, "rsa"), CLOSED)
    assert len(tried) == MAX_TRIES


def test_a_key_for_one_algorithm_is_for_no_other() -> None:
    value = encrypt(TEXT, jwk_keys=public("rsa"), alg="RSA-OAEP", enc="A256GCM")
    assert decrypt(value, ring("rsa", alg="RSA-OAEP")) == TEXT
    bad(value, ring("rsa", alg="RSA-OAEP-256"), CLOSED)


@pytest.mark.parametrize("name", ["p256", "ed25519"])
def test_a_key_of_another_family(name: str) -> None:
    bad(made(kid=name), ring(name), CLOSED)
    bad(made(kid=name), DecryptionKeys([DecryptionKey(name, None, OctKey.generate_key(256))]), CLOSED)


# --- The ephemeral key ------------------------------------------------------------------------------------------


def with_epk(epk: Any, **more: Any) -> str:
    """A JWE by ECDH-ES whose sender's key is this one."""
    _, *rest = encrypt(TEXT, jwk_keys=public("p256"), alg="ECDH-ES", enc="A256GCM").split(".")
    return ".".join([b64({"alg": "ECDH-ES", "enc": "A256GCM", "kid": "p256", "epk": epk, **more}), *rest])


def jwk_of(name: str) -> dict[str, Any]:
    return public(name)["keys"][0]  # type: ignore[no-any-return]


EPKS: dict[str, Callable[[], Any]] = {
    "null": lambda: None,
    "text": lambda: "epk",
    "a list": lambda: [jwk_of("p256")],
    "empty": dict,
    "private": lambda: key("p256").as_dict(private=True),
    "no kty": lambda: {k: v for k, v in jwk_of("p256").items() if k != "kty"},
    "no y": lambda: {k: v for k, v in jwk_of("p256").items() if k != "y"},
    "x that is a number": lambda: jwk_of("p256") | {"x": 5},
    "y that is a list": lambda: jwk_of("p256") | {"y": []},
    "x that is no base64url": lambda: jwk_of("p256") | {"x": "é"},
    "off the curve": lambda: jwk_of("p256") | {"x": jwk_of("p256")["y"]},
    "the point at infinity": lambda: jwk_of("p256") | {"x": b64(bytes(32)), "y": b64(bytes(32))},
    "on another curve": lambda: jwk_of("p384"),
    "another curve's name": lambda: jwk_of("p256") | {"crv": "P-384"},
    "X25519": lambda: jwk_of("x25519"),
    "RSA": lambda: jwk_of("rsa"),
    "kty that is a list": lambda: jwk_of("p256") | {"kty": ["EC"]},
}


@pytest.mark.parametrize("case", EPKS)
def test_an_epk_that_is_no_key_of_our_curve(case: str) -> None:
    without_form = ("null", "text", "a list", "empty", "private", "x that is a number", "RSA")
    bad(with_epk(EPKS[case]()), message="no usable epk" if case in without_form else CLOSED)


def test_a_small_x25519_key_agrees_on_nothing() -> None:
    low = {"kty": "OKP", "crv": "X25519", "x": b64(bytes(32))}
    bad(with_epk(low, kid="x25519"), ring("x25519"), CLOSED)


@pytest.mark.parametrize("name", ["apu", "apv"])
@pytest.mark.parametrize("value", [5, [], "é", "=", "A"], ids=repr)
def test_party_information_that_is_none(name: str, value: Any) -> None:
    bad(with_epk(jwk_of("p256"), **{name: value}), message=CLOSED)


# --- Whom to encrypt to -----------------------------------------------------------------------------------------


def kid_of(value: str) -> Any:
    return json.loads(urlsafe_b64decode(value.split(".", maxsplit=1)[0] + "==")).get("kid")


def test_a_key_for_encryption_comes_first() -> None:
    keys = [jwk_of("rsa-other"), jwk_of("p256") | {"use": "enc"}, jwk_of("rsa") | {"use": "enc"}]
    assert kid_of(encrypt(TEXT, jwk_keys={"keys": keys}, alg="RSA-OAEP", enc="A256GCM")) == "rsa"
    assert kid_of(encrypt(TEXT, jwk_keys={"keys": keys[:2]}, alg="RSA-OAEP", enc="A256GCM")) == "rsa-other"
    nameless = {"keys": [{k: v for k, v in jwk_of("rsa").items() if k != "kid"}]}
    assert kid_of(encrypt(TEXT, jwk_keys=nameless, alg="RSA-OAEP", enc="A256GCM")) is None


NO_KEYS: dict[str, Any] = {
    "none": None,
    "empty": {},
    "no list": {"keys": {}},
    "an empty list": {"keys": []},
    "no objects": {"keys": [None, 5, "rsa", []]},
    "of another family": public("p256"),
    "for signatures": public("rsa", use="sig"),
    "for another algorithm": public("rsa", alg="RSA-OAEP-256"),
    "for signing": public("rsa", key_ops=["verify"]),
    "private": {"keys": [key("rsa").as_dict(private=True)]},
    "symmetric": {"keys": [{"kty": "oct", "k": b64(bytes(32))}]},
}


@pytest.mark.parametrize("case", NO_KEYS)
def test_no_key_that_fits(case: str) -> None:
    with pytest.raises(NoKey):
        encrypt(TEXT, jwk_keys=NO_KEYS[case], alg="RSA-OAEP", enc="A256GCM")


def test_algorithms_nobody_encrypts_with() -> None:
    for alg in ("RSA1_5", "dir", "none", "PBES2-HS256+A128KW", "RS256"):
        with pytest.raises(NoKey):
            encrypt(TEXT, jwk_keys=public(*ALL), alg=alg, enc="A256GCM")
    for enc in ("A192GCM", "none", ""):
        with pytest.raises(ValueError, match="nothing is encrypted with"):
            encrypt(TEXT, jwk_keys=public(*ALL), alg="RSA-OAEP", enc=enc)


@pytest.mark.parametrize("alg", KEY_ALGS)
def test_fits(alg: str) -> None:
    fitting = {name for name in (*ALL, "ed25519") if fits_encryption(jwk_of(name), alg)}
    assert fitting == set(key_names(alg))


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({"use": "enc"}, True), ({"use": None, "alg": None}, True), ({"use": "sig"}, False), ({"use": ["enc"]}, False),
        ({"alg": "ECDH-ES"}, True), ({"alg": "ES256"}, False), ({"alg": 5}, False), ({"key_ops": []}, True),
        ({"key_ops": ["deriveBits"]}, True), ({"key_ops": ["verify"]}, False), ({"key_ops": [["deriveKey"]]}, False),
        ({"key_ops": "verify"}, True), ({"d": "AQ"}, False), ({"crv": "secp256k1"}, False), ({"ext": True}, True),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_jwk_says_of_itself(more: dict[str, Any], fits: bool) -> None:
    assert fits_encryption(jwk_of("p256") | more, "ECDH-ES") is fits


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_rsa_keys_that_are_too_weak_or_too_slow() -> None:
    weak = {"kty": "RSA", "e": "AQAB", "n": b64(b"\xc1" + b"\x5a" * 126 + b"\1")}
    huge = {"kty": "RSA", "e": "AQAB", "n": b64(b"\xff" * 1026)}
    slow = jwk_of("rsa") | {"e": b64(b"\1\0\0\0\1")}
    for jwk in (weak, huge, slow):
        assert not fits_encryption(jwk, "RSA-OAEP")


# --- Anything -----------------------------------------------------------------------------------------------

OURS = ring(*ALL)
PIECES = pieces(*made().split("."), *RFC7520_55.split("."), b64(HEAD), ".", "..", "=", "é", "A", "\ud800", "e30")


@given(st.text(max_size=60) | PIECES)
@example("....")
@thoroughly
def test_any_string_gives_text_or_bad_jwe(value: str) -> None:
    try:
        found = decrypt(value, OURS)
    except BadJwe:
        return
    assert isinstance(found, str)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "enc", "kid", "epk", "apu", "apv", "zip", "crit", "jwk", "x5c", "jku", "b64", "cty"]),
        json_values | jwks | st.sampled_from([*KEY_ALGS, *CONTENT_ENCS, *ALL]),
    ),
    st.sampled_from(KEY_ALGS),
    st.sampled_from(CONTENT_ENCS),
)
@thoroughly
def test_any_header_gives_text_or_bad_jwe(header: dict[str, Any], alg: str, enc: str) -> None:
    sizes = {"A256GCM": (12, 16), "A128GCM": (12, 16), "A128CBC-HS256": (16, 16), "A256CBC-HS512": (16, 32)}
    vector, tag = sizes[enc]
    wrapped = "" if alg == "ECDH-ES" else b64(bytes(40))
    head = b64(json.dumps({"alg": alg, "enc": enc, "epk": jwk_of("p256"), **header}, allow_nan=True).encode())
    bad(".".join([head, wrapped, b64(bytes(vector)), b64(bytes(32)), b64(bytes(tag))]), OURS)


@given(
    jwks | st.dictionaries(st.sampled_from(["kty", "use", "alg", "key_ops"]), json_values), st.sampled_from(KEY_ALGS)
)
@thoroughly
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_any_jwk_fits_or_does_not(jwk: dict[str, Any], alg: str) -> None:
    if fits_encryption(jwk, alg):
        assert is_jwe(encrypt(TEXT, jwk_keys={"keys": [jwk]}, alg=alg, enc="A256GCM"))
    else:
        with pytest.raises(NoKey):
            encrypt(TEXT, jwk_keys={"keys": [jwk]}, alg=alg, enc="A256GCM")
