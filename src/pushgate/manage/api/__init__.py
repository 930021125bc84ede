"""The management API: `/api/v2` of every realm. One FastAPI application serves all of them.

Paths are in places.py, tokens in access.py, what each operation does in a file per kind of thing; every change goes
through `manage.service.Management`. The same settings in the words of other products are in vendors.py and auth0.py.
"""

from __future__ import annotations

from pushgate.manage.api.asgi import ManagementApi
from pushgate.manage.api.places import Place, find_call

__all__ = ["ManagementApi", "Place", "find_call"]
