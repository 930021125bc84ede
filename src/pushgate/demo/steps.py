"""The steps of the playground, in words."""

from __future__ import annotations

from dataclasses import dataclass

from pushgate.web.languages import N_


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
        N_("Push the request"),
        N_("The application sends all it wants to ask straight to the server and proves who it is. Your browser takes"
        " no part in it, so nobody can read or change the request. The answer is a reference that works once."),
        N_("Push the request"), "push",
    ),
    Step(
        N_("Go to the server with the reference"),
        N_("Your browser is sent to the server. The address carries only the application's name and the reference."
        " Sign in there as %(username)s with the password %(password)s, and decide what the application may do."),
        N_("Go to the server"),
    ),
    Step(
        N_("Come back with a code"),
        N_("The server sends your browser back to the application with a code. The application checks that the answer"
        " belongs to its own request (state) and comes from its own server (iss) before it goes on."),
    ),
    Step(
        N_("Redeem the code"),
        N_("The application swaps the code for tokens, straight with the server. The code_verifier proves that it is"
        " the one who pushed the request: its hash, the code_challenge, went ahead in step 1."),
        N_("Redeem the code"), "redeem",
    ),
    Step(
        N_("Use the access token"),
        N_("With the access token the application asks the server who you are, and gets what you agreed to share."),
        N_("Ask who the user is"), "userinfo",
    ),
    Step(
        N_("Try the reference again"),
        N_("Somebody found the address of step 2 in a history or a log, and opens it. One pushed request has one"
        " answer, so the server refuses."),
        N_("Open the address again"), "again",
    ),
)  # fmt: skip
