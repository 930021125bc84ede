"""Clients of other products, as a manifest: one module per product, pure functions over its parsed export.

Each module begins with tables: which field becomes which member, which fields keep the other product's books, and
which are lost, with the reason. A field that is in none of them is reported as unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pushgate.manage.importers import auth0, keycloak, wso2
from pushgate.manage.importers.common import BadExport, Imported, Remark
from pushgate.manage.importers.reading import content, json_document, xml_document

Product = tuple[Callable[[bytes], Any], Callable[[list[Any], str | None], Imported]]
PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {
        "auth0": (json_document, auth0.imported),
        "keycloak": (json_document, keycloak.imported),
        "wso2": (xml_document, wso2.imported),
    }
)
__all__ = ["PRODUCTS", "BadExport", "Imported", "Remark", "imported"]


def imported(product: str, paths: list[Path], realm: str | None) -> Imported:
    """The manifest of a product's export files, and what is not in it. Raises BadExport.

    `realm` is the name of the realm to be; None leaves it to the export.
    """
    parse, turn = PRODUCTS[product]
    documents = []
    for path in paths:
        try:
            documents.append(parse(content(path)))
        except BadExport as bad:
            raise BadExport(f"{path}: {bad}") from None
    try:
        return turn(documents, realm)
    except BadExport as bad:
        where = f"{paths[0]}: " if len(paths) == 1 else ""
        raise BadExport(f"{where}{bad}") from None
