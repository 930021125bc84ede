"""Every JWT that the server takes, at every place that takes it: how an honest one is made, sent, and answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc.jwk import Key

from pushgate.jose.keys import open_key
from pushgate.jose.seal import Seal
from pushgate.refusals import REFUSALS
from pushgate.testing import BASE_URL, SECRET_KEY, Running
from tests.support.assertions import TYPE, claims, key, public, seal
from tests.support.manifests import APP, APP_SECRET, REQUEST
from tests.support.proofs import ath, jwk_of, proof, redeem_with
from tests.support.steps import AUTHORIZE, PAR, TOKEN, USERINFO, but, code_for, tokens_for, used, verified

SAMPLE = "/resource"
SIGNED = {**REQUEST, "redirect_uri": "https://signer.example/cb", "scope": "openid", "client_id": "signer"}
CREDENTIALS = {"grant_type": "client_credentials", "scope": "write"}
PASSED = (0, "", "")


def manifest() -> str:
    """`any` authenticates with assertions, `signer` signs its requests, `app` brings proofs and tokens."""
    every = ["authorization_code", "client_credentials", "refresh_token"]
    scopes = {"grant_types": every, "scope": "openid email write", "jwks": public("p256")}
    clients = [
        {"client_id": "any", "token_endpoint_auth_method": "private_key_jwt",
         "redirect_uris": ["https://client.example/cb"], **scopes},
        {"client_id": "signer", "client_secret": APP_SECRET, "redirect_uris": [SIGNED["redirect_uri"]], **scopes},
        {"client_id": "app", "client_secret": APP_SECRET, "redirect_uris": [REQUEST["redirect_uri"]], **scopes},
    ]  # fmt: skip
    realm = {"rates": {"failures_per_minute": 0}, "clients": clients}
    realm["resources"] = [{"identifier": "https://api.example", "scopes": ["write"]}]
    realm["users"] = [{"username": "alice", "password": "alice-password"}]
    return json.dumps({"realms": [{"name": "default", **realm}, {"name": "beta", **realm}]})


@dataclass(frozen=True)
class World:
    """A server, and what an honest client has got of it."""

    server: Running
    access: dict[str, Any]  # claims of a genuine access token
    id_token: dict[str, Any]  # claims of a genuine ID Token
    bound: str  # an access token that is bound to the key p256
    ours: dict[str, Key]  # the server's own keys, by algorithm
    encryption: dict[str, Any]  # the JWK that others encrypt to

    @classmethod
    async def of(cls, server: Running) -> World:
        """Sign in twice."""
        tokens = await tokens_for(server, but(REQUEST, scope="openid"))
        bound = await redeem_with(server, await code_for(server, but(REQUEST, scope="openid")), proof(server))
        stored = await server.management.configuration.keys("default")
        published = (await server.http.get("/oauth2/jwks")).json()["keys"]
        [encryption] = [jwk for jwk in published if (jwk["kty"], jwk["use"]) == ("RSA", "enc")]
        return cls(
            server,
            await verified(server, tokens["access_token"], "ES256"),
            await verified(server, tokens["id_token"]),
            bound.json()["access_token"],
            {found.alg: open_key(found, Seal(SECRET_KEY)).key for found in stored},
            encryption,
        )

    def rows(self) -> Counter[str]:
        """How many rows of each kind are stored, and how many marks."""
        query = "SELECT kind, count(*) FROM transient GROUP BY kind"
        return Counter({**dict(self.server.transient._connection.execute(query).fetchall()), "mark": used(self.server)})


Answer = tuple[int, str, str]
"""Status, code and refusal; PASSED where the JWT was taken."""


@dataclass(frozen=True)
class Kind:
    """One kind of JWT at one place."""

    typ: str
    alg: str
    claims: Callable[[World], dict[str, Any]]
    send: Callable[[World, str], Awaitable[Answer]]
    status: int
    code: str
    refusals: dict[str, str]  # by what is wrong
    times: dict[str, str]  # the refusal by the claim that is no time

    def header(self, world: World) -> dict[str, Any]:
        """The header of an honest one."""
        signer = self.signer(world)
        named = {"jwk": jwk_of(signer)} if self.typ == "dpop+jwt" else {"kid": signer.kid or signer.thumbprint()}
        return {"typ": self.typ, "alg": self.alg, **named}

    def signer(self, world: World) -> Key:
        """The key whose signature counts: the client's, or the server's own."""
        return world.ours[self.alg] if self.typ in ("at+jwt", "JWT") else key("p256")

    def made(self, world: World, header: object = None, payload: object = None, by: Key | None = None) -> str:
        """A JWT of this kind under a signature that holds, honest unless something is given."""
        header = self.header(world) if header is None else header
        return seal(header, self.claims(world) if payload is None else payload, self.alg, by or self.signer(world))


def machine(reply: httpx.Response) -> Answer:
    """The answer of a machine endpoint."""
    if reply.status_code < 400:
        return PASSED
    assert "no-store" in reply.headers["cache-control"]
    return reply.status_code, reply.json()["error"], reply.headers["pushgate-refusal"]


def browsed(reply: httpx.Response) -> Answer:
    """The answer of the authorization endpoint: a page, or a redirect to the client; to the login page it is passed."""
    if reply.status_code == 400:
        refusal = reply.headers["pushgate-refusal"]
        [code] = {code for code in ("invalid_request_object", "invalid_request") if f">{code}<" in reply.text}
        return 400, code, refusal
    assert reply.status_code == 303
    members = parse_qs(urlsplit(reply.headers["location"]).query)
    if "error" not in members:
        assert "/oauth2/login/" in reply.headers["location"]
        return PASSED
    [refusal] = [r.id for r in REFUSALS.values() if [r.description] == members["error_description"]]
    return 303, members["error"][0], refusal


def assertion(path: str) -> Callable[[World, str], Awaitable[Answer]]:
    """Authenticate with it."""
    form = CREDENTIALS if path == TOKEN else {**REQUEST, "redirect_uri": "https://client.example/cb", "scope": "write"}

    async def send(world: World, value: str) -> Answer:
        who = {"client_assertion_type": TYPE, "client_assertion": value}
        return machine(await world.server.http.post(path, data={**form, **who}))

    return send


async def pushed_object(world: World, value: str) -> Answer:
    """Push it."""
    return machine(await world.server.http.post(PAR, auth=("signer", APP_SECRET), data={"request": value}))


async def browser_object(world: World, value: str) -> Answer:
    """Bring it through the browser."""
    return browsed(await world.server.browser().http.get(AUTHORIZE, params={"client_id": "signer", "request": value}))


def proof_at(path: str) -> Callable[[World, str], Awaitable[Answer]]:
    """Send it as a DPoP header."""

    async def send(world: World, value: str) -> Answer:
        if path in (PAR, TOKEN):
            form = CREDENTIALS if path == TOKEN else but(REQUEST, scope="openid")
            return machine(await world.server.http.post(path, auth=APP, data=form, headers={"dpop": value}))
        headers = {"authorization": f"DPoP {world.bound}", "dpop": value}
        return machine(await world.server.http.get(path, headers=headers))

    return send


def token_at(path: str) -> Callable[[World, str], Awaitable[Answer]]:
    """Use it."""

    async def send(world: World, value: str) -> Answer:
        return machine(await world.server.http.get(path, headers={"authorization": f"Bearer {value}"}))

    return send


async def hint(world: World, value: str) -> Answer:
    """Ask for the user that it names."""
    params = {"client_id": "app", **but(REQUEST, scope="openid"), "id_token_hint": value}
    return browsed(await world.server.browser().http.get(AUTHORIZE, params=params))


def object_claims(world: World) -> dict[str, Any]:
    """What `signer` asks for."""
    now = int(world.server.clock())
    return {**SIGNED, "iss": "signer", "aud": BASE_URL, "nbf": now, "iat": now, "exp": now + 60}


def proof_claims(path: str) -> Callable[[World], dict[str, Any]]:
    """A proof for this place; at a resource, and for a token."""
    method = "POST" if path in (PAR, TOKEN) else "GET"

    def make(world: World) -> dict[str, Any]:
        bound = {"ath": ath(world.bound)} if method == "GET" else {}
        fresh = {name: claims(world.server)[name] for name in ("jti", "iat")}
        return {**fresh, "htm": method, "htu": BASE_URL + path, **bound}

    return make


WRONG = ("malformed", "jwe", "crit", "typ", "alg", "key", "signature", "aud")


def all_of(prefix: str, **different: str) -> dict[str, str]:
    """A refusal of the same name for everything that can be wrong, except for those that are different."""
    return {name: f"{prefix}.{different.get(name, name)}" for name in WRONG}


ASSERTION = all_of("assertion", jwe="malformed")
OBJECT = all_of("request_object", jwe="encryption")
PROOF = all_of("dpop", jwe="malformed", key="signature")
USED = dict.fromkeys(WRONG, "userinfo.token_invalid")
HINT = dict.fromkeys(WRONG, "authorize.id_token_hint")
API = {
    name: f"resource.token_{of}"
    for name, of in {
        "malformed": "type", "jwe": "type", "crit": "type", "typ": "type", "alg": "alg", "key": "signature",
        "signature": "signature", "aud": "audience",
    }.items()
}  # fmt: skip
TIMES = ("exp", "nbf", "iat")

KINDS: dict[str, Kind] = {
    **{
        f"client assertion at {path}": Kind(
            "client-authentication+jwt", "ES256", lambda w: claims(w.server), assertion(path), 401, "invalid_client",
            ASSERTION, {name: f"assertion.{name}" for name in TIMES},
        )
        for path in (PAR, TOKEN)
    },
    **{
        f"request object at {path}": Kind(
            "oauth-authz-req+jwt", "ES256", object_claims, send, 400, "invalid_request_object",
            OBJECT, {name: f"request_object.{name}" for name in TIMES},
        )
        for path, send in ((PAR, pushed_object), (AUTHORIZE, browser_object))
    },
    **{
        f"DPoP proof at {path}": Kind(
            "dpop+jwt", "ES256", proof_claims(path), proof_at(path), status, "invalid_dpop_proof",
            PROOF, {"iat": "dpop.iat"},
        )
        for path, status in ((PAR, 400), (TOKEN, 400), (USERINFO, 401), (SAMPLE, 401))
    },
    f"access token at {USERINFO}": Kind(
        "at+jwt", "ES256", lambda w: w.access, token_at(USERINFO), 401, "invalid_token",
        USED, dict.fromkeys(("exp", "nbf"), "userinfo.token_invalid"),
    ),
    f"access token at {SAMPLE}": Kind(
        "at+jwt", "ES256", lambda w: w.access, token_at(SAMPLE), 401, "invalid_token",
        API, dict.fromkeys(TIMES, "resource.token_claims"),
    ),
    f"id_token_hint at {AUTHORIZE}": Kind(
        "JWT", "RS256", lambda w: w.id_token, hint, 303, "invalid_request", HINT, {},
    ),
}  # fmt: skip
"""By name. A hint has no times that count: it may have expired (OpenID Connect Core 3.1.2.1)."""


async def futile(world: World, kind: Kind, value: str, refusal: str, code: str | None = None) -> None:
    """Refused with the status and code of the kind, and for this reason; and nothing is stored."""
    before = world.rows()
    assert await kind.send(world, value) == (kind.status, code or kind.code, refusal)
    after = world.rows()
    # A request that came through the browser is stored, and used up by the answer that it got.
    kept = {"par"} if kind.status == 303 else set()
    assert {name for name in after | before if after[name] != before[name]} <= kept


def changed(kind: Kind, world: World, header: dict[str, Any], **claims: Any) -> str:
    """An honest one with these members in it, under the right signature."""
    return kind.made(world, {**kind.header(world), **header}, {**kind.claims(world), **claims})
