"""How surely a user is known: contexts (`acr`) and what reaches them (RFC 9470, OpenID Connect Core 2)."""

from __future__ import annotations

from pushgate.model import AuthenticationContext, Fact

METHODS = frozenset({"pwd"})
"""What the sign-in pages can ask of a user (RFC 8176)."""


class Assurance(Fact, frozen=True):
    """The realm's contexts, the weakest first; and whether a client's wish is a demand."""

    contexts: tuple[AuthenticationContext, ...] = ()
    step_up: bool = False

    def unmet(self, acr_values: tuple[str, ...], amr: tuple[str, ...], *, essential: bool = False) -> bool:
        """Whether contexts were asked for that are known here, and a sign-in by these methods reached none of them.

        What is not known here is only a wish that nobody can grant, unless it is `essential`.
        """
        asked = self._asked(acr_values)
        return (essential or bool(asked)) and not any(_reached(context, amr) for context in asked)

    def reachable(self, acr_values: tuple[str, ...]) -> bool:
        """Whether our pages can reach one of them."""
        return any(METHODS.issuperset(context.amr) for context in self._asked(acr_values))

    def acr_of(self, amr: tuple[str, ...], acr_values: tuple[str, ...]) -> str | None:
        """The `acr` of a sign-in: the first that was asked for and reached, else the strongest that was reached.

        OpenID Connect Core 2, 3.1.2.1.
        """
        for context in (*self._asked(acr_values), *reversed(self.contexts)):
            if _reached(context, amr):
                return context.acr
        return None

    def _asked(self, acr_values: tuple[str, ...]) -> list[AuthenticationContext]:
        by_name = {context.acr: context for context in self.contexts}
        return [by_name[acr] for acr in acr_values if acr in by_name]


NOTHING_KNOWN = Assurance()


def _reached(context: AuthenticationContext, amr: tuple[str, ...]) -> bool:
    return set(context.amr) <= set(amr)
