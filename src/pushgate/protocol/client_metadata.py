"""Client metadata as it travels in a registration (RFC 7591 2): which members are taken, and which are told."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pushgate import refusals
from pushgate.errors import OAuthError
from pushgate.jose.encrypt import DEFAULT_ENC
from pushgate.jose.verify import BadJws, KeySet, parse_jws, verify_jws
from pushgate.model import Client, Registration
from pushgate.profiles import SecurityProfile
from pushgate.protocol.registration import Problem

OWN = frozenset(
    {
        "client_id", "secret", "profile", "compliance_level", "enabled", "pkce_required", "par_request_expiry",
        "pushed_redirect_uri_prefixes", "step_up", "skip_consent", "allowed_resources", "default_journey",
        "self_registered", "client_id_issued_at", "registration_token", "software_statement", "operator_set",
        "translations",
    }
)  # fmt: skip
"""Members that only an operator sets, or the server: whoever registers a client cannot."""
TIGHTENED = ("profile", "compliance_level", "pkce_required", "par_request_expiry", "step_up", "default_journey")
"""Those of them that stay when a client replaces its metadata; what was granted to it as it was does not."""
REGISTRABLE = tuple(name for name in Client.__struct_fields__ if name not in OWN)
"""Members that a registration may have. A member that is added to `Client` is among them by itself."""
MANAGED = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")
ENCRYPTION = tuple(name for name in REGISTRABLE if name.endswith(("_encrypted_response_alg", "_encryption_alg")))
"""Each has its `_enc`, with a default (OpenID Connect Registration 2, JARM 3, RFC 9701 6)."""
TRANSLATED = ("client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri")
TAGGED = re.compile(rf"({'|'.join(TRANSLATED)})#([A-Za-z]{{2,8}}(?:-[A-Za-z0-9]{{1,8}}){{0,5}})")
MAX_TRANSLATIONS = 100
MAX_TEXT = 2000  # characters of a translated member
MAX_TAG = 35  # characters of a language tag that are looked at (RFC 5646 4.4.1)
SKEW = 30  # seconds


def taken(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The members that are registered, and those with a language tag. Others are ignored; null is as good as absent.

    Raises InvalidClientMetadata. RFC 7591 2, 2.2; RFC 7592 2.2.
    """
    members = {name: document[name] for name in REGISTRABLE if document.get(name) is not None}
    translations: dict[str, str] = {}
    for name, value in document.items():
        if TAGGED.fullmatch(name) and value is not None:
            if not isinstance(value, str) or len(value) > MAX_TEXT or len(translations) >= MAX_TRANSLATIONS:
                raise refused([Problem(name.partition("#")[0], "must be a short text in every language")])
            translations[name] = value
    return members, translations


def translations_without(translations: dict[str, str], members: Collection[str]) -> dict[str, str]:
    """Those that do not translate one of these members."""
    return {name: text for name, text in translations.items() if name.partition("#")[0] not in members}


def within(members: dict[str, Any], rules: Registration) -> dict[str, Any]:
    """The members without what no client may register for itself: nobody has looked at it.

    Scope values and types of authorization details that are not open to all are left out; who names none gets those
    that are. The response shows it. A value of the wrong type is for others to refuse. RFC 7591 2, 3.2.1.
    """
    scope = members.get("scope", rules.scope)
    types = members.get("authorization_details_types", rules.authorization_details_types)
    found = dict(members)
    if isinstance(scope, str):
        found["scope"] = " ".join(s for s in scope.split(" ") if s in rules.scope.split(" ")) or rules.scope
    if isinstance(types, list | tuple):
        found["authorization_details_types"] = [t for t in types if t in rules.authorization_details_types]
    return found


def stated(document: dict[str, Any], rules: Registration, profile: SecurityProfile, now: float) -> dict[str, Any]:
    """The document with the claims of its software statement, which win over plain members.

    Raises InvalidSoftwareStatement, UnapprovedSoftwareStatement. RFC 7591 2.3, 3.1.1.
    """
    statement = document.get("software_statement")
    if statement is None:
        if rules.statement_required:
            raise refusals.STATEMENT_UNAPPROVED("missing")
        return document
    try:
        unverified = parse_jws(statement if isinstance(statement, str) else "")
    except BadJws as bad:
        raise refusals.STATEMENT_INVALID(str(bad)) from None
    claims, header = unverified.claims, unverified.header
    issuer = next((known for known in rules.statement_issuers if known.issuer == claims.get("iss")), None)
    if issuer is None:
        raise refusals.STATEMENT_UNAPPROVED("issuer")
    if "crit" in header or header["alg"].startswith("HS") or header["alg"] not in profile.algorithms:
        raise refusals.STATEMENT_INVALID("alg or crit")
    if not verify_jws(unverified, KeySet.of_jwks(issuer.jwks)):
        raise refusals.STATEMENT_INVALID("signature")
    if not _current(claims, now):
        raise refusals.STATEMENT_INVALID("time")
    return {**document, **{name: value for name, value in claims.items() if name in REGISTRABLE or TAGGED.match(name)}}


def _current(claims: dict[str, Any], now: float) -> bool:
    """`exp` and `nbf` are optional in a statement; what is there has to be a number, and has to hold."""
    times = {name: claims[name] for name in ("exp", "nbf") if name in claims}
    if any(isinstance(t, bool) or not isinstance(t, int | float) for t in times.values()):
        return False
    return bool(times.get("nbf", 0) <= now + SKEW and now < times.get("exp", now + 1) + SKEW)


def refused(problems: list[Problem]) -> OAuthError:
    """The first problem as an error: redirect URIs have a code of their own. RFC 7591 3.2.2.

    The wire names the member. A reason that quotes what was sent stays in the log.
    """
    redirects = [p for p in problems if p.field.startswith("redirect_uris")]
    problem = (redirects or problems)[0]
    refusal = refusals.REGISTRATION_REDIRECT_URI if redirects else refusals.REGISTRATION_METADATA
    error = refusal(str(problem))
    quoted = any(mark in problem.reason for mark in "'\"\\") or not problem.reason.isascii()
    error.about = f"{problem.field}." if quoted else f"{problem.field}: {problem.reason}."
    return error


def rendered(client: Client) -> dict[str, Any]:
    """A client's metadata, its defaults included, under IANA names. RFC 7591 3.2.1."""
    members = {name: getattr(client, name) for name in REGISTRABLE}
    told = {name: value for name, value in members.items() if value is not None and value != ()}
    for alg in ENCRYPTION:
        if alg in told:
            told.setdefault(f"{alg.removesuffix('_alg')}_enc", DEFAULT_ENC)
    statement = {} if client.software_statement is None else {"software_statement": client.software_statement}
    return {**told, **client.translations, **statement}


def client_text(client: Client, member: str, locales: tuple[str, ...]) -> str | None:
    """A member in the first of the languages that it was registered in, else as it stands. RFC 7591 2.2."""
    value: str | None = getattr(client, member)
    if not client.translations:
        return value
    by_tag = {name.casefold(): value for name, value in client.translations.items()}
    for locale in locales:
        tag = locale[:MAX_TAG].casefold()
        while tag:
            if f"{member}#{tag}" in by_tag:
                return by_tag[f"{member}#{tag}"]
            tag = tag.rpartition("-")[0]
    return value
