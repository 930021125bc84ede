"""Users, how they sign in, and their sessions."""

from __future__ import annotations

from typing import Any, Literal

from pushgate.model.base import Record


class User(Record, frozen=True):
    """A local account."""

    sub: str
    username: str
    password_hash: str | None = None
    claims: dict[str, Any] = {}
    enabled: bool = True

    def __repr__(self) -> str:
        return f"User({self.sub!r}, {self.username!r})"


class Credential(Record, frozen=True):
    """A second factor or a passkey of a user."""

    credential_id: str
    sub: str
    kind: Literal["totp", "passkey"]
    label: str
    created_at: int
    sealed: bytes | None = None  # the TOTP secret, sealed with the server's secret key
    last_step: int | None = None  # the last TOTP time step that was used: each is good for one sign-in (RFC 6238 5.2)
    webauthn_id: bytes | None = None  # the passkey's own id
    public_key: bytes | None = None  # COSE
    sign_count: int = 0
    last_used_at: int | None = None

    def __repr__(self) -> str:
        return f"Credential({self.credential_id!r}, {self.kind!r})"


class Session(Record, frozen=True):
    """A signed-in browser (single sign-on). `methods`: when each method of its `amr` was used, the last time."""

    sid: str
    sub: str
    username: str
    authenticated_at: float
    expires_at: int
    amr: tuple[str, ...] = ("pwd",)
    browser: str | None = None  # what the browser said it is, in a few words, for the account page
    methods: dict[str, float] = {}

    @property
    def used(self) -> dict[str, float]:
        """RFC 8176 names of the methods to the time of their use."""
        return self.methods or dict.fromkeys(self.amr, self.authenticated_at)


class LogoutDelivery(Record, frozen=True):
    """What a client has yet to be told: that a session of its user is over (OpenID Connect Back-Channel Logout)."""

    client_id: str
    sub: str
    sid: str
    attempts: int = 0
