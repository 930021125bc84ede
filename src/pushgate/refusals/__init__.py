"""Every way in which the server says no, in one table. IDs are public and stable; the documentation
page of each is made from these files (`make docs`).

A file per stage that refuses; an ID begins with the name of what was refused: http, client, assertion,
par, request, authorize, login, code, refresh, token, userinfo, introspection, resource, revocation, logout,
registration, management.
"""

from __future__ import annotations

from pushgate.errors import Refusal
from pushgate.refusals.authorize import *
from pushgate.refusals.certificate import *
from pushgate.refusals.client import *
from pushgate.refusals.details import *
from pushgate.refusals.directory import *
from pushgate.refusals.dpop import *
from pushgate.refusals.http import *
from pushgate.refusals.introspection import *
from pushgate.refusals.logout import *
from pushgate.refusals.management import *
from pushgate.refusals.protected import *
from pushgate.refusals.registration import *
from pushgate.refusals.request import *
from pushgate.refusals.request_object import *
from pushgate.refusals.resource import *
from pushgate.refusals.revocation import *
from pushgate.refusals.token import *

REFUSALS: dict[str, Refusal] = {r.id: r for r in list(globals().values()) if isinstance(r, Refusal)}
