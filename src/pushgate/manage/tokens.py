"""Management tokens that an operator makes at the machine."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pushgate.jose.sign import sign_jwt
from pushgate.manage.change import Change, Refused
from pushgate.profiles import PROFILES
from pushgate.protocol.access import Access
from pushgate.protocol.management import ADMIN, SCOPES
from pushgate.protocol.registration import Problem
from pushgate.protocol.tokens import ACCESS_TOKEN_TYPE, client_token_claims

if TYPE_CHECKING:
    from pushgate.manage.service import Management

LONGEST = 86_400  # seconds
USUAL = 3600  # seconds


async def mint_admin_token(
    management: Management, realm: str, scope: tuple[str, ...] = SCOPES, *, seconds: int = USUAL
) -> str:
    """A token for the realm's management API, signed with the realm's keys; the audit trail has it by its `jti`.

    Raises Refused.
    """
    settings = await management.existing_realm(realm)
    issuer, audience = management.issuer(settings), management.audience(settings)
    found = [Problem("scope", f"{value!r} is not a management scope") for value in scope if value not in SCOPES]
    found += [] if scope else [Problem("scope", "at least one is needed")]
    found += [] if 1 <= seconds <= LONGEST else [Problem("seconds", f"must be 1 to {LONGEST}")]
    found += [] if audience is not None else [Problem("realm", "the base URL is not known")]
    if found or issuer is None or audience is None:
        raise Refused(found)
    jti = secrets.token_hex(16)
    claims = client_token_claims(
        issuer=issuer,
        client_id=ADMIN,
        access=Access(tuple(dict.fromkeys(scope)), (audience,)),
        now=management.now(),
        lifetime=seconds,
        jti=jti,
    )
    ring = await management.key_ring(realm)
    key = ring.signing[PROFILES[settings.profile].signing_alg(settings.access_token_signing_alg)]
    await management.carry_out([Change(realm, "token", jti, "create", work=lambda c: None)])
    return sign_jwt(claims, key, ACCESS_TOKEN_TYPE)
