"""Somebody else has the authorization code: redeem it, burn it, inject it, trade it, find it again."""

from __future__ import annotations

import pytest

from pushgate.testing import Running
from tests.support.manifests import APP_SECRET, CHALLENGE, REDIRECT, REQUEST, VERIFIER, s256
from tests.support.steps import (
    FORM,
    HYBRID,
    SPA,
    TOKEN,
    answered,
    but,
    code_for,
    form_bytes,
    redeem,
    refused,
    revoked,
    stored,
)

NO_CHALLENGE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
ATTACKERS_VERIFIER = "the-attackers-own-verifier-of-enough-characters"


async def untouched(server: Running, code: str, client_id: str = "app", **kwargs: str | None) -> None:
    """The attack changed nothing: no grant was revoked, and the owner still gets the tokens."""
    assert await revoked(server) == []
    assert (await redeem(server, code, client_id, **kwargs)).status_code == 200


# --- Redeem it -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("OA-4.1.3-1")
@pytest.mark.parametrize("thief", ["hybrid", "spa"])
@pytest.mark.parametrize("protected", [True, False], ids=["with challenge", "without"])
async def test_redeem_the_code_of_another_client(server: Running, thief: str, protected: bool) -> None:
    code = await code_for(server, REQUEST if protected else but(REQUEST, **NO_CHALLENGE))
    verifier = VERIFIER if protected else None
    # Even with everything else right: the owner's redirect URI and verifier.
    for redirect_uri in (REDIRECT, HYBRID["redirect_uri"], None):
        reply = await redeem(server, code, thief, redirect_uri=redirect_uri, code_verifier=verifier)
        refused(reply, 400, "invalid_grant", "code.client")
    await untouched(server, code, code_verifier=verifier)


@pytest.mark.requirement("OA-4.1.3-1")
async def test_redeem_the_code_of_another_public_client(server: Running) -> None:
    await server.apply("""
realms:
  - name: default
    clients:
      - client_id: spa-2
        token_endpoint_auth_method: none
        redirect_uris: [https://spa-2.example/cb]
        scope: openid
""")
    code = await code_for(server, SPA, "spa")
    form = {"grant_type": "authorization_code", "code": code, "client_id": "spa-2", "code_verifier": VERIFIER}
    reply = await server.http.post(TOKEN, data=form | {"redirect_uri": SPA["redirect_uri"]})
    refused(reply, 400, "invalid_grant", "code.client")
    await untouched(server, code, "spa")


@pytest.mark.requirement("OA-3.2.1-1")
async def test_redeem_a_code_without_the_secret_of_its_client(server: Running) -> None:
    code = await code_for(server)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    refused(await server.http.post(TOKEN, data=form | {"client_id": "app"}), 401, "invalid_client",
            "client.authentication")  # fmt: skip
    reply = await server.http.post(TOKEN, data=form, auth=("app", "guess"))
    refused(reply, 401, "invalid_client", "client.authentication")
    refused(await server.http.post(TOKEN, data=form), 401, "invalid_client", "client.missing")
    await untouched(server, code)


@pytest.mark.requirement("PKCE-4.6-2", "PKCE-4.6-3")
async def test_redeem_a_code_of_a_public_client_that_was_caught_on_the_way(server: Running) -> None:
    code = await code_for(server, SPA, "spa")
    # Everything in the front channel is known to the thief: the challenge too.
    for verifier in (None, CHALLENGE, ATTACKERS_VERIFIER):
        reply = await redeem(server, code, "spa", code_verifier=verifier)
        assert reply.json()["error"] == "invalid_grant"
        assert reply.headers["pushgate-refusal"] in ("code.verifier_missing", "code.verifier_wrong")
    await untouched(server, code, "spa")


async def test_redeem_a_code_from_the_url(server: Running) -> None:
    code = await code_for(server)
    params = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    for method in ("GET", "PUT"):
        reply = await server.http.request(method, TOKEN, params=params, auth=("app", APP_SECRET))
        refused(reply, 405, "invalid_request", "http.method")
    reply = await server.http.post(TOKEN, params=params, auth=("app", APP_SECRET))
    refused(reply, 400, "invalid_request", "token.grant_type_missing")
    await untouched(server, code)


async def test_hide_a_second_code_behind_the_first(server: Running) -> None:
    mine, stolen = await code_for(server), await code_for(server)
    pairs = [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
    for codes in ([mine, stolen], [stolen, mine]):
        body = form_bytes(*pairs, *(("code", code) for code in codes))
        reply = await server.http.post(TOKEN, content=body, headers=FORM, auth=("app", APP_SECRET))
        refused(reply, 400, "invalid_request", "http.repeated_parameter")
    await untouched(server, mine)
    await untouched(server, stolen)


# --- Inject it ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("PKCE-4.4-1", "PKCE-4.6-2")
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "browser"])
async def test_inject_a_stolen_code_into_ones_own_session_at_the_client(server: Running, push: bool) -> None:
    # The client redeems whatever code arrives in the attacker's session with the verifier of that session.
    stolen = await code_for(server, push=push)
    await answered(server, but(REQUEST, code_challenge=s256(ATTACKERS_VERIFIER)), push=push, username="bob")
    reply = await redeem(server, stolen, code_verifier=ATTACKERS_VERIFIER)
    refused(reply, 400, "invalid_grant", "code.verifier_wrong")
    await untouched(server, stolen)


@pytest.mark.requirement("BCP-2.1.1-2")
async def test_strip_the_challenge_from_the_request_and_inject_the_code(server: Running) -> None:
    # The downgrade of RFC 9700 4.8: without a challenge the verifier would be ignored.
    stolen = await code_for(server, but(REQUEST, **NO_CHALLENGE))
    reply = await redeem(server, stolen, code_verifier=VERIFIER)
    refused(reply, 400, "invalid_grant", "code.verifier_unexpected")
    assert await revoked(server) == []


@pytest.mark.requirement("OA-4.1.3-2")
async def test_inject_a_code_that_was_issued_for_another_redirect_uri(server: Running) -> None:
    await server.apply(f"""
realms:
  - name: default
    clients:
      - client_id: two
        client_secret: {APP_SECRET}
        redirect_uris: [https://two.example/good, https://two.example/leaky]
        scope: openid
""")
    request = but(REQUEST, redirect_uri="https://two.example/leaky", scope="openid", **NO_CHALLENGE)
    code = await code_for(server, request, "two")
    honest: dict[str, str | None] = {"redirect_uri": "https://two.example/good", "code_verifier": None}
    refused(await redeem(server, code, "two", **honest), 400, "invalid_grant", "code.redirect_uri")


# --- Find it again ------------------------------------------------------------------------------------------


async def test_read_codes_and_refresh_tokens_out_of_a_leaked_database(server: Running) -> None:
    code = await code_for(server)
    token = (await redeem(server, code)).json()["refresh_token"]
    assert stored(server, "code") == 1
    dump = "\n".join([*server.transient._connection.iterdump(), *dump_of_durable(server)])
    assert "refresh_tokens" in dump
    for secret in (code, token, APP_SECRET, "alice-password"):
        assert secret not in dump
        assert secret.encode().hex() not in dump.lower()


def dump_of_durable(server: Running) -> list[str]:
    """The durable store as SQL."""
    raw = server.engine.writer.connection.driver_connection
    assert raw is not None
    return list(raw.iterdump())


async def test_find_the_code_in_what_the_next_page_is_told(server: Running) -> None:
    browser = await answered(server)
    code = browser.answer["code"]
    # The browser forgets where it came from, and the address is in no page of ours.
    reply = await browser.http.get("/oauth2/authorize", params={"client_id": "app", **REQUEST})
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.content == b""
    events = await server.audit()
    assert events
    assert code not in str(events)
    assert CHALLENGE not in str(events)
