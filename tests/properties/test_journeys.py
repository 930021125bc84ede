"""Journeys hold for any ways, any levels and any user: they end, ask for nothing twice, and nobody skips a step."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushgate.model import AuthenticationContext, Journey, Method
from pushgate.protocol.journey import (
    AMR,
    BUILT_IN,
    FACTORS,
    CannotReach,
    Demand,
    Done,
    EnrolPasskey,
    EnrolTotp,
    Passkey,
    Password,
    Step,
    Totp,
    full_amr,
    journey_named,
    journey_of,
    methods_of,
    next_step,
    satisfied,
)

METHODS: tuple[Method, ...] = ("password", "totp", "passkey")
ways = st.permutations(METHODS).flatmap(
    lambda order: st.integers(1, 3).map(lambda count: tuple(order[:count]))
).filter(lambda way: way[0] != "totp")  # fmt: skip
journeys = st.lists(ways, min_size=1, max_size=3).map(lambda found: Journey(name="own", ways=tuple(found)))
levels = st.lists(st.sampled_from([*sorted(AMR), "sc"]), min_size=1, max_size=3, unique=True)
contexts = st.lists(levels.map(lambda amr: AuthenticationContext(acr="x", amr=tuple(amr))), max_size=2).map(tuple)
demands = st.builds(Demand, journeys | st.sampled_from(BUILT_IN), contexts, st.booleans(), st.booleans())
factors = st.frozensets(st.sampled_from(sorted(FACTORS)))
names = st.frozensets(st.sampled_from(["pwd", "otp", "swk", "hwk"]))


def follow(
    demand: Demand, enrolled: frozenset[Method], key: str, *, rather_passkey: bool
) -> tuple[list[Step], set[str]]:
    """The steps of somebody who does what is asked, and what they have used in the end.

    Where a passkey does as well as the password and is used, the step is that of the passkey.
    """
    steps: list[Step] = []
    used: set[str] = set()
    while True:
        step = next_step(demand, used, enrolled)
        steps.append(step)
        assert len(steps) < 7, steps
        match step:
            case Done() | CannotReach():
                return steps, used
            case Password(or_passkey=True) if rather_passkey and "passkey" in enrolled:
                steps[-1] = Passkey()
                used.add(key)
            case Password():
                used.add("pwd")
            case Totp() | EnrolTotp():
                assert isinstance(step, Totp) == ("totp" in enrolled)
                used.add("otp")
                enrolled |= {"totp"}
            case Passkey() | EnrolPasskey():
                assert demand.passkeys
                if isinstance(step, Passkey) and "passkey" not in enrolled:
                    assert not used, "only at the beginning is a passkey asked of somebody who may have none"
                    return steps, used
                used.add(key)
                enrolled |= {"passkey"}


OTHER_KEY = Demand(
    Journey(name="passkey", ways=(("passkey",),)),
    (AuthenticationContext(acr="x", amr=("pwd",)), AuthenticationContext(acr="x", amr=("swk",))),
)


@given(demands, factors, st.sampled_from(["hwk", "swk"]), st.booleans())
@example(OTHER_KEY, frozenset({"passkey"}), "hwk", True)
def test_a_journey_ends(demand: Demand, enrolled: frozenset[Method], key: str, rather_passkey: bool) -> None:
    steps, used = follow(demand, enrolled, key, rather_passkey=rather_passkey)
    asked = [type(step) for step in steps]
    assert len(set(asked)) == len(asked), "no step comes twice"
    if isinstance(steps[-1], Done):
        assert satisfied(demand, used) or not demand.strict, "who has come to the end is not asked again"
        if "totp" in enrolled and "pwd" in used:
            assert used != {"pwd"}, "who has an app has shown it after the password"


@given(demands, factors, names)
def test_nothing_is_done_before_a_way_is_gone(
    demand: Demand, enrolled: frozenset[Method], used: frozenset[str]
) -> None:
    if isinstance(next_step(demand, used, enrolled), Done):
        assert any(set(way) <= methods_of(used) for way in demand.journey.ways)
        if demand.strict and demand.contexts:
            assert any(set(context.amr) <= set(full_amr(used)) for context in demand.contexts)


@given(demands, factors, names)
def test_nothing_is_enrolled_before_the_others_are_shown(
    demand: Demand, enrolled: frozenset[Method], used: frozenset[str]
) -> None:
    for recent in (True, False):
        step = next_step(demand, used, enrolled, recent=recent)
        if isinstance(step, EnrolTotp | EnrolPasskey):
            assert recent
            assert enrolled <= methods_of(used)


@given(demands, factors, names)
def test_a_wish_never_leads_nowhere(demand: Demand, enrolled: frozenset[Method], used: frozenset[str]) -> None:
    plain = Demand(demand.journey, passkeys=demand.passkeys)
    if not demand.strict and isinstance(next_step(demand, used, enrolled), CannotReach):
        assert isinstance(next_step(plain, used, enrolled), CannotReach)


@pytest.mark.parametrize(
    ("used", "amr"),
    [
        (["pwd"], ("pwd",)),
        (["pwd", "otp"], ("pwd", "otp", "mfa")),
        (["swk"], ("swk", "pop", "user", "mfa")),
        (["pwd", "hwk"], ("pwd", "hwk", "pop", "user", "mfa")),
        ([], ()),
    ],
)
def test_what_was_done_is_named(used: list[str], amr: tuple[str, ...]) -> None:
    assert full_amr(used) == amr


def test_which_journey_it_is() -> None:
    own = (Journey(name="own", ways=(("password",),)),)
    assert journey_of("own", "passkey", "password", own).name == "own"
    assert journey_of(None, "passkey", "password", own).name == "passkey"
    assert journey_of(None, None, "own", own).name == "own"
    assert journey_of(None, None, None, own).name == "passkey-or-password"
    assert journey_of("gone", None, None, own).ways == ()
    assert journey_named("passkey", own) in BUILT_IN
