"""The samples of the five products' documents, as their readers paste them: literal bytes, sent by curl."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt

from tests.support.live import Live, serving
from tests.support.manifests import KEY
from tests.support.products import CHALLENGE, CLIENT, SECRET, manifest, request_object

BASIC = "Authorization: Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a realm for each product."""
    with serving(tmp_path_factory.mktemp("products"), manifest()) as live:
        yield live


def curl(live: Live, path: str, *arguments: str, body: str) -> tuple[int, dict[str, Any]]:
    """What `curl --data` sends, byte for byte: status and JSON."""
    command = ["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", "--request", "POST"]
    for argument in arguments:
        command += ["--header", argument]
    done = subprocess.run([*command, "--data", body, live.url + path], capture_output=True, text=True, check=True)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


def pushed(answer: tuple[int, dict[str, Any]], lifetime: int) -> None:
    """201 with exactly the two members."""
    status, document = answer
    assert status == 201, document
    assert document.keys() == {"request_uri", "expires_in"}
    assert document["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert document["expires_in"] == lifetime


# --- WSO2 Identity Server -------------------------------------------------------------------------------------------

WSO2 = (
    f"client_id={CLIENT}&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fplayground2&response_type=code&scope=openid+email"
)


@pytest.mark.requirement("VEN-T-1", "VEN-S-1", "VEN-S-2")
@pytest.mark.parametrize("path", ["/t/acme/oauth2/par", "/realms/acme/oauth2/par", "/t/acme/oauth2/par/"])
def test_wso2(products: Live, path: str) -> None:
    pushed(curl(products, path, BASIC, "accept: application/json", body=WSO2), 60)


@pytest.mark.requirement("VEN-A-1")
def test_wso2_with_the_secret_in_the_body(products: Live) -> None:
    body = WSO2.replace(CLIENT, "post")
    pushed(curl(products, "/t/acme/oauth2/par", body=f"{body}&client_secret={SECRET}"), 60)


@pytest.mark.requirement("VEN-T-4")
def test_wso2_with_two_fields_that_lost_their_names(products: Live) -> None:
    body = f"client_id={CLIENT}&=http%3A%2F%2Flocalhost%3A8080%2Fplayground2&response_type=code&=openid+email"
    pushed(curl(products, "/t/acme/oauth2/par", BASIC, body=body), 60)


# --- Auth0 ----------------------------------------------------------------------------------------------------------

AUTH0 = (
    "response_type=code&redirect_uri=https://your-app.com/callback&scope=openid profile email&state=xyzABC123"
    f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
)


@pytest.mark.requirement("VEN-T-5", "VEN-A-2", "VEN-S-2")
@pytest.mark.parametrize("header", ["Authorization: Bearer <token>", "X-Nothing: x"])
def test_auth0(products: Live, header: str) -> None:
    body = f"client_id=post&client_secret={SECRET}&{AUTH0}"
    pushed(curl(products, "/realms/tenant/oauth/par", header, FORM, body=body), 90)


@pytest.mark.requirement("VEN-T-5", "VEN-A-1")
def test_auth0_with_an_assertion(products: Live) -> None:
    now = int(time.time())
    for number, audience in enumerate((f"{products.url}/realms/tenant/", f"{products.url}/realms/tenant/oauth/par")):
        claims = {"iss": "jwt", "sub": "jwt", "aud": audience, "jti": f"auth0-{number}", "iat": now, "exp": now + 60}
        assertion = jwt.encode({"alg": "ES256", "kid": "test-key"}, claims, KEY)
        body = (
            f"client_id=jwt&client_assertion={assertion}"
            f"&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&{AUTH0}"
        )
        pushed(curl(products, "/realms/tenant/oauth/par", body=body), 90)


# --- PingOne Advanced Identity Cloud ---------------------------------------------------------------------------------

PING = "/am/oauth2/realms/root/realms/alpha"


def ping_object(**changes: Any) -> str:
    """The claims of the sample."""
    now = int(time.time())
    sample = {
        "client_id": "post", "redirect_uri": "https://www.example.com:8443", "scope": "write", "response_type": "code",
        "nbf": now, "exp": now + 360, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return request_object(**{**sample, **changes})


@pytest.mark.requirement("VEN-T-1", "VEN-S-2")
def test_pingone(products: Live) -> None:
    body = f"client_id=post&client_secret={SECRET}&request={ping_object()}"
    pushed(curl(products, f"{PING}/par", body=body), 90)


@pytest.mark.requirement("VEN-P-1")
@pytest.mark.parametrize("name", ["scope", "redirect_uri", "state", "nonce", "claims"])
def test_pingone_refuses_what_is_beside_the_object(products: Live, name: str) -> None:
    body = f"client_id=post&client_secret={SECRET}&request={ping_object()}&{name}=write"
    status, document = curl(products, f"{PING}/par", body=body)
    assert (status, document["error"]) == (400, "invalid_request")
    assert f"Invalid parameter {name}" in document["error_description"]


@pytest.mark.requirement("VEN-P-5")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"nbf": 1_600_000_000, "exp": 1_600_000_360}, "invalid_request_object"),
        # What the product's page prints is three characters short.
        ({"code_challenge": "QR1D-9w1-rOQvlFe4CfqYigylOZLRrVHhN5kuE1v"}, "invalid_request"),
    ],
)
def test_pingone_objects_that_do_not_hold(products: Live, changes: dict[str, Any], error: str) -> None:
    body = f"client_id=post&client_secret={SECRET}&request={ping_object(**changes)}"
    status, document = curl(products, f"{PING}/par", body=body)
    assert (status, document["error"]) == (400, error)


@pytest.mark.requirement("VEN-P-2")
@pytest.mark.parametrize(
    "changes", [{"response_type": "token"}, {"code_challenge": None, "code_challenge_method": None}]
)
def test_pingone_without_pkce_and_implicit(products: Live, changes: dict[str, Any]) -> None:
    body = f"client_id=post&client_secret={SECRET}&request={ping_object(**changes)}"
    pushed(curl(products, f"{PING}/par", body=body), 90)


# --- IBM Verify -----------------------------------------------------------------------------------------------------

IBM = (
    "response_type=code id_token&response_mode=form_post.jwt&redirect_uri=https://verify.example/cb&scope=openid"
    '&state=12345678&nonce=12345678&login_hint={"realm":"cloudIdentityRealm","username":"alice"}'
    '&claims={"id_token":{"email":null}}&max_age=300'
)


@pytest.mark.requirement("VEN-P-3", "VEN-P-4", "VEN-P-6")
def test_ibm(products: Live) -> None:
    pushed(curl(products, "/realms/verify/oauth2/par", BASIC, body=IBM), 60)


@pytest.mark.requirement("VEN-A-1")
def test_ibm_with_the_secret_in_the_body_and_without_any(products: Live) -> None:
    path = "/realms/verify/oauth2/par"
    pushed(curl(products, path, body=f"client_id=post&client_secret={SECRET}&{IBM}"), 60)
    public = IBM.replace("code id_token", "code") + f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
    pushed(curl(products, path, body=f"client_id=spa&{public}"), 60)
    status, document = curl(products, path, body=f"client_id=post&client_secret=wrong&{IBM}")
    assert (status, document["error"]) == (401, "invalid_client")


@pytest.mark.requirement("VEN-P-4")
@pytest.mark.parametrize("name", ["state", "nonce"])
def test_ibm_wants_eight_characters(products: Live, name: str) -> None:
    body = IBM.replace(f"{name}=12345678", f"{name}=1234567")
    status, document = curl(products, "/realms/verify/oauth2/par", BASIC, body=body)
    assert (status, document["error"]) == (400, "invalid_request")
