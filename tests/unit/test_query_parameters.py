"""Query parameters of every route, and the words of refusals, against the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api import refusals
from api.app import create
from api.query_parameters import find_problem, query_names
from api.routes import acquisitions, alerts, cases, machines, points
from pdm.alerts.documents.parser import InvalidRulesError
from pdm.service.rules.rule_sets import check_text, check_text_alone
from pdm.settings import Settings
from pdm.words.similar import suggest


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create(Settings()).openapi()


def test_the_parameters_of_a_route_are_those_that_the_document_lists(document: dict[str, Any]) -> None:
    routes = [route for module in (machines, points, alerts, cases) for route in module.router.routes]
    routes += acquisitions.direct.routes
    seen = 0
    for route in routes:
        assert isinstance(route, APIRoute)
        (method,) = route.methods
        listed = document["paths"][route.path_format][method.lower()].get("parameters", ())
        assert sorted(query_names(route)) == sorted(each["name"] for each in listed if each["in"] == "query")
        seen += len(query_names(route))
    assert seen > 30


def test_unknown_and_repeated_parameters_and_empty_ranges_are_named() -> None:
    known = ["severity", "from", "to", "limit"]
    at = "2026-10-01T00:00:00Z"
    for sent, field, words in [
        ([("severty", "critical")], "severty", "did you mean 'severity'?"),
        ([("sort", "age")], "sort", "allowed: severity, from, to, limit"),
        ([("limit", "1"), ("limit", "2")], "limit", "2 times"),
        ([("from", at), ("to", at)], "from", "must be before"),
        ([("from", at), ("to", "2026-10-01T08:59:59+09:00")], "from", "2026-09-30T23:59:59"),
    ]:
        problem = find_problem(sent, known)
        assert problem is not None
        assert (problem.field, words in problem.message) == (field, True), problem.message
    for sent in ([("from", at)], [("from", "no time"), ("to", at)], [("severity", "x"), ("limit", "x")], []):
        assert find_problem(sent, known) is None, "the route itself refuses what is no time"
    nothing = find_problem([("a", "b")], [])
    assert nothing is not None
    assert "this route has none" in nothing.message


def _patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for inner in part.values():
            yield from _patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _patterns(inner)


def test_every_pattern_of_a_request_has_words(document: dict[str, Any]) -> None:
    found = set(_patterns(document))
    assert len(found) > 8
    assert found - set(refusals.PATTERNS) == set()


def test_similar_names_come_first_and_long_lists_are_cut() -> None:
    many = [f"feature-{number}" for number in range(120)] + ["rms"]
    assert suggest("rsm", many) == "did you mean 'rms'?"
    assert suggest("zzz", many).endswith("and 81 more")
    assert suggest("SEVERITY", ["severity", "state"]).startswith("did you mean 'severity'?")
    assert suggest("x", []) == "none is allowed here"


def test_without_a_database_a_misspelt_default_rule_is_refused_and_an_unknown_one_is_reported() -> None:
    with pytest.raises(InvalidRulesError, match=r"line 1.*did you mean 'life-warning'"):
        check_text_alone("off: [life-warnng]")
    read, foreign = check_text_alone("off: [life-warning, oil-hot]")
    assert (read.off, foreign) == (("life-warning", "oil-hot"), ["oil-hot"])
    with pytest.raises(InvalidRulesError, match=r"line 2.*'oil-hot' is no rule"):
        check_text("off:\n- oil-hot", {"life-warning"})
