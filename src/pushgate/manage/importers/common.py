"""What the importers share: a client as it is read field by field, and remarks on what became of the fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pushgate.protocol.metadata import GRANT_TYPES
from pushgate.protocol.registration import MIN_SECRET
from pushgate.realm import DEFAULT_REALM, REALM_NAME

What = Literal["dropped", "changed", "unknown", "left out"]
EMPTY: tuple[Any, ...] = (None, "", False, 0, (), [], {})
FRONT_CHANNEL = ("id_token", "token", "id_token token")
HYBRID = ("code id_token", "code token", "code id_token token")


EITHER = "a secret is taken in the header alone; write client_secret_post where an application sends it in the form"


class BadExport(Exception):
    """A file is not the export that it should be; nothing of it is taken."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What did not come over as it was: of which client (or realm), which field, and why."""

    subject: str
    field: str
    what: What
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A manifest that `pushgate apply` takes, and what is not in it."""

    manifest: dict[str, Any]
    remarks: tuple[Remark, ...]


class LeftOut(Exception):
    """This client does not come over; the message says why."""


@dataclass(slots=True)
class Reading:
    """One object of the source. What is taken out of `fields` is accounted for; the rest is unknown in the end."""

    subject: str
    fields: dict[str, Any]
    members: dict[str, Any] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    """Which field a member came from."""

    def take(self, name: str) -> Any:
        """A field's value, None where it is absent or empty."""
        value = self.fields.pop(name, None)
        return None if value == "" else value

    def texts(self, name: str) -> list[str]:
        """A field that is a list of texts; what is none is dropped."""
        value = self.take(name)
        if value is not None and (not isinstance(value, list) or not all(isinstance(v, str) for v in value)):
            self.remark(name, "dropped", "is not a list of texts")
            return []
        return list(value or ())

    def text(self, name: str) -> str | None:
        """A field that is a text; what is none is dropped."""
        value = self.take(name)
        if value is None or isinstance(value, str):
            return value
        self.remark(name, "dropped", "is not text")
        return None

    def flag(self, name: str) -> bool:
        """A switch: true, or the text "true"."""
        return self.take(name) in (True, "true", "TRUE", "True")

    def put(self, member: str, value: Any, origin: str) -> None:
        """A member of the client to be; an empty value is as good as none."""
        self.origins[member] = origin
        if value not in EMPTY:
            self.members[member] = value

    def copy(self, table: Mapping[str, str]) -> None:
        """Fields that are members under another name."""
        for name, member in table.items():
            if name in self.fields:
                self.put(member, self.take(name), name)

    def remark(self, name: str, what: What, reason: str) -> None:
        """Say what became of a field."""
        self.remarks.append(Remark(self.subject, name, what, reason))

    def drop(self, table: Mapping[str, str]) -> None:
        """Fields that have no counterpart here; who did not use one loses nothing."""
        for name, reason in table.items():
            if self.fields.pop(name, None) not in (*EMPTY, "false", "0", "-1", "{}", "[]"):
                self.remark(name, "dropped", reason)

    def forget(self, names: Collection[str]) -> None:
        """Fields in which the other product keeps its own books."""
        for name in names:
            self.fields.pop(name, None)

    def rest(self) -> None:
        """What is left is not known here."""
        for name, value in self.fields.items():
            if value not in (None, "", [], {}):
                self.remark(name, "unknown", "is not a field that is known here")


def flattened(fields: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The fields, with the members of some objects beside them, under names with a dot."""
    found = dict(fields)
    for name in names:
        inner = found.get(name)
        if isinstance(inner, dict):
            del found[name]
            found |= {f"{name}.{key}": value for key, value in inner.items()}
    return found


def identified(objects: list[Any], name: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each client with its id. Raises BadExport for one that is no client, and for an id that is there twice."""
    seen: set[str] = set()
    for index, client in enumerate(objects):
        client_id = client.get(name) if isinstance(client, dict) else None
        if not isinstance(client_id, str) or not client_id:
            raise BadExport(f"{where}[{index}] is not a client with a {name}")
        if client_id in seen:
            raise BadExport(f"the client {client_id!r} is there twice")
        seen.add(client_id)
        yield client_id, client


def realm_name(wanted: str | None, found: str | None, remarks: list[Remark]) -> str:
    """The name that the operator gave, or that of the export in the letters that are allowed here. Raises BadExport."""
    if wanted is not None:
        if not REALM_NAME.fullmatch(wanted):
            raise BadExport(f"--realm: {wanted!r} is not lower-case letters, digits and hyphens, at most 63")
        return wanted
    name = re.sub(r"[^a-z0-9]+", "-", (found or "").lower())[:63].strip("-") or DEFAULT_REALM
    if found and name != found:
        remarks.append(Remark(found, "realm", "changed", f"is called {name!r} here"))
    return name


# --- Rules that hold for every product --------------------------------------------------------------------------


def put_flows(client: Reading, grants: Iterable[str], hybrid: Iterable[str], origin: str) -> None:
    """Grant types that are known here, and the response types they go with."""
    wanted = list(dict.fromkeys(grants))
    for grant in wanted:
        if grant == "password":
            reason = "the password grant is not supported: users type their password at this server alone"
            client.remark(origin, "dropped", reason)
        elif grant not in GRANT_TYPES:
            client.remark(origin, "dropped", f"the grant type {grant!r} is not supported")
    kept = [grant for grant in wanted if grant in GRANT_TYPES]
    if not set(kept) - {"refresh_token"}:
        raise LeftOut("no flow of it is supported here")
    responses = ["code"] if "authorization_code" in kept else []
    if "implicit" in kept:
        responses += FRONT_CHANNEL
        client.remark(origin, "changed", "tokens in the front channel stay allowed; remove implicit if nobody needs it")
    responses += hybrid
    client.members |= {"grant_types": kept, "response_types": responses}
    client.origins |= {"grant_types": origin, "response_types": origin}


def put_redirects(client: Reading, uris: Iterable[str], origin: str, *, public: bool) -> None:
    """Redirect URIs, exact ones alone (RFC 9700 2.1).

    A wildcard at the end stands for its beginning: registered as such and, for a client that authenticates, admitted
    in pushed requests (RFC 9126 2.4).
    """
    exact, prefixes = [], []
    for uri in uris:
        stem = uri.removesuffix("*")
        if "*" not in uri:
            exact.append(uri)
        elif "*" in stem or not re.fullmatch(r"https?://[^/?#]+/([^?#]*/)?", stem):
            client.remark(origin, "dropped", f"{uri!r} has a wildcard; redirect URIs are compared as they are")
        elif public or not stem.startswith("https://"):
            exact.append(stem)
            client.remark(origin, "changed", f"{uri!r} stands for {stem!r} alone; register the others that are in use")
        else:
            exact.append(stem)
            prefixes.append(stem)
            reason = f"{uri!r} is {stem!r}, and whatever extends it in pushed requests (pushed_redirect_uri_prefixes)"
            client.remark(origin, "changed", reason)
    client.put("redirect_uris", list(dict.fromkeys(exact)), origin)
    client.put("pushed_redirect_uri_prefixes", prefixes, origin)


def put_exact(client: Reading, member: str, uris: Iterable[str], origin: str) -> None:
    """A list of URIs of which those with a wildcard are dropped."""
    kept = []
    for uri in uris:
        if "*" in uri:
            client.remark(origin, "dropped", f"{uri!r} has a wildcard; URIs are compared character by character")
        elif uri not in kept:
            kept.append(uri)
    client.put(member, kept, origin)


def put_secret(client: Reading, name: str, *, needed: bool) -> None:
    """The secret if the export has it and it is long enough; otherwise `apply` makes a new one."""
    value = client.take(name)
    anew = "apply makes a new one, which the application has to be given"
    if not needed:
        return
    if value is None:
        client.remark(name, "changed", f"is not in the export; {anew}")
    elif not isinstance(value, str) or re.fullmatch(r"\*+|\$\{.*\}|\{.*\}", value, re.DOTALL):
        client.remark(name, "dropped", f"is masked, hashed or kept elsewhere; {anew}")
    elif len(value) < MIN_SECRET:
        client.remark(name, "dropped", f"has fewer than {MIN_SECRET} characters; {anew}")
    else:
        client.put("client_secret", value, name)
