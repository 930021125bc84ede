"""The last look at an imported client: what `apply` would refuse is taken away, and said."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pushgate.manage.importers.common import LeftOut, Reading, Remark
from pushgate.manage.inputs import ClientInput
from pushgate.manage.remembered import NOT_REPLACED
from pushgate.model import Client, RealmSettings
from pushgate.profiles import PROFILES
from pushgate.protocol.conflicts import conflicts
from pushgate.protocol.registration import Problem, complete, problems

ESSENTIAL = ("client_id", "token_endpoint_auth_method", "require_signed_request_object", "profile", "pkce_required")
"""Without these the client would be another one, or a weaker one: it is left out instead."""
REDIRECTING = ("authorization_code", "implicit")


def settled(client: Reading, realm: RealmSettings) -> tuple[dict[str, Any] | None, list[Remark]]:
    """The members that can be saved, or None for a client that is left out; and all remarks on it."""
    try:
        while found := _refused(client.members, realm):
            # Later places of a list first, so that the earlier ones keep theirs; what has gone has no problem any more.
            by_place = {problem.field: problem for problem in found}
            there = set(client.members)
            for place in sorted(by_place, key=lambda name: (len(name), name), reverse=True):
                name = place.partition("[")[0]
                if name in client.members or name not in there:
                    _take_away(client, by_place[place])
    except LeftOut as reason:
        return None, [Remark(client.subject, "", "left out", str(reason))]
    return client.members, client.remarks


def _refused(members: dict[str, Any], realm: RealmSettings) -> list[Problem]:
    """What `apply` would say of it."""
    try:
        wanted = msgspec.convert(complete(members), ClientInput, strict=True)
    except msgspec.ValidationError as problem:
        reason, _, where = str(problem).partition(" - at `$.")
        return [Problem(re.split(r"[.\[`]", where)[0], reason)]
    fields = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if name not in NOT_REPLACED}
    profile = PROFILES.get(wanted.profile or "", PROFILES[realm.profile])
    for name in ("id_token_signed_response_alg", "authorization_signed_response_alg"):
        fields[name] = fields[name] or profile.signing_alg("RS256")
    secret = wanted.client_secret if isinstance(wanted.client_secret, str) else None
    made = Client(**fields)
    return problems(made, secret, PROFILES[realm.profile]) or conflicts(made, realm)


def _take_away(client: Reading, problem: Problem) -> None:
    """One step nearer to what can be saved. Raises LeftOut where there is none."""
    members, (name, _, index) = client.members, problem.field.partition("[")
    origin = client.origins.get(name, name)
    if name in ESSENTIAL:
        raise LeftOut(f"{origin}: {problem.reason}")
    if name == "redirect_uris" and not index:
        _no_redirects(client)
    elif name not in members:
        raise LeftOut(f"{origin}: {problem.reason}")
    elif index and isinstance(members[name], list):
        place = int(index.rstrip("]"))
        client.remark(origin, "dropped", f"{members[name].pop(place)!r} {problem.reason}")
        if not members[name]:
            del members[name]
    else:
        del members[name]
        client.remark(origin, "dropped", problem.reason)


def _no_redirects(client: Reading) -> None:
    """Without a redirect URI only the flows without a browser are left."""
    client.members.pop("redirect_uris", None)
    rest = [grant for grant in client.members.get("grant_types", REDIRECTING) if grant not in REDIRECTING]
    if not set(rest) - {"refresh_token"}:
        raise LeftOut("it has no redirect URI that can be registered")
    client.members |= {"grant_types": rest, "response_types": []}
    client.remark(client.origins.get("grant_types", "grant_types"), "dropped",
                  "the flows with a browser, for there is no redirect URI that can be registered")  # fmt: skip
