"""Faults on demand: for whom, drawn from a seed, at both doors; switches and the log at run time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from clarifai_grpc.grpc.api import service_pb2 as s

from reconciler.errors import SandboxError
from reconciler.sandbox import Sandbox
from reconciler.sandbox.fate import KINDS, FaultPlan
from reconciler.sandbox.faults import Fault, Logged
from tests.sandbox.calling import calling, concepts
from tests.sandbox.conftest import Stopped
from tests.sandbox.driving import Api

DOES = "give one of status, latency_ms, drop, cut, stale_reads, stale_seconds, mixed, work_delay_ms"


def control(api: Api, method: str, name: str, body: Any = None, **query: Any) -> Any:
    answer = api.raw(method, f"/_sandbox/{name}", json=body, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def count(api: Api) -> int:
    return len(api("GET", "/concepts", per_page=1000)["concepts"])


# --- for which requests -------------------------------------------------------------------------


def test_a_fault_may_name_the_method_of_the_service(api: Api) -> None:
    api.sandbox.inject(Fault(rpc="ListConcepts", times=0, status=503))
    got = [api.raw("GET", path).status_code for path in ("/concepts", "/models", "/concepts/a")]
    assert got == [503, 200, 404]


def test_it_hits_both_doors(start: Callable[..., Api]) -> None:
    api = start(grpc_port=0)
    api.sandbox.inject(
        Fault(rpc="PostConcepts", nth=2, status=400, code=22107),
        Fault(method="GET", path="/models$", times=0, status=429, code=11005, retry_after=3),
    )
    with calling(api.sandbox, api.app) as call:
        api.sandbox.clear_requests()
        api.concepts("a")
        assert call.refused("PostConcepts", s.PostConceptsRequest(concepts=concepts("b")))[0] == (
            22107
        )
        assert call("ListModels").status.code == 11005
        assert api.raw("GET", "/models").headers["Retry-After"] == "3"
    found = [(e.door, e.rpc, e.status, e.code, e.fault and e.fault.rpc) for e in log(api)]
    assert found == [
        ("rest", "PostConcepts", 200, 10000, None),
        ("grpc", "PostConcepts", 400, 22107, "PostConcepts"),
        ("grpc", "ListModels", 429, 11005, ""),
        ("rest", "ListModels", 429, 11005, ""),
    ]
    assert count(api) == 1


def log(api: Api) -> tuple[Logged, ...]:
    return api.sandbox.requests()


@pytest.mark.parametrize(
    ("fault", "code", "http"),
    [
        ({"status": 418}, 10020, 418),
        ({"status": 401}, 11008, 401),
        ({"status": 404}, 11101, 404),
        ({"status": 500}, 98004, 500),
        ({"status": 200, "code": 10010}, 10010, 200),
        ({"status": 400, "code": 99999}, 99999, 400),
    ],
)
def test_any_status_with_any_code(api: Api, fault: Any, code: int, http: int) -> None:
    control(api, "POST", "faults", fault)
    answer = api.raw("GET", "/concepts")
    assert (answer.status_code, answer.json()["status"]["code"]) == (http, code)


# --- what happens -------------------------------------------------------------------------------


def test_reads_are_stale_for_a_while(api: Api, clock: Stopped) -> None:
    api.sandbox.inject(Fault(method="POST", stale_seconds=2.5))
    api.concepts("a")
    seen = [count(api)]
    for seconds in (2.4, 0.2, -1):
        clock.now += seconds
        seen.append(count(api))
    assert seen == [0, 0, 1, 1]


def test_a_search_is_a_read_that_may_be_stale(api: Api) -> None:
    api.sandbox.inject(Fault(rpc="PostConcepts", stale_reads=1))
    api.concepts("a")
    body = {"concept_query": {"name": "a"}}
    found = [api("POST", "/concepts/searches", body)["concepts"] for _ in range(2)]
    assert [len(listed) for listed in found] == [0, 1]


def test_writes_are_never_stale(api: Api) -> None:
    api.sandbox.inject(Fault(method="POST", stale_reads=5))
    api.concepts("a")
    assert api.refused("POST", "/concepts", {"concepts": [{"id": "a"}]})[1] == 40003


@pytest.mark.parametrize("delay", [500, 3_600_000], ids=["for a moment", "for an hour"])
@pytest.mark.parametrize("what", ["input", "training"])
def test_background_work_is_slow_on_demand(api: Api, what: str, delay: int) -> None:
    api.sandbox.inject(Fault(method="POST", path="inputs$|versions$", work_delay_ms=delay))
    began = time.monotonic()
    if what == "input":
        api("POST", "/inputs", {"inputs": [{"id": "i", "data": {"text": {"raw": "x"}}}]})
        place, early, late = "/inputs/i", 30001, 30000
    else:
        made = {"output_info": {"data": {"concepts": [{"id": "a"}]}}}
        version = api.model("learner", "embedding-classifier", made)
        place, early, late = f"/models/learner/versions/{version}", 21103, 21110
    if delay > 500:
        with pytest.raises(SandboxError, match="still has work to do"):
            api.sandbox.wait_idle(0.3)
        assert status_of(api, place) == early
    else:
        api.sandbox.wait_idle()
        assert time.monotonic() - began >= 0.49
        assert status_of(api, place) == late


def status_of(api: Api, place: str) -> int:
    found = api("GET", place)
    return int(found.get("input", found.get("model_version"))["status"]["code"])


def test_a_sandbox_that_ends_lets_nobody_wait(start: Callable[..., Api]) -> None:
    api = start()
    api.sandbox.inject(Fault(latency_ms=3_600_000))
    with pytest.raises(requests.Timeout):
        requests.get(f"{api.sandbox.base_url}/v2/status_codes", timeout=0.3)
    api.sandbox.stop()  # else it takes an hour


@pytest.mark.parametrize("drop", ["", "before"])
def test_clearing_the_faults_lets_those_go_on_that_wait(api: Api, drop: Any) -> None:
    api.sandbox.inject(Fault(method="POST", latency_ms=3_600_000, drop=drop, times=0))

    def make(id_: str) -> None:
        own = Api(api.sandbox)
        with own.session:
            own.concepts(id_)

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(make, id_) for id_ in "ab"]
        while api.sandbox.faults()[0][1] < 2:
            assert not any(one.done() for one in held)
        assert count(api) == 0
        api.sandbox.clear_faults()
        failed = [type(one.exception(300)) for one in held]
    assert failed == [requests.ConnectionError if drop else type(None)] * 2
    assert count(api) == (0 if drop else 2)
    api.concepts("c")


# --- drawn from a seed --------------------------------------------------------------------------


def fates(api: Api, requests_: int = 60) -> list[tuple[int, str]]:
    """What one client that asks one thing after the other meets."""
    api.sandbox.clear_requests()
    for _ in range(requests_):
        try:
            api.raw("GET", "/concepts").json()
        except requests.RequestException:
            continue
    return [(entry.status, entry.fault.name if entry.fault else "") for entry in log(api)]


SOME = ["error", "unavailable", "throttled", "drop_before", "drop_after", "cut"]


def test_the_same_seed_gives_the_same_faults(start: Callable[..., Api]) -> None:
    plan = {"seed": 7, "rate": 0.2, "kinds": SOME}
    runs = []
    for _ in range(2):
        api = start()
        control(api, "POST", "faults", plan)
        runs.append(fates(api))
    api.sandbox.clear_faults()
    control(api, "POST", "faults", plan)
    runs.append(fates(api))
    assert runs[0] == runs[1] == runs[2]
    told = [(status, name) for status, name in runs[0] if name]
    assert 5 < len(told) < 40
    assert {name.partition(" ")[0] for _, name in told} <= set(SOME)
    assert {name.partition("(")[2][:6] for _, name in told} == {"seed 7"}
    api.sandbox.clear_faults()
    api.sandbox.inject(FaultPlan(seed=8, rate=0.2, kinds=tuple(SOME)))
    assert fates(api) != runs[0]


def test_a_fate_depends_on_seed_and_number_alone() -> None:
    plan = FaultPlan(seed=3, rate=0.3)
    forward = [plan.fate(number) for number in range(1, 500)]
    assert forward == [FaultPlan(seed=3, rate=0.3).fate(n) for n in reversed(range(1, 500))][::-1]
    drawn = [fault.name.partition(" ")[0] for fault in forward if fault]
    assert set(drawn) == set(KINDS)
    assert all(fault.times == 1 for fault in forward if fault)


def test_being_throttled_lasts_for_some_requests() -> None:
    plan = FaultPlan(seed=1, rate=0.02, kinds=("throttled",))
    hit = [plan.fate(number) is not None for number in range(1, 400)]
    starts = [n for n in range(1, 398) if hit[n] and not hit[n - 1]]
    assert starts
    assert all(hit[n : n + 3] == [True] * 3 for n in starts)
    assert not all(hit)


def test_a_rate_of_one_hits_all_that_it_is_for(api: Api) -> None:
    plan = {"seed": 1, "rate": 1, "kinds": ["error"], "rpc": "ListConcepts", "times": 3}
    control(api, "POST", "faults", plan)
    got = [api.raw("GET", path).status_code for path in ("/concepts", "/models") * 4]
    assert got == [500, 200, 500, 200, 500, 200, 200, 200]
    assert control(api, "GET", "faults")["faults"] == []


def test_what_is_planted_is_listed_with_its_hits(api: Api) -> None:
    fault, plan = Fault(rpc="ListModels", times=2, drop="after"), FaultPlan(seed=5, method="PUT")
    api.sandbox.inject(fault, plan)
    with pytest.raises(requests.ConnectionError):
        api.raw("GET", "/models")
    assert api.sandbox.faults() == ((fault, 1), (plan, 0))
    listed = control(api, "GET", "faults")["faults"]
    assert [(item.get("seed"), item["rpc"], item["hit"]) for item in listed] == [
        (None, "ListModels", 1),
        (5, "", 0),
    ]
    assert listed[1]["kinds"] == list(KINDS)
    control(api, "DELETE", "faults")
    assert api.sandbox.faults() == ()


# --- what cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"status": "500"}, "status is '500'; it must be a whole number"),
        ({"status": True}, "status is True; it must be a whole number"),
        ({"status": 500.0}, "status is 500.0; it must be a whole number"),
        ({"status": 100}, "status is 100; an answer has one from 200 to 599"),
        ({"status": 10**30}, "status is 1000000000000000000000000000000; an answer has one from "),
        ({"latency_ms": -1}, "latency_ms is -1; it must be from 0 to 3600000"),
        ({"latency_ms": 10**9}, "latency_ms is 1000000000; it must be from 0 to 3600000"),
        ({"stale_seconds": "x"}, "stale_seconds is 'x'; it must be a number"),
        ({"stale_reads": -1}, "stale_reads and code are never negative"),
        ({"status": 429, "retry_after": -1}, "retry_after is -1; it must be from 0 to 3600"),
        ({"cut": 1}, "cut is 1; it must be true or false"),
        ({"method": 5, "cut": True}, "method is 5; it must be text"),
        ({"path": None, "cut": True}, "path is None; it must be text"),
        ({"cut": True, "nth": 0}, "nth counts from 1, times from 0"),
        ({"cut": True, "html": True}, "html belongs to a status: give one too"),
        ({"name": "x"}, f"the fault does nothing: {DOES}"),
        (
            {"cut": True, "rpc": "ListConcept"},
            "rpc 'ListConcept' is no method of the service; did you mean ListConcepts?",
        ),
        ({"cut": True, "rpc": "x"}, "rpc 'x' is no method of the service"),
        ({"seed": "x"}, "seed is 'x'; it must be a whole number"),
        ({"seed": 1, "rate": 0}, "rate is 0; it must be above 0 and at most 1"),
        ({"seed": 1, "rate": "a"}, "rate is 'a'; it must be a number"),
        ({"seed": 1, "kinds": ["throttle"]}, "kinds has 'throttle'; did you mean 'throttled'?"),
        ({"seed": 1, "kinds": [7]}, f"kinds has 7; there are {', '.join(KINDS)}"),
        ({"seed": 1, "kinds": "cut"}, f"kinds is 'cut'; it must be several of {', '.join(KINDS)}"),
        ({"seed": 1, "times": -1}, "times counts from 0"),
        ({"seed": 1, "path": "("}, "path '(' is no regular expression: missing ), unterminated"),
        (
            {"seed": 1, "status": 500},
            "unknown key 'status'; a plan of faults has seed, rate, kinds, method, path, rpc, times",
        ),
        (7, "a fault is an object"),
        ([{"cut": True}, 7], "a fault is an object"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_whole(api: Api, sent: Any, error: str) -> None:
    answer = api.raw("POST", "/_sandbox/faults", json=sent)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)
    assert api.sandbox.faults() == ()


@pytest.mark.parametrize("name", ["faults", "behaviour"])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff", "the body is not UTF-8"),
        (b"[" * 200_000, "the body is n"),
        (b'{"seed": NaN}', "the body is not JSON: NaN is not a number"),
        (b"1" * 5000, "Exceeds the limit"),
    ],
)
def test_the_control_route_survives_any_body(api: Api, name: str, body: bytes, error: str) -> None:
    verb = "POST" if name == "faults" else "PUT"
    answer = api.raw(verb, f"/_sandbox/{name}", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


def test_python_refuses_an_unknown_method_too(api: Api) -> None:
    with pytest.raises(ValueError, match="no method of the service"):
        api.sandbox.inject(Fault(cut=True), Fault(cut=True, rpc="ListConcept"))
    assert api.sandbox.faults() == ()


# --- the log ------------------------------------------------------------------------------------


def test_the_log_says_what_each_request_was_and_met(api: Api) -> None:
    control(api, "DELETE", "requests")
    control(api, "POST", "faults", {"rpc": "ListModels", "drop": "after", "name": "lost"})
    api("GET", "/concepts")
    with pytest.raises(requests.ConnectionError):
        api.raw("GET", "/models")
    api.refused("GET", "/nothing")
    found = control(api, "GET", "requests")["requests"]
    first = found[0]["number"]
    path = f"/v2/users/{api.sandbox.user_id}/apps/park"
    assert [{**entry, "milliseconds": 0} for entry in found] == [
        entry(first, f"{path}/concepts", "ListConcepts", 200, 10000),
        entry(first + 1, f"{path}/models", "ListModels", 0, 0)
        | {"fault": {"rpc": "ListModels", "name": "lost", "drop": "after"}},
        entry(first + 2, f"{path}/nothing", "", 404, 11101),
    ]
    assert all(entry["milliseconds"] > 0 for entry in found)
    later = control(api, "GET", "requests", after=first, rpc="ListModels")["requests"]
    assert [entry["number"] for entry in later] == [first + 1]


def entry(number: int, path: str, rpc: str, http: int, code: int) -> dict[str, Any]:
    same = {"door": "rest", "method": "GET", "query": "", "milliseconds": 0, "fault": None}
    return {**same, "number": number, "path": path, "rpc": rpc, "status": http, "code": code}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since": "1"}, "unknown filter 'since'; there are after, method, rpc, door"),
        ({"after": "x"}, "after is 'x'; it must be the number of a request"),
        ({"after": "9" * 99}, "after is '999"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(api: Api, query: Any, error: str) -> None:
    answer = api.raw("GET", "/_sandbox/requests", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


# --- switches -----------------------------------------------------------------------------------


def test_switches_are_read_and_turned_while_it_runs(api: Api) -> None:
    assert control(api, "GET", "behaviour")["behaviour"]["oversized_page_refused"] is True
    assert api.refused("GET", "/concepts", per_page=5000)[1] == 11102
    changes = {"oversized_page_refused": False, "duplicate_concept_code": 40010}
    found = control(api, "PUT", "behaviour", changes)["behaviour"]
    assert {name: found[name] for name in changes} == changes
    api("GET", "/concepts", per_page=5000)
    api.concepts("a")
    assert api.refused("POST", "/concepts", {"concepts": [{"id": "a"}]})[1] == 40010
    assert api.sandbox.behaviour.duplicate_concept_code == 40010
    control(api, "DELETE", "behaviour")
    assert api.refused("GET", "/concepts", per_page=5000)[1] == 11102


def test_switches_of_the_doors_turn_too(api: Api) -> None:
    api.sandbox.switch(malformed_authorization_http=400)
    found = api.raw("GET", "/concepts", headers={"Authorization": "x"})
    assert found.status_code == 400
    api.sandbox.reset_behaviour()
    found = api.raw("GET", "/concepts", headers={"Authorization": "x"})
    assert found.status_code == 401


def test_background_work_is_slow_by_switch(api: Api) -> None:
    api.sandbox.switch(input_delay_ms=500)
    began = time.monotonic()
    api("POST", "/inputs", {"inputs": [{"id": "i", "data": {"text": {"raw": "x"}}}]})
    api.sandbox.wait_idle()
    assert time.monotonic() - began >= 0.49


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"oversized_page": False}, "unknown switch 'oversized_page'; did you mean 'oversized_"),
        ({"qqq": 1}, "unknown switch 'qqq'; there are post_keeps_version_metadata, "),
        ({"reorder_nodes": 1}, "reorder_nodes is 1; it must be true or false"),
        (
            {"reorder_nodes": False, "input_delay_ms": True},
            "input_delay_ms is True; it must be a whole number from 0 to 2147483647",
        ),
        ({"input_delay_ms": -1}, "input_delay_ms is -1; it must be a whole number from 0 to "),
        ([], "the behaviour is an object: the switches to change, with their values"),
    ],
)
def test_a_switch_that_cannot_be_is_refused_with_the_others(
    api: Api, changes: Any, error: str
) -> None:
    before = api.sandbox.behaviour
    answer = api.raw("PUT", "/_sandbox/behaviour", json=changes)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)
    assert api.sandbox.behaviour == before


def test_nothing_of_it_without_a_running_sandbox() -> None:
    with pytest.raises(SandboxError, match="the sandbox is not running"):
        Sandbox().switch(reorder_nodes=False)
