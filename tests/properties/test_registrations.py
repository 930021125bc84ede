"""Whatever an operator writes: a registration is good or has problems, a manifest is read or complained about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pushgate.manage.inputs import ManifestInput
from pushgate.manage.manifest import BadManifest, Complaint, Document, parse, typed
from pushgate.model import Client
from pushgate.profiles import OAUTH2, OIDC
from pushgate.protocol.client_auth import METHODS
from pushgate.protocol.client_metadata import REGISTRABLE
from pushgate.protocol.mtls import SUBJECT_MEMBERS
from pushgate.protocol.registration import complete, problems
from pushgate.testing import running
from tests.support.strategies import anything, json_values, jwks, pieces, thoroughly, uris

# --- Registrations and manifests -----------------------------------------------------------------------------

names = st.text(max_size=12) | uris
clients = st.builds(
    Client,
    client_id=names,
    token_endpoint_auth_method=st.sampled_from(METHODS) | names,
    token_endpoint_auth_signing_alg=st.none() | st.sampled_from(["ES256", "HS256", "none"]) | names,
    application_type=st.sampled_from(["web", "native"]),
    redirect_uris=st.lists(names, max_size=2).map(tuple),
    grant_types=st.lists(
        st.sampled_from(["authorization_code", "implicit", "client_credentials"]) | names, max_size=2
    ).map(tuple),
    response_types=st.lists(st.sampled_from(["code", "token", "id_token"]) | names, max_size=2).map(tuple),
    scope=st.none() | names,
    jwks=st.none() | st.dictionaries(st.just("keys") | names, st.lists(jwks, max_size=2) | json_values, max_size=2),
    jwks_uri=st.none() | names,
    request_uris=st.lists(names, max_size=2).map(tuple),
    client_uri=st.none() | names,
    profile=st.none() | st.sampled_from(["oauth2", "oidc"]) | names,
    par_request_expiry=st.none() | st.integers(),
    default_max_age=st.none() | st.integers(),
    pushed_redirect_uri_prefixes=st.lists(names, max_size=2).map(tuple),
    tls_client_certificate_bound_access_tokens=st.booleans(),
    **dict.fromkeys(SUBJECT_MEMBERS, st.none() | names),
)


@pytest.mark.filterwarnings("ignore:Key size should be")
@anything
@given(clients, st.none() | names, st.sampled_from([OAUTH2, OIDC]))
def test_any_registration_is_good_or_has_problems_in_words(client: Client, secret: str | None, profile: Any) -> None:
    for problem in problems(client, secret, profile):
        assert problem.field
        assert problem.reason


@anything
@given(
    st.dictionaries(
        st.sampled_from(["redirect_uris", "application_type", "grant_types"]), json_values | st.lists(names)
    )
)
def test_anything_can_be_completed(members: dict[str, Any]) -> None:
    assert members.items() <= complete(members).items()


yaml_pieces = pieces(
    "a", ":", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", '"', "&a ", "*a", "!!int ", "!x ", "|", ">", "#",
    "?", "%", "---", "...", "<<", "=", "~", "0x_", "0b_", "1" * 5000, "1e400", ".inf", ".nan", "2020-01-01", "12:30:45",
    "\t", "\ud800", "\ufeff", "\0", "realms", "name", "default", "clients", "client_id", "users",
    size=14,
)  # fmt: skip
realms = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("default") | json_values,
        "profile": json_values,
        "clients": st.lists(
            st.dictionaries(st.sampled_from(["client_id", "redirect_uris", "scope", "jwks"]), json_values), max_size=2
        )
        | json_values,
        "users": json_values,
        "resources": json_values,
        "lifetimes": json_values,
        "x": json_values,
    },
)
manifests = (
    st.text(max_size=40)
    | yaml_pieces
    | st.lists(realms | json_values, max_size=2).map(lambda r: json.dumps({"realms": r}))
)


@thoroughly
@given(manifests)
@example("[" * 1_000)
@example("- " * 100_000)
@example("{a: " * 1_000)
@example("=")
@example("a: <<")
@example("a: 0x_")
@example("a: " + "9" * 5_000)
@example("\ud800")
@example('{"realms": [{"name": "default", "clients": null}]}')
def test_any_text_is_a_manifest_or_complaints(source: str) -> None:
    try:
        document = parse(source, "manifest.yaml")
        assert isinstance(document, Document)
        found = typed(document)
    except BadManifest as bad:
        are_complaints(bad.complaints)
        return
    assert isinstance(found, ManifestInput)
    assert msgspec.convert(msgspec.to_builtins(found), ManifestInput) == found


def are_complaints(complaints: list[Complaint]) -> None:
    """There is at least one, and each says where and why."""
    assert complaints
    for complaint in complaints:
        assert str(complaint).startswith(f"manifest.yaml:{complaint.line}: ")
        assert complaint.line >= 1
        assert complaint.reason


# --- Dynamic registration ----------------------------------------------------------------------------------------

members = st.dictionaries(
    st.sampled_from([*REGISTRABLE, "software_statement", "client_name#de", "client_id"]) | names,
    json_values,
    max_size=6,
)


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Callable[[bytes], httpx.Response]]:
    """Sends a body to the registration endpoint of a server that takes everybody."""
    with asyncio.Runner() as runner, capture_logs():
        stack = AsyncExitStack()
        manifest = 'realms: [{name: default, registration: {mode: "open", per_minute: 0}}]'
        server = runner.run(stack.enter_async_context(running(manifest)))
        json_type = {"content-type": "application/json"}
        try:
            yield lambda body: runner.run(server.http.post("/oauth2/register", content=body, headers=json_type))
        finally:
            runner.run(stack.aclose())


@thoroughly
@given(body=st.binary(max_size=300) | members.map(lambda value: json.dumps(value).encode()))
@example(body=b'{"redirect_uris": ["https://a.example/"], "client_name": "\\ud800"}')
def test_whatever_is_registered_is_taken_or_refused(
    open_to_all: Callable[[bytes], httpx.Response], body: bytes
) -> None:
    reply = open_to_all(body)
    assert reply.status_code in (201, 400), reply.text
    assert reply.headers["content-type"] == "application/json"
    assert reply.json().get("client_id") or reply.json()["error_description"].isascii()
