"""Resource indicators: which are read, which a client may name, the audience and scope they lead to. RFC 8707."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushgate.errors import InvalidScope, InvalidTarget, OAuthError
from pushgate.model import Resource
from pushgate.protocol.resource import (
    audience,
    check_resources,
    check_subset,
    parse_resources,
    scope_for,
)
from tests.support.strategies import anything, is_refusal, thoroughly, uris

ISSUER = "https://as.example"
CALENDAR, CONTACTS, BARE = "https://calendar.example/", "https://contacts.example/api?v=1", "urn:example:bare"
KNOWN = (
    Resource(identifier=CALENDAR, scopes=("calendar", "read")),
    Resource(identifier=CONTACTS, scopes=("contacts", "read")),
    Resource(identifier=BARE),
)


def refused(problem: pytest.ExceptionInfo[OAuthError], refusal: str, code: str = "invalid_target") -> None:
    """This refusal, with this code."""
    assert (problem.value.refusal.id, problem.value.code, problem.value.status) == (refusal, code, 400)


# --- Reading ----------------------------------------------------


@pytest.mark.requirement("RES-2-1")
def test_absolute_uris_are_read_in_order_and_without_doubles() -> None:
    assert parse_resources(None) == ()
    assert parse_resources(CALENDAR) == (CALENDAR,)
    assert parse_resources(f"{CONTACTS} {CALENDAR} {CONTACTS}") == (CONTACTS, CALENDAR)
    assert parse_resources(" ".join(f"https://r{n}.example" for n in range(10)))[9] == "https://r9.example"
    for uri in (BARE, "https://[::1]:8443/x", "http://127.0.0.1", "api:orders", "HTTPS://API.example/%7Ea"):
        assert parse_resources(uri) == (uri,)


@pytest.mark.requirement("RES-2-1")
@pytest.mark.parametrize(
    "value",
    [
        "", " ", "api", "/api", "//api.example", "api.example/x", "https://api.example#x", "https://api.example#",
        "https://api.example/a b", "https://api.example  https://b.example", " https://api.example", "https:", "https://",
        "https:///x", "https:api", "https://user@api.example", "https://user:pw@api.example", "https://api.example\\x",
        "https://äpi.example", "https://api.example/\t", "https://api.example/\n", "https://api.example/%zz",
        "https://api.example:port", "https://api.example:99999", "https://[::1", 'https://api.example/"', "1a:b",
        "https://api.example/<script>", "https://api.example/\x00", "https://api.example/" + "x" * 2000,
        " ".join(["https://api.example"] * 11), "https://api.example/ " * 2000,
    ],
)  # fmt: skip
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(InvalidTarget) as problem:
        parse_resources(value)
    refused(problem, "request.resource_malformed")


@pytest.mark.requirement("RES-2-1")
@thoroughly
@given(st.text() | uris | st.lists(uris, max_size=12).map(" ".join))
def test_any_text_is_resources_or_refused(value: str) -> None:
    try:
        found = parse_resources(value)
    except OAuthError as problem:
        is_refusal(problem, "invalid_target")
    else:
        assert 1 <= len(found) <= 10
        assert set(found) == set(value.split(" "))
        assert not any("#" in uri or "\\" in uri for uri in found)
        assert all(uri.isascii() and uri.isprintable() and ":" in uri for uri in found)


# --- Which may be named -----------------------------------------


def bad(
    wanted: tuple[str, ...], refusal: str, allowed: frozenset[str] | None = None, *, demanded: bool = False
) -> None:
    """These resources cannot be asked for."""
    with pytest.raises(InvalidTarget) as problem:
        check_resources(wanted, KNOWN, allowed, demanded=demanded)
    refused(problem, refusal)


@pytest.mark.requirement("RES-2.1-1")
def test_a_known_resource_may_be_named() -> None:
    check_resources((), KNOWN, None)
    check_resources((CALENDAR, BARE), KNOWN, None, demanded=True)
    check_resources((CALENDAR,), KNOWN, frozenset({CALENDAR}))


@pytest.mark.requirement("RES-2.1-1")
@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example/",
        CALENDAR[:-1],
        CALENDAR + "x",
        CALENDAR.upper(),
        "https://calendar.example:443/",
        ISSUER,
    ],
)
def test_an_unknown_resource_is_refused(uri: str) -> None:
    bad((uri,), "request.resource_unknown")
    bad((CALENDAR, uri), "request.resource_unknown")
    bad((uri,), "request.resource_unknown", frozenset({uri}))


@pytest.mark.requirement("RES-2.1-1")
def test_a_resource_of_other_clients_is_refused() -> None:
    bad((CALENDAR, CONTACTS), "request.resource_not_allowed", frozenset({CALENDAR}))
    bad((CALENDAR,), "request.resource_not_allowed", frozenset())


@pytest.mark.requirement("RES-2.1-2")
def test_a_resource_can_be_demanded() -> None:
    bad((), "request.resource_missing", demanded=True)


# --- Audience ---------------------------------------------------


@pytest.mark.requirement("RES-2.2-3", "JAT-3-1")
@pytest.mark.parametrize("scope", [(), ("openid",), ("openid", "calendar"), ("calendar", "contacts"), ("read",)])
@pytest.mark.parametrize("default", [None, BARE])
def test_the_audience_is_what_was_asked_for_and_nothing_else(scope: tuple[str, ...], default: str | None) -> None:
    for wanted in ((CALENDAR,), (CONTACTS, CALENDAR)):
        assert audience(scope, wanted, KNOWN, ISSUER, default) == wanted


@pytest.mark.requirement("JAT-3-1", "RES-2.1-2")
@pytest.mark.parametrize(
    ("scope", "without", "with_default"),
    [
        ((), (ISSUER,), (BARE,)),
        (("custom",), (ISSUER,), (BARE,)),
        (("openid",), (ISSUER,), (ISSUER,)),
        (("openid", "email", "offline_access"), (ISSUER,), (ISSUER,)),
        (("openid", "custom"), (ISSUER,), (BARE, ISSUER)),
        (("email",), (ISSUER,), (BARE,)),
        (("calendar",), (CALENDAR,), (CALENDAR,)),
        (("calendar", "custom"), (CALENDAR,), (CALENDAR,)),
        (("openid", "contacts"), (CONTACTS, ISSUER), (CONTACTS, ISSUER)),
    ],
)
def test_without_resource_the_scopes_lead_to_an_audience(
    scope: tuple[str, ...], without: tuple[str, ...], with_default: tuple[str, ...]
) -> None:
    assert audience(scope, (), KNOWN, ISSUER, None) == without
    assert audience(scope, (), KNOWN, ISSUER, BARE) == with_default
    assert audience(scope, (), KNOWN, ISSUER, ISSUER) == without


@pytest.mark.requirement("JAT-3-1")
@pytest.mark.parametrize("scope", [("calendar", "contacts"), ("openid", "read")])
@pytest.mark.parametrize("default", [None, BARE])
def test_scopes_of_two_resources_are_refused(scope: tuple[str, ...], default: str | None) -> None:
    with pytest.raises(InvalidScope) as problem:
        audience(scope, (), KNOWN, ISSUER, default)
    refused(problem, "request.scope_mixed_resources", "invalid_scope")


# --- Scope ------------------------------------------------------


@pytest.mark.requirement("RES-2.2-4", "JAT-2.2.3-1")
def test_the_scope_is_what_the_resources_understand() -> None:
    scope = ("openid", "contacts", "email", "read", "calendar", "custom")
    assert scope_for(scope, (), KNOWN) == scope
    assert scope_for(scope, (CALENDAR,), KNOWN) == ("read", "calendar")
    assert scope_for(scope, (CONTACTS,), KNOWN) == ("contacts", "read")
    assert scope_for(scope, (CALENDAR, CONTACTS), KNOWN) == ("contacts", "read", "calendar")
    assert scope_for(scope, (BARE,), KNOWN) == ()


@pytest.mark.requirement("JAT-2.2.3-1")
@anything
@given(
    st.lists(st.sampled_from(["openid", "email", "calendar", "contacts", "read", "custom"]), unique=True).map(tuple),
    st.lists(st.sampled_from([CALENDAR, CONTACTS, BARE]), min_size=1, unique=True).map(tuple),
)
def test_every_scope_value_means_something_to_the_audience(scope: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    kept = scope_for(scope, wanted, KNOWN)
    named = audience(scope, wanted, KNOWN, ISSUER, None)
    assert all(any(value in r.scopes and r.identifier in named for r in KNOWN) for value in kept)
    assert kept == tuple(value for value in scope if value in kept)


# --- The token endpoint -----------------------------------------


@pytest.mark.requirement("RES-2.2-1")
def test_a_token_request_asks_for_resources_of_the_grant() -> None:
    for wanted in ((), (CALENDAR,), (CONTACTS, CALENDAR)):
        check_subset(wanted, (CALENDAR, CONTACTS))
    for wanted, granted in (((BARE,), (CALENDAR,)), ((CALENDAR, BARE), (CALENDAR,)), ((CALENDAR,), ())):
        with pytest.raises(InvalidTarget) as problem:
            check_subset(wanted, granted)
        refused(problem, "token.resource")
