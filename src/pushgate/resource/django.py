"""For Django, asynchronous and synchronous views.

resource = ProtectedResource(issuer="https://login.example", audience="https://api.example")

@resource.requires("notes:read")
async def notes(request): return JsonResponse({"hello": request.access_token.sub})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, JsonResponse

from pushgate.resource import core
from pushgate.resource.asgi import certificate_of
from pushgate.resource.refused import AccessRefused, Wanted
from pushgate.resource.token import AccessToken

__all__ = ["AccessToken", "ProtectedResource"]

View = TypeVar("View", bound=Callable[..., Any])


class ProtectedResource(core.ProtectedResource):
    """A ProtectedResource that guards Django's views."""

    def requires(
        self,
        scope: str | Iterable[str] = (),
        *,
        acr_values: str | Iterable[str] = (),
        max_age: int | None = None,
    ) -> Callable[[View], View]:
        """A decorator: the view runs for good tokens only, and finds the token in `request.access_token`.

        See `check`. The view is exempt from Django's CSRF check: what lets a request in is a header that no other site
        can set, and cookies count for nothing. Raises ValueError, now, for a bad scope.
        """
        wanted = Wanted.of(scope, acr_values, max_age)

        def decorate(view: View) -> View:
            if iscoroutinefunction(view):

                @wraps(view)
                async def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
                    return await self._let_in(request, wanted) or await view(request, *args, **kwargs)

            else:
                let_in = async_to_sync(self._let_in)

                @wraps(view)
                def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
                    return let_in(request, wanted) or view(request, *args, **kwargs)

            guarded.csrf_exempt = True  # type: ignore[attr-defined]
            return guarded  # type: ignore[return-value]

        return decorate

    async def _let_in(self, request: HttpRequest, wanted: Wanted) -> HttpResponse | None:
        """Put the token into the request; a reply if it may not pass."""
        try:
            request.access_token = await self.check(
                method=request.method,
                url=request.build_absolute_uri(),
                headers=request.headers,
                certificate=_certificate(request),
                scope=wanted.scope,
                acr_values=wanted.acr_values,
                max_age=wanted.max_age,
            )
        except AccessRefused as why:
            return JsonResponse(why.body, status=why.status, headers=why.joined_headers)
        return None


def _certificate(request: HttpRequest) -> bytes | str | None:
    """From the ASGI server, or from Apache or uWSGI through WSGI (`SSL_CLIENT_CERT`, which no header can set)."""
    found = certificate_of(getattr(request, "scope", {}))
    return found or request.META.get("SSL_CLIENT_CERT") or None
