"""The table of refusals: complete, in the allowed characters, and every row exercised by some test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pushgate import errors, refusals
from pushgate.errors import OAuthError, Refusal
from pushgate.refusals import REFUSALS

TESTS = Path(__file__).resolve().parents[1]
TABLE = Path(refusals.__file__).parent
SOURCE = TABLE.parent
STAGES = {
    "http", "client", "assertion", "par", "request", "authorize", "login", "code", "token", "refresh", "userinfo",
    "dpop", "certificate", "request_object", "details", "introspection", "resource", "revocation", "logout",
    "registration", "directory", "management",
}  # fmt: skip
EVERY_REFUSAL = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)


def named() -> dict[str, Refusal]:
    """The refusals by the name of their constant."""
    return {name: value for name, value in vars(refusals).items() if isinstance(value, Refusal)}


def quoted_in_tests() -> set[str]:
    """Every string that any test file but this one has in quotes, whole."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        if path != Path(__file__).resolve():
            tree = ast.parse(path.read_text("utf-8"))
            found |= {
                node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


def raised_in_source() -> set[str]:
    """The constants of the table that some other file of the server names."""
    text = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py") if path.parent != TABLE)
    return set(re.findall(r"refusals\.([A-Z_]+)", text))


def test_every_refusal_is_expected_by_some_test() -> None:
    missing = sorted(REFUSALS.keys() - quoted_in_tests())
    assert missing == [], "no test names these refusal IDs"


def test_every_refusal_can_happen() -> None:
    never = sorted(named().keys() - raised_in_source())
    assert never == [], "nothing in the server raises these refusals"


def test_no_id_is_used_twice() -> None:
    assert len(named()) == len(REFUSALS)
    assert {refusal.id for refusal in named().values()} == REFUSALS.keys()


@EVERY_REFUSAL
def test_an_id_is_a_stage_and_a_name(refusal: Refusal) -> None:
    stage, dot, name = refusal.id.partition(".")
    assert (stage in STAGES, dot) == (True, ".")
    assert re.fullmatch(r"[a-z][a-z_]*", name)


@pytest.mark.requirement("OA-4.1.2.1-4")
@EVERY_REFUSAL
def test_a_description_has_only_the_characters_that_rfc_6749_allows(refusal: Refusal) -> None:
    # RFC 6749 4.1.2.1, 5.2: %x20-21 / %x23-5B / %x5D-7E, and so for the code; RFC 6750 3 for the challenge.
    for text in (refusal.description, refusal.error.code):
        assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", text)
    assert re.fullmatch(r"[a-z_]+", refusal.error.code)
    # The detail is for the log: it never gets out.
    error = refusal('with "unspoken" \\ \r\n')
    assert error.description == refusal.description
    assert "unspoken" not in repr(error) + str(error)


@EVERY_REFUSAL
def test_a_description_is_a_sentence_and_the_advice_says_what_to_do(refusal: Refusal) -> None:
    for text in (refusal.description, refusal.advice):
        assert text[0].isupper() or text.split()[0].strip(";:,") in REQUEST_WORDS, text
        assert text.endswith(".")
        assert "  " not in text


REQUEST_WORDS = {
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "code_challenge", "code_challenge_method",
    "nonce", "prompt=none", "max_age", "id_token_hint", "grant_type", "code", "code_verifier", "refresh_token",
    "request_uri", "claims", "43", "post_logout_redirect_uri",
}  # fmt: skip
"""Names that keep their spelling at the beginning of a sentence."""


def test_no_two_refusals_are_told_in_the_same_words() -> None:
    # A redirect carries no refusal ID, so the description has to tell them apart.
    told: dict[str, list[str]] = {}
    for refusal in REFUSALS.values():
        told.setdefault(refusal.description, []).append(refusal.id)
    assert [ids for ids in told.values() if len(ids) > 1] == []


@EVERY_REFUSAL
def test_a_status_is_one_of_an_error(refusal: Refusal) -> None:
    assert refusal().status in {400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422, 429, 500, 503}
    if refusal.id.startswith(("assertion.", "client.")):
        assert (refusal.error.code, refusal().status) in {("invalid_client", 401), ("invalid_request", 400)}


REGISTERED = {
    # RFC 6749 4.1.2.1, 5.2
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope", "access_denied", "unsupported_response_type", "server_error", "temporarily_unavailable",
    # RFC 7009 2.2.1
    "unsupported_token_type",
    # RFC 6750 3.1, RFC 9470 3
    "invalid_token", "insufficient_scope", "insufficient_user_authentication",
    # OpenID Connect Core 3.1.2.6
    "interaction_required", "login_required", "account_selection_required", "consent_required", "invalid_request_uri",
    "invalid_request_object", "request_not_supported", "request_uri_not_supported", "registration_not_supported",
    # RFC 8707 2, RFC 9396 5, RFC 9449 5 and 8, OpenID Connect Core Unmet Authentication Requirements 1.0
    "invalid_target", "invalid_authorization_details", "invalid_dpop_proof", "use_dpop_nonce",
    "invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement",
    "unmet_authentication_requirements",
}  # fmt: skip


def test_every_code_is_registered_and_has_one_class() -> None:
    classes = [
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, OAuthError) and c is not OAuthError
    ]
    assert {c.code for c in classes} <= REGISTERED
    own = [c.code for c in classes if "code" in vars(c)]
    assert len(own) == len(set(own))
