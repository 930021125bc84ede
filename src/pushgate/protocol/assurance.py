"""How surely a user is known: contexts (`acr`) and what reaches them (RFC 9470, OpenID Connect Core 2)."""

from __future__ import annotations

from pushgate.model import AuthenticationContext, Fact


class Assurance(Fact, frozen=True):
    """The realm's contexts, the weakest first; and whether a client's wish is a demand."""

    contexts: tuple[AuthenticationContext, ...] = ()
    step_up: bool = False

    def acr_of(self, amr: tuple[str, ...], acr_values: tuple[str, ...]) -> str | None:
        """The `acr` of a sign-in: the first that was asked for and reached, else the strongest that was reached.

        OpenID Connect Core 2, 3.1.2.1.
        """
        for context in (*self.asked(acr_values), *reversed(self.contexts)):
            if _reached(context, amr):
                return context.acr
        return None

    def asked(self, acr_values: tuple[str, ...]) -> list[AuthenticationContext]:
        """Those of the contexts asked for that are known here, in the order of the request."""
        by_name = {context.acr: context for context in self.contexts}
        return [by_name[acr] for acr in acr_values if acr in by_name]


def _reached(context: AuthenticationContext, amr: tuple[str, ...]) -> bool:
    return set(context.amr) <= set(amr)
