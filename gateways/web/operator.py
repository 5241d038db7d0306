"""The operator API put together: garages, tokens, accounts, sessions, reviews, and its own description.

What changes what the gates must know is published at once, and what changes what a driver may owe is
granted anew at once, by two callables that the composition root passes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateways.web.access import Access
from gateways.web.merchant_coupons import coupon_routes
from gateways.web.openapi import openapi_document
from gateways.web.operating import Operator, Regrant, Republish
from gateways.web.operator_accounts import account_routes
from gateways.web.operator_barriers import barrier_routes
from gateways.web.operator_benefits import benefit_routes
from gateways.web.operator_controllers import controller_routes
from gateways.web.operator_corrections import correction_routes
from gateways.web.operator_debts import debt_routes
from gateways.web.operator_garages import garage_routes
from gateways.web.operator_merchants import merchant_routes
from gateways.web.operator_plates import plate_routes
from gateways.web.operator_prepayment_refunds import prepayment_refund_routes
from gateways.web.operator_review import review_routes
from gateways.web.operator_sessions import session_routes
from gateways.web.operator_standing import standing_routes
from gateways.web.operator_stay_tokens import stay_token_routes
from gateways.web.operator_tokens import token_routes
from gateways.web.problems import problems_middleware
from gateways.web.routes import add_routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.web.routes import Route

__all__ = ["Operator", "Regrant", "Republish", "operator_app", "operator_routes"]

BODY_MAX_BYTES = 1024 * 1024
TITLE = "leave-first"


def operator_routes(operator: Operator) -> list[Route[Any, Any]]:
    """All routes under ``/v1`` that are an operator's, or a merchant's."""
    return [
        *garage_routes(operator),
        *token_routes(operator),
        *account_routes(operator),
        *session_routes(operator),
        *prepayment_refund_routes(operator),
        *correction_routes(operator),
        *review_routes(operator),
        *standing_routes(operator),
        *debt_routes(operator),
        *barrier_routes(operator),
        *controller_routes(operator),
        *benefit_routes(operator),
        *plate_routes(operator),
        *stay_token_routes(operator),
        *merchant_routes(operator),
        *coupon_routes(operator),
    ]


def operator_app(
    operator: Operator, *, version: str, described: Sequence[Route[Any, Any]] = ()
) -> web.Application:
    """The application; ``described`` are routes served elsewhere that ``/openapi.json`` describes too."""
    routes = operator_routes(operator)
    document = openapi_document([*described, *routes], title=TITLE, version=version)

    async def openapi(request: web.Request) -> web.Response:
        del request
        return web.json_response(document)

    app = web.Application(client_max_size=BODY_MAX_BYTES, middlewares=[problems_middleware])
    app.router.add_get("/openapi.json", openapi)
    add_routes(app, routes, Access(operator.tokens.persons))
    return app
