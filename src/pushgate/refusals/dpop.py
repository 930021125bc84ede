"""Demonstrating proof of possession (RFC 9449): proofs, their nonces, and the keys that things are bound to."""

from __future__ import annotations

from pushgate import errors as e
from pushgate.errors import Refusal


def _proof(name: str, problem: str, advice: str) -> Refusal:
    return Refusal(f"dpop.{name}", e.InvalidDpopProof, f"The DPoP proof {problem}.", advice)


# --- The proof itself: protocol/dpop.py, in its order ----------------------------------------------------

DPOP_TWICE = _proof("twice", "was sent more than once", "Send one DPoP header with one proof (RFC 9449 4.3).")
DPOP_MALFORMED = _proof(
    "malformed", "is not one compact signed JWT",
    "Send exactly one JWS in compact serialisation with a JSON object as payload.",
)  # fmt: skip
DPOP_CRIT = _proof("crit", "has a crit header with an extension that is not understood", "Sign without crit.")
DPOP_TYP = _proof("typ", "needs the typ dpop+jwt", "Set the header member typ to dpop+jwt, in that spelling.")
DPOP_ALG = _proof(
    "alg", "is signed with an algorithm that is not taken here",
    "Sign with one of dpop_signing_alg_values_supported; a client's profile may narrow them.",
)  # fmt: skip
DPOP_PRIVATE = _proof(
    "private_key", "carries a private or symmetric key",
    "Put the public members alone into jwk. The key that was sent is no secret any more: make a new one.",
)  # fmt: skip
DPOP_JWK = _proof(
    "jwk", "needs a usable public key in its header member jwk",
    "Send an EC (P-256, P-384, P-521), OKP (Ed25519) or RSA (2048 to 8192 bits) key in the form of RFC 7518 6.",
)  # fmt: skip
DPOP_HTM = _proof("htm", "is for another HTTP method", "Set htm to the method of the request, in capitals.")
DPOP_HTU = _proof(
    "htu", "is for another URL", "Set htu to the URL that the request goes to, without query and fragment.",
)  # fmt: skip
DPOP_IAT = _proof(
    "iat", "was made too long ago, or in the future, or has no iat",
    "Make a fresh proof for each request: it is taken for 60 seconds. Check the client's clock.",
)  # fmt: skip
DPOP_JTI = _proof("jti", "needs a jti of at most 256 characters", "Give each proof a unique jti.")
DPOP_ATH = _proof(
    "ath", "is not for this access token",
    "Set ath to the unpadded base64url SHA-256 of the access token (RFC 9449 4.2).",
)  # fmt: skip
DPOP_NONCE_MALFORMED = _proof(
    "nonce_malformed", "has a nonce that is no text", "Send the value of the DPoP-Nonce header as it is.",
)  # fmt: skip
DPOP_SIGNATURE = _proof(
    "signature", "has a signature that does not verify",
    "Sign with the private key that belongs to jwk, and with an algorithm that fits the key.",
)  # fmt: skip
DPOP_REPLAY = _proof("replay", "was used before", "Make a fresh proof with a new jti for each request.")
DPOP_NONCE = Refusal(
    "dpop.nonce", e.UseDpopNonce, "The DPoP proof needs a nonce of this server that is still fresh.",
    "Send a new proof with the value of this reply's DPoP-Nonce header as nonce (RFC 9449 8).",
)  # fmt: skip

# --- The keys that codes and tokens are bound to ------------------------------------------------------------

DPOP_REQUIRED = Refusal(
    "dpop.required", e.InvalidDpopProof, "A DPoP proof is required in this request.",
    "Send a DPoP header. The client's registration or profile wants its tokens bound to a key.",
)  # fmt: skip
DPOP_JKT_MALFORMED = Refusal(
    "dpop.jkt_malformed", e.InvalidRequest,
    "The parameter dpop_jkt is malformed: 43 base64url characters are expected.",
    "Send the unpadded base64url SHA-256 thumbprint of the public key (RFC 7638).",
)  # fmt: skip
DPOP_KEY_PUSHED = Refusal(
    "dpop.key_pushed", e.InvalidDpopProof, "The DPoP proof has another key than dpop_jkt names.",
    "Send the thumbprint of the proof's own key as dpop_jkt, or leave the parameter out.",
)  # fmt: skip
DPOP_KEY_CODE = Refusal(
    "dpop.key_code", e.InvalidGrant, "The authorization code is bound to another key, or no DPoP proof came with it.",
    "Prove possession of the key that dpop_jkt or the pushed request's proof named (RFC 9449 10).",
)  # fmt: skip
DPOP_KEY_REFRESH = Refusal(
    "dpop.key_refresh", e.InvalidGrant,
    "The refresh token is bound to another key, or no DPoP proof came with it.",
    "A public client keeps to the key that its first token request proved possession of (RFC 9449 5).",
)  # fmt: skip
