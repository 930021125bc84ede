"""Proof Key for Code Exchange: the challenge in the request, the verifier at the token endpoint."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest

from pushgate.errors import OAuthError
from pushgate.protocol import pkce
from pushgate.testing import Running
from tests.support.manifests import APP_SECRET, CHALLENGE, REQUEST, VERIFIER, s256
from tests.support.steps import (
    HYBRID,
    PAR,
    SPA,
    answer_in,
    answered,
    but,
    code_for,
    not_accepted,
    post_as,
    redeem,
    refused,
    tokens_for,
)

ENTRIES = pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
OTHER_VERIFIER = "another-verifier-" + "x" * 40
PLAIN: dict[str, str | None] = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
NO_CHALLENGE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}


# --- The transformation ---------------------------------------------------------------------------------


@pytest.mark.requirement("PKCE-4.2-1")
def test_the_vector_of_appendix_b() -> None:
    octets = bytes(
        [116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186,
         22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121]
    )  # fmt: skip
    hashed = bytes(
        [19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8,
         118, 168, 120, 173, 109, 241, 68, 86, 110, 225, 137, 74, 203, 112, 249, 195]
    )  # fmt: skip
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert b64decode(verifier + "=", altchars=b"-_") == octets
    assert b64decode(challenge + "=", altchars=b"-_") == hashed
    assert pkce.s256(verifier) == challenge
    pkce.check_challenge(challenge, "S256", required=True)
    pkce.check_verifier(challenge, verifier)


@pytest.mark.requirement("PKCE-4.2-1", "PKCE-4.6-2")
@pytest.mark.parametrize(
    "challenge",
    [
        s256(VERIFIER) + "=",
        b64encode(sha256(VERIFIER.encode()).digest()).decode(),
        b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=").replace("/", "_"),
        sha256(VERIFIER.encode()).hexdigest(),
        urlsafe_b64encode(sha256(VERIFIER.encode()).hexdigest().encode()).decode(),
        VERIFIER,
        CHALLENGE.lower(),
        CHALLENGE[::-1],
    ],
)
def test_any_other_transformation_does_not_match(challenge: str) -> None:
    with pytest.raises(OAuthError) as caught:
        pkce.check_verifier(challenge, VERIFIER)
    assert (caught.value.code, caught.value.refusal.id) == ("invalid_grant", "code.verifier_wrong")


# --- In the authorization request ----------------------------------------------------------------------


@pytest.mark.requirement("PKCE-4.2-2")
@ENTRIES
@pytest.mark.parametrize(
    "challenge",
    ["x" * 42, "x" * 44, "x" * 128, "x" * 129, "+" + CHALLENGE[1:], CHALLENGE[:-1] + "=", CHALLENGE + "=",
     " " + CHALLENGE[1:], "é" + CHALLENGE[1:], CHALLENGE[:-1] + "\n", CHALLENGE[:-1] + "/"],
)  # fmt: skip
async def test_a_challenge_that_no_verifier_can_have(server: Running, push: bool, challenge: str) -> None:
    request = but(REQUEST, code_challenge=challenge)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_malformed", push=push)


@pytest.mark.requirement("PKCE-4.3-1")
@ENTRIES
async def test_a_challenge_without_method_means_plain_and_is_refused(server: Running, push: bool) -> None:
    request = but(REQUEST, code_challenge_method=None)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_method", push=push)


@pytest.mark.requirement("PKCE-4.4.1-2", "PKCE-7.2-1")
@ENTRIES
@pytest.mark.parametrize("method", ["plain", "S512", "s256", "S256 ", "none"])
async def test_a_method_other_than_s256(server: Running, push: bool, method: str) -> None:
    request = but(REQUEST, code_challenge_method=method)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_method", push=push)


@pytest.mark.requirement("PKCE-4.3-2")
@ENTRIES
async def test_a_method_without_challenge(server: Running, push: bool) -> None:
    request = but(REQUEST, code_challenge=None)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_method_alone", push=push)


@pytest.mark.requirement("PKCE-4.4.1-1", "BCP-2.1.1-1")
@ENTRIES
async def test_a_public_client_cannot_go_without(server: Running, push: bool) -> None:
    request = but(SPA, **NO_CHALLENGE)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_missing", push=push, client_id="spa")


@pytest.mark.requirement("PKCE-4.4.1-1")
@ENTRIES
@pytest.mark.parametrize(
    "manifest",
    [
        "realms: [{name: default, pkce_required: true}]",
        f"""realms: [{{name: default, clients: [{{client_id: app, client_secret: {APP_SECRET}, pkce_required: true,
            redirect_uris: ["{REQUEST["redirect_uri"]}"], scope: "openid email"}}]}}]""",
    ],
    ids=["realm", "client"],
)
async def test_realm_or_client_can_demand_it_of_a_client_with_a_secret(
    server: Running, push: bool, manifest: str
) -> None:
    await server.apply(manifest)
    request = but(REQUEST, **NO_CHALLENGE)
    await not_accepted(server, request, "invalid_request", "request.code_challenge_missing", push=push)
    assert "code" in (await answered(server, push=push)).answer


@pytest.mark.requirement("PKCE-4.4.1-3")
async def test_the_description_says_what_is_wrong_with_the_challenge(server: Running) -> None:
    texts = []
    for change in ({**NO_CHALLENGE}, PLAIN, {"code_challenge": "short"}, {"code_challenge": None}):
        reply = await post_as(server, "spa", PAR, but(SPA, **change))
        texts.append(reply.json()["error_description"])
    missing, method, malformed, alone = texts
    assert "missing" in missing
    assert "code_challenge_method is not supported" in method
    assert "malformed" in malformed
    assert "without code_challenge" in alone


async def test_a_request_without_code_needs_no_challenge(server: Running) -> None:
    request = but(HYBRID, response_type="id_token", **NO_CHALLENGE)
    await server.apply("realms: [{name: default, pkce_required: true}]")
    assert "id_token" in (await answered(server, request, "hybrid")).answer


# --- At the token endpoint -----------------------------------------------------------------------------


@pytest.mark.requirement("PKCE-4.6-1", "PKCE-4.4-1")
@ENTRIES
@pytest.mark.parametrize("verifier", [VERIFIER, "x" * 43, "~" * 128, "-._~" + "aZ09" * 10])
async def test_the_right_verifier_redeems_the_code(server: Running, push: bool, verifier: str) -> None:
    code = await code_for(server, but(REQUEST, code_challenge=s256(verifier)), push=push)
    assert (await redeem(server, code, code_verifier=verifier)).status_code == 200


@pytest.mark.requirement("PKCE-4.4-1")
@ENTRIES
@pytest.mark.parametrize("response_type", ["code token", "code id_token", "code id_token token"])
async def test_a_hybrid_response_binds_its_code_too(server: Running, push: bool, response_type: str) -> None:
    request = but(HYBRID, response_type=response_type)
    code = await code_for(server, request, "hybrid", push=push)
    reply = await redeem(server, code, "hybrid", code_verifier=OTHER_VERIFIER)
    refused(reply, 400, "invalid_grant", "code.verifier_wrong")
    reply = await redeem(server, code, "hybrid", code_verifier=None)
    refused(reply, 400, "invalid_grant", "code.verifier_missing")
    assert (await redeem(server, code, "hybrid")).status_code == 200


@pytest.mark.requirement("PKCE-4.6-2", "PKCE-4.6-3")
@ENTRIES
@pytest.mark.parametrize(
    ("verifier", "refusal"),
    [
        (OTHER_VERIFIER, "code.verifier_wrong"),
        (CHALLENGE, "code.verifier_wrong"),
        (VERIFIER.swapcase(), "code.verifier_wrong"),
        (VERIFIER + "x", "code.verifier_wrong"),
        (None, "code.verifier_missing"),
        ("", "code.verifier_missing"),
        (VERIFIER[:42], "code.verifier_malformed"),
        ("x" * 129, "code.verifier_malformed"),
        (VERIFIER + "=", "code.verifier_malformed"),
        (VERIFIER + " ", "code.verifier_malformed"),
        (VERIFIER + "\n", "code.verifier_malformed"),
        (VERIFIER[:-1] + "ä", "code.verifier_malformed"),
        (VERIFIER[:-1] + "+", "code.verifier_malformed"),
    ],
)
async def test_a_code_is_not_redeemed_without_its_verifier(
    server: Running, push: bool, verifier: str | None, refusal: str
) -> None:
    code = await code_for(server, push=push)
    refused(await redeem(server, code, code_verifier=verifier), 400, "invalid_grant", refusal)
    # Whoever has no verifier cannot burn the code either.
    assert (await redeem(server, code)).status_code == 200


@pytest.mark.requirement("PKCE-4.4-1")
async def test_the_verifier_of_another_flow_does_not_fit(server: Running) -> None:
    mine = await code_for(server)
    other = await code_for(server, but(REQUEST, code_challenge=s256(OTHER_VERIFIER)))
    reply = await redeem(server, mine, code_verifier=OTHER_VERIFIER)
    refused(reply, 400, "invalid_grant", "code.verifier_wrong")
    refused(await redeem(server, other), 400, "invalid_grant", "code.verifier_wrong")
    assert (await redeem(server, mine)).status_code == 200
    assert (await redeem(server, other, code_verifier=OTHER_VERIFIER)).status_code == 200


@pytest.mark.requirement("PKCE-4.4-2")
async def test_nothing_of_the_challenge_is_in_the_response(server: Running) -> None:
    browser = await answered(server)
    assert answer_in(browser, "query", REQUEST["redirect_uri"]).keys() == {"code", "state", "iss"}
    code = browser.answer["code"]
    # Fixed length and alphabet, and another one for the same request: a reference, not a container.
    assert len(code) == 43
    assert CHALLENGE not in (browser.landed or "")
    raw = b64decode(code + "=", altchars=b"-_")
    digest = sha256(VERIFIER.encode()).digest()
    assert all(digest[start : start + 4] not in raw for start in range(29))
    assert code != await code_for(server, browser=browser)


@pytest.mark.requirement("PKCE-5-1")
@ENTRIES
async def test_a_client_with_a_secret_may_go_without(server: Running, push: bool) -> None:
    code = await code_for(server, but(REQUEST, **NO_CHALLENGE), push=push)
    assert (await redeem(server, code, code_verifier=None)).status_code == 200


@pytest.mark.requirement("BCP-2.1.1-2")
@ENTRIES
async def test_a_verifier_for_a_code_without_challenge_is_a_downgrade_and_refused(server: Running, push: bool) -> None:
    code = await code_for(server, but(REQUEST, **NO_CHALLENGE), push=push)
    refused(await redeem(server, code), 400, "invalid_grant", "code.verifier_unexpected")
    assert (await redeem(server, code, code_verifier=None)).status_code == 200


@pytest.mark.requirement("BCP-2.1.1-1")
async def test_a_public_client_proves_itself_with_the_verifier_alone(server: Running) -> None:
    tokens = await tokens_for(server, SPA, "spa")
    assert tokens["token_type"] == "Bearer"
    code = await code_for(server, SPA, "spa")
    refused(await redeem(server, code, "spa", code_verifier=None), 400, "invalid_grant", "code.verifier_missing")


@pytest.mark.requirement("PKCE-7.2-1", "META-8414-10")
async def test_s256_alone_is_advertised(server: Running) -> None:
    metadata = (await server.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["code_challenge_methods_supported"] == ["S256"]
