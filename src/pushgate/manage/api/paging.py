"""Lists: pages, totals, filters by exact values, and the fields that are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from pushgate import refusals
from pushgate.manage.api.call import Call, answer
from pushgate.manage.api.problem import Failed
from pushgate.protocol.registration import Problem

LAST_PAGE = 1_000_000
FIELDS = ("fields", "include_fields")
PAGING = ("page", "per_page", "include_totals")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: pages are counted from 0."""

    number: int
    size: int
    totals: bool
    fields: tuple[str, ...]
    included: bool

    @property
    def start(self) -> int:
        """How many things stand before it."""
        return self.number * self.size


def page_of(
    page: Annotated[int, Query(ge=0, le=LAST_PAGE, description="The page, counted from 0.")] = 0,
    per_page: Annotated[int, Query(ge=1, le=100, description="How many things a page has.")] = 50,
    include_totals: Annotated[bool, Query(description="An object that says how many there are, not an array.")] = False,
    fields: Annotated[str | None, Query(description="Members to show, separated by commas.")] = None,
    include_fields: Annotated[bool, Query(description="False: show all members but those in `fields`.")] = True,
) -> Page:
    """The query parameters that every list has."""
    return Page(page, per_page, include_totals, tuple((fields or "").split(",")) if fields else (), include_fields)


Paged = Annotated[Page, Depends(page_of)]


def filters(call: Call, known: Iterable[str], *also: str) -> dict[str, str]:
    """What the query wants members to be; `also` are further parameters. Raises Failed for any other one."""
    assert call.http is not None
    known, sent = frozenset(known), call.http.query_params
    unknown = [name for name in sent if name not in {*known, *also, *PAGING, *FIELDS}]
    if unknown:
        found = [Problem(name[:100], "is not a parameter of this list") for name in unknown]
        raise Failed(refusals.MANAGEMENT_QUERY, found)
    return {name: sent[name] for name in sent if name in known}


def fits(document: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether every wanted member has exactly that value."""
    return all(_text(document.get(name)) == value for name, value in wanted.items())


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def listed(call: Call, page: Page, name: str, found: Sequence[dict[str, Any]], total: int | None = None) -> Response:
    """A page as an answer: an array, or with `include_totals` an object; `Link` says where the others are (RFC 8288).

    `found` is everything that fits, or with `total` just the page.
    """
    shown = found if total is not None else found[page.start : page.start + page.size]
    count = len(found) if total is None else total
    documents = [_cut(document, page) for document in shown]
    document: Any = documents
    if page.totals:
        document = {"start": page.start, "limit": page.size, "length": len(documents), "total": count, name: documents}
    return answer(document, link=_links(call, page, count), x_total_count=str(count))


def cut(document: dict[str, Any], request: Request) -> dict[str, Any]:
    """One thing with the members that `fields` wants."""
    fields = request.query_params.get("fields")
    included = request.query_params.get("include_fields") != "false"
    return _cut(document, Page(0, 1, False, tuple(fields.split(",")) if fields else (), included))


def _cut(document: dict[str, Any], page: Page) -> dict[str, Any]:
    if not page.fields:
        return document
    return {name: value for name, value in document.items() if (name in page.fields) == page.included}


def _links(call: Call, page: Page, total: int) -> str:
    assert call.http is not None
    last = max(0, (total - 1) // page.size)
    wanted = {"first": 0, "prev": page.number - 1, "next": page.number + 1, "last": last}
    others = [(name, value) for name, value in call.http.query_params.multi_items() if name not in ("page", "per_page")]
    links = []
    for relation, number in wanted.items():
        if 0 <= number <= last:
            query = urlencode([*others, ("page", number), ("per_page", page.size)])
            links.append(f'<{call.raw_path}?{query}>; rel="{relation}"')
    return ", ".join(links)
