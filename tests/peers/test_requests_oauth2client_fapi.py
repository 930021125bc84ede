"""FAPI 2.0 with requests_oauth2client (PyPI): DPoP with nonces and `dpop_jkt`, signed and encrypted request objects.

The library cannot push a request object that it made itself, and knows no JARM: `Signed` and `opened` add both, in
the few lines that an application needs for it, with the author's JOSE library jwskate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from jwskate import InvalidSignature, JweCompact, JwkSet, SignedJwt
from requests.adapters import HTTPAdapter
from requests_oauth2client import (
    AuthorizationRequest,
    AuthorizationResponse,
    BearerToken,
    DPoPKey,
    DPoPToken,
    EndpointError,
    OAuth2Client,
    PrivateKeyJwt,
)

from tests.peers.fapi import BANK_SCOPE, BANKS, assert_bound, issuer_of, retried
from tests.peers.walk import walk
from tests.support.live import Live
from tests.support.manifests import KEY, PEER_REDIRECT

DPOP_ALGS = {"bank": "ES256", "bank-rsa": "PS256", "bank-ec": "EdDSA"}


class Recording(HTTPAdapter):
    """Notes what goes to the endpoints, and what comes back; in the form of fapi.mjs."""

    def __init__(self) -> None:
        super().__init__()
        self.traffic: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        reply = super().send(request, *args, **kwargs)
        at = urlsplit(str(request.url)).path.rpartition("/")[2]
        if at in ("par", "token", "userinfo"):
            proof = request.headers.get("DPoP")
            self.traffic.append(
                {
                    "at": at,
                    "status": reply.status_code,
                    "error": reply.json().get("error"),
                    "sent": None if proof is None else SignedJwt(proof).get_claim("nonce"),
                    "given": reply.headers.get("DPoP-Nonce"),
                }
            )
        return reply


@dataclass(frozen=True)
class Signed:
    """A request object in the place of the parameters, as the library's push reads them."""

    args: dict[str, Any]
    dpop_key: DPoPKey


@dataclass
class Peer:
    """An application of one user, in a realm."""

    live: Live
    place: str
    client_id: str = "bank"
    aud: Any = None
    recording: Recording = field(default_factory=Recording)

    def __post_init__(self) -> None:
        self.issuer = issuer_of(self.live, self.place)
        self.bank = BANKS[self.client_id]
        session = requests.Session()
        session.mount("http://", self.recording)
        key = KEY.as_dict(private=True)
        self.client = OAuth2Client.from_discovery_endpoint(
            issuer=self.issuer,
            auth=PrivateKeyJwt(self.client_id, key, alg="ES256", aud=self.aud or self.issuer),
            redirect_uri=PEER_REDIRECT,
            id_token_signed_response_alg=self.bank.alg,
            dpop_bound_access_tokens=True,
            dpop_alg=DPOP_ALGS[self.client_id],
            session=session,
            testing=True,
        )

    @property
    def keys(self) -> JwkSet:
        """The server's keys."""
        return self.client.authorization_server_jwks

    def asked(self, **parameters: Any) -> AuthorizationRequest:
        """A request with a key of its own, whose thumbprint the library puts in as `dpop_jkt`."""
        return self.client.authorization_request(scope=BANK_SCOPE, prompt="consent", **parameters)

    def signed(self, asked: AuthorizationRequest, enc_alg: str | None = None) -> Signed:
        """The request as a signed object, encrypted to the server if `enc_alg` says how."""
        key: dict[str, Any] = KEY.as_dict(private=True)
        request: SignedJwt | JweCompact = asked.sign_request_jwt(key, alg="ES256", lifetime=60)
        if enc_alg is not None:
            kty = "RSA" if enc_alg.startswith("RSA") else "EC"
            [to] = [jwk for jwk in self.keys.jwks if jwk.use == "enc" and jwk.kty == kty]
            request = asked.sign_and_encrypt_request_jwt(key, to, sign_alg="ES256", enc_alg=enc_alg, lifetime=60)
        assert asked.dpop_key is not None
        return Signed({"client_id": self.client_id, "request": str(request)}, asked.dpop_key)

    def window(self) -> dict[str, Any]:
        """Claims of a request object that message signing demands and the library does not set of itself."""
        return {"aud": self.issuer, "nbf": int(time.time())}

    def opened(self, landed: str) -> str:
        """A response JWT in the clear, for the library to check: decrypted, then verified with jwskate. JARM 2.4."""
        members = parse_qs(urlsplit(landed).query)
        assert members.keys() == {"response"}
        [token] = members["response"]
        alg, enc = self.bank.encryption
        if self.bank.to is not None:
            outer = JweCompact(token)
            assert outer.enc == enc
            token = str(outer.decrypt_jwt(self.bank.to.as_dict(private=True), alg=alg))
        inner = SignedJwt(token)
        key = self.keys.get_jwk_by_kid(inner.kid)
        inner.validate(key, alg=self.bank.alg, issuer=self.issuer, audience=self.client_id)
        forged = SignedJwt(token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:])
        with pytest.raises(InvalidSignature):
            forged.verify(key, alg=self.bank.alg)
        claims = {name: value for name, value in inner.claims.items() if name not in ("aud", "exp")}
        return f"{PEER_REDIRECT}?{urlencode(claims)}"

    def redeem(self, answer: AuthorizationResponse) -> DPoPToken:
        """Tokens for a code; the ID Token is validated by hand, since the library then trips over its own DPoPToken."""
        tokens = self.client.authorization_code(answer, validate=False)
        assert isinstance(tokens, DPoPToken)
        BearerToken(tokens.access_token, id_token=tokens.id_token).validate_id_token(self.client, answer)
        return tokens

    def stolen(self, token: BearerToken) -> dict[str, str]:
        """Why UserInfo refuses the token without its key."""
        another = DPoPToken(access_token=token.access_token, _dpop_key=DPoPKey.generate())
        found = {}
        for name, auth in (("bearer", BearerToken(token.access_token)), ("another key", another)):
            with pytest.raises(requests.HTTPError) as caught:
                self.client.userinfo(auth)
            found[name] = caught.value.response.headers["pushgate-refusal"]
        return found

    def played(self, url: str, asked: AuthorizationRequest, answer: AuthorizationResponse) -> dict[str, Any]:
        """Redeem (which validates the ID Token), fetch UserInfo, refresh, fetch again; in the form of fapi.mjs."""
        client = self.client
        tokens = self.redeem(answer)
        first = client.userinfo(tokens)
        refreshed = client.refresh_token(tokens)
        again = client.userinfo(refreshed)
        other = DPoPKey.generate()
        rebound = DPoPToken(access_token="unused", refresh_token=tokens.refresh_token, _dpop_key=other)
        assert asked.dpop_key is not None
        return {
            "authorization_url": url,
            "nonce": asked.nonce,
            "scope": tokens.scope,
            "token_type": tokens.token_type,
            "access_token": tokens.access_token,
            "jkt": asked.dpop_key.dpop_jkt,
            "claims": tokens.id_token.claims,
            "userinfo": first,
            "refreshed": {
                "claims": refreshed.id_token.claims,
                "userinfo": again,
                "token_type": refreshed.token_type,
                "access_token": refreshed.access_token,
                "refresh_token": refreshed.refresh_token is not None,
            },
            "stolen": self.stolen(tokens),
            "renewed": {"access_token": client.refresh_token(rebound).access_token, "jkt": other.dpop_jkt},
            "jwks": self.keys.to_dict(),
            "traffic": self.recording.traffic,
        }


def refused(error: EndpointError) -> tuple[int, str, str]:
    """What the library makes of an error reply."""
    return error.response.status_code, error.error, error.response.headers["pushgate-refusal"]


@pytest.mark.requirement("DPOP-5-1", "DPOP-6.1-1", "DPOP-5-3", "DPOP-10.1-1", "DPOP-10.1-2", "FAPI-5.3.2.1-4")
@pytest.mark.parametrize("client_id", BANKS)
@pytest.mark.parametrize("place", ["security", "default"])
async def test_whole_flow(banks: Live, place: str, client_id: str) -> None:
    peer = Peer(banks, place, client_id)
    asked = peer.asked()
    pushed = peer.client.pushed_authorization_request(asked)
    answer = asked.validate_callback(await walk(banks, pushed.uri))
    played = peer.played(pushed.uri, asked, answer)
    assert_bound(banks, place, played, client_id)
    assert retried(played) == []


@pytest.mark.requirement("DPOP-8-1", "DPOP-9-1")
async def test_nonces_of_the_server_and_of_userinfo_are_kept_apart(banks: Live) -> None:
    """One key with its two nonces: it is sent back once for each, and each stranger's key for its own."""
    peer = Peer(banks, "nonces")
    asked = peer.asked()
    pushed = peer.client.pushed_authorization_request(asked)
    played = peer.played(pushed.uri, asked, asked.validate_callback(await walk(banks, pushed.uri)))
    assert_bound(banks, "nonces", played)
    assert retried(played) == ["par", "userinfo", "userinfo", "token"]


@pytest.mark.requirement("JAR-4-2", "JAR-4-6", "JARM-2.1-1", "JARM-2.1-3", "JARM-2.3.4-1", "FMS-5.3.1-1", "FMS-5.4.1-2")
@pytest.mark.parametrize("enc_alg", [None, "RSA-OAEP-256", "ECDH-ES"])
@pytest.mark.parametrize("client_id", BANKS)
async def test_message_signing(banks: Live, client_id: str, enc_alg: str | None) -> None:
    peer = Peer(banks, "signing", client_id)
    asked = peer.asked(response_mode="jwt", **peer.window())
    pushed = peer.client.pushed_authorization_request(peer.signed(asked, enc_alg))
    answer = asked.validate_callback(peer.opened(await walk(banks, pushed.uri)))
    assert_bound(banks, "signing", peer.played(pushed.uri, asked, answer), client_id)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no aud": ({"aud": None}, "request_object.aud"),
    "no nbf": ({"nbf": None}, "request_object.nbf"),
    "another client": ({"iss": "bank-ec"}, "request_object.iss"),
}


@pytest.mark.requirement("FMS-5.3.1-2", "FMS-5.3.1-3", "JAR-4-4")
@pytest.mark.parametrize(("changes", "refusal"), REFUSED.values(), ids=REFUSED)
async def test_reports_why_a_request_object_is_refused(banks: Live, changes: dict[str, Any], refusal: str) -> None:
    peer = Peer(banks, "signing")
    asked = peer.asked(response_mode="jwt", **{**peer.window(), **changes})
    with pytest.raises(EndpointError) as caught:
        peer.client.pushed_authorization_request(peer.signed(asked))
    assert refused(caught.value) == (400, "invalid_request_object", refusal)


@pytest.mark.requirement("FAPI-5.3.2.1-8")
async def test_reports_that_the_audience_the_library_would_choose_is_refused(banks: Live) -> None:
    peer = Peer(banks, "security")
    peer = Peer(banks, "security", aud=peer.client.token_endpoint)
    with pytest.raises(EndpointError) as caught:
        peer.client.pushed_authorization_request(peer.asked())
    assert refused(caught.value) == (401, "invalid_client", "assertion.aud")


@pytest.mark.requirement("DPOP-10-1", "FAPI-5.3.2.1-4")
async def test_reports_why_a_code_is_refused(banks: Live) -> None:
    peer = Peer(banks, "security")
    asked = peer.asked()
    pushed = peer.client.pushed_authorization_request(asked)
    answer = asked.validate_callback(await walk(banks, pushed.uri))
    code = {"code": answer.code, "redirect_uri": PEER_REDIRECT, "code_verifier": answer.code_verifier}
    for dpop, told in ((False, "invalid_dpop_proof dpop.required"), (True, "invalid_grant dpop.key_code")):
        with pytest.raises(EndpointError) as caught:
            peer.client.token_request({"grant_type": "authorization_code", **code}, dpop=dpop)
        assert refused(caught.value) == (400, *told.split())
    assert peer.redeem(answer).dpop_key is asked.dpop_key
