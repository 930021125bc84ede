"""The main job: push, sign in, consent, redeem, use."""

from __future__ import annotations

from joserfc import jwt
from joserfc.jwk import KeySet

from pushgate.testing import Running
from tests.support.manifests import APP, REDIRECT, REQUEST, VERIFIER


async def test_from_push_to_userinfo(server: Running) -> None:
    pushed = await server.http.post("/oauth2/par", auth=APP, data=REQUEST)
    assert pushed.status_code == 201
    assert pushed.json()["expires_in"] == 60

    browser = server.browser()
    await browser.open("/oauth2/authorize", params={"client_id": "app", "request_uri": pushed.json()["request_uri"]})
    await browser.sign_in()
    await browser.allow()
    assert browser.landed is not None
    assert browser.landed.startswith(REDIRECT + "?")
    assert browser.answer["state"] == REQUEST["state"]
    assert browser.answer["iss"] == server.server.base_url

    form = {
        "grant_type": "authorization_code",
        "code": browser.answer["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    tokens = (await server.http.post("/oauth2/token", auth=APP, data=form)).json()
    keys = KeySet.import_key_set((await server.http.get("/oauth2/jwks")).json())
    id_token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    assert id_token.claims["nonce"] == REQUEST["nonce"]

    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    claims = (await server.http.get("/oauth2/userinfo", headers=bearer)).json()
    assert claims == {"sub": id_token.claims["sub"], "email": "alice@example.com"}
