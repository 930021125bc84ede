"""The rules an authorization request must satisfy, in order. One screen; read `RULES` first.

The redirect URI and the response mode are not among them: they are checked before, in
`redirect_uri.reply_to`, because only then can a refusal be sent to the client. The same table serves a
push and a request through the browser, and is applied again when a pushed request is opened, under the
policy of that moment.
"""

from __future__ import annotations

from collections.abc import Callable

from pushgate import refusals
from pushgate.dialects import RFC9126
from pushgate.errors import OAuthError
from pushgate.model import AuthorizationRequest, Client, Fact, RealmSettings
from pushgate.profiles import Policy
from pushgate.protocol import dpop, pkce
from pushgate.protocol.access import access_for, resources_allowed, types_allowed
from pushgate.protocol.authorization_details import check_details
from pushgate.protocol.journey import journey_named
from pushgate.protocol.login_hint import hinted_username
from pushgate.protocol.redirect_uri import FRONT_CHANNEL, response_mode
from pushgate.protocol.resource import check_resources
from pushgate.protocol.scopes import OPENID, grantable

MAX_NONCE = 1000
KNOWN_PROMPTS = RFC9126.prompts


class Facts(Fact, frozen=True, kw_only=True, gc=True):  # holds an exception, whose traceback holds these facts
    """What the rules look at."""

    request: AuthorizationRequest
    client: Client
    policy: Policy
    pushed: bool
    signed: bool
    default_scope: tuple[str, ...] | None
    settings: RealmSettings
    issuer: str
    known_scopes: frozenset[str]
    """The scope values that the realm knows by itself, under the policy."""
    malformed: OAuthError | None = None
    """What parsing found that cannot be represented."""

    @property
    def scope(self) -> tuple[str, ...]:
        """The scope values a user can be asked for; none beside details alone. Raises InvalidScope.

        RFC 6749 3.3, RFC 9396 3.1.
        """
        asked = self.request.scope if self.request.scope is not None else self.default_scope
        if asked == () or (asked is None and self.request.authorization_details):
            return ()
        if asked is None:
            raise refusals.SCOPE_MISSING()
        return grantable(asked, self.client.scopes, self.known_scopes)


def well_formed(f: Facts) -> None:
    """RFC 6749 3.1, 3.3: no parameter twice, values of the right shape."""
    if f.malformed is not None:
        raise f.malformed


def response_type_present(f: Facts) -> None:
    """RFC 6749 3.1.1."""
    if f.request.response_type is None:
        raise refusals.RESPONSE_TYPE_MISSING()


def response_type_supported(f: Facts) -> None:
    """RFC 6749 3.1.1, 4.1.2.1."""
    if f.request.response_type not in f.policy.profile.response_types:
        raise refusals.RESPONSE_TYPE_UNSUPPORTED()


def response_type_registered(f: Facts) -> None:
    """RFC 6749 4.1.2.1, RFC 9700 2.1.2: front-channel tokens only for clients that list the type."""
    code_without_grant = "code" in f.request.response_types and "authorization_code" not in f.client.grant_types
    if f.request.response_type not in f.policy.response_types or code_without_grant:
        raise refusals.RESPONSE_TYPE_UNAUTHORIZED()


def response_mode_keeps_tokens_out_of_the_query(f: Facts) -> None:
    """OAuth 2.0 Multiple Response Types 3.0, 5; JARM 2.3.1: except where the response is encrypted."""
    open_query = f.request.response_mode == "query" or (
        f.request.response_mode == "query.jwt" and f.client.authorization_encrypted_response_alg is None
    )
    if open_query and f.request.response_types & FRONT_CHANNEL:
        raise refusals.RESPONSE_MODE_QUERY()


def response_mode_allowed(f: Facts) -> None:
    """FAPI2-MS 5.3.3, 5.4.1; a mode that is left out is the default one."""
    if f.policy.response_modes.isdisjoint((f.request.response_mode, response_mode(f.request))):
        raise refusals.RESPONSE_MODE_UNAUTHORIZED()


def pushed_if_required(f: Facts) -> None:
    """RFC 9126 4, 5, 6."""
    if f.policy.par_required and not f.pushed:
        raise refusals.PAR_REQUIRED()


def signed_if_required(f: Facts) -> None:
    """RFC 9101 10.5, RFC 9126 3, FAPI2-MS 5.3.1."""
    if f.policy.signed_request_required and not f.signed:
        raise refusals.SIGNED_REQUIRED()


def scope_allowed(f: Facts) -> None:
    """RFC 6749 3.3; unknown values are dropped beside openid (OpenID Connect Core 3.1.2.1)."""
    _ = f.scope


def resources_known(f: Facts) -> None:
    """RFC 8707 2.1."""
    demanded = f.settings.resource_required
    check_resources(f.request.resource, f.settings.resources, resources_allowed(f.client), demanded=demanded)


def details_valid(f: Facts) -> None:
    """RFC 9396 5, 10."""
    if f.request.authorization_details:
        types = f.settings.authorization_details_types
        check_details(f.request.authorization_details, types, types_allowed(f.client))


def scope_of_one_resource(f: Facts) -> None:
    """RFC 9068 3: scopes of different default resources make an ambiguous audience."""
    access_for(f.scope, f.request.resource, f.request.authorization_details, f.client, f.settings, f.issuer)


def openid_for_id_token(f: Facts) -> None:
    """OpenID Connect Core 3.2.2.1, 3.3.2.1."""
    if "id_token" in f.request.response_types and OPENID not in f.scope:
        raise refusals.OPENID_MISSING()


def nonce_for_front_channel_id_token(f: Facts) -> None:
    """OpenID Connect Core 3.2.2.1, 3.3.2.11."""
    if "id_token" in f.request.response_types and not f.request.nonce:
        raise refusals.NONCE_MISSING()


def nonce_of_sane_length(f: Facts) -> None:
    """It is repeated in every ID Token of the flow, so it is bounded."""
    if f.request.nonce is not None and len(f.request.nonce) > MAX_NONCE:
        raise refusals.VALUE_TOO_LONG()


def state_and_nonce_long_enough(f: Facts) -> None:
    """Where a product wants them long: `Dialect.shortest_state`."""
    for value in (f.request.state, f.request.nonce):
        if value is not None and len(value) < f.policy.dialect.shortest_state:
            raise refusals.VALUE_TOO_SHORT()


def code_challenge(f: Facts) -> None:
    """RFC 7636 4.2-4.4.1; who must use it: `Policy.pkce_required`; how: `Dialect.challenge_methods`."""
    required = f.policy.pkce_required and "code" in f.request.response_types
    methods = f.policy.dialect.challenge_methods
    pkce.check_challenge(f.request.code_challenge, challenge_method(f.request, f.policy), methods, required=required)


def challenge_method(request: AuthorizationRequest, policy: Policy) -> str | None:
    """How the code challenge was made: as the request says, else as is usual for the product. RFC 7636 4.3."""
    default = None if request.code_challenge is None else policy.dialect.default_challenge_method
    return request.code_challenge_method or default


def key_of_the_code(f: Facts) -> None:
    """RFC 9449 10."""
    dpop.check_jkt(f.request.dpop_jkt)


def prompts_of_the_product(f: Facts) -> None:
    """No value that the product lacks: `Dialect.prompts`. What nobody knows is ignored. OpenID Connect Core 3.1.2.1."""
    if KNOWN_PROMPTS.intersection(f.request.prompt) - f.policy.dialect.prompts:
        raise refusals.PROMPT_UNKNOWN()


def prompt_none_alone(f: Facts) -> None:
    """OpenID Connect Core 3.1.2.1."""
    if "none" in f.request.prompt and len(set(f.request.prompt)) > 1:
        raise refusals.PROMPT_NONE()


def journey_known(f: Facts) -> None:
    """`service` names a journey of the realm, or a built-in one."""
    if f.request.service is not None and journey_named(f.request.service, f.settings.journeys) is None:
        raise refusals.SERVICE_UNKNOWN()


def login_hint_understood(f: Facts) -> None:
    """OpenID Connect Core 3.1.2.1; in its JSON form it names a directory that is there."""
    hinted_username(f.request.login_hint, f.policy.dialect.local_directory)


RULES: tuple[Callable[[Facts], None], ...] = (
    well_formed,
    pushed_if_required,
    signed_if_required,
    response_type_present,
    response_type_supported,
    response_type_registered,
    response_mode_keeps_tokens_out_of_the_query,
    response_mode_allowed,
    scope_allowed,
    resources_known,
    details_valid,
    scope_of_one_resource,
    openid_for_id_token,
    nonce_for_front_channel_id_token,
    nonce_of_sane_length,
    state_and_nonce_long_enough,
    code_challenge,
    key_of_the_code,
    prompts_of_the_product,
    prompt_none_alone,
    journey_known,
    login_hint_understood,
)


def check(facts: Facts) -> tuple[str, ...]:
    """Apply every rule in order; the first refusal speaks. Returns the scope that may be granted."""
    for rule in RULES:
        rule(facts)
    return facts.scope


OF_VALUES = (
    nonce_for_front_channel_id_token,
    nonce_of_sane_length,
    state_and_nonce_long_enough,
    code_challenge,
    key_of_the_code,
)
"""The rules that look at what is new in each request of a client: state, nonce, code challenge and the proof's key."""


def check_values(facts: Facts) -> None:
    """Apply the rules that look at such values, where all the others let the rest of the request pass before."""
    for rule in OF_VALUES:
        rule(facts)
