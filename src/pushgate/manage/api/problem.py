"""How the API says no: problem details (RFC 9457), with the members that OAuth clients and Auth0's read beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from pushgate.errors import OAuthError, Refusal
from pushgate.protocol.registration import Problem
from pushgate.refusals import REFUSALS
from pushgate.resource import AccessRefused

NO_STORE = {"cache-control": "no-cache, no-store", "pragma": "no-cache", "x-content-type-options": "nosniff"}
PROBLEM = "application/problem+json"


class Failed(Exception):
    """A call cannot be answered as it was wanted. `errors` name fields and reasons."""

    def __init__(
        self,
        refusal: Refusal,
        errors: Iterable[Problem] = (),
        *,
        detail: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(refusal.id)
        self.error = refusal(detail)
        self.errors = tuple(errors)
        self.headers = headers or {}


def problem_of(why: Failed | AccessRefused | OAuthError, docs: str) -> Response:
    """The answer. `docs` is the page whose anchors are the types of problems."""
    if isinstance(why, AccessRefused):
        reply = _response(why.status, why.error, REFUSALS[why.refusal], why.description, (), docs)
        for name, value in why.headers:
            if name.lower() in ("www-authenticate", "dpop-nonce", "retry-after"):
                reply.headers.append(name.lower(), value)
        return reply
    error = why.error if isinstance(why, Failed) else why
    errors = why.errors if isinstance(why, Failed) else ()
    reply = _response(error.status, error.code, error.refusal, error.description, errors, docs)
    if isinstance(why, Failed):
        reply.headers.update(why.headers)
    return reply


def _response(
    status: int, code: str, refusal: Refusal, description: str, errors: Iterable[Problem], docs: str
) -> Response:
    told = [{"field": problem.field, "reason": problem.reason} for problem in errors]
    sentences = [f"{one['field']}: {one['reason']}" for one in told]
    document: dict[str, Any] = {
        "type": f"{docs}#{refusal.id}",
        "title": description,
        "status": status,
        "detail": "; ".join(sentences) or refusal.advice,
        "errors": told,
        "error": code,
        "error_description": description,
        "statusCode": status,
        "message": " ".join([description, *sentences]),
        "errorCode": refusal.id,
    }
    headers = {**NO_STORE, "pushgate-refusal": refusal.id}
    return Response(msgspec.json.encode(document), status, headers, media_type=PROBLEM)
