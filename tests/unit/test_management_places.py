"""Where calls of the management API are, among everything else that comes."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from pushgate.manage.api.places import Place, find_call


@pytest.mark.parametrize(
    ("path", "realm", "below"),
    [
        ("/api/v2", "default", "/api/v2"),
        ("/api/v2/clients/", "default", "/api/v2/clients"),
        ("/api/v2/clients/a%2Fb", "default", "/api/v2/clients/a%2Fb"),
        ("/realms/a-1/api/v2/clients", "a-1", "/api/v2/clients"),
        ("/t/x/api/v2/users", "x", "/api/v2/users"),
        ("/am/oauth2/realms/root/realms/x/api/v2/users", "x", "/api/v2/users"),
        ("/am/oauth2/api/v2/users", "default", "/api/v2/users"),
        ("/t/x/api/server/v1/applications/c/inbound-protocols/oidc", "x",
         "/api/server/v1/applications/c/inbound-protocols/oidc"),
        ("/am/json/realm-config/services/oauth-oidc", "default", "/realm-config/services/oauth-oidc"),
        ("/am/json/realms/root/realms/x/realm-config/agents/OAuth2Client/c", "x",
         "/realm-config/agents/OAuth2Client/c"),
        ("/realms/x/v1.0/applications/c", "x", "/v1.0/applications/c"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("root", ["", "/auth"])
def test_a_call(path: str, realm: str, below: str, root: str) -> None:
    assert find_call(unquote(root + path), (root + path).encode(), root) == Place(realm, below)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/oauth2/par", "/oauth2/token", "/api", "/api/v1/clients", "/api/v20", "/realms/default/api/v2/clients",
        "/realms/X/api/v2/clients", "/realms/x/y/api/v2/clients", "/api/identity/oauth2/dcr/v1.1/register",
        "/t/default/api/v2", "/console/api/v2", "/v1.0/", "/realm-config/services/oauth-oidc",
    ],
)  # fmt: skip
def test_what_is_none(path: str) -> None:
    assert find_call(path, path.encode(), "") is None


def test_without_the_path_as_it_was_sent() -> None:
    assert find_call("/api/v2/clients/a b", None, "") == Place("default", "/api/v2/clients/a%20b")
    assert find_call("/api/v2/clients", b"/api/v2/clients", "/auth") is None
