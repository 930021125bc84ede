"""What the handler of a route gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushgate.endpoints.context import Context
from pushgate.endpoints.http import Request
from pushgate.manage.service import Management
from pushgate.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Call:
    """A routed request; `rest` is the part of the path after a route that ends in a slash."""

    ctx: Context
    request: Request
    pages: Pages
    rest: str = ""
    management: Management = field(kw_only=True)
