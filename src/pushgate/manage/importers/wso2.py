"""WSO2 Identity Server: exported service providers (XML), one in a file, or several in one.

An OpenID Connect application is an `InboundAuthenticationRequestConfig` of the type `oauth2`; its
`inboundConfiguration` is the text of another XML document, an `oAuthAppDO`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushgate.manage.importers.common import (
    EITHER,
    FRONT_CHANNEL,
    HYBRID,
    BadExport,
    Imported,
    LeftOut,
    Reading,
    Remark,
    identified,
    put_flows,
    put_redirects,
    put_secret,
    realm_name,
)
from pushgate.manage.importers.keys import key_set
from pushgate.manage.importers.reading import xml_document
from pushgate.manage.importers.settled import settled
from pushgate.model import RealmSettings
from pushgate.profiles import canonical_response_type

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAPPED = {
    "ApplicationName": "client_name",
    "ImageUrl": "logo_uri",
    "LoginUrl": "initiate_login_uri",
    "JwksUri": "jwks_uri",
    "backChannelLogoutUrl": "backchannel_logout_uri",
    "frontchannelLogoutUrl": "frontchannel_logout_uri",
    "idTokenSignatureAlgorithm": "id_token_signed_response_alg",
    "requestObjectSignatureAlgorithm": "request_object_signing_alg",
    "requestObjectEncryptionAlgorithm": "request_object_encryption_alg",
    "requestObjectEncryptionMethod": "request_object_encryption_enc",
    "tlsClientAuthSubjectDN": "tls_client_auth_subject_dn",
    "subjectType": "subject_type",
}
SWITCHES = {
    "pkceMandatory": "pkce_required",
    "requirePushedAuthorizationRequests": "require_pushed_authorization_requests",
    "tlsClientCertificateBoundAccessTokens": "tls_client_certificate_bound_access_tokens",
    "requestObjectSignatureValidationEnabled": "require_signed_request_object",
}
BOOKS = (
    "ApplicationID", "ApplicationResourceId", "Owner", "IsSaaSApp", "IsDiscoverable", "InboundAuthenticationConfig",
    "applicationName", "oauthConsumerKey", "oauthVersion", "state", "appOwner", "user", "id", "issuerOrg",
    "issuerDetails", "renewRefreshTokenEnabled", "extendRenewedRefreshTokenExpiryTime",
    "gracefulRefreshTokenRotationValidityPeriod", "gracefulRefreshTokenReuseLimit", "subjectTokenExpiryTime",
    "cibaAuthReqExpiryTime", "tokenEndpointAllowReusePvtKeyJwt", "tokenBindingValidationEnabled",
    "tokenRevocationWithIDPSessionTerminationEnabled", "SpProperties", "templateId", "TemplateId",
    "ApplicationVersion", "IsManagementApp", "IsB2BSelfServiceApp", "ApplicationEnabled", "IsApplicationEnabled",
    "AccessUrl", "AssociatedRolesConfig", "ClientAttestationMetaData", "TrustedAppMetadata", "AuthorizedAPIs",
    "InboundAuthType", "InboundConfigType", "inboundConfigType", "Properties", "tokenType",
)  # fmt: skip
LIVES = "tokens live as long as the realm says (lifetimes)"
CLAIMS = "claims are those of the scope values, and what the claims parameter asks for"
PROVISIONING = "accounts are not provisioned"
CIBA = "backchannel authentication (CIBA) is not supported"
DROPPED = {
    "Description": "a client has a name alone",
    "LocalAndOutBoundAuthenticationConfig": "how users sign in is said by journeys (default_journey)",
    "RequestPathAuthenticatorConfigs": "users sign in at this server's pages alone",
    "InboundProvisioningConfig": PROVISIONING,
    "OutboundProvisioningConfig": PROVISIONING,
    "ClaimConfig": CLAIMS,
    "accessTokenClaims": CLAIMS,
    "PermissionAndRoleConfig": "there are no roles; scope values say what a client may do",
    "ConsentConfig": "the consent page has texts of its own",
    "scopeValidators": "a scope value belongs to a resource of the realm",
    "audiences": "an access token is for a resource of the realm; name them in resources",
    "userAccessTokenExpiryTime": LIVES,
    "applicationAccessTokenExpiryTime": LIVES,
    "refreshTokenExpiryTime": LIVES,
    "idTokenExpiryTime": LIVES,
    "oauthConsumerSecretExpiryTime": "secrets do not expire",
    "additionalOauthConsumerSecrets": "a client has one secret",
    "pkceSupportPlain": "S256 is the only method",
    "jwtScopeAsArrayEnabled": "scope is one text in a token (RFC 9068)",
    "subjectTokenEnabled": "token exchange is not supported",
    "gracefulRefreshTokenRotationEnabled": "a refresh token is used once",
    "cibaNotificationChannels": CIBA,
    "cibaSkipUserValidation": CIBA,
    "cibaAllowFederatedUsers": CIBA,
    "restrictScopeIssuanceForFederatedTokens": "there is no sign-in by way of other providers",
}
ROOTS = ("ServiceProvider", "ServiceProviders")
LITERAL = re.compile(r"(?:[A-Za-z0-9:/_~%=&,;@!-]|\\[./?+*$()-])+")
"""A part of a pattern that stands for itself."""


def imported(documents: list[Any], realm: str | None) -> Imported:
    """The manifest of these service providers, and what is not in it. Raises BadExport."""
    remarks: list[Remark] = []
    settings = RealmSettings(name=realm_name(realm, None, remarks))
    sources = [source for root in documents for source in _applications(root, remarks)]
    found = []
    for client_id, fields in identified(sources, "oauthConsumerKey", "the OAuth applications"):
        made, said = _client(client_id, fields, settings)
        remarks += said
        found += [] if made is None else [made]
    named = {"name": settings.name, "dialect": "wso2", "clients": found}
    return Imported({"realms": [named]}, tuple(remarks))


def _applications(root: Element, remarks: list[Remark]) -> list[dict[str, Any]]:
    """The OAuth applications of a file as fields: those of the service provider and of its `oAuthAppDO`."""
    if _name(root) not in ROOTS:
        raise BadExport("is not an export of a service provider (its root is not ServiceProvider)")
    found = []
    for provider in [root] if _name(root) == ROOTS[0] else list(root):
        outer = {_name(child): _value(child) for child in provider}
        inbound = [e for e in provider.iter() if _name(e) == "InboundAuthenticationRequestConfig"]
        if not inbound:
            remarks.append(Remark(str(outer.get("ApplicationName")), "", "left out", "it speaks no protocol"))
        for element in inbound:
            config = {_name(child): child for child in element}
            kind = _text(config, "InboundAuthType")
            if kind == "oauth2":
                found.append({**outer, **_inner(config), "skipConsent": _found(provider, "skipConsent")})
            else:
                reason = f"its protocol {kind!r} is not spoken here"
                remarks.append(Remark(_text(config, "InboundAuthKey") or "", "InboundAuthType", "left out", reason))
    return found


def _inner(config: dict[str, Element]) -> dict[str, Any]:
    """The fields of an `oAuthAppDO`, and, where the export has none, what stands beside it."""
    text = (_text(config, "inboundConfiguration") or "").strip()
    whole = config.get("inboundConfigurationProtocol")
    inner = xml_document(text) if text else whole
    fields = {} if inner is None else {_name(child): _value(child) for child in inner}
    fields["oauthConsumerKey"] = fields.get("oauthConsumerKey") or _text(config, "InboundAuthKey")
    properties = config.get("Properties")
    for item in properties if properties is not None else ():
        named = {_name(child): (child.text or "").strip() for child in item}
        if named.get("Name") == "oauthConsumerSecret" and not fields.get("oauthConsumerSecret"):
            fields["oauthConsumerSecret"] = named.get("Value")
    return fields


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _value(element: Element) -> Any:
    """Text, or the texts within; an element that says nothing is empty."""
    if len(element) == 0:
        return (element.text or "").strip()
    return [text.strip() for text in element.itertext() if text.strip() not in ("", "false")]


def _text(config: dict[str, Element], name: str) -> str | None:
    return config[name].text if name in config else None


def _found(provider: Element, name: str) -> str | None:
    return next((e.text for e in provider.iter() if _name(e) == name), None)


def _client(client_id: str, fields: dict[str, Any], realm: RealmSettings) -> tuple[dict[str, Any] | None, list[Remark]]:
    client = Reading(client_id, {n: None if v == "null" else v for n, v in fields.items()}, {"client_id": client_id})
    try:
        if client.fields.get("oauthVersion") == "OAuth-1.0a":
            raise LeftOut("it speaks OAuth 1.0a")
        client.copy(MAPPED)
        for name, member in SWITCHES.items():
            client.put(member, client.flag(name), name)
        if client.fields.get("state") == "REVOKED" or "false" in (
            client.fields.get("ApplicationEnabled"), client.fields.get("IsApplicationEnabled"),
        ):  # fmt: skip
            client.members["enabled"] = False
        client.put("skip_consent", client.flag("skipConsent"), "skipConsent")
        public = _authentication(client)
        _flows(client, public)
        put_redirects(client, _callbacks(client), "callbackUrl", public=public)
        _tokens(client)
    except LeftOut as reason:
        return None, [Remark(client_id, "", "left out", str(reason))]
    client.forget(BOOKS)
    client.drop(DROPPED)
    client.rest()
    return settled(client, realm)


def _authentication(client: Reading) -> bool:
    public = client.flag("bypassClientCredentials")
    method = client.text("tokenEndpointAuthMethod")
    alg = client.text("tokenEndpointAuthSignatureAlgorithm")
    method = "none" if public else method or "client_secret_basic"
    client.members["token_endpoint_auth_method"] = method
    client.origins["token_endpoint_auth_method"] = "tokenEndpointAuthMethod"
    if method == "client_secret_basic":
        client.remark("tokenEndpointAuthMethod", "changed", EITHER)
    put_secret(client, "oauthConsumerSecret", needed=method.startswith("client_secret"))
    if method.endswith("_jwt"):
        client.put("token_endpoint_auth_signing_alg", alg, "tokenEndpointAuthSignatureAlgorithm")
    certificate = client.text("Certificate")
    if certificate is not None and "jwks_uri" not in client.members:
        found = key_set(certificate, certificate=True)
        client.put("jwks", found, "Certificate")
        if found is None:
            client.remark("Certificate", "dropped", "holds no key that is known here")
    return public


def _flows(client: Reading, public: bool) -> None:
    grants = (client.text("grantTypes") or "").split()
    if public and "client_credentials" in grants:
        grants.remove("client_credentials")
        client.remark("grantTypes", "dropped", "a public client cannot use client_credentials")
    hybrid, types = client.flag("hybridFlowEnabled"), client.text("hybridFlowResponseType") or ""
    wanted = [canonical_response_type(value.strip()) for value in types.split(",")] if hybrid else []
    known = {canonical_response_type(value): value for value in HYBRID}
    for value in wanted:
        if value and value not in known:
            client.remark("hybridFlowResponseType", "dropped", f"{value!r} is not a response type")
    kept = [known[value] for value in wanted if value in known]
    own = "implicit" in grants
    if kept and not own:
        grants.append("implicit")
        client.remark("hybridFlowEnabled", "changed", "tokens in the front channel need the grant type implicit too")
    put_flows(client, grants, kept, "grantTypes")
    if not own:
        responses = client.members["response_types"]
        client.members["response_types"] = [value for value in responses if value not in FRONT_CHANNEL]


def _callbacks(client: Reading) -> list[str]:
    """One URL, or a pattern that is a choice among URLs; any other pattern is dropped."""
    url = client.text("callbackUrl")
    if url is None or not url.startswith("regexp="):
        return [] if url is None else [url]
    pattern = url.removeprefix("regexp=").strip().removeprefix("^").removesuffix("$")
    if pattern.startswith("(") and pattern.endswith(")"):
        pattern = pattern[1:-1]
    found = []
    for part in pattern.split("|"):
        # A dot in a host is hardly ever escaped; as a character of its own it admits less than the pattern.
        if LITERAL.fullmatch(part.replace(".*", "*").replace("\\.", ".").replace(".", "\\.")):
            found.append(re.sub(r"\\(.)", r"\1", part))
        else:
            client.remark("callbackUrl", "dropped", f"{part!r} is a pattern; redirect URIs are compared as they are")
    return found


def _tokens(client: Reading) -> None:
    encrypted = client.flag("idTokenEncryptionEnabled")
    for name, member in (("Algorithm", "alg"), ("Method", "enc")):
        value = client.text(f"idTokenEncryption{name}")
        if encrypted:
            client.put(f"id_token_encrypted_response_{member}", value, f"idTokenEncryption{name}")
    binding = client.text("tokenBindingType")
    if binding == "DPoP":
        client.put("dpop_bound_access_tokens", True, "tokenBindingType")
    elif binding == "certificate":
        client.put("tls_client_certificate_bound_access_tokens", True, "tokenBindingType")
    elif binding not in (None, "None"):
        client.remark("tokenBindingType", "dropped", f"{binding!r}: tokens are bound to a key or a certificate")
    if client.text("sectorIdentifierURI") is not None:
        reason = "is fetched when a client is saved; set sector_identifier_uri when it can be reached from here"
        client.remark("sectorIdentifierURI", "dropped", reason)
    if client.members.get("subject_type") == "pairwise":
        client.remark("subjectType", "changed", "pairwise subjects are computed anew: users get other identifiers")
    profile, held = client.text("fapiProfile"), client.flag("fapiConformanceEnabled")
    if held and profile is not None and "2" in profile:
        client.put("profile", "fapi2-security", "fapiProfile")
    elif held:
        client.remark("fapiConformanceEnabled", "dropped", "is FAPI 1; profile: fapi2-security is the next thing")
