"""How a product behaves on the wire: dialects as values."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a product keeps its endpoints, below the issuer."""

    par: str = "/oauth2/par"
    authorize: str = "/oauth2/authorize"
    token: str = "/oauth2/token"
    userinfo: str = "/oauth2/userinfo"
    introspect: str = "/oauth2/introspect"
    revoke: str = "/oauth2/revoke"
    jwks: str = "/oauth2/jwks"
    end_session: str = "/oauth2/logout"
    check_session: str = "/oauth2/check-session"
    register: str = "/oauth2/register"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A product's wire behaviour. A field exists only if two shipped dialects differ in it, or one names it."""

    name: str
    paths: Paths
    request_lifetime: int  # seconds, where neither realm nor client says
    local_directory: str = "local"  # what `login_hint` calls the local accounts


RFC9126 = Dialect(name="rfc9126", paths=Paths(), request_lifetime=60)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({d.name: d for d in (RFC9126,)})
