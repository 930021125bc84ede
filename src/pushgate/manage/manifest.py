"""Manifests: YAML or JSON files that say what should be there. Applied whole, or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from pushgate.manage.inputs import ClientInput, ManifestInput, SecretSource
from pushgate.manage.service import Change, Management, Refused
from pushgate.model import Client, RealmSettings, User
from pushgate.protocol.registration import complete

MAX_BYTES = 32 * 1024 * 1024
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
        super().__init__("\n".join(map(str, complaints)))
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
    loader = yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise BadManifest([Complaint(file, event.start_mark.line + 1, "", "anchors and aliases are not taken")])
            if getattr(event, "tag", None):
                raise BadManifest([Complaint(file, event.start_mark.line + 1, "", "tags are not taken")])
        node = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        raise BadManifest([Complaint(file, line, "", getattr(problem, "problem", None) or "is not YAML")]) from None
    except RecursionError:
        raise BadManifest([Complaint(file, 1, "", "is nested too deeply")]) from None
    if node is None:
        raise BadManifest([Complaint(file, 1, "", "is empty")])
    lines: dict[Path_, int] = {}
    value = _value(node, (), lines, file)
    return Document(file, value, lines)


def _value(node: yaml.Node, path: Path_, lines: dict[Path_, int], file: str) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if not name or name in found:
                raise BadManifest(
                    [Complaint(file, key.start_mark.line + 1, dotted((*path, name)), "key is repeated or odd")]
                )
            found[name] = _value(value, (*path, name), lines, file)
            lines[(*path, name)] = key.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines, file) for index, item in enumerate(node.value)]
    return _SCALARS.construct_object(node)  # type: ignore[no-untyped-call]


class _Scalars(yaml.constructor.SafeConstructor):
    """Scalars as YAML 1.1 reads them, except that dates stay text."""


_Scalars.add_constructor("tag:yaml.org,2002:timestamp", yaml.constructor.SafeConstructor.construct_yaml_str)
_SCALARS = _Scalars()


def typed(document: Document) -> ManifestInput:
    """The document as types. Raises BadManifest with the line of the first wrong member."""
    value = document.value
    if isinstance(value, dict):
        value = (
            {**value, "realms": [_completed(realm) for realm in value.get("realms") or []]}
            if "realms" in value
            else value
        )
    try:
        return msgspec.convert(value, ManifestInput, strict=True)
    except msgspec.ValidationError as problem:
        reason, _, where = str(problem).partition(" - at `$")
        raise BadManifest([document.complaint(_path(where.rstrip("`")), reason)]) from None


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

    async def apply(self, documents: list[Document], *, dry_run: bool = False) -> list[Change]:
        """Do what the manifests say, all or nothing; the changes, made or (dry run) planned.

        Raises BadManifest with every complaint that was found.
        """
        changes: list[Change] = []
        complaints: list[Complaint] = []
        for document in documents:
            manifest = typed(document)
            async for change in self._planned(document, manifest, complaints):
                changes.append(change)
        complaints += _repeated(documents, changes)
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
                if realm.hosts:
                    complaints.append(document.complaint((*at, "hosts"), "realms are found by path in this release"))
                settings, change = await self._management.plan_realm(realm)
                yield change
            except Refused as refused:
                complaints += _complaints(document, at, refused)
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
        path = Path(document.file).parent / (source.file or "")
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise BadManifest([document.complaint(at, f"cannot be read: {problem}")]) from None


def _complaints(document: Document, at: Path_, refused: Refused) -> Iterator[Complaint]:
    for problem in refused.problems:
        yield document.complaint((*at, *_path("." + problem.field)), problem.reason)


def _repeated(documents: list[Document], changes: list[Change]) -> Iterator[Complaint]:
    """One thing may be said once, in all files together."""
    seen: set[tuple[str, str, str]] = set()
    for change in changes:
        key = (change.realm, change.object, change.id)
        if key in seen:
            line = _line_of_last(documents[-1], change.id)
            yield Complaint(documents[-1].file, line, change.id, f"the {change.object} is there twice")
        seen.add(key)


def _line_of_last(document: Document, identifier: str) -> int:
    found = [line for path, line in document.lines.items() if path and _at(document.value, path) == identifier]
    return max(found, default=1)


def _at(value: Any, path: Path_) -> Any:
    for part in path:
        value = value[part]
    return value


# --- Export ------------------------------------------------------------------------------------------


async def export(management: Management, realm: str | None, *, with_secrets: bool) -> dict[str, Any]:
    """The manifest of what is there. Digests and hashes are no secrets to give away, so they stay here.

    `with_secrets` adds the secrets that are kept in clear (sealed): those of client_secret_jwt.
    """
    realms = []
    for settings in await management.configuration.realms():
        if realm is not None and settings.name != realm:
            continue
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
    return {"name": document.pop("name"), "profile": settings.profile, "dialect": settings.dialect} | document


def _client_document(management: Management, realm: str, client: Client, with_secrets: bool) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(client)
    document.pop("secret", None)
    secret = management.clear_secret(realm, client) if with_secrets else None
    document["application_type"] = client.application_type
    return document | ({"client_secret": secret} if secret else {})


def _user_document(user: User) -> dict[str, Any]:
    document: dict[str, Any] = {"username": user.username}
    if user.claims:
        document["claims"] = user.claims
    return document if user.enabled else {**document, "enabled": False}
