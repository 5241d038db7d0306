"""Errors as ``application/problem+json`` (RFC 9457).

One table maps the families of :mod:`parking.errors` to statuses. Every problem says its ``outcome``, so
that a controller knows whether to repeat the request; a wrong field is named, its value is not repeated.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from aiohttp import web
from pydantic import ValidationError

from parking.errors import (
    Busy,
    Conflict,
    Defect,
    InvalidInput,
    LeaveFirstError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Outcome,
    OutcomeUnknown,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["invalid", "problem", "problem_document", "problems_middleware", "refused"]

log = structlog.get_logger()

AnyRequest = TypeVar("AnyRequest", bound=web.BaseRequest)

STATUSES: dict[type[LeaveFirstError], tuple[int, str]] = {
    InvalidInput: (422, "Invalid input"),
    NotAuthenticated: (401, "Not authenticated"),
    NotPermitted: (403, "Not permitted"),
    NotFound: (404, "Not found"),
    Conflict: (409, "Conflict"),
    Busy: (503, "Busy"),
    Unavailable: (503, "Unavailable"),
    OutcomeUnknown: (503, "Outcome unknown"),
    Defect: (500, "Internal error"),
}
RETRY_AFTER_S = 1
FIELD_NAME_MAX = 64
"""An unknown field is named as it was sent, but not at any length."""


def problem_document(error: LeaveFirstError) -> dict[str, Any]:
    """What is said about an error; an internal one is not described to strangers."""
    status, title = STATUSES[type(error)]
    document: dict[str, Any] = {"title": title, "status": status, "outcome": error.outcome}
    if not isinstance(error, Defect):
        document["detail"] = str(error)
    if isinstance(error, InvalidInput) and error.fields:
        document["fields"] = list(error.fields)
    return document


def problem(error: LeaveFirstError) -> web.Response:
    """The response for an error."""
    return _response(problem_document(error))


def refused(status: int, headers: dict[str, str] | None = None) -> web.Response:
    """The response for a request that got no further than HTTP."""
    retryable = status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE}
    outcome = Outcome.RETRYABLE if retryable else Outcome.DEFINITE
    return _response({"title": HTTPStatus(status).phrase, "status": status, "outcome": outcome}, headers)


def invalid(error: ValidationError) -> InvalidInput:
    """A pydantic error as ours: names of fields and reasons, never the input."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[:20]
    fields = tuple(".".join(str(part)[:FIELD_NAME_MAX] for part in one["loc"]) or "body" for one in details)
    reasons = "; ".join(f"{field}: {one['msg']}" for field, one in zip(fields, details, strict=True))
    return InvalidInput(reasons, fields)


@web.middleware
async def problems_middleware(
    request: AnyRequest, handler: Callable[[AnyRequest], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every error of a handler, and aiohttp's own refusals, as a problem."""
    try:
        return await handler(request)
    except LeaveFirstError as error:
        if isinstance(error, Defect):
            _log(request, error)
        return problem(error)
    except web.HTTPException as refusal:
        if refusal.status < HTTPStatus.BAD_REQUEST:
            raise
        headers = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else None
        return refused(refusal.status, headers)
    except (web.RequestPayloadError, web.PayloadAccessError):
        return problem(InvalidInput("the body cannot be read as it was announced", ("body",)))
    except Exception as error:  # noqa: BLE001 - the edge of the program: kept for us, not described to strangers
        _log(request, error)
        return problem(Defect("unexpected"))


def _log(request: web.BaseRequest, error: Exception) -> None:
    """An error of ours; the route is named by its pattern, because a path may hold a plate."""
    resource = request.match_info.route.resource if isinstance(request, web.Request) else None
    route = resource.canonical if resource is not None else None
    log.error("request_failed", method=request.method, route=route, exc_info=error)


def _response(document: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    sent = dict(headers or {})
    if document["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["Retry-After"] = str(RETRY_AFTER_S)
    if document["status"] == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    return web.Response(
        body=json.dumps(document, ensure_ascii=False).encode(),
        status=document["status"],
        content_type="application/problem+json",
        headers=sent,
    )
