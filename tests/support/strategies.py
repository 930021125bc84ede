"""What the property tests have in common: how much they try, and what with."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from pushgate.errors import OAuthError
from pushgate.refusals import REFUSALS

anything = settings(deadline=None, max_examples=60)
thoroughly = settings(anything, max_examples=150)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Text as it can come out of UTF-8: no lone surrogates."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
jwks = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "k", "kid", "use", "alg", "x5c"]),
    json_values
    | st.sampled_from(["EC", "RSA", "OKP", "oct", "P-256", "Ed25519", "X25519", "AQAB", "A" * 43, "_" * 342])
    | st.lists(st.sampled_from(["", "AAAA", "MAA=", "MAA", "é", 1]), max_size=2),
)
"""Something like a JSON Web Key."""


def pieces(*found: Any, size: int = 12) -> st.SearchStrategy[Any]:
    """These pieces, put together in any order."""
    return st.lists(st.sampled_from(found), max_size=size).map(lambda parts: type(found[0])().join(parts))


uri_pieces = pieces(
    "http", "https", "://", ":", "/", "//", "127.0.0.1", "[::1]", "localhost", "app.example", "com.example.app", "@",
    "#", "?", "80", "99999", "\\", " ", "\n", "%2e", "..", "*", "é", "javascript", "[", "]", "a=b", "&", "\ud800",
    size=8,
)  # fmt: skip
ordinary_uris = st.from_regex(r"https?://[a-z.]{1,12}(:[0-9]{1,6})?(/[a-z%.]{0,8})?(\?[a-z=&]{0,8})?", fullmatch=True)
uris = st.text(max_size=30) | uri_pieces | ordinary_uris


def is_refusal(problem: OAuthError, *codes: str) -> None:
    """A refusal is of the table (with one of these codes), and its text can go into any reply (RFC 6749 5.2)."""
    assert problem.refusal.id in REFUSALS
    assert not codes or problem.code in codes
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", problem.description)
