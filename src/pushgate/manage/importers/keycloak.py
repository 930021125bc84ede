"""Keycloak: an export of realms, or clients alone, as JSON.

`pushgate import keycloak` takes what `kc.sh export` and the partial export of the console write, and what the
administration API answers: a realm, a list of realms, a list of clients, or one client.
"""

from __future__ import annotations

import json
from typing import Any

from pushgate.jose.algorithms import SIGNING
from pushgate.manage.importers import keycloak_fields as fields
from pushgate.manage.importers.common import (
    EITHER,
    BadExport,
    Imported,
    LeftOut,
    Reading,
    Remark,
    flattened,
    identified,
    put_exact,
    put_flows,
    put_redirects,
    put_secret,
    realm_name,
)
from pushgate.manage.importers.keys import key_set
from pushgate.manage.importers.settled import settled
from pushgate.manage.realms import LONGEST
from pushgate.model import RealmSettings
from pushgate.protocol.registration import LIFETIME_RANGE

METHODS = {
    "client-secret": "client_secret_basic",
    "client-secret-jwt": "client_secret_jwt",
    "client-jwt": "private_key_jwt",
    "client-x509": "tls_client_auth",
}


def imported(documents: list[Any], realm: str | None) -> Imported:
    """The manifest of these exports, and what is not in it. Raises BadExport."""
    remarks: list[Remark] = []
    sources = [source for document in documents for source in _realms(document)]
    clients = [source for source in sources if "realm" not in source]
    realms = [source for source in sources if "realm" in source]
    if clients:  # clients without a realm around them are of one
        realms.append({"clients": [client for source in clients for client in source["clients"]]})
    if realm is not None and len(realms) > 1:
        raise BadExport("--realm: there are several realms in the export")
    found = [_realm(source, realm, remarks) for source in realms]
    names = [one["name"] for one in found]
    for name in names:
        if names.count(name) > 1:
            raise BadExport(f"the realm {name!r} is there twice")
    return Imported({"realms": found}, tuple(remarks))


def _realms(document: Any) -> list[dict[str, Any]]:
    """A realm each; one that has no name holds clients alone. Raises BadExport."""
    entries = document if isinstance(document, list) else [document]
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadExport("is not an export of realms or clients")
    if entries and all("clientId" in entry for entry in entries):
        return [{"clients": entries}]
    for entry in entries:
        if not isinstance(entry.get("realm"), str) or not isinstance(entry.get("clients", []), list):
            raise BadExport("is not an export of realms (with realm and clients) or clients (with clientId)")
    return entries


def _realm(source: dict[str, Any], wanted: str | None, remarks: list[Remark]) -> dict[str, Any]:
    name = realm_name(wanted, source.get("realm"), remarks)
    reading = Reading(name, flattened(source, ("attributes",)), {"name": name})
    clients = reading.take("clients") or []
    _lifetimes(reading)
    alg = reading.text("defaultSignatureAlgorithm")
    if alg in SIGNING:
        reading.put("access_token_signing_alg", alg, "defaultSignatureAlgorithm")
    elif alg is not None:
        reading.remark("defaultSignatureAlgorithm", "dropped", f"{alg!r} is not supported")
    life = _seconds(reading, "attributes.parRequestUriLifespan", LIFETIME_RANGE.stop - 1)
    if life is not None:
        shortest = max(life, LIFETIME_RANGE.start)
        reading.put("pushed_authorization_requests", {"lifetime": shortest}, "attributes.parRequestUriLifespan")
    if reading.take("enabled") is False:
        reading.remark("enabled", "dropped", "a realm is always on; its clients can be disabled")
    reading.forget([*fields.REALM_BOOKS, *(n for n in reading.fields if n.startswith(fields.REALM_POLICIES))])
    reading.drop(fields.REALM_DROPPED)
    reading.rest()
    remarks += reading.remarks
    settings = RealmSettings(name=name)
    reading.members["clients"] = []
    for client_id, members in identified(clients, "clientId", "clients"):
        made, said = _client(client_id, members, settings)
        remarks += said
        reading.members["clients"] += [] if made is None else [made]
    return reading.members


def _lifetimes(realm: Reading) -> None:
    found: dict[str, int] = {}
    for field, members in fields.LIFETIMES.items():
        seconds = _seconds(realm, field, min(LONGEST[member] for member in members))
        found |= dict.fromkeys(members, seconds) if seconds is not None else {}
    realm.put("lifetimes", found, "accessTokenLifespan")


def _seconds(realm: Reading, field: str, longest: int) -> int | None:
    """A lifetime of at least a second, at most what is allowed here; None where it is not said."""
    value = realm.take(field)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if value is None or value == 0:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        realm.remark(field, "dropped", "is not a number of seconds")
        return None
    if value > longest:
        realm.remark(field, "changed", f"{longest} seconds is the most that is allowed here")
    return min(value, longest)


def _client(client_id: str, source: dict[str, Any], realm: RealmSettings) -> tuple[dict[str, Any] | None, list[Remark]]:
    client = Reading(client_id, flattened(source, ("attributes",)), {"client_id": client_id})
    try:
        public = _kind(client)
        for name in fields.SWITCHES:
            if client.fields.get(name) in ("true", "false"):
                client.fields[name] = client.fields[name] == "true"
        for name, address in fields.NEEDS.items():  # on in every client, whether it has the address or not
            if not client.fields.get(address):
                client.forget([name])
        client.copy({**fields.MAPPED, **fields.SWITCHES})
        _authentication(client, public)
        _flows(client, public)
        _uris(client, public)
        _security(client)
    except LeftOut as reason:
        return None, [Remark(client_id, "", "left out", str(reason))]
    client.forget([*fields.BOOKS, *(name for name in client.fields if name.startswith("attributes.saml"))])
    client.drop(fields.DROPPED)
    client.rest()
    return settled(client, realm)


def _kind(client: Reading) -> bool:
    """Whether it is public. Raises LeftOut for what is no client of a person's or a program's."""
    protocol = client.text("protocol")
    if protocol not in (None, "openid-connect"):
        raise LeftOut(f"its protocol is {protocol!r}; only OpenID Connect is spoken here")
    if client.subject in fields.INTERNAL:
        raise LeftOut("it is Keycloak's own")
    if client.flag("bearerOnly"):
        raise LeftOut("bearerOnly: it is an API; name it in resources of the realm")
    name = client.text("name")
    if name is not None and name.startswith("${"):
        client.remark("name", "dropped", "is a placeholder for a translated text")
    else:
        client.put("client_name", name, "name")
    if client.take("enabled") is False:
        client.members["enabled"] = False
    if client.take("consentRequired") is not True:
        client.put("skip_consent", True, "consentRequired")
    return client.flag("publicClient")


def _authentication(client: Reading, public: bool) -> None:
    kind = client.text("clientAuthenticatorType") or "client-secret"
    if not public and kind not in METHODS:
        raise LeftOut(f"clientAuthenticatorType: {kind!r} is not supported")
    method = "none" if public else METHODS[kind]
    client.members["token_endpoint_auth_method"] = method
    client.origins["token_endpoint_auth_method"] = "clientAuthenticatorType"
    if method == "client_secret_basic":
        client.remark("clientAuthenticatorType", "changed", EITHER)
    put_secret(client, "secret", needed=method.startswith("client_secret"))
    alg = client.text("attributes.token.endpoint.auth.signing.alg")
    if method.endswith("_jwt"):
        client.put("token_endpoint_auth_signing_alg", alg, "attributes.token.endpoint.auth.signing.alg")
    subject = client.text("attributes.x509.subjectdn")
    if method == "tls_client_auth":
        client.put("tls_client_auth_subject_dn", subject, "attributes.x509.subjectdn")
        if client.flag("attributes.x509.allow.regex.pattern.comparison"):
            raise LeftOut("attributes.x509.subjectdn: is a pattern; a subject is compared as it is")
    _keys(client)


def _keys(client: Reading) -> None:
    by_url = client.flag("attributes.use.jwks.url")
    by_text = client.flag("attributes.use.jwks.string")
    url, text = client.text("attributes.jwks.url"), client.text("attributes.jwks.string")
    certificate = client.text("attributes.jwt.credential.certificate")
    key = client.text("attributes.jwt.credential.public.key")
    if by_url and url is not None:
        client.put("jwks_uri", url, "attributes.jwks.url")
    elif by_text and text is not None:
        try:
            client.put("jwks", json.loads(text), "attributes.jwks.string")
        except (ValueError, RecursionError):
            client.remark("attributes.jwks.string", "dropped", "is not JSON")
    elif certificate is not None or key is not None:
        origin = "attributes.jwt.credential." + ("public.key" if certificate is None else "certificate")
        found = key_set(certificate or key or "", certificate=certificate is not None)
        client.put("jwks", found, origin)
        if found is None:
            client.remark(origin, "dropped", "holds no key that is known here")


def _flows(client: Reading, public: bool) -> None:
    standard, implicit = client.fields.pop("standardFlowEnabled", True), client.flag("implicitFlowEnabled")
    grants = ["authorization_code"] if standard is not False else []
    grants += ["implicit"] if implicit else []
    if client.fields.pop("attributes.use.refresh.tokens", "true") not in ("false", False) and standard is not False:
        grants.append("refresh_token")
    if client.flag("serviceAccountsEnabled") and not public:
        grants.append("client_credentials")
    if client.take("directAccessGrantsEnabled") is True:
        grants.append("password")
    if client.flag("attributes.oauth2.device.authorization.grant.enabled"):
        grants.append("device_code")
    if client.flag("attributes.oidc.ciba.grant.enabled"):
        grants.append("ciba")
    put_flows(client, grants, (), "grants")
    scopes = [*client.texts("defaultClientScopes"), *client.texts("optionalClientScopes")]
    kept = [scope for scope in dict.fromkeys(scopes) if scope not in fields.OWN_SCOPES]
    if scopes:
        client.put("scope", " ".join(dict.fromkeys(["openid", *kept])), "defaultClientScopes")


def _uris(client: Reading, public: bool) -> None:
    root = client.text("rootUrl") or ""
    redirects = client.texts("redirectUris")
    if root.startswith("http"):
        redirects = [root.rstrip("/") + uri if uri.startswith("/") else uri for uri in redirects]
    put_redirects(client, redirects, "redirectUris", public=public)
    origin = "attributes.post.logout.redirect.uris"
    after = [uri for uri in (client.text(origin) or "").split("##") if uri not in ("", "-")]
    same = list(client.members.get("redirect_uris", ()))
    after = [one for uri in after for one in (same if uri == "+" else [uri])]
    put_exact(client, "post_logout_redirect_uris", after, origin)
    for name, member in fields.LISTS.items():
        client.put(member, [part for part in (client.text(name) or "").split("##") if part], name)
    front, url = client.flag("frontchannelLogout"), client.text("attributes.frontchannel.logout.url")
    if front:
        client.put("frontchannel_logout_uri", url, "attributes.frontchannel.logout.url")


def _security(client: Reading) -> None:
    method = client.text("attributes.pkce.code.challenge.method")
    if method == "plain":
        client.remark("attributes.pkce.code.challenge.method", "changed", "S256 is the only method")
    if method is not None:
        client.put("pkce_required", True, "attributes.pkce.code.challenge.method")
    for name in fields.BOUND:
        if client.flag(name):
            client.put("tls_client_certificate_bound_access_tokens", True, name)
    alg = client.text("attributes.request.object.signature.alg")
    if alg not in (None, "any", "none"):
        client.put("request_object_signing_alg", alg, "attributes.request.object.signature.alg")
    if client.text("attributes.request.object.required") not in (None, "not required"):
        client.put("require_signed_request_object", True, "attributes.request.object.required")
    for part in ("alg", "enc"):
        value = client.text(f"attributes.request.object.encryption.{part}")
        if value != "any":
            client.put(f"request_object_encryption_{part}", value, f"attributes.request.object.encryption.{part}")
    signed = client.text("attributes.user.info.response.signature.alg")
    if signed != "unsigned":
        client.put("userinfo_signed_response_alg", signed, "attributes.user.info.response.signature.alg")
    mappers = client.take("protocolMappers")
    for mapper in mappers if isinstance(mappers, list) else ():
        kind = mapper.get("protocolMapper") if isinstance(mapper, dict) else None
        reason = "claims are those of the scope values, and what the claims parameter asks for"
        if isinstance(kind, str) and "pairwise" in kind:
            client.put("subject_type", "pairwise", "protocolMappers")
            reason = "pairwise subjects are computed anew: users get other identifiers than before"
        title = mapper.get("name") if isinstance(mapper, dict) else None
        client.remark(f"protocolMappers {title!r}", "dropped" if "claims" in reason else "changed", reason)
