"""Deny by default: a route asks for a principal, or is on the list of public routes."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Mount, WebSocketRoute

from ..public import PUBLIC_ROUTES
from .dependencies import get_principal


def refuse_open_routes(app: FastAPI) -> None:
    """Raise RuntimeError if a route is open by mistake."""
    if routes := open_routes(app):
        raise RuntimeError(
            f"No principal is needed for {', '.join(routes)}. Include the router with "
            "dependencies=[Depends(get_principal)], or list the routes in public.py."
        )


def open_routes(app: FastAPI) -> list[str]:
    """The routes that need no principal and are not public, such as `GET /books`."""
    return [
        name
        for context in iter_route_contexts(app.routes)
        if not needs_principal(getattr(context, "dependant", None))
        for name in names(context)
        if name not in PUBLIC_ROUTES
    ]


def names(context: RouteContext) -> Iterator[str]:
    """`GET /books`, `WEBSOCKET /feed` or `MOUNT /static`. HEAD goes with GET."""
    route = context.original_route
    kind = "WEBSOCKET" if isinstance(route, WebSocketRoute) else "MOUNT" if isinstance(route, Mount) else "ANY"
    methods = context.methods or {kind}
    for method in sorted({"GET" if method == "HEAD" else method for method in methods}):
        yield f"{method} {context.path}"


def needs_principal(dependant: Dependant | None) -> bool:
    return dependant is not None and (
        dependant.call is get_principal or any(needs_principal(each) for each in dependant.dependencies)
    )
