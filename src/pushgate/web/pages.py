"""Pages: rendering, and the headers that protect every one of them."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from pushgate.endpoints.browser import BrowserAnswer, GoTo, OnPage
from pushgate.endpoints.context import Context
from pushgate.endpoints.http import NO_STORE, Header, Reply, Request, with_cookies
from pushgate.errors import OAuthError
from pushgate.protocol.authorization_response import FormPost, RedirectTo
from pushgate.realm import DEFAULT_REALM
from pushgate.web.languages import N_, language_of, templates
from pushgate.web.static import FOLDER, version

# RFC 9700 4.2.4 (referrer, third parties), 4.16 (framing). No form-action: browsers apply it to the
# redirect after a form too, which would cut the way back to the client.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
ONCE = (FOLDER / "once.js").read_text()
ONE_SCRIPT = f"script-src 'sha256-{b64encode(hashlib.sha256(ONCE.encode()).digest()).decode()}'"
PROTECTION: tuple[Header, ...] = (
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    *NO_STORE,
)
COMPACT = ("popup", "wap")
"""Values of `display` for which a page is laid out in a smaller space (OpenID Connect Core 3.1.2.1)."""
TITLES = {
    404: N_("There is nothing here"),
    403: N_("This cannot go on"),
    413: N_("That was too much"),
    429: N_("Please wait a moment"),
    500: N_("Something went wrong"),
    503: N_("Please try again"),
}


class Pages:
    """Renders templates to replies."""

    def __init__(self, root: str = "") -> None:
        """`root` is the path of the base URL."""
        self._root = root

    def page(
        self,
        template: str,
        request: Request,
        ctx: Context | None,
        *,
        status: int = 200,
        policy: str = f"{POLICY}; {ONE_SCRIPT}",
        scripts: tuple[str, ...] = (),
        **values: Any,
    ) -> Reply:
        """A page with its protecting headers; `values` are the template's variables.

        `scripts` are the static files that it may run: these and no others of our host.
        """
        host = "" if ctx is None else ctx.realm.issuer.base_url
        allowed = "".join(f" {host}/static/{name}" for name in scripts)
        return self._render(template, request, ctx, status, policy + allowed, values)

    def error(self, error: OAuthError, request: Request, realm: str, ctx: Context | None = None) -> Reply:
        """What happened, what to do next, and the request id."""
        values = {
            "title": TITLES.get(error.status, _cannot_go_on(error)),
            "error": error.code,
            "refusal": error.refusal.id,
            "message": error.description,
            "next_step": error.refusal.advice,
            "docs_url": None,
            "sign_out": request.path if error.refusal.id.startswith("logout.") else None,
        }
        reply = self._render("error.html", request, ctx, error.status, POLICY, values, realm)
        reply.headers.append((b"pushgate-refusal", error.refusal.id.encode()))
        if error.retry_after is not None:
            reply.headers.append((b"retry-after", str(error.retry_after).encode()))
        return reply

    def answer(self, ctx: Context, request: Request, answer: BrowserAnswer) -> Reply:
        """Carry out what the authorization endpoint decided: 303, or a form that posts itself."""
        target = answer.answer
        if isinstance(target, OnPage):
            return with_cookies(self.error(target.error, request, ctx.name, ctx), answer.cookies)
        if answer.doubtful is not None and not isinstance(target, GoTo):
            return self._doubtful(ctx, request, target, answer.doubtful)
        if isinstance(target, FormPost):
            nonce = secrets.token_urlsafe(16)
            policy = f"{POLICY}; script-src 'nonce-{nonce}'"
            values = {"action": target.action, "fields": target.fields, "csp_nonce": nonce}
            reply = self._render("form_post.html", request, ctx, 200, policy, values)
        else:
            url = target.path if isinstance(target, GoTo) else target.url
            reply = redirect(url)
        for cookie in answer.cookies:
            reply.with_cookie(cookie)
        return reply

    def _doubtful(self, ctx: Context, request: Request, target: RedirectTo | FormPost, name: str) -> Reply:
        """Let the person decide whether to go to a client that nobody vouches for (RFC 9700 4.11.2)."""
        where = target.action if isinstance(target, FormPost) else target.url
        values: dict[str, Any] = {
            "client_name": name,
            "client_host": urlsplit(where).hostname or urlsplit(where).scheme,
            "link": None if isinstance(target, FormPost) else target.url,
            "action": where,
            "fields": target.fields if isinstance(target, FormPost) else (),
        }
        return self.page("doubtful.html", request, ctx, status=400, **values)

    def _render(
        self,
        template: str,
        request: Request,
        ctx: Context | None,
        status: int,
        policy: str,
        values: dict[str, Any],
        realm: str = "",
    ) -> Reply:
        name = ctx.name if ctx is not None else realm
        lang = language_of(request)
        page = templates(lang).get_template(template)
        body = page.render(
            realm_name="Pushgate" if name in ("", DEFAULT_REALM) else name,
            request_id=request.id,
            once=Markup(ONCE),  # noqa: S704 - our own file
            lang=lang,
            display=request.display if request.display in COMPACT else "page",
            op_policy_uri=None if ctx is None else ctx.realm.settings.op_policy_uri,
            op_tos_uri=None if ctx is None else ctx.realm.settings.op_tos_uri,
            static=lambda path: f"{self._root}/static/{path}?v={version(path)}",
            **values,
        )
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-language", lang.encode()),
            (b"content-security-policy", policy.encode()),
            *PROTECTION,
        ]
        return Reply(status, body.encode(), headers)


def _cannot_go_on(error: OAuthError) -> str:
    signing_out = error.refusal.id.startswith("logout.")
    return N_("You were not signed out") if signing_out else N_("This sign-in cannot go on")


def redirect(url: str) -> Reply:
    """303, so that no form body travels on (RFC 9700 4.12)."""
    return Reply(303, b"", [(b"location", url.encode("ascii")), (b"referrer-policy", b"no-referrer"), *NO_STORE])
