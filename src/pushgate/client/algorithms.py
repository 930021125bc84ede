"""The signature algorithms this client uses. `none` is not one of them."""

from __future__ import annotations

from collections.abc import Collection

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSAlgModel, JWSRegistry  # type: ignore[attr-defined]

ASYMMETRIC = (
    "RS256", "PS256", "ES256", "EdDSA", "Ed25519", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512",
)  # fmt: skip
"""What an ID Token may be signed with: only what everybody can verify and the server alone can make."""


class Algorithms(JWSRegistry):
    """A list of algorithms, and nothing beside it. RFC 8725 3.1."""

    max_header_length = 8192  # bytes; room for a certificate chain

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(algorithms=names, strict_check_header=False)
        self._names = frozenset(names)

    def get_alg(self, name: str) -> JWSAlgModel:
        """The algorithm if it is on the list. Raises UnsupportedAlgorithmError."""
        if name not in self._names:
            raise UnsupportedAlgorithmError(f"{name!r} is not allowed here")
        return self.algorithms[name]
