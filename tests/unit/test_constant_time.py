"""Secrets, tokens and signatures are compared in constant time: the code is read, for no clock could show it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pushgate

SOURCE = Path(pushgate.__file__).parent
SECRET = re.compile(r"secret|password|signature|\bmac\b|_mac|csrf|verifier|digest|jkt|account_|handle")
NOT_SECRET = {
    "store/": "what is looked up is the digest of a secret, and an index is no comparison of secrets",
    "refusals/": "a table of texts",
    "cli/": "the operator's own terminal",
    "demo/": "a client, an API and a user that are made up",
}
ALLOWED = {
    # A thumbprint is that of a public key, which everybody may know.
    "bound.jkt not in (None, held.jkt)",
    "proof.jkt != jkt",
    "proof.jkt != binding.jkt",
    "proof_jkt != dpop_jkt",
    "confirmation.jkt != code.dpop_jkt",
    # The digest in a URL that is registered and public (OpenID Connect Core 6.2).
    "urlsafe_b64encode(sha256(text.encode('ascii')).digest()).rstrip(b'=').decode() != digest",
    # Whether a new secret is the one that is there, when an operator saves a client.
    "before.digest == digest",
    # The hash of a password that was set anew.
    "user.password_hash != current.password_hash",
    "now.password_hash != user.password_hash",
    # Whether the password is still the one that was checked a moment ago, as digests of its hash.
    "half.password != _proof(user)",
    # The digest of the browser's cookie, in a row that is found by a handle of the same browser.
    "half.browser == _digest(here.browser.value)",
    # The user that a passkey names, beside its signature: made from the realm and the sub, no secret.
    "base64url_to_bytes(named) != handle",
    # The first characters of a digest, which the operator is shown.
    "name_of(digest) == name",
}
"""Comparisons that look like one of secrets and are none."""


def comparisons(text: str) -> Iterator[str]:
    """Comparisons of two values in a file, neither of which is a constant, as text."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
            equal = isinstance(op, ast.Eq | ast.NotEq) and not _constant(left) and not _constant(right)
            among = isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple)
            if equal or (among and not all(map(_constant, getattr(right, "elts", [])))):
                yield ast.unparse(ast.Compare(left, [op], [right]))


def _constant(node: ast.expr) -> bool:
    """A literal, a constant of a module, a count, a type, or a truth."""
    if isinstance(node, ast.Compare | ast.BoolOp):
        return True
    if isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Set | ast.Dict):
        return all(isinstance(inner, ast.Constant | ast.Name) for inner in getattr(node, "elts", []))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"len", "type", "int", "set"}
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.isupper()


def suspicious(text: str) -> set[str]:
    """The comparisons in a file that could be of secrets."""
    return {found for found in comparisons(text) if SECRET.search(found)} - ALLOWED


@pytest.mark.requirement("OIDC-16.12-1")
@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_secret_is_compared_byte_by_byte(path: Path) -> None:
    if not str(path.relative_to(SOURCE)).startswith(tuple(NOT_SECRET)):
        assert suspicious(path.read_text("utf-8")) == set(), "use hmac.compare_digest, or say here why not"


@pytest.mark.requirement("OIDC-16.12-1")
@pytest.mark.parametrize(
    "text",
    ["if sent == client.secret: pass", "x = csrf != expected", "ok = token_digest(a) == stored",
     "if mac in (first, second): pass", "return_ = params.get('code_verifier') == kept"],
)  # fmt: skip
def test_such_a_comparison_would_be_found(text: str) -> None:
    assert suspicious(text)


@pytest.mark.requirement("OIDC-16.12-1")
def test_what_is_allowed_is_still_there() -> None:
    every = {found for path in SOURCE.rglob("*.py") for found in comparisons(path.read_text("utf-8"))}
    assert every >= ALLOWED


@pytest.mark.requirement("OIDC-16.12-1")
@pytest.mark.parametrize("name", ["client_auth", "pkce", "interaction", "dpop", "access_token"])
def test_secrets_are_compared_where_they_have_to_be(name: str) -> None:
    assert "hmac.compare_digest(" in (SOURCE / "protocol" / f"{name}.py").read_text("utf-8")
