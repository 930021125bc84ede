"""Public keys as other products keep them: certificates and bare keys, in Base64 or PEM, as a JWK Set."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from pushgate.jose.certificates import BadCertificate, load

KINDS = (RSAKey, ECKey, OKPKey)


def key_set(text: str, *, certificate: bool) -> dict[str, Any] | None:
    """The JWK Set of one certificate, or of one SubjectPublicKeyInfo; None where the text is neither.

    The certificate comes along as `x5c`, for who is to be recognised by it (RFC 8705 2.2).
    """
    body = re.sub(r"-----(BEGIN|END) [A-Z ]+-----|\s", "", text)
    try:
        der = base64.b64decode(body, validate=True)
        key = load(der).public_key() if certificate else serialization.load_der_public_key(der)
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    except (BadCertificate, binascii.Error, ValueError, TypeError):
        return None
    except Exception:  # the library has an exception of its own for each kind of key that it does not know
        return None
    for kind in KINDS:
        try:
            jwk: dict[str, Any] = dict(kind.import_key(pem).as_dict(private=False))
        except (JoseError, ValueError, TypeError):
            continue
        jwk.pop("kid", None)
        return {"keys": [{**jwk, "x5c": [body]} if certificate else jwk]}
    return None
