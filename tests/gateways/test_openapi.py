"""The OpenAPI document: valid, complete, and true to the models that check the input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest_asyncio
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateways.gates.native.routes import NATIVE_ROUTES
from gateways.web.openapi import openapi_document
from gateways.web.operator import operator_routes
from tests.gateways.operator_desk import Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


def document_of(front: Front) -> dict[str, Any]:
    routes = [*NATIVE_ROUTES, *operator_routes(front.operator)]
    document = openapi_document(routes, title="leave-first", version="1")
    return dict(json.loads(json.dumps(document)))


async def test_it_is_valid_openapi_3_1(front: Front) -> None:
    document = document_of(front)
    assert document["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


async def test_it_is_served_to_everybody(front: Front) -> None:
    served = await front.ask("GET", "/openapi.json", token="nobody")  # noqa: S106 - no token at all
    assert set(served["paths"]) < set(document_of(front)["paths"])


async def test_every_operation_is_there_once_with_its_security(front: Front) -> None:
    paths = document_of(front)["paths"]
    operations = {
        (method, path): operation for path, methods in paths.items() for method, operation in methods.items()
    }
    assert len(operations) == len(NATIVE_ROUTES) + len(operator_routes(front.operator))
    assert all(operation["security"] for operation in operations.values())
    assert operations["post", "/v1/gate-events"]["security"] == [{"controller_token": []}]
    identifiers = [operation["operationId"] for operation in operations.values()]
    assert len(set(identifiers)) == len(identifiers)


async def test_parameters_and_bodies_are_those_of_the_models(front: Front) -> None:
    document = document_of(front)
    listing = document["paths"]["/v1/sessions"]["get"]["parameters"]
    assert {one["name"]: one["in"] for one in listing} == dict.fromkeys(
        ["garage_id", "plate", "state", "entered_from", "entered_before", "cursor", "limit"], "query"
    )
    unbind = document["paths"]["/v1/accounts/{account_id}/plates/{number}"]["delete"]["parameters"]
    assert [(one["name"], one["in"]) for one in unbind] == [
        ("account_id", "path"),
        ("number", "path"),
        ("colour", "query"),
    ]
    tariff = document["paths"]["/v1/garages/{garage_id}/tariffs"]["post"]
    assert set(tariff["requestBody"]["content"]) == {"application/json", "application/toml"}
    event = document["components"]["schemas"]["GateEventIn"]
    assert {"event_id", "captured_at", "kind"} <= set(event["required"])
    assert event["additionalProperties"] is False


async def test_every_reference_leads_somewhere(front: Front) -> None:
    document = document_of(front)
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(value: object) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                if name == "$ref" and isinstance(inner, str):
                    yield inner
                else:
                    yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)
        case _:
            return
