"""A minimal browser: signs in and consents once, so that the measured logins are answered at once.

It fills whatever plain HTML form comes up, for both servers: text and password fields by name,
hidden fields sent back as they are, and the button that allows.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from benchmarks.scenarios import REDIRECT_URI

USERNAME = "alice"
PASSWORD = "alice-password-for-the-benchmark"
ANSWERS = {"username": USERNAME, "login": USERNAME, "password": PASSWORD}
DENYING = {"consent-deny", "consent-switch", "login-cancel"}
STEPS = 12


class SignInFailed(Exception):
    """The pages did not lead to a code."""


@dataclass(slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    pressed: bool = False


class Forms(HTMLParser):
    """Collects the forms of a page, filled in."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take over a form, its inputs and the first button that does not deny."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get").lower()))
            self.inside = True
        elif self.inside and tag == "input":
            self._input(attributes)
        elif self.inside and tag == "button" and attributes.get("type", "submit") == "submit":
            self._button(attributes)

    def handle_endtag(self, tag: str) -> None:
        """Fields after the form are not the form's."""
        if tag == "form":
            self.inside = False

    def _input(self, attributes: dict[str, str]) -> None:
        name, kind = attributes.get("name"), attributes.get("type", "text").lower()
        if kind == "submit":
            self._button(attributes)
        elif name and (kind != "checkbox" or "checked" in attributes):
            self.forms[-1].fields.setdefault(name, []).append(ANSWERS.get(name) or attributes.get("value", ""))

    def _button(self, attributes: dict[str, str]) -> None:
        form = self.forms[-1]
        if form.pressed or attributes.get("id") in DENYING or attributes.get("formmethod") == "dialog":
            return
        form.pressed = True
        if name := attributes.get("name"):
            form.fields[name] = [attributes.get("value", "")]


class Browser:
    """Keeps cookies, follows redirects, submits forms."""

    def __init__(self) -> None:
        self.cookies: dict[tuple[str, str], str] = {}

    def sign_in(self, url: str) -> str:
        """Go through the pages behind an authorization URL; returns where the browser is sent at last."""
        with httpx.Client(timeout=30) as http:
            reply = self._send(http, "GET", url)
            for _ in range(STEPS):
                if reply.is_redirect:
                    target = urljoin(str(reply.url), reply.headers["location"])
                    if target.startswith(REDIRECT_URI):
                        return target
                    reply = self._send(http, "GET", target)
                    continue
                form = self._form(reply)
                action = urljoin(str(reply.url), form.action) if form.action else str(reply.url)
                reply = self._send(http, form.method.upper(), action, form.fields, str(reply.url))
        raise SignInFailed(f"no redirect to the client after {STEPS} steps")

    def cookies_for(self, path: str) -> str:
        """The Cookie header for a path."""
        pairs = [f"{name}={value}" for (name, at), value in self.cookies.items() if covers(at, path)]
        return "; ".join(pairs)

    def _form(self, reply: httpx.Response) -> Form:
        parser = Forms()
        parser.feed(reply.text)
        forms = [form for form in parser.forms if form.method == "post"]
        if reply.status_code != 200 or not forms:
            raise SignInFailed(f"{reply.url.path} answered {reply.status_code}: {reply.text[:300]}")
        # A page may carry a sign-out form too; the one with a field to fill in wins.
        filled = [form for form in forms if ANSWERS.keys() & form.fields.keys()]
        return (filled or forms)[0]

    def _send(
        self,
        http: httpx.Client,
        method: str,
        url: str,
        fields: dict[str, list[str]] | None = None,
        page: str | None = None,
    ) -> httpx.Response:
        headers = {"Cookie": self.cookies_for(urlsplit(url).path), "Accept": "text/html"}
        if page is not None:
            # A browser says where a form came from, and servers check it against forged requests.
            origin = urlsplit(page)
            headers |= {"Origin": f"{origin.scheme}://{origin.netloc}", "Referer": page}
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(fields, doseq=True).encode() if fields is not None else None
        http.cookies.clear()
        reply = http.request(method, url, content=body, headers=headers)
        self._keep(reply)
        return reply

    def _keep(self, reply: httpx.Response) -> None:
        for line in reply.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                key = (name, morsel["path"] or "/")
                if not morsel.value or morsel["max-age"] == "0":
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = morsel.coded_value


def covers(cookie_path: str, path: str) -> bool:
    """Whether a cookie is sent to a path (RFC 6265 5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")
