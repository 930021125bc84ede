"""Keycloak's fields: what each becomes, which are its own books, and which have no counterpart, and why."""

from __future__ import annotations

INTERNAL = (
    "account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console",
    "admin-permissions",
)  # fmt: skip
OWN_SCOPES = ("roles", "web-origins", "acr", "basic", "microprofile-jwt", "service_account", "organization", "openid")
"""Scopes that stand for Keycloak's own mappers; `openid` is always there."""

# --- Clients ------------------------------------------------------------------------------------------------------

MAPPED = {
    "attributes.logoUri": "logo_uri",
    "attributes.policyUri": "policy_uri",
    "attributes.tosUri": "tos_uri",
    "attributes.backchannel.logout.url": "backchannel_logout_uri",
    "attributes.id.token.signed.response.alg": "id_token_signed_response_alg",
    "attributes.id.token.encrypted.response.alg": "id_token_encrypted_response_alg",
    "attributes.id.token.encrypted.response.enc": "id_token_encrypted_response_enc",
    "attributes.user.info.encrypted.response.alg": "userinfo_encrypted_response_alg",
    "attributes.user.info.encrypted.response.enc": "userinfo_encrypted_response_enc",
    "attributes.authorization.signed.response.alg": "authorization_signed_response_alg",
    "attributes.authorization.encrypted.response.alg": "authorization_encrypted_response_alg",
    "attributes.authorization.encrypted.response.enc": "authorization_encrypted_response_enc",
}
SWITCHES = {
    "attributes.backchannel.logout.session.required": "backchannel_logout_session_required",
    "attributes.frontchannel.logout.session.required": "frontchannel_logout_session_required",
    "attributes.require.pushed.authorization.requests": "require_pushed_authorization_requests",
    "attributes.dpop.bound.access.tokens": "dpop_bound_access_tokens",
}
NEEDS = {
    "attributes.backchannel.logout.session.required": "attributes.backchannel.logout.url",
    "attributes.frontchannel.logout.session.required": "attributes.frontchannel.logout.url",
}
LISTS = {
    "attributes.request.uris": "request_uris",
    "attributes.default.acr.values": "default_acr_values",
}
BOUND = (
    "attributes.tls.client.certificate.bound.access.tokens",
    "attributes.tls-client-certificate-bound-access-tokens",
)
BOOKS = (
    "id", "clientId", "surrogateAuthRequired", "nodeReRegistrationTimeout", "registeredNodes", "notBefore",
    "access", "registrationAccessToken", "useTemplateConfig", "useTemplateScope", "useTemplateMappers", "origin",
    "type", "attributes.client.secret.creation.time", "attributes.realm_client",
    "attributes.exclude.session.state.from.auth.response", "attributes.token.response.type.bearer.lower-case",
    "attributes.client_credentials.use_refresh_token", "attributes.display.on.consent.screen",
    "attributes.include.in.token.scope", "attributes.x509.allow.regex.pattern.comparison",
    "attributes.client.use.lightweight.access.token.enabled", "attributes.access.token.header.type.rfc9068",
    "attributes.backchannel.logout.revoke.offline.tokens", "attributes.id.token.as.detached.signature",
    "attributes.standard.token.exchange.enableRefreshRequestedTokenType", "attributes.login_theme.inherited",
    "attributes.logout.confirmation.enabled", "fullScopeAllowed", "alwaysDisplayInConsole",
)  # fmt: skip
ROLES = "there are no roles; scope values say what a client may do"
LIVES = "tokens and sessions live as long as the realm says (lifetimes)"
DROPPED = {
    "description": "a client has a name alone",
    "adminUrl": "is told of sign-outs at backchannel_logout_uri alone",
    "baseUrl": "the list of applications does not link to them",
    "webOrigins": "web origins are those of the redirect URIs of public clients",
    "defaultRoles": ROLES,
    "authorizationServicesEnabled": "authorization services are for the API to have",
    "authorizationSettings": "authorization services are for the API to have",
    "authenticationFlowBindingOverrides": "name a journey instead (default_journey)",
    "clientTemplate": "there are no templates",
    "directGrantsOnly": "the password grant is not supported",
    "attributes.login_theme": "pages are the realm's",
    "attributes.consent.screen.text": "the consent page has texts of its own",
    "attributes.acr.loa.map": "levels are the realm's (authentication_contexts)",
    "attributes.minimum.acr.value": "name a journey instead (default_journey)",
    "attributes.access.token.lifespan": LIVES,
    "attributes.access.token.signed.response.alg": "access tokens are signed as the realm says",
    "attributes.client.session.idle.timeout": LIVES,
    "attributes.client.session.max.lifespan": LIVES,
    "attributes.client.offline.session.idle.timeout": LIVES,
    "attributes.client.offline.session.max.lifespan": LIVES,
    "attributes.oauth2.device.code.lifespan": "the device grant is not supported",
    "attributes.oauth2.device.polling.interval": "the device grant is not supported",
    "attributes.oidc.ciba.grant.enabled": "backchannel authentication (CIBA) is not supported",
    "attributes.ciba.backchannel.auth.request.signing.alg": "backchannel authentication (CIBA) is not supported",
    "attributes.ciba.backchannel.token.delivery.mode": "backchannel authentication (CIBA) is not supported",
    "attributes.ciba.backchannel.client.notification.endpoint": "backchannel authentication (CIBA) is not supported",
    "attributes.standard.token.exchange.enabled": "token exchange is not supported",
    "attributes.client.secret.rotated": "a client has one secret",
    "attributes.client.secret.rotated.creation.time": "a client has one secret",
    "attributes.client.secret.rotated.expiration.time": "a client has one secret",
    "attributes.client.secret.expiration.time": "secrets do not expire",
    "attributes.jwt.credential.kid": "a key is recognised by itself",
    "attributes.jwt.credential.sigAlg": "token_endpoint_auth_signing_alg says which algorithm is taken",
}

# --- Realms -------------------------------------------------------------------------------------------------------

LIFETIMES = {
    "accessCodeLifespan": ("code",),
    "accessTokenLifespan": ("access_token", "id_token"),
    "ssoSessionIdleTimeout": ("refresh_token",),
    "ssoSessionMaxLifespan": ("session",),
    "accessCodeLifespanLogin": ("interaction",),
}
REALM_POLICIES = ("webAuthnPolicy", "otpPolicy", "otpSupported", "clientOffline", "clientSession", "attributes.client",
                  "attributes.ciba", "attributes.oauth2Device", "attributes.cibaAuth")  # fmt: skip
REALM_BOOKS = (
    "id", "realm", "notBefore", "keycloakVersion", "sslRequired", "refreshTokenMaxReuse", "revokeRefreshToken",
    "accessTokenLifespanForImplicitFlow", "ssoSessionIdleTimeoutRememberMe", "ssoSessionMaxLifespanRememberMe",
    "offlineSessionIdleTimeout", "offlineSessionMaxLifespanEnabled", "offlineSessionMaxLifespan",
    "accessCodeLifespanUserAction", "actionTokenGeneratedByAdminLifespan", "actionTokenGeneratedByUserLifespan",
    "oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval", "permanentLockout", "maxTemporaryLockouts",
    "bruteForceStrategy", "maxFailureWaitSeconds", "minimumQuickLoginWaitSeconds", "waitIncrementSeconds",
    "quickLoginCheckMilliSeconds", "maxDeltaTimeSeconds", "failureFactor", "requiredCredentials", "defaultRole",
    "browserSecurityHeaders", "eventsEnabled", "eventsListeners", "eventsExpiration", "enabledEventTypes",
    "adminEventsEnabled", "adminEventsDetailsEnabled", "internationalizationEnabled", "supportedLocales",
    "defaultLocale", "authenticatorConfig", "requiredActions", "browserFlow", "registrationFlow", "directGrantFlow",
    "resetCredentialsFlow", "clientAuthenticationFlow", "dockerAuthenticationFlow", "firstBrokerLoginFlow",
    "userManagedAccessAllowed", "scopeMappings", "clientScopeMappings", "defaultDefaultClientScopes",
    "defaultOptionalClientScopes", "userCacheEnabled", "realmCacheEnabled", "privateKey", "publicKey",
    "certificate", "codeSecret", "loginWithEmailAllowed", "duplicateEmailsAllowed", "editUsernameAllowed",
    "bruteForceProtected", "attributes.realmReusableOtpCode", "attributes.frontendUrl", "attributes.acr.loa.map",
    "attributes.shortVerificationUri", "attributes.userProfileEnabled",
    "attributes.actionTokenGeneratedByUserLifespan-verify-email", "attributes.organizationsEnabled",
    "adminPermissionsEnabled", "verifiableCredentialsEnabled", "oid4VciEnabled",
)  # fmt: skip
PEOPLE = "accounts are made by `pushgate user create`, by manifest, or stay where they are (docs/own-users.md)"
REALM_DROPPED = {
    "displayName": "a realm has a name alone",
    "displayNameHtml": "a realm has a name alone",
    "users": PEOPLE,
    "federatedUsers": PEOPLE,
    "groups": PEOPLE,
    "defaultGroups": PEOPLE,
    "roles": ROLES,
    "defaultRoles": ROLES,
    "registrationAllowed": "nobody makes an account for themselves",
    "registrationEmailAsUsername": "nobody makes an account for themselves",
    "rememberMe": "a session lives as long as the realm says (lifetimes.session)",
    "verifyEmail": "no mail is sent",
    "resetPasswordAllowed": "no mail is sent",
    "smtpServer": "no mail is sent",
    "passwordPolicy": "passwords have at least 8 characters",
    "passwordCredentialGrantAllowed": "the password grant is not supported",
    "clientScopes": "a scope value is named by clients and resources; claims belong to the values of OpenID Connect",
    "clientProfiles": "a realm and a client have a security profile (profile)",
    "clientPolicies": "a realm and a client have a security profile (profile)",
    "protocolMappers": "claims are those of the scope values",
    "identityProviders": "there is no sign-in by way of other providers",
    "identityProviderMappers": "there is no sign-in by way of other providers",
    "userFederationProviders": "users who live elsewhere: docs/own-users.md",
    "userFederationMappers": "users who live elsewhere: docs/own-users.md",
    "components": "keys are made anew, and providers are not taken over",
    "authenticationFlows": "how users sign in is said by journeys (docs/sign-in.md)",
    "loginTheme": "the pages are this server's",
    "accountTheme": "the pages are this server's",
    "adminTheme": "the pages are this server's",
    "emailTheme": "no mail is sent",
    "localizationTexts": "translations: docs/languages.md",
    "organizationsEnabled": "there are no organizations; a realm for each does the same",
    "organizations": "there are no organizations; a realm for each does the same",
}
