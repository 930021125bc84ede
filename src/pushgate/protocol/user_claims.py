"""Which of a user's claims are released, in which language, and which of them a user has to be asked about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pushgate.model import AuthorizationRequest, ClaimsRequest, ClaimWish
from pushgate.protocol.claims_request import allows
from pushgate.protocol.scopes import SCOPE_CLAIMS

OURS = frozenset(
    {
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "sid", "auth_time", "nonce", "acr", "amr", "cnf",
        "at_hash", "c_hash", "s_hash", "events", "_claim_names", "_claim_sources",
    }
)  # fmt: skip
"""Claims that speak of the token or the sign-in: the server says them itself, whatever an account has by that name."""


# --- What has to be agreed to ---------------------------------------------------------------------------------
MAX_TAG = 35  # characters of a language tag that are looked at (RFC 5646 4.4.1)


def beyond_scopes(request: AuthorizationRequest, scope: Iterable[str]) -> tuple[str, ...]:
    """The claims asked for by name that none of the scope values releases.

    Whether the user has them makes no difference: a silent request must not be told what is in an account.
    """
    if request.claims is None:
        return ()
    names = dict.fromkeys((*request.claims.id_token, *request.claims.userinfo))
    covered = _of_scopes(scope)
    return tuple(name for name in names if _base(name) not in covered and _base(name) not in OURS)


def claim_word(name: str) -> str:
    """A claim as it stands among remembered scope values, of which none has a backslash or a space."""
    return "\\" + quote(name, safe="#:/")


def agreed_claims(
    request: AuthorizationRequest, scope: tuple[str, ...], agreed: Iterable[str] | None
) -> ClaimsRequest | None:
    """What is left of a claims request: claims of granted scope values, and those that were `agreed` by name.

    `agreed` are claim names; None for all of them.
    """
    if request.claims is None:
        return None
    named = set(beyond_scopes(request, scope) if agreed is None else agreed)
    covered = _of_scopes(scope)

    def kept(wishes: dict[str, ClaimWish]) -> dict[str, ClaimWish]:
        return {name: wish for name, wish in wishes.items() if name in named or _base(name) in covered}

    found = ClaimsRequest(id_token=kept(request.claims.id_token), userinfo=kept(request.claims.userinfo))
    return found if found.id_token or found.userinfo else None


# --- What is released -----------------------------------------------------------------------------------------


def released_claims(
    scope: Iterable[str], wishes: dict[str, ClaimWish], user_claims: dict[str, Any], locales: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The user's claims that granted scope values and granted wishes release.

    A claim without a value is left out, and one whose value is not among those that were asked for.
    OpenID Connect Core 5.2, 5.3.2, 5.4, 5.5.1.
    """
    found = {}
    for name in sorted(_of_scopes(scope).union(wishes)):
        value = None if _base(name) in OURS else _value(name, user_claims, locales)
        if value not in (None, "", [], {}) and (name not in wishes or allows(wishes[name], value)):
            found[name] = value
    return found


def _value(name: str, user_claims: dict[str, Any], locales: tuple[str, ...]) -> Any:
    """A claim by its name with or without language tag; without, in the first of `locales` that there is.

    Tags are compared without regard to case, and shortened from the end. OpenID Connect Core 5.2, RFC 4647 3.4.
    """
    if "#" not in name:
        tagged = {key.lower(): key for key in user_claims if key.startswith(f"{name}#")} if locales else {}
        for locale in locales:
            tag = locale[:MAX_TAG].lower()
            while tag and tagged:
                if key := tagged.get(f"{name.lower()}#{tag}"):
                    return user_claims[key]
                tag = tag.rpartition("-")[0]
        return user_claims.get(name)
    if name in user_claims:
        return user_claims[name]
    base, _, tag = name.partition("#")
    return next((v for k, v in user_claims.items() if k.startswith(f"{base}#") and k.lower() == name.lower()), None)


def _of_scopes(scope: Iterable[str]) -> set[str]:
    return {name for value in scope for name in SCOPE_CLAIMS.get(value, ())}


def _base(name: str) -> str:
    """A claim's name without its language tag. OpenID Connect Core 5.2."""
    return name.partition("#")[0]
