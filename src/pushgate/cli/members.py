"""What `create` and `update` share: members that are set by name, shown as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from pushgate.cli.common import print_json, print_table

T = TypeVar("T")

Members = Annotated[
    list[str] | None,
    typer.Option("--set", help="A member as name=value; value is JSON, or text. Repeatable.", metavar="NAME=VALUE"),
]


def parse_member(text: str) -> tuple[str, Any]:
    """`name=value`, where value is JSON if it reads as JSON."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def with_members(base: dict[str, Any], members: Iterable[str]) -> dict[str, Any]:
    """The document after `--set`; `a.b=value` sets one member of the object `a` and leaves its others as they are."""
    found = dict(base)
    for name, value in map(parse_member, members):
        outer, dot, inner = name.partition(".")
        kept = found.get(outer)
        found[outer if dot else name] = {**(kept if isinstance(kept, dict) else {}), inner: value} if dot else value
    return found


def converted(document: dict[str, Any], kind: type[T]) -> T:
    """The document as an input. Raises Refused."""
    from pushgate.manage.service import Refused
    from pushgate.protocol.registration import Problem

    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as problem:
        raise Refused([Problem("--set", str(problem))]) from None


def print_members(members: dict[str, Any], *, as_json: bool) -> None:
    """One thing with all its members."""
    if as_json:
        print_json(members)
        return
    rows = [[name, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)] for name, v in members.items()]
    print_table(["MEMBER", "VALUE"], rows, "")
