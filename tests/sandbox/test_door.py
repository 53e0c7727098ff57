"""The HTTP door: what it takes and refuses, faults on demand, the request log."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from reconciler.sandbox import bodies, routes, server
from reconciler.sandbox.bodies import MAX_BODY
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.handlers import table
from tests.sandbox.conftest import Stopped
from tests.sandbox.driving import Api


def talk(api: Api, sent: bytes) -> bytes:
    """Raw bytes to the door and all that comes back until it hangs up."""
    port = int(api.sandbox.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(65536):
            found += part
        return found


CHUNKED = b"POST /v2/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("type_", ["application/json", "application/javascript", "text/plain", ""])
def test_the_content_type_does_not_matter(api: Api, type_: str) -> None:
    answer = api.raw(
        "POST", "/concepts", data=b'{"concepts":[{"id":"a"}]}', headers={"Content-Type": type_}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"{", "the body is not JSON: "),
        (b"[1]", "the body must be an object, not a list"),
        (b'{"concepts":' + b"[" * 200_000, "the body is "),
        (b'{"concepts":[{"value":NaN}]}', "the body is not JSON: NaN is not a number"),
        (b'{"concepts":[{"id":"a","value":1e99}]}', "concepts[0].value: 1e+99 does not fit"),
        (b"\xff", "the body is not UTF-8"),
        (b'{"concepts":[{"id":"\\ud800"}]}', "concepts[0].id: "),
        (b'{"concepts":[{"created_at":"\\ud800"}]}', "concepts[0].created_at: '\\ud800' is no RFC"),
        (
            b'{"concepts":[{"visibility":{"gettable":"\\ud800"}}]}',
            "concepts[0].visibility.gettable: '\\ud800' is no Gettable",
        ),
        (b'{"concepts":[{"created_at":"' + b"x" * 9000 + b'"}]}', "concepts[0].created_at: 'xxx"),
    ],
)
def test_a_broken_body_is_the_platforms_error(api: Api, body: bytes, details: str) -> None:
    answer = api.raw("POST", "/concepts", data=body)
    assert answer.status_code == 400
    found = answer.json()
    assert (found["status"]["code"], found["concepts"]) == (11100, [])
    assert found["status"]["details"].startswith(details)
    assert len(found["status"]["details"]) <= 4003


@pytest.mark.parametrize(
    ("verb", "path", "http", "code"),
    [
        ("GET", "/nothing", 404, 11101),
        ("GET", "/concepts/%ff", 400, 11100),
        ("PUT", "/concepts", 405, 11103),
        ("OPTIONS", "/concepts", 405, 11103),
        ("TRACE", "/concepts", 405, 11103),
        ("GET", "/concepts?page=x", 400, 11100),
        ("GET", "/concepts?page=-1", 400, 11100),
        ("GET", "/concepts?page=%ff", 400, 11100),
        ("GET", "/concepts?per_page=5000", 400, 11102),
        ("GET", "/annotations?statuses=code", 400, 11100),
    ],
)
def test_a_broken_request_is_the_platforms_error(
    api: Api, verb: str, path: str, http: int, code: int
) -> None:
    answer = api.raw(verb, path)
    assert answer.status_code == http
    assert answer.json()["status"]["code"] == code


def test_what_is_not_there_says_so(api: Api) -> None:
    missing = [
        route
        for route in routes.routes()
        if route.verb == "GET" and route.names_app and route.rpc.name not in table.ENTRIES
    ]
    for route in missing[:5]:
        path = re.sub(r"\{[^}]*\}", "x", route.template.partition("{user_app_id.app_id}")[2])
        http, code, details = api.refused("GET", path)
        assert (http, code) == (501, 10040), route
        assert details == f"the sandbox does not implement {route.rpc.name}"


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", b"400"),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", b"400"),
        (
            f"POST /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode(),
            b"413",
        ),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", b"400"),
        (CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n", b"400"),
        (CHUNKED + b"2\r\nabcde\r\n0\r\n\r\n", b"400"),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n", b"400"),
        (CHUNKED + b"fffffff\r\nabc", b"413"),
        (CHUNKED, b"400"),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 99 + b"\r\n\r\n", b"413"),
        (b"GET /v2/x HTTP/1.1\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /v2/x HTTP/1.1\r\nX-A: " + b"b" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /v2/x HTTP/9.9\r\n\r\n", b"505"),
        (b"GET http://[x HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /v2/\xff\x00\x01 HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"BREW /v2/x HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_broken_http_gets_an_envelope_too(api: Api, sent: bytes, line: bytes) -> None:
    head, _, body = talk(api, sent).partition(b"\r\n\r\n")
    assert line in head.split(b"\r\n")[0]
    assert json.loads(body)["status"]["code"]


def test_a_body_that_is_too_large_is_answered_though_nobody_reads_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY", 1000)
    answer = api.raw("POST", "/concepts", data=b"x" * 20_000_000)
    assert answer.status_code == 413
    assert answer.json()["status"]["details"] == "the body is larger than 1000 bytes"
    assert api.raw("POST", "/_sandbox/faults", data=b"x" * 2000).status_code == 413
    api("GET", "/concepts")


@pytest.mark.parametrize("limit", ["silence", "dripping"])
def test_a_body_that_comes_too_slowly_is_refused_and_disturbs_nobody(
    api: Api, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    if limit == "silence":
        monkeypatch.setattr(server._Handler, "_request", in_a_hurry(server._Handler._request))
    else:
        monkeypatch.setattr(bodies, "SECONDS", 0.3)
    monkeypatch.setattr(server, "_LINGER_SECONDS", 300)
    port = int(api.sandbox.base_url.rpartition(":")[2])
    head = b"POST /v2/users/me/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(head + b"{")
        api("GET", "/concepts")
        connection.settimeout(0.05)
        found = b""
        deadline = time.monotonic() + 300
        while not found and time.monotonic() < deadline:
            try:
                found = connection.recv(65536)
            except TimeoutError:
                if limit == "dripping":
                    connection.sendall(b" ")
    assert found.startswith(b"HTTP/1.1 408 ")
    status = json.loads(found.partition(b"\r\n\r\n")[2])["status"]
    assert (status["code"], status["details"]) == (11100, "the body came too slowly")
    assert api.sandbox.requests()[0].path.endswith("/apps")
    slow = [entry for entry in api.sandbox.requests() if entry.status == 408]
    assert [entry.code for entry in slow] == [11100]


def in_a_hurry(read: Callable[..., Any]) -> Callable[..., Any]:
    """Reading a request whose body has to come soon; its head may take its time."""

    def soon(handler: Any, parts: Any) -> Any:
        handler.connection.settimeout(0.3)
        try:
            return read(handler, parts)
        finally:
            handler.connection.settimeout(handler.timeout)

    return soon


@pytest.mark.parametrize("said", [b"", b"GE", b"GET /v2/x HTTP/1.1\r\nX", CHUNKED + b"5\r\nab"])
def test_a_connection_that_stays_open_does_not_hold_up_the_end(
    start: Callable[..., Api], said: bytes
) -> None:
    api = start()
    port = int(api.sandbox.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(said)
        api("GET", "/concepts")
        api.sandbox.stop()  # else it takes five minutes, until the silence is too long


def test_a_client_that_takes_no_answers_does_not_hold_up_the_end(
    start: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_GRACE_SECONDS", 0.3)
    api = start()
    port = int(api.sandbox.base_url.rpartition(":")[2])
    request = b"GET /v2/status_codes HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
        with pytest.raises(TimeoutError):
            while True:
                connection.sendall(request * 100)
        api("GET", "/concepts")
        api.sandbox.stop()


def test_it_listens_on_loopback_alone(api: Api) -> None:
    house = api.sandbox._open_house
    assert house._server is not None
    assert house._server.server_address[0] == "127.0.0.1"
    with (
        pytest.raises(OSError, match=r"\S"),
        socket.create_connection(("127.0.0.2", house.port), 5),
    ):
        pass


def test_chunks_are_read(api: Api) -> None:
    body = b'{"concepts":[{"id":"a"}]}'
    path = f"/v2/users/{api.sandbox.user_id}/apps/{api.app}/concepts"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Key x\r\nTransfer-Encoding: chunked"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    answer = talk(api, head.encode() + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_connection_serves_many_requests(api: Api) -> None:
    request = b"GET /v2/status_codes/10000 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert talk(api, request * 3).count(b"HTTP/1.1 200 ") == 3


def test_status_codes_are_open_to_everybody(api: Api) -> None:
    url = f"{api.sandbox.base_url}/v2/status_codes"
    listed = requests.get(url, timeout=300).json()["statuses"]
    assert {"code": 10000, "description": "Ok"} in listed
    assert requests.get(f"{url}/21103", timeout=300).json()["status"]["code"] == 21103
    assert requests.get(f"{url}/1", timeout=300).status_code == 404


def test_requests_are_logged_and_forgotten(api: Api) -> None:
    api.sandbox.clear_requests()
    api("GET", "/concepts", page=2)
    api.refused("GET", "/concepts/nobody")
    logged = [(e.method, e.path, e.query, e.status, e.rpc) for e in api.sandbox.requests()]
    path = f"/v2/users/{api.sandbox.user_id}/apps/park/concepts"
    assert logged == [
        ("GET", path, "page=2", 200, "ListConcepts"),
        ("GET", f"{path}/nobody", "", 404, "GetConcept"),
    ]
    found = api.raw("GET", "/_sandbox/requests").json()["requests"]
    assert [entry["status"] for entry in found] == [200, 404]
    api.raw("DELETE", "/_sandbox/requests")
    assert api.sandbox.requests() == ()


# --- faults ---------------------------------------------------------------------------------


def count(api: Api) -> int:
    return len(api("GET", "/concepts", per_page=1000)["concepts"])


@pytest.mark.parametrize(
    ("fault", "status", "check"),
    [
        (Fault(status=500), 500, lambda a: a.json()["status"]["code"] == 98004),
        (Fault(status=502, html=True), 502, lambda a: "<html>" in a.text),
        (Fault(status=429), 429, lambda a: "Retry-After" not in a.headers),
        (Fault(status=429, retry_after=2), 429, lambda a: a.headers["Retry-After"] == "2"),
        (Fault(status=429, retry_after=0.5), 429, lambda a: a.headers["Retry-After"] == "0.5"),
        (Fault(status=400, code=22107), 400, lambda a: a.json()["status"]["code"] == 22107),
    ],
)
def test_a_status_is_answered_instead_of_the_work(
    api: Api, fault: Fault, status: int, check: Callable[[requests.Response], bool]
) -> None:
    api.sandbox.inject(fault)
    answer = api.raw("POST", "/concepts", json={"concepts": [{"id": "a"}]})
    assert answer.status_code == status
    assert check(answer)
    assert count(api) == 0


@pytest.mark.parametrize(("drop", "stored"), [("before", 0), ("after", 1)])
def test_a_connection_drops_before_or_after_the_commit(api: Api, drop: Any, stored: int) -> None:
    api.sandbox.inject(Fault(method="POST", drop=drop))
    with pytest.raises(requests.ConnectionError):
        api.raw("POST", "/concepts", json={"concepts": [{"id": "a"}]})
    assert count(api) == stored
    assert api.sandbox.requests()[-2].status == 0


def test_an_answer_can_be_cut(api: Api) -> None:
    api.sandbox.inject(Fault(method="POST", cut=True))
    with pytest.raises(requests.RequestException):
        api.raw("POST", "/concepts", json={"concepts": [{"id": "a"}]}).json()
    assert count(api) == 1


def test_a_fault_hits_the_nth_match_and_only_as_often_as_asked(api: Api) -> None:
    api.sandbox.inject(Fault(method="GET", path="/concepts$", nth=2, times=2, status=503))
    got = [api.raw("GET", "/concepts").status_code for _ in range(5)]
    others = api.raw("GET", "/models").status_code
    assert (got, others) == ([200, 503, 503, 200, 200], 200)


def test_a_fault_for_ever_ends_when_it_is_cleared(api: Api) -> None:
    api.sandbox.inject(Fault(times=0, status=503))
    assert [api.raw("GET", "/concepts").status_code for _ in range(3)] == [503] * 3
    api.sandbox.clear_faults()
    assert api.raw("GET", "/concepts").status_code == 200


def test_reads_are_stale_for_so_many_calls(api: Api) -> None:
    api.sandbox.inject(Fault(method="POST", stale_reads=2))
    api.concepts("a")
    assert [count(api) for _ in range(4)] == [0, 0, 1, 1]


def test_mixed_success_takes_every_second_item(api: Api) -> None:
    api.sandbox.inject(Fault(method="POST", mixed=True))
    body = {"concepts": [{"id": id_} for id_ in "abcd"]}
    answer = api.raw("POST", "/concepts", json=body)
    assert (answer.status_code, answer.json()["status"]["code"]) == (207, 10010)
    assert [c["id"] for c in answer.json()["concepts"]] == ["a", "c"]
    assert count(api) == 2


def test_latency(start: Callable[..., Api]) -> None:
    api = start(latency_ms=60)
    began = time.monotonic()
    api("GET", "/concepts")
    assert time.monotonic() - began >= 0.06
    api.sandbox.inject(Fault(latency_ms=120))
    began = time.monotonic()
    api("GET", "/concepts")
    assert time.monotonic() - began >= 0.18


def test_a_rate_limit_names_itself(start: Callable[..., Api], clock: Stopped) -> None:
    api = start(limit_rps=5, create=False)
    clock.now += 1
    answers = [api.raw("GET", "/v2/users/me/apps") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[5].json()["status"]["code"] == 11005
    assert answers[5].json()["status"]["details"] == "the limit is 5 requests per second"
    for seconds, status in ((0.9, 429), (0.1, 200)):
        clock.now += seconds
        assert api.raw("GET", "/v2/users/me/apps").status_code == status


def test_faults_over_the_control_route(api: Api) -> None:
    planted = api.raw("POST", "/_sandbox/faults", json={"status": 500, "times": 2})
    assert planted.status_code == 200
    assert api.raw("GET", "/concepts").status_code == 500
    listed = api.raw("GET", "/_sandbox/faults").json()["faults"]
    assert [(fault["status"], fault["hit"]) for fault in listed] == [(500, 1)]
    api.raw("DELETE", "/_sandbox/faults")
    assert api.raw("GET", "/concepts").status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"statsu": 500}, "unknown key 'statsu'"),
        ({}, "the fault does nothing"),
        ({"status": 500, "path": "("}, "path '(' is no regular expression"),
        ({"status": 500, "nth": 0}, "nth counts from 1"),
        ({"drop": "later"}, "drop is 'later'"),
        ("x", "a fault is an object"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(api: Api, fault: Any, error: str) -> None:
    answer = api.raw("POST", "/_sandbox/faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


def test_the_control_route_says_what_it_has(api: Api) -> None:
    answer = api.raw("GET", "/_sandbox/nothing")
    assert answer.status_code == 404
    assert "GET /_sandbox/requests" in answer.json()["error"]
    assert api.raw("GET", "/_sandbox/idle").json() == {"idle": True}
