"""What every record is made of, and a few types that several of them share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeVar

import msgspec

R = TypeVar("R", bound="Record")


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something known about one request. A struct is made in a tenth of the time of a frozen dataclass.

    The collector does not look at it, so it must not be part of a reference cycle.
    """


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that is kept in a store, or travels between rooms."""

    def encode(self) -> bytes:
        """The bytes kept in a store."""
        return _encoder.encode(self)

    @classmethod
    def decode(cls: type[R], data: bytes) -> R:
        """Read back what `encode` wrote. Raises msgspec.DecodeError for anything else."""
        return msgspec.msgpack.decode(data, type=cls)


_encoder = msgspec.msgpack.Encoder()

Details = tuple[dict[str, Any], ...]
"""Authorization details (RFC 9396 2), as they came."""

Method = Literal["password", "totp", "passkey"]
"""What the sign-in pages ask of a user."""

AuthMethod = Literal[
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
]


@lru_cache(maxsize=256)
def words(text: str) -> frozenset[str]:
    """The values of a space-separated list; the same few lists come again and again."""
    return frozenset(text.split(" "))
