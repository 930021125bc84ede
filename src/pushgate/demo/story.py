"""The flow as a story in eight steps: each says what happens and why, then shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jws

from pushgate.client import ClientError, PushClient, Pushed, Tokens
from pushgate.demo.browser import Browser, Unexpected
from pushgate.demo.callback import Callback
from pushgate.demo.record import Recorder
from pushgate.demo.sample import CLIENT_ID, CLIENT_SECRET, PASSWORD, SCOPE, USERNAME, Sample
from pushgate.demo.screen import Screen
from pushgate.demo.wire import json_text, short

TITLE = "Pushgate demo"
INTRODUCTION = (
    "An application signs a user in, with a pushed authorization request (PAR, RFC 9126). What you see is"
    " real HTTP between a client, a browser and the server, which all run in this process.",
    "Parameters are shown decoded and one a line, long random values are cut in the middle, and headers"
    " that do not matter here are left out.",
)
USED_METADATA = (
    "issuer", "pushed_authorization_request_endpoint", "authorization_endpoint", "token_endpoint",
    "userinfo_endpoint", "jwks_uri", "authorization_response_iss_parameter_supported",
)  # fmt: skip


class StepFailed(Exception):
    """A step did not go as it should; the message says which, and what happened."""


@dataclass
class Story:
    """One run through the flow."""

    sample: Sample
    screen: Screen
    callback: Callback
    wire: Recorder = field(default_factory=Recorder)

    async def play(self) -> None:
        """Discover, push, sign in, consent, come back, redeem, use. Raises StepFailed."""
        new = self.wire.client
        async with new() as http, new(cookies=True) as screenless, new(cookies=True) as another:
            client = PushClient(self.sample.base_url, CLIENT_ID, client_secret=CLIENT_SECRET, http=http)
            browser = Browser(screenless)
            await self._discover(client)
            pushed = await self._push(client)
            await self._go(browser, pushed)
            await self._sign_in(browser)
            await self._agree(browser)
            answer = await self._come_back(client, browser, pushed)
            tokens = await self._redeem(client, pushed, answer)
            await self._use(client, tokens)
            await self._again(Browser(another), pushed)

    @contextmanager
    def _step(self, number: int, title: str, text: str) -> Iterator[None]:
        self.screen.step(number, title, text)
        try:
            yield
        except (ClientError, Unexpected, httpx.HTTPError) as problem:
            raise StepFailed(f"step {number} ({title}) failed: {problem or type(problem).__name__}") from problem

    def _show(self, who: str, document: Any = None) -> None:
        for exchange in self.wire.take():
            self.screen.exchange(who, exchange, document)

    async def _discover(self, client: PushClient) -> None:
        with self._step(
            0,
            "Discover",
            "The client knows the server's name, its issuer identifier. The metadata document tells it where"
            " everything is. (Only the members that it uses are shown.)",
        ):
            document = (await client.discover()).document
            self._show("client", {name: document[name] for name in USED_METADATA})

    async def _push(self, client: PushClient) -> Pushed:
        with self._step(
            1,
            "Push the request",
            "The client sends all it wants to ask straight to the server, and proves who it is"
            f" ({CLIENT_ID}:{CLIENT_SECRET}, in base64). No browser carries the request, so nobody can read or"
            " change it. The server checks it now and answers with a reference that works once.",
        ):
            pushed = await client.push(redirect_uri=self.sample.callback, scope=SCOPE)
            self._show("client")
            return pushed

    async def _go(self, browser: Browser, pushed: Pushed) -> None:
        with self._step(
            2,
            "The browser carries only the reference",
            "The client sends the user's browser to the server. The address holds the client's name and the"
            " reference, and nothing that somebody could pick up or alter.",
        ):
            await browser.open(pushed.authorization_url)
            self._show("browser")
            browser.sent_to("/login/")

    async def _sign_in(self, browser: Browser) -> None:
        with self._step(
            3,
            "Sign in",
            "The user signs in at the server's own page. The client never sees the password.",
        ):
            await browser.follow()
            self._show("browser")
            await browser.press("login-submit", username=USERNAME, password=PASSWORD)
            self._show("browser")
            browser.sent_to("/consent/")

    async def _agree(self, browser: Browser) -> None:
        with self._step(
            4,
            "Consent",
            "The server shows who asks and for what, and the user decides. With the decision the pushed request"
            " is used up.",
        ):
            await browser.follow()
            self._show("browser")
            await browser.press("consent-allow")
            self._show("browser")
            browser.sent_to(self.sample.callback)

    async def _come_back(self, client: PushClient, browser: Browser, pushed: Pushed) -> str:
        with self._step(
            5,
            "Back to the client",
            "The browser brings a code to the client's redirect URI. Before the client touches it, it checks that"
            " the answer belongs to its own request (state) and comes from its own server (iss, RFC 9207).",
        ):
            await browser.follow()
            self._show("browser")
            if self.callback.answer is None:
                raise Unexpected("the browser did not come back")
            landed = f"{self.sample.callback}?{self.callback.answer}"
            await client.authorization_code(pushed, landed)
            checks = f"state is {short(pushed.state)}, as in step 1\niss is {client.issuer}, as in step 0"
            self.screen.block("checked by the client", checks, "green")
            return landed

    async def _redeem(self, client: PushClient, pushed: Pushed, answer: str) -> Tokens:
        with self._step(
            6,
            "Redeem the code",
            "The client swaps the code for tokens. It proves again who it is, and that it is the one who asked:"
            " code_verifier is the secret whose hash, the code_challenge, went ahead in step 1 (PKCE). A stolen"
            " code is worth nothing. Then it fetches the server's keys and verifies the ID Token. (Only the key"
            " that signed it is shown.)",
        ):
            tokens = await client.exchange(pushed, answer)
            token, *keys = self.wire.take()
            self.screen.exchange("client", token)
            kid = jws.extract_compact((tokens.id_token or "").encode()).headers()["kid"]
            for exchange in keys:
                used = [key for key in exchange.reply.json()["keys"] if key["kid"] == kid]
                self.screen.exchange("client", exchange, {"keys": used})
            self.screen.block("the ID Token, verified and decoded", json_text(tokens.claims), "green")
            return tokens

    async def _use(self, client: PushClient, tokens: Tokens) -> None:
        with self._step(
            7,
            "Use the access token",
            "With the access token the client asks who the user is, and gets what the user agreed to share."
            " An API would take the same token.",
        ):
            claims = await client.userinfo(tokens)
            self._show("client")
            if "email" not in claims:
                raise Unexpected("the claims lack the email address that was agreed to")

    async def _again(self, browser: Browser, pushed: Pushed) -> None:
        with self._step(
            8,
            "The reference is used up",
            "Somebody found the address of step 2, in a history or a log, and opens it again. The server refuses:"
            " one pushed request, one answer.",
        ):
            await browser.open(pushed.authorization_url)
            self._show("browser")
            assert browser.reply is not None
            refusal = browser.reply.headers.get("pushgate-refusal")
            if (browser.reply.status_code, refusal) != (400, "authorize.request_uri_used"):
                raise Unexpected(f"the second use was not refused ({browser.reply.status_code} {refusal})")
