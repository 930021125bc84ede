"""Second factors and passkeys of a user: what is enrolled, using one, adding one."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from base64 import urlsafe_b64encode
from functools import lru_cache

import msgspec

from pushgate.directory import totp
from pushgate.directory.relying_party import relying_party
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.events import CredentialAdded
from pushgate.jose.seal import CannotOpen
from pushgate.model import Credential, Method
from pushgate.protocol.journey import FACTORS

ID_LENGTH = 40  # characters
CHALLENGE_LIFETIME = 1_800  # seconds that a page with a passkey button may stand on the screen
_CHALLENGE = struct.Struct(">Q16s32s")  # when, random, and the code that makes it ours

_relying_party = lru_cache(maxsize=8)(relying_party)


def passkeys_work(ctx: Context) -> bool:
    """Whether there can be passkeys at this host."""
    return _relying_party(ctx.realm.issuer.base_url) is not None


async def enrolled_by(ctx: Context, sub: str) -> frozenset[Method]:
    """The factors that a user has."""
    kinds = {credential.kind for credential in await ctx.credentials.of_user(sub)}
    return frozenset(method for method in FACTORS if method in kinds)


async def username_of(ctx: Context, sub: str) -> str | None:
    """What a user is called; None for one who is gone or disabled."""
    claims = await ctx.services.directory.claims(ctx.name, sub)
    return None if claims is None else str(claims.get("preferred_username", sub))


# --- One-time passwords ------------------------------------------------------------------------------------


def totp_context(ctx: Context, sub: str, credential_id: str) -> bytes:
    """The place of a sealed secret."""
    return f"totp\0{ctx.name}\0{sub}\0{credential_id}".encode()


async def use_totp(ctx: Context, sub: str, code: str) -> bool:
    """Whether the code is right; each is good once, and whoever comes second is wrong. RFC 6238 5.2."""
    for credential in await ctx.credentials.of_user(sub):
        if credential.kind != "totp" or credential.sealed is None:
            continue
        try:
            secret = ctx.services.seal.open(credential.sealed, totp_context(ctx, sub, credential.credential_id))
        except CannotOpen:
            continue
        step = totp.matching_step(secret, code, ctx.now())
        if step is None or (credential.last_step is not None and step <= credential.last_step):
            continue
        after = msgspec.structs.replace(credential, last_step=step, last_used_at=int(ctx.now()))
        if await ctx.credentials.advance(credential, after):
            return True
    return False


async def add_totp(ctx: Context, request: Request, sub: str, secret: bytes, code: str, label: str) -> Credential | None:
    """Keep a secret that the user's app has, as its code shows; that code is used up. None for a wrong one."""
    step = totp.matching_step(secret, code, ctx.now())
    if step is None:
        return None
    credential_id = _credential_id("totp", secret)
    credential = Credential(
        credential_id=credential_id,
        sub=sub,
        kind="totp",
        label=label,
        created_at=int(ctx.now()),
        sealed=ctx.services.seal.close(secret, totp_context(ctx, sub, credential_id)),
        last_step=step,
        last_used_at=int(ctx.now()),
    )
    return await _add(ctx, request, credential)


# --- Passkeys ----------------------------------------------------------------------------------------------


def new_challenge(ctx: Context, purpose: str, browser: str) -> bytes:
    """A challenge for one purpose in one browser. Nothing is stored before it is used; `browser` is its cookie's value.

    WebAuthn 13.4.3: random, and made here, which the code in it proves.
    """
    when, random = int(ctx.now()), secrets.token_bytes(16)
    return _CHALLENGE.pack(when, random, _code(ctx, when, random, purpose, browser))


def _code(ctx: Context, when: int, random: bytes, purpose: str, browser: str) -> bytes:
    told = f"{ctx.name}\0{purpose}\0{browser}\0{when}\0".encode() + random
    return hmac.digest(ctx.services.seal.derive(b"passkey challenge"), told, hashlib.sha256)


def _is_ours(ctx: Context, challenge: bytes, purpose: str, browser: str) -> bool:
    if len(challenge) != _CHALLENGE.size:
        return False
    when, random, code = _CHALLENGE.unpack(challenge)
    genuine = hmac.compare_digest(code, _code(ctx, when, random, purpose, browser))
    return genuine and 0 <= ctx.now() - when <= CHALLENGE_LIFETIME


async def _use_up(ctx: Context, challenge: bytes) -> bool:
    """Whether this is the first use of a challenge."""
    until = int(ctx.now()) + CHALLENGE_LIFETIME + 60
    mark = ctx.transient.mark("passkey_challenge", urlsafe_b64encode(challenge[8:]).decode(), until)
    return await ctx.transient.add_all((mark,)) is None


async def passkey_request(ctx: Context, purpose: str, browser: str, sub: str | None) -> str | None:
    """What the browser is asked for; of a user who is known already, their passkeys alone. None without passkeys."""
    party = _relying_party(ctx.realm.issuer.base_url)
    if party is None:
        return None
    allowed = [] if sub is None else [c for c in await ctx.credentials.of_user(sub) if c.kind == "passkey"]
    from pushgate.directory import passkeys  # with webauthn, which takes its time; the server loads it when it runs

    return passkeys.request_options(party, new_challenge(ctx, purpose, browser), allowed)


async def use_passkey(ctx: Context, purpose: str, browser: str, answer: str) -> tuple[str, str] | None:
    """Whose passkey it is that was used (their `sub`), and its RFC 8176 name; None for an answer that does not hold."""
    from pushgate.directory import passkeys

    party, sent = _relying_party(ctx.realm.issuer.base_url), passkeys.read(answer)
    if party is None or sent is None:
        return None
    found, webauthn_id, challenge = sent
    if not _is_ours(ctx, challenge, purpose, browser):
        return None
    credential = await ctx.credentials.credential(_credential_id("passkey", webauthn_id))
    if credential is None or credential.webauthn_id != webauthn_id:
        return None
    use = passkeys.used(party, found, challenge, credential, passkeys.user_handle(ctx.name, credential.sub))
    if use is None or not await _use_up(ctx, challenge):
        return None
    after = msgspec.structs.replace(credential, sign_count=use.sign_count, last_used_at=int(ctx.now()))
    return (credential.sub, use.amr) if await ctx.credentials.advance(credential, after) else None


async def passkey_creation(ctx: Context, purpose: str, browser: str, sub: str, username: str) -> str | None:
    """What the browser is asked to make. None without passkeys."""
    party = _relying_party(ctx.realm.issuer.base_url)
    if party is None:
        return None
    from pushgate.directory import passkeys

    return passkeys.creation_options(
        party,
        new_challenge(ctx, purpose, browser),
        handle=passkeys.user_handle(ctx.name, sub),
        username=username,
        rp_name=party.rp_id,
        present=[c for c in await ctx.credentials.of_user(sub) if c.kind == "passkey"],
    )


async def add_passkey(
    ctx: Context, request: Request, purpose: str, browser: str, sub: str, answer: str, label: str
) -> tuple[Credential, str] | None:
    """Keep a new passkey; with its RFC 8176 name. None for an answer that does not hold, or a passkey that is there."""
    from pushgate.directory import passkeys

    party, sent = _relying_party(ctx.realm.issuer.base_url), passkeys.read(answer)
    if party is None or sent is None:
        return None
    found, _, challenge = sent
    if not _is_ours(ctx, challenge, purpose, browser):
        return None
    made = passkeys.registered(party, found, challenge)
    if made is None or not await _use_up(ctx, challenge):
        return None
    credential = Credential(
        credential_id=_credential_id("passkey", made.webauthn_id),
        sub=sub,
        kind="passkey",
        label=label,
        created_at=int(ctx.now()),
        webauthn_id=made.webauthn_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        last_used_at=int(ctx.now()),
    )
    kept = await _add(ctx, request, credential)
    return None if kept is None else (kept, made.amr)


def _credential_id(kind: Method, known_by: bytes) -> str:
    """What a credential is kept under: secrets are not to be read there, ids of authenticators are too long."""
    return hashlib.sha256(f"{kind}\0".encode() + known_by).hexdigest()[:ID_LENGTH]


async def _add(ctx: Context, request: Request, credential: Credential) -> Credential | None:
    """Keep a new credential, never in the place of one that is there: that may be somebody else's."""
    if not await ctx.credentials.add(credential):
        return None
    ctx.emit(CredentialAdded(credential.sub, credential.kind, credential.credential_id), request)
    return credential
