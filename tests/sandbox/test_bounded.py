"""What strangers may send in to be searched for never takes for ever."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.handlers import matching
from reconciler.sandbox.models import expression
from tests.sandbox.driving import Api, node


@given(st.text("ab*", max_size=8), st.text("abB", max_size=10))
def test_stars_stand_for_anything(wanted: str, text: str) -> None:
    same = ".*".join(map(re.escape, re.split(r"\*+", wanted)))
    expected = re.fullmatch(same, text, re.IGNORECASE | re.DOTALL) is not None
    assert matching.is_like(wanted, text) == expected


def test_many_stars_are_no_trouble(api: Api) -> None:
    api.concepts("a" * 200)
    found = api("POST", "/concepts/searches", {"concept_query": {"name": "*a" * 100 + "*b"}})
    assert found["concepts"] == []
    assert len(api("GET", "/models", name="*a" * 100 + "b")["models"]) == 0


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("[0-9]+ apples", "about 12 apples", True),
        ("(red|green)+ (a|p|l|e|s)+", "green apples", True),
        (r"(.)\1", "abcd", False),
        ("z", "y" * 20_000, False),
    ],
)
def test_expressions_match(pattern: str, text: str, found: bool) -> None:
    assert expression.found(pattern, text) == found


@pytest.mark.parametrize("pattern", ["(a|aa)*b", "(a?){40}a{40}$"])
def test_an_expression_that_never_ends_is_given_up(pattern: str) -> None:
    with pytest.raises(expression.GaveUp):
        expression.found(pattern, "a" * 39 + "c")


def test_a_busy_machine_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that searches does not get to it for longer than it may take."""
    monkeypatch.setattr(
        expression, "_PROGRAM", "import time; time.sleep(3.5)\n" + expression._PROGRAM
    )
    assert expression.found("(red|green)+", "green")


@pytest.mark.parametrize("pattern", ["(", "a{99999999999999}", "(" * 5000 + ")" * 5000])
def test_what_is_no_expression_says_so(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        expression.found(pattern, "a")


def test_an_input_that_cannot_be_searched_says_why(start: Callable[..., Api]) -> None:
    api = start()
    matched = {"data": {"concepts": [{"id": "seen"}]}, "params": {"regex": "(a+)+$"}}
    version = api.model("match", "regex-based-classifier", {"output_info": matched})
    nodes = [node("m", "match", version)]
    api("POST", "/workflows", {"workflows": [{"id": "auto", "nodes": nodes}]})
    api("PATCH", "", {"app": {"default_workflow_id": "auto"}, "action": "overwrite"})
    texts = [{"id": "bad", "data": {"text": {"raw": "a" * 50 + "b"}}}]
    texts.append({"id": "good", "data": {"text": {"raw": "a"}}})
    api("POST", "/inputs", {"inputs": texts})
    api.sandbox.wait_idle()
    statuses = {item["id"]: item["status"] for item in api("GET", "/inputs")["inputs"]}
    assert (statuses["good"]["code"], statuses["bad"]["code"]) == (30000, 30002)
    assert statuses["bad"]["details"] == (
        "node 'm': regex-based-classifier 'match': the sandbox gave up after 3 s of looking for "
        "'(a+)+$' in a text of "
        "51 characters"
    )
