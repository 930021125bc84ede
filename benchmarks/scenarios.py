"""What the load says: pushes with a secret, an assertion, an assertion and a proof; tokens; whole logins.

Both servers get the same bytes except for host, paths and audience, which discovery tells. As much
as possible is put together before the measured run.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from benchmarks.load import Refused, header
from benchmarks.signing import b64url

REDIRECT_URI = "https://app.example/callback"
SCOPE = "openid profile email"
BASIC_CLIENT = "bench-basic"
JWT_CLIENT = "bench-jwt"
SERVICE_CLIENT = "bench-service"
SERVICE_SCOPE = "read write"
RESOURCE = "https://api.example"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server listens and what its discovery document says."""

    name: str
    port: int
    issuer: str
    par: str
    authorization: str
    token: str

    def url(self, path: str) -> str:
        """Where a path of this server is."""
        return f"http://127.0.0.1:{self.port}{path}"

    @classmethod
    def discovered(cls, name: str, port: int, metadata: dict[str, str]) -> "Target":
        """The target as its own metadata describes it; only the paths matter."""

        def path(member: str) -> str:
            return urlsplit(metadata[member]).path

        return cls(
            name=name,
            port=port,
            issuer=metadata["issuer"],
            par=path("pushed_authorization_request_endpoint"),
            authorization=path("authorization_endpoint"),
            token=path("token_endpoint"),
        )


def basic(client_id: str, secret: str) -> str:
    """The value of an Authorization header (RFC 6749 2.3.1)."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def verifier_and_challenge() -> tuple[str, str]:
    """A fresh PKCE pair, S256."""
    verifier = b64url(secrets.token_bytes(32))
    return verifier, b64url(hashlib.sha256(verifier.encode()).digest())


def authorization_parameters(client_id: str, challenge: str) -> dict[str, str]:
    """A realistic request; its state is appended by the script, because it differs each time."""
    return {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": SCOPE,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


def service_form() -> dict[str, str]:
    """What a client sends to get a token for itself."""
    return {"grant_type": "client_credentials", "scope": SERVICE_SCOPE}


def post(target: Target, path: str, length: int, authorization: str | None) -> bytes:
    """The head of a form POST whose body has this length."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{target.port}",
        "User-Agent: pushgate-benchmarks",
        "Accept: application/json",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {length}",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""]).encode()


def states() -> Iterator[bytes]:
    """State values of one length that never repeat within a run."""
    prefix = secrets.token_urlsafe(9).encode()
    number = 0
    while True:
        number += 1
        yield b"%b%010x" % (prefix, number)


STATE_LENGTH = len(next(states()))


def refused(step: str, status: bytes, body: bytes) -> Refused:
    """The name under which the report counts an unexpected answer."""
    try:
        detail = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        detail = ""
    return Refused(f"{step} {status.decode()} {detail}".strip())


class PushWithSecret:
    """push-basic: client_secret_basic, a new state each time."""

    def __init__(self, target: Target, secret: str) -> None:
        parameters = authorization_parameters(BASIC_CLIENT, verifier_and_challenge()[1])
        body = (urlencode(parameters) + "&state=").encode()
        length = len(body) + STATE_LENGTH
        self.front = post(target, target.par, length, basic(BASIC_CLIENT, secret)) + body
        self.states = states()

    def begin(self) -> bytes:
        """One push."""
        return self.front + next(self.states)

    def answer(self, status: bytes, head: bytes, body: bytes) -> None:
        """A push is complete with its 201."""
        if status != b"201":
            raise refused("push", status, body)


class PushWithAssertion:
    """push-jwt: private_key_jwt; every push takes another pre-signed assertion from the shared pile."""

    def __init__(self, target: Target, pile: list[bytes]) -> None:
        parameters = authorization_parameters(JWT_CLIENT, verifier_and_challenge()[1])
        parameters["client_assertion_type"] = ASSERTION_TYPE
        self.middle = (urlencode(parameters) + "&client_assertion=").encode()
        self.pile = pile
        # Assertions for one audience have one length, so the head can be made once.
        length = len(self.middle) + len(pile[0]) + len(b"&state=") + STATE_LENGTH
        self.front = post(target, target.par, length, None) + self.middle
        self.states = states()

    def begin(self) -> bytes | None:
        """One push, until the pile is used up."""
        if not self.pile:
            return None
        return b"%b%b&state=%b" % (self.front, self.pile.pop(), next(self.states))

    def answer(self, status: bytes, head: bytes, body: bytes) -> None:
        """A push is complete with its 201."""
        if status != b"201":
            raise refused("push", status, body)


@dataclass(frozen=True, slots=True)
class Signed:
    """A request's client assertion and its DPoP proof."""

    assertion: bytes
    proof: bytes


class PushWithProof:
    """push-dpop: private_key_jwt and a DPoP proof, both from the shared pile of signed pairs."""

    def __init__(self, target: Target, pile: list[Signed]) -> None:
        parameters = authorization_parameters(JWT_CLIENT, verifier_and_challenge()[1])
        self.front, self.middle = with_proof(target, target.par, parameters, pile, len(b"&state=") + STATE_LENGTH)
        self.pile = pile
        self.states = states()

    def begin(self) -> bytes | None:
        """One push, until the pile is used up."""
        if not self.pile:
            return None
        signed = self.pile.pop()
        return b"%b%b%b%b&state=%b" % (self.front, signed.proof, self.middle, signed.assertion, next(self.states))

    def answer(self, status: bytes, head: bytes, body: bytes) -> None:
        """A push is complete with its 201."""
        if status != b"201":
            raise refused("push", status, body)


class TokenWithProof:
    """token-dpop: client_credentials with private_key_jwt and a DPoP proof; the answer is a bound, signed token."""

    def __init__(self, target: Target, pile: list[Signed]) -> None:
        self.front, self.middle = with_proof(target, target.token, service_form(), pile, 0)
        self.pile = pile

    def begin(self) -> bytes | None:
        """One token, until the pile is used up."""
        if not self.pile:
            return None
        signed = self.pile.pop()
        return b"%b%b%b%b" % (self.front, signed.proof, self.middle, signed.assertion)

    def answer(self, status: bytes, head: bytes, body: bytes) -> None:
        """A token is there, it is bound to the key, and it is a JWT, which has three parts."""
        if status != b"200":
            raise refused("token", status, body)
        document = json.loads(body)
        if document["token_type"] != "DPoP" or document["access_token"].count(".") != 2:
            raise Refused("token: not a bound JWT")


def with_proof(target: Target, path: str, form: dict[str, str], pile: list[Signed], more: int) -> tuple[bytes, bytes]:
    """What stands before the proof, and between proof and assertion; the form goes on for `more` bytes.

    Those made for one server have one length, so the head can be made once.
    """
    body = (urlencode(form | {"client_assertion_type": ASSERTION_TYPE}) + "&client_assertion=").encode()
    head = post(target, path, len(body) + len(pile[0].assertion) + more, None)
    return head.removesuffix(b"\r\n") + b"DPoP: ", b"\r\n\r\n" + body


class Flow:
    """flow: push, authorize with a session that has consented, redeem the code."""

    PAIRS = 16

    def __init__(self, target: Target, secret: str, cookies: str) -> None:
        self.target = target
        self.credentials = basic(BASIC_CLIENT, secret)
        self.pairs = [self._prepared() for _ in range(self.PAIRS)]
        self.states = states()
        self.turn = 0
        self.authorize_front = f"GET {target.authorization}?client_id={BASIC_CLIENT}&request_uri=".encode()
        self.authorize_back = (
            " HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{target.port}\r\n"
            "User-Agent: pushgate-benchmarks\r\n"
            "Accept: text/html\r\n"
            f"Cookie: {cookies}\r\n\r\n"
        ).encode()
        self.step: Callable[[bytes, bytes, bytes], bytes | None] = self.pushed

    def _prepared(self) -> tuple[bytes, bytes]:
        """A push without its state, and the body of the token request without its code."""
        verifier, challenge = verifier_and_challenge()
        body = (urlencode(authorization_parameters(BASIC_CLIENT, challenge)) + "&state=").encode()
        push = post(self.target, self.target.par, len(body) + STATE_LENGTH, self.credentials) + body
        redemption = {
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI,
            "code_verifier": verifier,
        }
        return push, (urlencode(redemption) + "&code=").encode()

    def begin(self) -> bytes:
        """The push of the next login."""
        self.turn = (self.turn + 1) % self.PAIRS
        self.state = next(self.states)
        self.step = self.pushed
        return self.pairs[self.turn][0] + self.state

    def answer(self, status: bytes, head: bytes, body: bytes) -> bytes | None:
        """What follows from the answer to the step under way."""
        return self.step(status, head, body)

    def pushed(self, status: bytes, head: bytes, body: bytes) -> bytes:
        """The request_uri goes to the authorization endpoint."""
        if status != b"201":
            raise refused("push", status, body)
        self.step = self.authorized
        request_uri = quote(json.loads(body)["request_uri"], safe="")
        return self.authorize_front + request_uri.encode() + self.authorize_back

    def authorized(self, status: bytes, head: bytes, body: bytes) -> bytes:
        """The code of the redirect goes to the token endpoint."""
        if status not in (b"302", b"303"):
            raise refused("authorize", status, body)
        location = header(head, b"location").decode()
        answer = parse_qs(urlsplit(location).query)
        if not location.startswith(REDIRECT_URI) or "code" not in answer:
            raise Refused("authorize: no code, " + answer.get("error", ["sent to a page"])[0])
        if answer["state"] != [self.state.decode()]:
            raise Refused("authorize: another state")
        self.step = self.redeemed
        form = self.pairs[self.turn][1] + quote(answer["code"][0], safe="").encode()
        return post(self.target, self.target.token, len(form), self.credentials) + form

    def redeemed(self, status: bytes, head: bytes, body: bytes) -> None:
        """The login is complete with its tokens."""
        if status != b"200":
            raise refused("token", status, body)
        if b'"id_token"' not in body or b'"access_token"' not in body:
            raise Refused("token: no tokens")
