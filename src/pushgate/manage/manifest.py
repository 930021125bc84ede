"""Manifests: YAML or JSON files that say what should be there. Applied whole, or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pushgate.directory.local import username_of
from pushgate.manage.inputs import ClientInput, ManifestInput, RealmInput, SecretSource
from pushgate.manage.remembered import REGISTERED
from pushgate.manage.service import Change, Management, Refused
from pushgate.model import Client, RealmSettings, User
from pushgate.protocol.registration import complete

Progress = Callable[[int, int], None]
MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 50
MAX_VALUES = 1_000_000  # some 50,000 clients in one file; each takes half a kilobyte of memory
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
MOST_COMPLAINTS = 100  # that are shown; nobody reads more, and a hostile file has many
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One reason why a manifest is refused."""

    file: str
    line: int
    where: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.file}:{self.line}: {where}{self.reason}"


class BadManifest(Exception):
    """Nothing was changed; `complaints` say why, with file and line."""

    def __init__(self, complaints: list[Complaint]) -> None:
        more = len(complaints) - MOST_COMPLAINTS
        lines = [*map(str, complaints[:MOST_COMPLAINTS]), *([f"and {more} more"] if more > 0 else [])]
        super().__init__("\n".join(lines))
        self.complaints = complaints


@dataclass(frozen=True)
class Document:
    """A manifest file, read: its values, and the line of each."""

    file: str
    value: Any
    lines: Mapping[Path_, int]

    def complaint(self, path: Path_, reason: str) -> Complaint:
        """A complaint about the value at `path`, or about the nearest thing around it."""
        known = path
        while known not in self.lines and known:
            known = known[:-1]
        return Complaint(self.file, self.lines.get(known, 1), dotted(path), reason)


def dotted(path: Path_) -> str:
    """realms[0].clients[1].scope"""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def read(path: Path) -> Document:
    """Read one file: plain YAML or JSON, without aliases, tags and repeated keys. Raises BadManifest."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadManifest([Complaint(str(path), 1, "", f"is larger than {MAX_BYTES // 2**20} MiB")])
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadManifest([Complaint(str(path), 1, "", f"cannot be read: {problem}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Document:
    """Read a manifest from text. Raises BadManifest."""
    try:
        node = _composed(text, file)
        if node is None:
            raise BadManifest([Complaint(file, 1, "", "is empty")])
        lines: dict[Path_, int] = {}
        return Document(file, _value(node, (), lines, file), lines)
    except yaml.YAMLError as problem:
        line, reason = _line(getattr(problem, "problem_mark", None)), getattr(problem, "problem", None)
        if "nesting depth" in (reason or ""):  # newer parsers have a limit of their own, and words of their own
            reason = "is nested too deeply"
        raise BadManifest([Complaint(file, line, "", reason or "is not YAML")]) from None
    except UnicodeEncodeError:
        raise BadManifest([Complaint(file, 1, "", "is not YAML")]) from None


def _composed(text: str, file: str) -> yaml.Node | None:
    """The document's tree. What could make it larger or deeper than it looks is refused before it is built."""
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        reason = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            reason = "anchors and aliases are not taken"
        elif getattr(event, "tag", None):
            reason = "tags are not taken"
        elif depth > MAX_DEPTH:
            reason = "is nested too deeply"
        elif count > MAX_VALUES:
            reason = f"has more than {MAX_VALUES:,} values; make several files of it"
        if reason is not None:
            raise BadManifest([Complaint(file, _line(event.start_mark), "", reason)])
    node: yaml.Node | None = yaml.compose(text, Loader=loader)
    return node


def _line(mark: Any) -> int:
    return 1 if mark is None else int(mark.line) + 1


def _value(node: yaml.Node, path: Path_, lines: dict[Path_, int], file: str) -> Any:
    lines[path] = _line(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name or name in found:
                where, reason = ((*path, name), "is there twice") if name else (path, "a key must be text")
                raise BadManifest([Complaint(file, _line(key.start_mark), dotted(where), reason)])
            found[name] = _value(value, (*path, name), lines, file)
            lines[(*path, name)] = _line(key.start_mark)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines, file) for index, item in enumerate(node.value)]
    try:
        return _Scalars().construct_object(node)
    except ValueError:  # 0x_ and numbers of thousands of digits
        raise BadManifest([Complaint(file, lines[path], dotted(path), "is not a value of any known type")]) from None


class _Scalars(yaml.constructor.SafeConstructor):
    """Scalars as YAML 1.1 reads them, except that dates stay text."""


_Scalars.yaml_constructors = {
    **_Scalars.yaml_constructors,
    "tag:yaml.org,2002:timestamp": _Scalars.construct_yaml_str,
}


def typed(document: Document) -> ManifestInput:
    """The document as types. Raises BadManifest with the line of the first wrong member."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("realms"), list):
        value = {**value, "realms": [_completed(realm) for realm in value["realms"]]}
    try:
        return msgspec.convert(value, ManifestInput, strict=True)
    except msgspec.ValidationError as problem:
        reason, _, where = str(problem).partition(" - at `$")
        path = _path(where.rstrip("`"))
        unknown = UNKNOWN.fullmatch(reason)
        if unknown:
            path, reason = (*path, unknown[1]), "is not a member that is known here"
        raise BadManifest([document.complaint(path, reason)]) from None


def _completed(realm: Any) -> Any:
    if not isinstance(realm, dict) or not isinstance(realm.get("clients"), list):
        return realm
    return {**realm, "clients": [complete(c) if isinstance(c, dict) else c for c in realm["clients"]]}


def _path(where: str) -> Path_:
    """msgspec's `.realms[0].clients[1].scope` as a path."""
    found = re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]", where)
    return tuple(int(index) if index else name for name, index in found)


class Applier:
    """Plans and carries out manifests."""

    def __init__(self, management: Management, environment: Mapping[str, str] | None = None) -> None:
        self._management = management
        self._environment = os.environ if environment is None else environment

    async def apply(
        self, documents: list[Document], *, dry_run: bool = False, progress: Progress = lambda done, of: None
    ) -> list[Change]:
        """Do what the manifests say, all or nothing; the changes, made or (dry run) planned.

        `progress` hears how many things have been looked at, of how many. Raises BadManifest with every complaint
        that was found.
        """
        changes: list[Change] = []
        manifests = [typed(document) for document in documents]
        complaints = [*_repeated(documents, manifests)]
        if len(complaints) > MOST_COMPLAINTS:
            raise BadManifest(complaints)
        total = sum(len(list(_named(manifest))) for manifest in manifests)
        for document, manifest in zip(documents, manifests, strict=True):
            async for change in self._planned(document, manifest, complaints):
                changes.append(change)
                progress(len(changes), total)
        if complaints:
            raise BadManifest(complaints)
        if not dry_run:
            await self._management.carry_out(changes)
        return changes

    async def _planned(
        self, document: Document, manifest: ManifestInput, complaints: list[Complaint]
    ) -> AsyncIterator[Change]:
        for index, realm in enumerate(manifest.realms):
            at: Path_ = ("realms", index)
            try:
                whole = self._with_authorities(document, (*at, "tls_client_ca"), realm)
                settings, change = await self._management.plan_realm(whole)
                yield change
            except Refused as refused:
                complaints += _complaints(document, at, refused)
                continue
            except BadManifest as bad:
                complaints += bad.complaints
                continue
            for number, client in enumerate(realm.clients):
                async for change in self._client(document, (*at, "clients", number), settings, client, complaints):
                    yield change
            for number, user in enumerate(realm.users):
                place = (*at, "users", number)
                try:
                    password = self._secret(document, (*place, "password"), user.password)
                    yield await self._management.plan_user(settings.name, user, password)
                except Refused as refused:
                    complaints += _complaints(document, place, refused)
                except BadManifest as bad:
                    complaints += bad.complaints

    async def _client(
        self,
        document: Document,
        at: Path_,
        realm: RealmSettings,
        client: ClientInput,
        complaints: list[Complaint],
    ) -> AsyncIterator[Change]:
        try:
            secret = self._secret(document, (*at, "client_secret"), client.client_secret)
            yield await self._management.plan_client(realm, client, secret)
        except Refused as refused:
            complaints += _complaints(document, at, refused)
        except BadManifest as bad:
            complaints += bad.complaints

    def _secret(self, document: Document, at: Path_, source: str | SecretSource | None) -> str | None:
        """A secret as text, read from where it is. Raises BadManifest."""
        if source is None or isinstance(source, str):
            return source
        if (source.file is None) == (source.env is None):
            raise BadManifest([document.complaint(at, "must be text, {file: path} or {env: NAME}")])
        if source.env is not None:
            value = self._environment.get(source.env)
            if not value:
                raise BadManifest([document.complaint(at, f"the environment variable {source.env} is not set")])
            return value
        return self._content(document, at, source.file or "")

    def _with_authorities(self, document: Document, at: Path_, realm: RealmInput) -> RealmInput:
        """The realm with the PEM text of its authorities in place of the file's name. Raises BadManifest."""
        named = realm.tls_client_ca
        if not isinstance(named, str):
            return realm
        text = named if "-----BEGIN" in named else self._content(document, at, named)
        return msgspec.structs.replace(realm, tls_client_ca=text.strip() + "\n")

    def _content(self, document: Document, at: Path_, name: str) -> str:
        """A text file beside the manifest. Raises BadManifest."""
        try:
            return (Path(document.file).parent / name).read_text("utf-8").strip()
        except (OSError, ValueError) as problem:
            raise BadManifest([document.complaint(at, f"cannot be read: {problem}")]) from None


def _complaints(document: Document, at: Path_, refused: Refused) -> Iterator[Complaint]:
    for problem in refused.problems:
        yield document.complaint((*at, *_path("." + problem.field)), problem.reason)


def _repeated(documents: list[Document], manifests: list[ManifestInput]) -> Iterator[Complaint]:
    """One thing may be said once, in all files together; the second one is complained about."""
    seen: set[tuple[str, ...]] = set()
    for document, manifest in zip(documents, manifests, strict=True):
        for path, key in _named(manifest):
            if key in seen:
                yield document.complaint(path, f"the {key[0]} {key[-1]!r} is there twice")
            seen.add(key)


def _named(manifest: ManifestInput) -> Iterator[tuple[Path_, tuple[str, ...]]]:
    """Everything in a manifest that has a name: where it is, what it is, and the name."""
    for index, realm in enumerate(manifest.realms):
        at: Path_ = ("realms", index)
        yield (*at, "name"), ("realm", realm.name)
        for number, host in enumerate(() if realm.hosts is msgspec.UNSET else realm.hosts):
            yield (*at, "hosts", number), ("host", host)
        for number, client in enumerate(realm.clients):
            yield (*at, "clients", number, "client_id"), ("client", realm.name, client.client_id)
        for number, user in enumerate(realm.users):
            yield (*at, "users", number, "username"), ("user", realm.name, username_of(user.username))


# --- Export ------------------------------------------------------------------------------------------


async def export(management: Management, realm: str | None, *, with_secrets: bool) -> dict[str, Any]:
    """The manifest of what is there. Digests and hashes are no secrets to give away, so they stay here.

    `with_secrets` adds the secrets that are kept in clear (sealed): those of client_secret_jwt.
    Raises Refused if `realm` does not exist.
    """
    realms = []
    wanted = await management.configuration.realms() if realm is None else [await management.existing_realm(realm)]
    for settings in wanted:
        clients = await management.configuration.clients(settings.name)
        users = await management.accounts(settings.name).users()
        realms.append(
            {
                **_without_defaults(settings),
                "clients": [_client_document(management, settings.name, c, with_secrets) for c in clients],
                "users": [_user_document(user) for user in users],
            }
        )
    return {"realms": realms}


def _without_defaults(settings: RealmSettings) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(settings)
    document.pop("serial", None)
    return {"name": document.pop("name"), "profile": settings.profile, "dialect": settings.dialect} | document


def _client_document(management: Management, realm: str, client: Client, with_secrets: bool) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(client)
    for name in ("secret", *REGISTERED):
        if name != "self_registered":
            document.pop(name, None)
    secret = management.clear_secret(realm, client) if with_secrets else None
    document["application_type"] = client.application_type
    return document | ({"client_secret": secret} if secret else {})


def _user_document(user: User) -> dict[str, Any]:
    document: dict[str, Any] = {"username": user.username}
    if user.claims:
        document["claims"] = user.claims
    return document if user.enabled else {**document, "enabled": False}
