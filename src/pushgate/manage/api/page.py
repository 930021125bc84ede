"""The OpenAPI document for people: plain HTML, with the server's own style sheet and nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pushgate.manage.api.operation import SCHEME
from pushgate.realm import Issuer
from pushgate.refusals import REFUSALS

STAGES = ("management.", "resource.", "http.", "dpop.")
"""What the refusals of an API call begin with."""
_CODE = re.compile(r"`([^`]+)`")
_templates = Environment(
    loader=PackageLoader("pushgate.manage.api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def page(document: dict[str, Any], issuer: Issuer) -> str:
    """The document as a page."""
    return _templates.get_template("operations.html").render(
        info=document["info"],
        paths=document["paths"],
        problems={name: refusal for name, refusal in REFUSALS.items() if name.startswith(STAGES)},
        scheme=SCHEME,
        root=issuer.path,
        style=f"{urlsplit(issuer.base_url).path}/static/pushgate.css",
        marked=_marked,
        body=_body,
    )


def _marked(text: str) -> Markup:
    """Text in which names of things stand between backticks."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just now


def _body(operation: dict[str, Any]) -> str:
    """The name of the schema of what is sent, if something is."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference: str = content.get("schema", {}).get("$ref", "")
    return reference.rpartition("/")[2]
