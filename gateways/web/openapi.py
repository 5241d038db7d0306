"""The OpenAPI 3.1 document of a list of routes, made from the models that check their input."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateways.web.access import Scope
from parking.errors import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.web.routes import Route

    Schemas = Mapping[Any, dict[str, Any]]
    """What refers to a model, by model and mode."""

__all__ = ["Problem", "openapi_document"]

PARAMETER: Final = re.compile(r"\{(\w+)\}")
PROBLEM_TYPE: Final = "application/problem+json"
OPERATOR: Final = "operator_token"
CONTROLLER: Final = "controller_token"
MERCHANT: Final = "merchant_token"
SCHEMES: Final = {Scope.CONTROLLER: CONTROLLER, Scope.MERCHANT: MERCHANT}
SECURITY: Final = {
    OPERATOR: "An operator's token, read-only or full.",
    CONTROLLER: "A garage controller's token; it names its garage and lanes.",
    MERCHANT: "A merchant's token; it gives, lists and revokes that merchant's coupons.",
}


class Problem(BaseModel):
    """An error by RFC 9457; ``outcome`` says whether repeating the request can help."""

    title: str
    status: int
    outcome: Outcome
    detail: str | None = None
    fields: list[str] | None = None


def openapi_document(routes: Sequence[Route[Any, Any]], *, title: str, version: str) -> dict[str, Any]:
    """The document."""
    schemas, definitions = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, definitions)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": description}
                for name, description in SECURITY.items()
            },
        },
    }


def _schemas(routes: Sequence[Route[Any, Any]]) -> tuple[Schemas, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Literal["validation", "serialization"]], None] = {}
    wanted[Problem, "serialization"] = None
    for route in routes:
        for model in (route.body, route.query):
            if model is not None:
                wanted[model, "validation"] = None
        if route.answer is not None:
            wanted[route.answer, "serialization"] = None
    schemas, top = models_json_schema(list(wanted), ref_template="#/components/schemas/{model}")
    return schemas, top.get("$defs", {})


def _operation(route: Route[Any, Any], schemas: Schemas, definitions: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": _parameters(route, schemas, definitions),
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        schema = schemas[route.body, "validation"]
        operation["requestBody"] = {
            "required": True,
            "content": {name: {"schema": schema} for name in route.body_form.content_types},
        }
    if route.scope is not Scope.PUBLIC:
        operation["security"] = [{SCHEMES.get(route.scope, OPERATOR): []}]
        if route.scope is Scope.FULL:
            operation["description"] = "Needs a full token."
    return operation


def _operation_id(route: Route[Any, Any]) -> str:
    words = [word for word in re.split(r"[^a-z0-9]+", route.path.lower()) if word not in {"", "v1"}]
    return "_".join([route.method.lower(), *words])


def _parameters(
    route: Route[Any, Any], schemas: Schemas, definitions: dict[str, Any]
) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PARAMETER.findall(route.path)
    ]
    if route.query is None:
        return parameters
    reference: str = schemas[route.query, "validation"]["$ref"]
    model = definitions[reference.rpartition("/")[2]]
    required = model.get("required", [])
    parameters += [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in model.get("properties", {}).items()
    ]
    return parameters


def _responses(route: Route[Any, Any], schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if route.answer is None:
        responses["204"] = {"description": "Done."}
    else:
        content_type = route.body_form.content_types[0] if route.body is not None else "application/json"
        schema = schemas[route.answer, "serialization"]
        responses[str(route.status)] = {
            "description": (route.answer.__doc__ or "The answer.").strip().partition("\n")[0],
            "content": {content_type: {"schema": schema}},
        }
    problem = {PROBLEM_TYPE: {"schema": schemas[Problem, "serialization"]}}
    for status, description in route.statuses.items():
        responses[str(status)] = {"description": description, "content": problem}
    responses["default"] = {"description": "Any other error.", "content": problem}
    return responses
