"""Claims that nearly fit: times that are none or far ahead, look-alikes, proofs for another request.

Every one is under the right signature, at every place that takes its kind. RFC 8725 3; RFC 7519 2; RFC 9449 4.3.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pushgate.testing import BASE_URL, running
from tests.support.jwts import KINDS, PASSED, Kind, World, changed, futile, manifest
from tests.support.steps import PAR, TOKEN, USERINFO

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = "/resource"
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
TIMES = {f"{claim} of {kind}": (kind, claim) for kind in KINDS for claim in KINDS[kind].times}
TIMED = pytest.mark.parametrize(("name", "claim"), TIMES.values(), ids=TIMES)
PROOFS = {path: KINDS[f"DPoP proof at {path}"] for path in (PAR, TOKEN, USERINFO, SAMPLE)}
AT = pytest.mark.parametrize("path", PROOFS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """A server that takes every kind."""
    async with running(manifest(), sample_resource=True) as server:
        yield await World.of(server)


# --- Times ---------------------------------------------------------------------------------------------------------

NO_TIMES: dict[str, Any] = {
    "text": "now", "digits": "1800000000", "empty": "", "true": True, "false": False, "a list": [1800000000],
    "an object": {"at": 1800000000}, "of 400 digits": 10**400, "of 400 digits below zero": -(10**400),
}  # fmt: skip


@TIMED
@pytest.mark.parametrize("case", NO_TIMES)
async def test_times_that_are_no_numbers(world: World, name: str, claim: str, case: str) -> None:
    kind = KINDS[name]
    await futile(world, kind, changed(kind, world, {}, **{claim: NO_TIMES[case]}), kind.times[claim])


@TIMED
async def test_times_that_no_double_and_no_json_can_hold(world: World, name: str, claim: str) -> None:
    kind = KINDS[name]
    text = json.dumps({**kind.claims(world), claim: "HERE"})
    for literal, refusal in (
        ("1e400", kind.times[claim]), ("-1e400", kind.times[claim]), ("NaN", kind.refusals["malformed"]),
        ("Infinity", kind.refusals["malformed"]), ("0x10", kind.refusals["malformed"]),
        ("01800000000", kind.refusals["malformed"]), ("1" * 5000, kind.refusals["malformed"]),
    ):  # fmt: skip
        await futile(world, kind, kind.made(world, None, text.replace('"HERE"', literal).encode()), refusal)


FRACTIONS = {
    "client assertion": True,  # RFC 7519 2 allows them; they are cut
    "DPoP proof": True,
    f"access token at {SAMPLE}": True,
    "request object": False,
    f"access token at {USERINFO}": False,  # this server makes none
}


@TIMED
async def test_fractions_of_a_second(world: World, name: str, claim: str) -> None:
    kind = KINDS[name]
    [taken] = [found for begin, found in FRACTIONS.items() if name.startswith(begin)]
    fraction = world.server.clock() + (20.5 if claim == "exp" else -0.5)
    value = changed(kind, world, {}, **{claim: fraction})
    if taken:
        assert await kind.send(world, value) == PASSED
    else:
        await futile(world, kind, value, kind.times[claim])


EARLY = {f"access token at {SAMPLE}": "resource.token_early"}


@pytest.mark.parametrize(("name", "claim"), [pair for pair in TIMES.values() if pair[1] != "exp"])
@pytest.mark.parametrize("ahead", [31.0, 3600.0, 1e9, 253402300799.0, 9e11], ids=str)
async def test_made_in_the_future(world: World, name: str, claim: str, ahead: float) -> None:
    kind = KINDS[name]
    value = changed(kind, world, {}, **{claim: int(world.server.clock() + ahead)})
    await futile(world, kind, value, EARLY.get(name, kind.times[claim]))


@pytest.mark.parametrize("path", [PAR, TOKEN])
@pytest.mark.parametrize("ahead", [3632.0, 1e9, 253402300799.0, 9e11], ids=str)
async def test_an_assertion_for_ever(world: World, path: str, ahead: float) -> None:
    kind = KINDS[f"client assertion at {path}"]
    value = changed(kind, world, {}, exp=int(world.server.clock() + ahead))
    await futile(world, kind, value, "assertion.exp_far")


# --- Look-alikes ----------------------------------------------------------------------------------------------------

CONFUSABLE = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "j": "ј", "J": "Ј", "T": "Т", "E": "Е", "S": "Ѕ"})
"""To Cyrillic letters that look the same."""


def look_alikes(word: str) -> list[str]:
    """The word in other letters that look like it, or with something in it that cannot be seen."""
    fullwidth = word.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    other = word.translate(CONFUSABLE)
    found = [fullwidth, f"{word}\u200b", f"\ufeff{word}", f"{word}\u00a0", f"{word}\0", f"\u202e{word[::-1]}"]
    return [*found, *([other] if other != word else [])]


@EVERY
async def test_a_type_that_looks_right(world: World, kind: Kind) -> None:
    for typ in look_alikes(kind.typ):
        await futile(world, kind, changed(kind, world, {"typ": typ}), kind.refusals["typ"])


@EVERY
async def test_an_algorithm_that_looks_right(world: World, kind: Kind) -> None:
    for alg in [*look_alikes(kind.alg), kind.alg.lower()]:
        await futile(world, kind, changed(kind, world, {"alg": alg}), kind.refusals["alg"])


@EVERY
async def test_an_issuer_that_looks_right(world: World, kind: Kind) -> None:
    """The audience is this server; for tokens of our own, so is the issuer."""
    for url in [*look_alikes(BASE_URL), BASE_URL.replace(".", "\u3002"), BASE_URL.replace("1:", "\u0661:")]:
        if "aud" in kind.claims(world) and kind.typ != "JWT":
            await futile(world, kind, changed(kind, world, {}, aud=url), kind.refusals["aud"])
        if kind.typ in ("at+jwt", "JWT"):
            refusal = kind.refusals["aud"].replace("resource.token_audience", "resource.token_issuer")
            await futile(world, kind, changed(kind, world, {}, iss=url), refusal)


@pytest.mark.parametrize("path", [PAR, TOKEN])
async def test_a_client_that_looks_right_in_an_assertion(world: World, path: str) -> None:
    kind = KINDS[f"client assertion at {path}"]
    for name in look_alikes("any"):
        for claims, refusal in (
            ({"iss": name, "sub": name}, "client.authentication"), ({"iss": name}, "client.authentication"),
            ({"sub": name}, "assertion.sub"),
        ):  # fmt: skip
            await futile(world, kind, changed(kind, world, {}, **claims), refusal)


@pytest.mark.parametrize("path", [PAR, "/oauth2/authorize"])
async def test_a_client_that_looks_right_in_a_request_object(world: World, path: str) -> None:
    kind = KINDS[f"request object at {path}"]
    for name in look_alikes("signer"):
        client_id = changed(kind, world, {}, client_id=name)
        await futile(world, kind, client_id, "request_object.client_id", "invalid_request")
        await futile(world, kind, changed(kind, world, {}, iss=name), "request_object.iss")


async def test_a_client_that_looks_right_in_an_access_token(world: World) -> None:
    kind = KINDS[f"access token at {USERINFO}"]
    for name in look_alikes("app"):
        await futile(world, kind, changed(kind, world, {}, client_id=name), "userinfo.token_invalid")


# --- Proofs for another request -------------------------------------------------------------------------------------


@pytest.mark.requirement("DPOP-4.3-8")
@AT
async def test_a_proof_for_another_method(world: World, path: str) -> None:
    kind = PROOFS[path]
    own = kind.claims(world)["htm"]
    others = {"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", own.lower(), own.title(), "", "*"} - {own}
    for htm in [*sorted(others), *look_alikes(own), [own], None, True]:
        await futile(world, kind, changed(kind, world, {}, htm=htm), "dpop.htm")


@pytest.mark.requirement("DPOP-4.3-9")
@AT
async def test_a_proof_for_another_url(world: World, path: str) -> None:
    kind, url = PROOFS[path], BASE_URL + path
    others: list[Any] = [BASE_URL + other for other in PROOFS if other != path]
    others += [f"{BASE_URL}/realms/beta{path}", BASE_URL, f"{url}/", f"{url}/..", path, url.upper(), [url], None, True]
    others += [url.replace("http:", "https:"), url.replace(":8080", ""), url.replace(":8080", ":8081")]
    others += [url.replace("127.0.0.1", host) for host in ("localhost", "attacker.example", "127.1", "[::1]")]
    others += [url.replace("127.0.0.1", "127.0.0.1.attacker.example"), url.replace("//", "//127.0.0.1@")]
    for htu in [*others, *look_alikes(url), BASE_URL + look_alikes(path)[-1], url.replace("1:", "\u0661:")]:
        await futile(world, kind, changed(kind, world, {}, htu=htu), "dpop.htu")


@pytest.mark.parametrize("made_for", PROOFS)
@AT
async def test_a_proof_that_was_made_for_another_place(world: World, path: str, made_for: str) -> None:
    """An honest proof, overheard on its way to one endpoint, at every other one."""
    heard = PROOFS[made_for].made(world)
    if path == made_for:
        assert await PROOFS[path].send(world, heard) == PASSED
        await futile(world, PROOFS[path], heard, "dpop.replay")
        return
    same_method = PROOFS[path].claims(world)["htm"] == PROOFS[made_for].claims(world)["htm"]
    await futile(world, PROOFS[path], heard, "dpop.htu" if same_method else "dpop.htm")
