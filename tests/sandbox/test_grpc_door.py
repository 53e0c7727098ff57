"""The gRPC door: every method answers, whatever it is sent; the same state, errors and faults as REST."""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import grpc
import pytest
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2 as s
from google.protobuf import struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.errors import SandboxError
from reconciler.sandbox import Sandbox, grpc_door, routes, wire
from reconciler.sandbox.context import reads
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.handlers import table
from reconciler.sandbox.parsing import BadJson
from tests.sandbox.calling import Grpc, calling, concepts
from tests.sandbox.conftest import Stopped
from tests.sandbox.driving import Api, png


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    return start(grpc_port=0)


@pytest.fixture
def call(api: Api) -> Iterator[Grpc]:
    with calling(api.sandbox, api.app) as found:
        yield found


def listed(call: Grpc) -> list[str]:
    return [concept.id for concept in call.ok("ListConcepts").concepts]


def post(*ids: str) -> Any:
    return s.PostConceptsRequest(concepts=concepts(*ids))


# --- what it takes and refuses ------------------------------------------------------------------


def test_every_method_answers_and_those_that_are_missing_say_so(call: Grpc) -> None:
    answers = {name: call(name).status for name in routes.rpcs()}
    assert len(answers) == len(routes.SERVICE.methods)
    missing = {name for name, status in answers.items() if status.code == 10040}
    assert missing == set(routes.rpcs()) - set(table.ENTRIES)
    assert {answers[name].details for name in missing} == {
        f"the sandbox does not implement {name}" for name in missing
    }
    assert all(status.req_id and status.description for status in answers.values())
    assert not [name for name, status in answers.items() if status.code == 98004]


@pytest.mark.parametrize("method", [name for name, rpc in routes.rpcs().items() if rpc.streaming])
def test_a_stream_holds_one_answer(api: Api, call: Grpc, method: str) -> None:
    rpc = routes.rpcs()[method]
    found = getattr(call.stub, method)
    metadata = (("authorization", call.key),)
    request = rpc.request()
    several: Any = iter([request, request, request]) if rpc.client_streaming else request
    answers = list(found(several, metadata=metadata, timeout=300))
    assert [answer.status.code for answer in answers] == [10040]
    if rpc.client_streaming:
        silence = list(found(iter(()), metadata=metadata, timeout=300))
        assert [answer.status.code for answer in silence] == [10040]


def test_both_doors_open_to_the_same_rooms(api: Api, call: Grpc) -> None:
    made = call.ok("PostConcepts", post("by-grpc"))
    assert made.concepts[0].name == "by-grpc"
    assert made.concepts[0].user_id == api.sandbox.user_id
    api.concepts("by-rest")
    assert sorted(listed(call)) == ["by-grpc", "by-rest"]
    assert [item["id"] for item in api("GET", "/concepts/by-grpc").values() if "id" in item] == [
        "by-grpc"
    ]


@pytest.mark.parametrize(
    ("key", "code", "details"),
    [
        (None, 11102, "Empty or malformed authorization header. "),
        ("key abc", 11102, "Empty or malformed authorization header. "),
        ("Bearer abc", 11102, "Empty or malformed authorization header. "),
        ("Key wrong", 11008, "this sandbox does not know that key"),
    ],
)
def test_a_wrong_token_is_an_answer_too(
    start: Callable[..., Api], key: str | None, code: int, details: str
) -> None:
    api = start(grpc_port=0, pat="right")
    with calling(api.sandbox, api.app, key) as call:
        found = call.refused("ListConcepts")
        assert (found[0], found[1][: len(details)]) == (code, details)
        assert call.refused("ListPipelines")[0] == code
        assert call("ListStatusCodes").status.code == 10000


def test_an_app_key_names_its_app_by_itself(start: Callable[..., Api]) -> None:
    api = start(grpc_port=0, pat="right", app_keys={"narrow": "park"})
    with calling(api.sandbox, "park") as call:
        call.ok("PostConcepts", post("a"))
    with calling(api.sandbox, "", "Key narrow") as call:
        call.user = ""
        assert listed(call) == ["a"]
        assert call.refused("ListApps")[0] == 11007
    with calling(api.sandbox, "", "Key right") as call:
        call.user = ""
        assert call.refused("ListConcepts")[0] == 11008


@pytest.mark.parametrize(
    ("sent", "begins"), [("mine", "mine-"), ("", ""), ("x" * 70, "x" * 64 + "-")]
)
def test_the_request_id_begins_with_the_prefix(call: Grpc, sent: str, begins: str) -> None:
    metadata = {"x_clarifai_request_id_prefix": sent} if sent else {}
    found = call("ListConcepts", **metadata).status.req_id
    assert (found[: len(begins)], len(found)) == (begins, len(begins) + 32)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"\xff\xff\xff", "the message cannot be read: "),
        (post("a").SerializeToString()[:-1], "the message cannot be read: "),
        (b"\x12\x03\x0a\x01\xff", "the message cannot be read: "),
        (
            b"\x12\x05\x1d" + struct.pack("<f", float("nan")),
            "concepts[0].value: nan is not a finite",
        ),
        (
            b"\x12\x05\x1d" + struct.pack("<f", float("inf")),
            "concepts[0].value: inf is not a finite",
        ),
    ],
    ids=["junk", "cut", "not UTF-8", "NaN", "infinity"],
)
def test_a_broken_message_is_the_platforms_error(call: Grpc, body: bytes, details: str) -> None:
    found = call.raw("PostConcepts", body, s.MultiConceptResponse).status
    assert (found.code, found.details[: len(details)]) == (11100, details)
    assert listed(call) == []


def test_what_json_could_not_hold_has_a_place(call: Grpc) -> None:
    metadata = struct_pb2.Struct()
    metadata["list"] = [1.0, float("-inf")]
    with pytest.raises(
        BadJson, match=r"^concepts\[0\].metadata.fields.list.list_value.values\[1\]"
    ):
        wire.read(
            s.PostConceptsRequest,
            s.PostConceptsRequest(
                concepts=[r.Concept(id="a", metadata=metadata)]
            ).SerializeToString(),
        )
    gettable = r.Concept(id="a", visibility=r.Visibility(gettable=7))
    assert call.refused("PostConcepts", s.PostConceptsRequest(concepts=[gettable])) == (
        11100,
        "concepts[0].visibility.gettable: 7 is no Gettable",
    )


def test_fields_of_a_later_contract_are_left_out(call: Grpc) -> None:
    later = b"\xfa\x7f\x03abc"  # field 2047, text
    concept = r.Concept(id="a").SerializeToString() + later
    request = s.PostConceptsRequest(user_app_id=r.UserAppIDSet(user_id="me", app_id="park"))
    body = request.SerializeToString() + b"\x12" + bytes([len(concept)]) + concept
    assert later in s.PostConceptsRequest.FromString(body).SerializeToString()
    made = call.raw("PostConcepts", body, s.MultiConceptResponse)
    assert [item.id for item in made.concepts] == ["a"]
    assert later not in made.SerializeToString()


def nested(depth: int) -> bytes:
    """A request with one concept whose metadata holds so many objects within one another."""
    body = b""
    for _ in range(depth):  # a field "a" of a Struct, whose value is a Struct
        value = b"\x2a" + size(body) + body
        entry = b"\x0a\x01a\x12" + size(value) + value
        body = b"\x0a" + size(entry) + entry
    number = r.Concept.DESCRIPTOR.fields_by_name["metadata"].number
    body = b"\x0a\x01a" + size(number << 3 | 2) + size(body) + body
    request = s.PostConceptsRequest(user_app_id=r.UserAppIDSet(user_id="me", app_id="park"))
    return request.SerializeToString() + b"\x12" + size(body) + body


def size(of: bytes | int) -> bytes:
    """A number, or a length, as protobuf writes it."""
    left = of if isinstance(of, int) else len(of)
    found = b""
    while left > 127:
        found, left = found + bytes([left & 127 | 128]), left >> 7
    return found + bytes([left])


@pytest.mark.parametrize(("depth", "code"), [(20, 10000), (31, 11100), (500, 11100)])
def test_what_is_nested_too_deeply_is_refused(call: Grpc, depth: int, code: int) -> None:
    answer = call.raw("PostConcepts", nested(depth), s.MultiConceptResponse)
    assert answer.status.code == code, answer
    assert listed(call) == (["a"] if code == 10000 else [])


def test_a_large_input_is_taken_and_a_larger_message_is_not(
    call: Grpc, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = png(3) + bytes(12_000_000)  # a decoder stops at the end of the picture
    image = r.Input(id="large", data=r.Data(image=r.Image(base64=large)))
    call.ok("PostInputs", s.PostInputsRequest(inputs=[image]))
    monkeypatch.setattr(grpc_door, "MAX_MESSAGE", 1_000_000)
    image.id = "larger"
    assert call.refused("PostInputs", s.PostInputsRequest(inputs=[image])) == (
        40033,
        "the message is larger than 1000000 bytes",
    )


def test_a_bug_in_a_handler_is_an_answer_and_a_line_in_the_log(
    call: Grpc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Any, context: Any) -> Any:
        raise ZeroDivisionError("nobody saw it coming")

    entries = {**table.ENTRIES, "ListConcepts": reads(broken)}
    monkeypatch.setattr(table, "ENTRIES", MappingProxyType(entries))
    with caplog.at_level(logging.ERROR):
        answer = call("ListConcepts")
    assert (answer.status.code, answer.status.details) == (
        98004,
        "the sandbox has a bug; see its log",
    )
    assert "nobody saw it coming" in caplog.text


METHODS = st.sampled_from(sorted(name for name, rpc in routes.rpcs().items() if not rpc.streaming))


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(method=METHODS, body=st.binary(max_size=40))
def test_any_bytes_are_answered(call: Grpc, method: str, body: bytes) -> None:
    if method == "DeleteApp":
        return
    answer = call.raw(method, body, routes.rpcs()[method].response)
    assert answer.status.code not in (0, 98004)
    assert answer.status.req_id


# --- what a value means -------------------------------------------------------------------------


def test_an_unset_value_is_zero_here_and_one_in_json(call: Grpc, api: Api) -> None:
    image = r.Data(image=r.Image(base64=png(1)))
    unset, positive = r.Input(id="unset", data=image), r.Input(id="positive", data=image)
    unset.data.concepts.add(id="cat")
    positive.data.concepts.add(id="cat", value=1)
    call.ok("PostInputs", s.PostInputsRequest(inputs=[unset, positive]))
    body = {"data": {"concepts": [{"id": "cat"}]}}
    api("PATCH", "/inputs", {"inputs": [{"id": "unset", **body}], "action": "overwrite"})
    by_json = call.ok("GetInput", s.GetInputRequest(input_id="unset")).input
    assert by_json.data.concepts[0].value == 1
    patch = r.Input(id="unset", data=r.Data(concepts=concepts("cat")))
    call.ok("PatchInputs", s.PatchInputsRequest(inputs=[patch], action="overwrite"))
    found = api("GET", "/inputs/unset")["input"]["data"]["concepts"]
    assert [(concept["id"], concept["value"]) for concept in found] == [("cat", 0)]


def test_a_threshold_of_zero_survives_both_doors(call: Grpc, api: Api) -> None:
    api.concepts("cat", "dog")
    for_json = api.thresholder("by-rest", 1, cat=0.0, dog=0.5)
    params = struct_pb2.Struct()
    params["concept_threshold_type"] = 1
    data = r.Data(concepts=[r.Concept(id="cat", value=0.0), r.Concept(id="dog", value=0.5)])
    version = r.ModelVersion(output_info=r.OutputInfo(data=data, params=params))
    model = r.Model(id="by-grpc", model_type_id="concept-threshold")
    call.ok("PostModels", s.PostModelsRequest(models=[model]))
    request = s.PostModelVersionsRequest(model_id="by-grpc", model_versions=[version])
    for_grpc = call.ok("PostModelVersions", request).model.model_version.id

    def by_json(model: str, version: str) -> list[Any]:
        found = api("GET", f"/models/{model}/versions/{version}")["model_version"]
        return [(item["id"], item["value"]) for item in found["output_info"]["data"]["concepts"]]

    def by_grpc(model: str, version: str) -> list[Any]:
        sent = s.GetModelVersionRequest(model_id=model, version_id=version)
        found = call.ok("GetModelVersion", sent).model_version
        return [(item.id, item.value) for item in found.output_info.data.concepts]

    wanted = [("cat", 0), ("dog", 0.5)]
    for model, version in (("by-rest", for_json), ("by-grpc", for_grpc)):
        assert (by_json(model, version), by_grpc(model, version)) == (wanted, wanted)


# --- faults, the limit, the log -----------------------------------------------------------------

CASES: list[tuple[Fault, int | grpc.StatusCode, bool]] = [
    (Fault(status=503), 98004, False),
    (Fault(status=429), 11005, False),
    (Fault(status=503, code=40030), 40030, False),
    (Fault(status=503, html=True), grpc.StatusCode.UNAVAILABLE, False),
    (Fault(status=500, html=True), grpc.StatusCode.UNKNOWN, False),
    (Fault(status=401, html=True), grpc.StatusCode.UNAUTHENTICATED, False),
    (Fault(drop="before"), grpc.StatusCode.UNAVAILABLE, False),
    (Fault(drop="after"), grpc.StatusCode.UNAVAILABLE, True),
    (Fault(cut=True), grpc.StatusCode.INTERNAL, True),
]


@pytest.mark.parametrize(
    ("fault", "seen", "done"), CASES, ids=[str(index) for index in range(len(CASES))]
)
def test_a_fault_means_what_it_means_over_rest(
    call: Grpc, api: Api, fault: Fault, seen: Any, done: bool
) -> None:
    api.sandbox.inject(fault)
    if isinstance(seen, int):
        assert call("PostConcepts", post("a")).status.code == seen
    else:
        assert call.lost("PostConcepts", post("a")) is seen
    assert listed(call) == (["a"] if done else [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GRPC", ""),
        ("", "PostConcepts$"),
        ("POST", "/concepts$"),
        ("POST", "^/v2/users/me/apps/park/concepts$"),
        ("POST", "^/v2/concepts$"),
        ("GRPC", "^/clarifai.api.V2/Post"),
    ],
)
def test_a_fault_finds_a_request_by_its_grpc_name_and_by_its_rest_path(
    call: Grpc, api: Api, method: str, path: str
) -> None:
    api.sandbox.inject(Fault(method=method, path=path, status=503))
    assert call("PostConcepts", post("a")).status.code == 98004
    call.ok("PostConcepts", post("a"))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/concepts$"), ("POST", "/models$"), ("POST", "/apps/zoo/"), ("GRPC", "/v2/")]
)  # fmt: skip
def test_a_fault_for_others_lets_a_request_through(
    call: Grpc, api: Api, method: str, path: str
) -> None:
    api.sandbox.inject(Fault(method=method, path=path, status=503))
    call.ok("PostConcepts", post("a"))


def test_how_long_to_wait_comes_behind_the_answer(call: Grpc, api: Api) -> None:
    api.sandbox.inject(Fault(status=429, retry_after=2))
    request = s.ListConceptsRequest(user_app_id=r.UserAppIDSet(user_id="me", app_id=api.app))
    answer, done = call.stub.ListConcepts.with_call(
        request, metadata=(("authorization", call.key),)
    )
    assert answer.status.code == 11005
    assert ("retry-after", "2") in done.trailing_metadata()


def test_mixed_success_leaves_out_every_second_one(call: Grpc, api: Api) -> None:
    api.sandbox.inject(Fault(mixed=True))
    assert call("PostConcepts", post("a", "b", "c")).status.code == 10010
    assert sorted(listed(call)) == ["a", "c"]


def test_a_stale_read_sees_the_state_from_before_at_either_door(call: Grpc, api: Api) -> None:
    api.sandbox.inject(Fault(method="POST", stale_reads=2))
    call.ok("PostConcepts", post("a"))
    assert listed(call) == []
    assert api("GET", "/concepts")["concepts"] == []
    assert listed(call) == ["a"]


def test_the_limit_counts_both_doors(start: Callable[..., Api], clock: Stopped) -> None:
    api = start(grpc_port=0, limit_rps=3, create=False)
    with calling(api.sandbox, "") as call:
        assert [call("ListApps").status.code for _ in range(2)] == [10000] * 2
        assert api.raw("GET", "/v2/users/me/apps").status_code == 200
        found = call("ListApps").status
        assert (found.code, found.details) == (11005, "the limit is 3 requests per second")
        assert api.raw("GET", "/v2/users/me/apps").status_code == 429
        clock.now += 1
        assert call("ListApps").status.code == 10000


def test_calls_are_in_the_log_beside_requests(call: Grpc, api: Api) -> None:
    api.sandbox.clear_requests()
    api.concepts("a")
    call("PostConcepts", post("a"))
    call("ListPipelines")
    api.sandbox.inject(Fault(drop="before"))
    call.lost("ListConcepts")
    assert [
        (entry.method, entry.path.rpartition("/")[2], entry.rpc, entry.status)
        for entry in api.sandbox.requests()
    ] == [
        ("POST", "concepts", "PostConcepts", 200),
        ("GRPC", "PostConcepts", "PostConcepts", 400),
        ("GRPC", "ListPipelines", "ListPipelines", 501),
        ("GRPC", "ListConcepts", "ListConcepts", 0),
    ]
    assert api.sandbox.requests()[1].path == "/clarifai.api.V2/PostConcepts"


# --- many at once, the beginning and the end ----------------------------------------------------


def test_fifty_clients_lose_nothing(call: Grpc) -> None:
    ids = [f"c{number}" for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(lambda id_: call("PostConcepts", post(id_)).status.code, ids))
    assert codes == [10000] * 50
    assert sorted(listed(call)) == sorted(ids)


def test_without_a_port_there_is_no_door(start: Callable[..., Api]) -> None:
    api = start()
    with pytest.raises(SandboxError, match="this sandbox has no gRPC door"):
        _ = api.sandbox.grpc_url


def test_a_port_that_is_taken_is_named_and_nothing_stays_behind(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    before = threading.active_count()
    port = api.sandbox.grpc_port
    second = Sandbox(grpc_port=port)
    with pytest.raises(SandboxError, match=f"cannot listen for gRPC on 127.0.0.1:{port}: Address"):
        second.start()
    assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")
    assert api.sandbox.grpc_url == f"http://127.0.0.1:{port}"


def test_an_impossible_port_is_refused() -> None:
    with pytest.raises(SandboxError, match="70000 is no port"):
        Sandbox(grpc_port=70000).start()


def test_the_end_waits_for_a_call_in_progress_and_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grpc_door, "_GRACE_SECONDS", 300.0)
    before = set(threading.enumerate())
    with (
        Sandbox(grpc_port=0) as sandbox,
        calling(sandbox, "park") as call,
        ThreadPoolExecutor(1) as pool,
    ):
        call.ok("PostApps", s.PostAppsRequest(apps=[r.App(id="park")]))
        sandbox.inject(Fault(latency_ms=3_600_000))  # until it ends
        slow = pool.submit(call, "PostConcepts", post("a"))
        deadline = time.monotonic() + 300
        while sandbox._open_house.controls.faults.planted():
            assert time.monotonic() < deadline
        sandbox.stop()
        assert slow.result(300).status.code == 10000
        assert call.lost("ListConcepts") is grpc.StatusCode.UNAVAILABLE
    assert [
        thread.name
        for thread in threading.enumerate()
        if thread not in before and thread.name.startswith("sandbox")
    ] == []
