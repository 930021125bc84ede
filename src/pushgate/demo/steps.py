"""The steps of the playground, in words."""

from __future__ import annotations

from dataclasses import dataclass

from pushgate.demo.sample import PASSWORD, USERNAME


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it is, what it means, and what to press."""

    title: str
    text: str
    button: str = ""
    action: str = ""
    """The path that the button posts to."""


PUSH, GO, BACK, REDEEM, USE, AGAIN = range(6)
STEPS = (
    Step(
        "Push the request",
        "The application sends all it wants to ask straight to the server and proves who it is. Your browser takes"
        " no part in it, so nobody can read or change the request. The answer is a reference that works once.",
        "Push the request", "push",
    ),
    Step(
        "Go to the server with the reference",
        "Your browser is sent to the server. The address carries only the application's name and the reference."
        f" Sign in there as {USERNAME} with the password {PASSWORD}, and decide what the application may do.",
        "Go to the server",
    ),
    Step(
        "Come back with a code",
        "The server sends your browser back to the application with a code. The application checks that the answer"
        " belongs to its own request (state) and comes from its own server (iss) before it goes on.",
    ),
    Step(
        "Redeem the code",
        "The application swaps the code for tokens, straight with the server. The code_verifier proves that it is"
        " the one who pushed the request: its hash, the code_challenge, went ahead in step 1.",
        "Redeem the code", "redeem",
    ),
    Step(
        "Use the access token",
        "With the access token the application asks the server who you are, and gets what you agreed to share.",
        "Ask who the user is", "userinfo",
    ),
    Step(
        "Try the reference again",
        "Somebody found the address of step 2 in a history or a log, and opens it. One pushed request has one"
        " answer, so the server refuses.",
        "Open the address again", "again",
    ),
)  # fmt: skip
