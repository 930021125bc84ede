"""The frozen types that travel through the house. Records kept in a store are encoded with msgpack.

Members that come from a request or from client metadata keep their IANA names.
"""

from __future__ import annotations

from pushgate.model.account import Credential, LogoutDelivery, Session, User
from pushgate.model.base import AuthMethod, Details, Fact, Method, Record, words
from pushgate.model.client import Client, ClientSecret
from pushgate.model.grant import AuthorizationCode, Confirmation, Grant, RefreshToken
from pushgate.model.realm import (
    AuthenticationContext,
    AuthorizationDetailsType,
    InitialAccessToken,
    Journey,
    Lifetimes,
    PushedAuthorizationRequests,
    Rates,
    RealmSettings,
    Registration,
    Resource,
    StatementIssuer,
    StoredKey,
)
from pushgate.model.request import (
    AuthorizationRequest,
    ClaimsRequest,
    ClaimWish,
    Interaction,
    PushedAuthorizationRequest,
)

__all__ = [
    "AuthMethod",
    "AuthenticationContext",
    "AuthorizationCode",
    "AuthorizationDetailsType",
    "AuthorizationRequest",
    "ClaimWish",
    "ClaimsRequest",
    "Client",
    "ClientSecret",
    "Confirmation",
    "Credential",
    "Details",
    "Fact",
    "Grant",
    "InitialAccessToken",
    "Interaction",
    "Journey",
    "Lifetimes",
    "LogoutDelivery",
    "Method",
    "PushedAuthorizationRequest",
    "PushedAuthorizationRequests",
    "Rates",
    "RealmSettings",
    "Record",
    "RefreshToken",
    "Registration",
    "Resource",
    "Session",
    "StatementIssuer",
    "StoredKey",
    "User",
    "words",
]
