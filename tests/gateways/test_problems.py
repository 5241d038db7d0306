"""Errors over HTTP: every family has its status, says whether repeating helps, and repeats no input."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientSession, web
from pydantic import BaseModel, ConfigDict, ValidationError

from gateways.web.problems import invalid, problem, problem_document, problems_middleware, refused
from gateways.web.serving import serve
from parking.errors import (
    Busy,
    CallerError,
    Conflict,
    Defect,
    DependencyError,
    InvalidInput,
    LeaveFirstError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Unavailable,
)

STATUSES = {
    InvalidInput: (422, "definite"),
    NotAuthenticated: (401, "definite"),
    NotPermitted: (403, "definite"),
    NotFound: (404, "definite"),
    Conflict: (409, "definite"),
    Busy: (503, "retryable"),
    Unavailable: (503, "retryable"),
    OutcomeUnknown: (503, "unknown"),
    Defect: (500, "unknown"),
}


def test_every_error_of_the_tree_has_a_status() -> None:
    def leaves(kind: type[LeaveFirstError]) -> set[type[LeaveFirstError]]:
        below = {one for one in kind.__subclasses__() if one.__module__ == "parking.errors"}
        return set.union(*map(leaves, below)) if below else {kind}

    assert leaves(LeaveFirstError) == set(STATUSES)
    assert {CallerError, DependencyError}.isdisjoint(STATUSES)


@pytest.mark.parametrize("kind", STATUSES)
def test_an_error_is_told_with_its_outcome(kind: type[LeaveFirstError]) -> None:
    status, outcome = STATUSES[kind]
    response = problem(kind("the reason"))
    assert isinstance(response.body, bytes)
    document = json.loads(response.body)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert (document["status"], document["outcome"]) == (status, outcome)
    assert ("detail" in document) is (kind is not Defect)
    assert response.headers.get("Retry-After") == ("1" if status == 503 else None)
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


def test_fields_are_named() -> None:
    document = problem_document(InvalidInput("no", ("plate.number", "kind")))
    assert document["fields"] == ["plate.number", "kind"]
    assert "fields" not in problem_document(InvalidInput("no"))


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "definite"), (404, "definite"), (408, "retryable"), (413, "definite")]
)
def test_a_refusal_by_http_itself_is_a_problem_too(status: int, outcome: str) -> None:
    response = refused(status)
    assert isinstance(response.body, bytes)
    document = json.loads(response.body)
    assert (document["status"], document["outcome"]) == (status, outcome)


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


def test_a_validation_error_tells_names_and_reasons_but_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Sent.model_validate({"number": "secret", **{f"k{n}{'x' * 500}": "secret" for n in range(100)}})
    error = invalid(caught.value)
    assert error.fields[0] == "number"
    assert len(error.fields) == 20
    assert max(map(len, error.fields)) <= 64
    assert "secret" not in str(error)


async def test_a_body_that_breaks_off_is_no_error_of_ours() -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = web.Application(middlewares=[problems_middleware], client_max_size=100)
    app.router.add_post("/read", read)
    async with serve(app) as port, ClientSession(f"http://127.0.0.1:{port}") as http:
        answer = await http.post("/read", data=b"x" * 101)
        assert (answer.status, (await answer.json(content_type=None))["outcome"]) == (413, "definite")
        wrong = await http.get("/read")
        assert (wrong.status, wrong.headers["Allow"], wrong.content_type) == (
            405,
            "POST",
            "application/problem+json",
        )
