"""Journeys: which methods a sign-in uses, and the next of them.

A journey has ways, a way has methods; whoever went one way to its end is signed in. A requested `acr` makes the ways
longer, and so does a second factor that the user has. Nothing here is remembered: the next step follows from what was
done and what the user has enrolled.
"""

from __future__ import annotations

from collections.abc import Iterable

from pushgate.model import AuthenticationContext, Fact, Journey, Method

Way = tuple[Method, ...]

BUILT_IN = (
    Journey(name="password", ways=(("password",),)),
    Journey(name="password-totp", ways=(("password", "totp"),)),
    Journey(name="passkey", ways=(("passkey",),)),
    Journey(name="passkey-or-password", ways=(("passkey",), ("password",))),
)
DEFAULT = "passkey-or-password"
FIRST: frozenset[Method] = frozenset({"password", "passkey"})
"""What tells who the user is, so that a way can begin with it."""
FACTORS: frozenset[Method] = frozenset({"totp", "passkey"})
"""What a user enrols."""
ENROL_WITHIN = 600  # seconds after a method was used

# RFC 8176: how each method is named, and which method each name asks for.
_NAMES: dict[Method, tuple[str, ...]] = {"password": ("pwd",), "totp": ("otp",), "passkey": ("hwk", "swk")}
_METHODS: dict[str, Method] = {
    "pwd": "password", "otp": "totp", "hwk": "passkey", "swk": "passkey", "pop": "passkey", "user": "passkey",
}  # fmt: skip
MFA = "mfa"
AMR = frozenset({*_METHODS, MFA})
"""Every RFC 8176 name that the sign-in pages can bring about."""


class Step(Fact, frozen=True):
    """What the user does next."""


class Password(Step, frozen=True):
    """Name and password; `or_passkey`: a passkey would do as well."""

    or_passkey: bool = False


class Totp(Step, frozen=True):
    """A code of the user's authenticator app."""


class Passkey(Step, frozen=True):
    """A passkey."""


class EnrolTotp(Step, frozen=True):
    """Set up an authenticator app: the journey needs one and the user has none."""


class EnrolPasskey(Step, frozen=True):
    """Create a passkey: the journey needs one and the user has none."""


class Done(Step, frozen=True):
    """The journey is at its end."""


class CannotReach(Step, frozen=True):
    """No way leads to what is demanded."""


class Demand(Fact, frozen=True):
    """What a sign-in has to be. One of `contexts` has to be reached, if there are any and `strict`."""

    journey: Journey
    contexts: tuple[AuthenticationContext, ...] = ()
    strict: bool = False
    passkeys: bool = True
    """Whether passkeys work here: not where the host is an IP address."""


def journey_named(name: str, own: tuple[Journey, ...]) -> Journey | None:
    """A journey of the realm or a built-in one."""
    return next((journey for journey in (*own, *BUILT_IN) if journey.name == name), None)


def journey_of(service: str | None, client: str | None, realm: str | None, own: tuple[Journey, ...]) -> Journey:
    """The journey of a request: what it names, else the client's, else the realm's.

    A name that is no longer known (they are checked when they are saved) is a journey without a way: it is not
    replaced by an easier one.
    """
    name = service or client or realm or DEFAULT
    return journey_named(name, own) or Journey(name=name, ways=())


def full_amr(names: Iterable[str]) -> tuple[str, ...]:
    """The `amr` of a sign-in, from the names of its methods. RFC 8176.

    A passkey is used only by a user whom the authenticator has verified, so it is two factors by itself.
    """
    found = list(dict.fromkeys(names))
    passkey = "passkey" in methods_of(found)
    found += [name for name in ("pop", "user") if passkey and name not in found]
    if (passkey or len(methods_of(found)) > 1) and MFA not in found:
        found.append(MFA)
    return tuple(found)


def methods_of(names: Iterable[str]) -> frozenset[Method]:
    """The methods behind RFC 8176 names."""
    held = set(names)
    return frozenset(method for method, its in _NAMES.items() if held.intersection(its))


def satisfied(demand: Demand, names: Iterable[str]) -> bool:
    """Whether methods that were used are enough, whatever else the user has enrolled."""
    held = tuple(names)
    return any(route.at_end(held) for route in _routes(demand, held, None))


def next_step(demand: Demand, names: Iterable[str], enrolled: frozenset[Method], *, recent: bool = True) -> Step:
    """What comes next for a user who has used `names` (RFC 8176) and enrolled these factors.

    `recent`: a method was used in the last ENROL_WITHIN seconds; nothing is enrolled on an older sign-in. Where no
    method was used nobody is known yet, and what is enrolled does not count.
    """
    held = tuple(names)
    done = methods_of(held)
    routes = _routes(demand, held, enrolled if done else None)
    if any(route.at_end(held) for route in routes):
        return Done()
    ways = [route.way for route in routes if route.open(held, passkeys=demand.passkeys)]
    if not ways:
        return CannotReach()
    if not done:
        firsts = {way[0] for way in ways}
        return Password(or_passkey="passkey" in firsts) if "password" in firsts else Passkey()

    def effort(way: Way) -> tuple[int, int, bool]:
        """Rather nothing to enrol, then few steps, then what works in every browser."""
        new = FACTORS.intersection(way) - enrolled - done
        return len(new), len(set(way) - done), "passkey" in new

    wanted = next(method for method in min(ways, key=effort) if method not in done)
    if wanted in FACTORS and wanted not in enrolled:
        return _enrol(demand, wanted, enrolled, done, recent=recent)
    return {"password": Password(), "totp": Totp(), "passkey": Passkey()}[wanted]


def _enrol(
    demand: Demand, wanted: Method, enrolled: frozenset[Method], done: frozenset[Method], *, recent: bool
) -> Step:
    """A new factor is enrolled by who has just shown the others: a stolen password alone adds none."""
    unused = enrolled - done
    if "totp" in unused:
        return Totp()
    if unused or (not recent and "passkey" in enrolled):
        return Passkey() if demand.passkeys else CannotReach()
    if not recent:
        return Password()
    return EnrolTotp() if wanted == "totp" else EnrolPasskey()


class _Route(Fact, frozen=True):
    """A way, and the context that it is to reach."""

    way: Way
    context: AuthenticationContext | None = None

    def at_end(self, names: tuple[str, ...]) -> bool:
        """The way was gone, and its context is reached."""
        reached = self.context is None or set(self.context.amr) <= {*names, *full_amr(names)}
        return reached and methods_of(names).issuperset(self.way)

    def open(self, names: tuple[str, ...], *, passkeys: bool) -> bool:
        """There is something left to do on it that can be done here.

        A way that was gone without reaching its context leads nowhere.
        """
        left = set(self.way) - methods_of(names)
        return bool(left) and (passkeys or "passkey" not in left)


def _routes(demand: Demand, names: tuple[str, ...], enrolled: frozenset[Method] | None) -> list[_Route]:
    """The ways that count. `enrolled` is None where it is not known, or is not to count.

    Where a context is but a wish, nobody enrols a factor for it, and a sign-in that cannot reach it goes on without.
    Of a user who has an authenticator app, the code is asked after the password, whatever the journey says.
    """
    found = [
        _Route(longer, context)
        for context in demand.contexts
        for way in demand.journey.ways
        for longer in _extended(way, context)
        if demand.strict or enrolled is None or FACTORS.intersection(set(longer) - set(way)) <= enrolled
    ]
    alive = any(r.at_end(names) or r.open(names, passkeys=demand.passkeys) for r in found)
    if not demand.contexts or not (demand.strict or alive):
        found = [_Route(way) for way in demand.journey.ways]
    if enrolled is None or "totp" not in enrolled:
        return found
    return [r if FACTORS.intersection(r.way) else _Route((*r.way, "totp"), r.context) for r in found]


def _extended(way: Way, context: AuthenticationContext) -> list[Way]:
    """The way, with the methods that the context needs beyond it; none where no method of ours brings it about."""
    if not AMR.issuperset(context.amr):
        return []
    needed = set(way) | {_METHODS[name] for name in context.amr if name != MFA}
    if MFA not in context.amr or "passkey" in needed or len(needed) > 1:
        return [_in_order(needed)]
    return [_in_order(needed | {"totp"}), _in_order(needed | {"passkey"})]


def _in_order(methods: set[Method]) -> Way:
    order: Way = ("password", "totp", "passkey")
    return tuple(method for method in order if method in methods)
