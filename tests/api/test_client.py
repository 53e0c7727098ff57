"""The client against a real server on loopback that misbehaves as scripted."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
import requests
import responses
from api.wire import REQUEST_ID, Reply, Seen, Wire, cut, envelope, reply, reset
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError
from urllib3.exceptions import ProxyError as UrllibProxyError
from urllib3.exceptions import SSLError as UrllibSslError

from reconciler import __version__
from reconciler.api.client import Client, ReadClient
from reconciler.api.pace import MARGIN
from reconciler.api.protocol import PER_PAGE, Reader, Writer
from reconciler.api.settings import Secret, Settings
from reconciler.call import Call, Listing
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    MixedError,
    NotFoundError,
    ProtocolError,
    ThrottledError,
    TransportError,
)

TOKEN = "planted-0123456789abcdef"
GET = Call("GET", "/v2/users/me/apps/a/inputs/status")
POST = Call("POST", "/v2/users/me/apps/a/concepts", body={"concepts": [{"id": "x"}]})
CONCEPTS = Listing("/v2/users/me/apps/a/concepts", "concepts")


class Time:
    """A clock that stands still but for sleeping; remembers each sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept.append(seconds)
            self.now += seconds

    def clock(self) -> float:
        return self.now


Make = Callable[..., Client]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(wire: Wire, time: Time) -> Iterator[Make]:
    made: list[Client] = []

    def build(on_request: Any = None, **options: Any) -> Client:
        settings = Settings(**{"base_url": wire.url, "token": Secret(TOKEN), **options})
        made.append(Client(settings, on_request=on_request, sleep=time.sleep, clock=time.clock))
        return made[-1]

    yield build
    for client in made:
        client.close()


def caught(work: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as info:
        work()
    shown = str(info.value) + repr(vars(info.value)) + repr(info.value.__cause__)
    assert TOKEN not in shown
    # An exception of requests carries the request, and that its headers.
    assert getattr(info.value.__cause__, "request", None) is None
    return info.value


def test_what_a_request_looks_like(wire: Wire, make: Make) -> None:
    wire.always = reply(envelope(app={"id": "a"}))
    query = {"page": 1, "flag": True, "ids": ["a b", "c"], "none": None, "status.code": 30000}
    assert make().get(Call("GET", "/v2/x/a%2Fb", query)) == envelope(app={"id": "a"})
    seen = wire.seen[0]
    assert seen.method == "GET"
    assert seen.path == "/v2/x/a%2Fb?page=1&flag=true&ids=a+b&ids=c&status.code=30000"
    assert seen.headers["Authorization"] == f"Key {TOKEN}"
    assert seen.headers["User-Agent"] == f"reconciler/{__version__}"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.body == b""


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_carries_json(wire: Wire, make: Make, method: Any) -> None:
    body = {"ids": ("a", "b"), "nested": MappingProxyType({"name": "狗", "value": 0.0})}
    make().send(Call(method, "/v2/x", body=body))
    assert wire.seen[0].method == method
    assert wire.seen[0].json == {"ids": ["a", "b"], "nested": {"name": "狗", "value": 0.0}}


def test_reading_and_writing_are_two_types(wire: Wire, make: Make) -> None:
    client = make()
    reader: Reader = client
    writer: Writer = client
    assert reader is writer
    assert not hasattr(ReadClient, "send")
    with pytest.raises(ValueError, match="POST is no read"):
        client.get(POST)
    with pytest.raises(ValueError, match="GET is no write"):
        client.send(GET)
    assert wire.seen == []


def test_a_connection_is_kept(wire: Wire, make: Make) -> None:
    ports = []

    def remember(handler: Any, seen: Seen) -> None:
        ports.append(handler.client_address[1])
        reply()(handler, seen)

    wire.always = remember
    client = make()
    for _ in range(3):
        client.get(GET)
    client.send(POST)
    assert len(set(ports)) == 1


def test_neither_proxy_nor_cookie_interferes(
    wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    wire.always = reply(Set_Cookie="session=1; Path=/")
    client = make()
    client.get(GET)
    client.get(GET)
    assert [seen.headers["Authorization"] for seen in wire.seen] == [f"Key {TOKEN}"] * 2
    assert "Cookie" not in wire.seen[1].headers


def test_netrc_does_not_replace_the_token(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine h.example login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with responses.RequestsMock() as mock:
        mock.get("https://h.example" + GET.path, json=envelope())
        make(base_url="https://h.example").get(GET)
        assert mock.calls[0].request.headers["Authorization"] == f"Key {TOKEN}"


FAULTS: dict[str, Reply] = {
    "reset": reset,
    "cut": cut,
    "500": reply(envelope(98004, "Internal"), http=500),
    "503 html": reply(b"<html>", http=503, kind="text/html"),
    "200 fault": reply(envelope(99009, "Uncategorized")),
    "broken json": reply(b'{"status": {"code"'),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_read_is_repeated_until_it_succeeds(
    wire: Wire, make: Make, time: Time, fault: Reply
) -> None:
    wire.script = [fault, fault, fault]
    assert make().get(GET) == envelope()
    assert len(wire.seen) == 4
    assert [0.25 <= time.slept[0] <= 0.5, 0.5 <= time.slept[1] <= 1.0] == [True, True]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_write_of_unknown_fate_is_sent_once(
    wire: Wire, make: Make, time: Time, fault: Reply
) -> None:
    wire.script = [fault]
    error = caught(lambda: make().send(POST))
    assert error.unclear
    assert "it may have been carried out all the same" in error.hint
    assert (error.method, error.path) == ("POST", "/v2/users/me/apps/a/concepts")
    assert len(wire.seen) == 1
    assert time.slept == []


def test_a_read_gives_up(wire: Wire, make: Make) -> None:
    wire.always = FAULTS["500"]
    error = caught(lambda: make(max_retries=2).get(GET))
    assert str(error) == (
        f"GET {GET.path} (HTTP 500, code 98004, request {REQUEST_ID}): "
        "Internal (after 3 tries)\n  the service has a fault: try again later"
    )
    assert len(wire.seen) == 3
    assert not error.unclear


@pytest.mark.parametrize("call", [GET, POST], ids=["read", "write"])
def test_throttling_is_waited_out(wire: Wire, make: Make, time: Time, call: Call) -> None:
    throttled = envelope(11005, "Making too many requests")
    wire.script = [
        reply(throttled, http=429, Retry_After="7"),
        reply(throttled, http=429),
        reply(throttled),
    ]
    client = make()
    assert (client.get if call is GET else client.send)(call) == envelope()
    assert time.slept[0] == 7.0
    assert 1.0 <= time.slept[1] <= 2.0
    assert 2.0 <= time.slept[2] <= 4.0
    assert len(wire.seen) == 4


def test_one_throttled_request_holds_the_others(
    wire: Wire, make: Make, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.script = [reply(envelope(11005, "Slow"), http=429, Retry_After="7")]
    client = make()
    plain, other = time.sleep, Call("GET", "/v2/other")

    def sleep(seconds: float) -> None:
        """While the first request rests, another one comes."""
        if not time.slept:
            time.slept.append(seconds)
            client.get(other)
        else:
            plain(seconds)

    monkeypatch.setattr(client._line, "_sleep", sleep)
    client.get(GET)
    assert time.slept == [7.0, 7.0]
    assert [seen.path for seen in wire.seen] == [GET.path, other.path, GET.path]


def test_throttling_that_does_not_end(wire: Wire, make: Make) -> None:
    wire.always = reply(envelope(11005, "Making too many requests"), http=429)
    error = caught(lambda: make(max_retries=1).send(POST))
    assert isinstance(error, ThrottledError)
    assert error.message == "Making too many requests (after 2 tries)"
    assert not error.unclear


def test_a_rest_that_is_too_long(wire: Wire, make: Make, time: Time) -> None:
    wire.always = reply(envelope(11005, "Slow"), http=429, Retry_After="86400")
    error = caught(lambda: make().get(GET))
    assert error.message == "Slow (the service asks for a rest of 86400 s)"
    assert time.slept == []


def test_silence(wire: Wire, make: Make) -> None:
    wire.always = wire.silent
    error = caught(lambda: make(read_timeout=0.2).send(POST))
    assert isinstance(error, TransportError)
    assert error.sent
    assert error.unclear
    assert error.message == f"{wire.url} fell silent for more than 0.2 s"


def test_reset(wire: Wire, make: Make) -> None:
    wire.always = reset
    error = caught(lambda: make(max_retries=0).get(GET))
    assert isinstance(error, TransportError)
    assert error.sent
    assert str(error) == (
        f"GET {GET.path}: {wire.url} broke the connection off before its answer was "
        "whole\n  check the network and CLARIFAI_API_BASE, or use --sandbox for the local platform"
    )


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, held so that nobody else takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("call", [GET, POST], ids=["read", "write"])
def test_nobody_listens(make: Make, time: Time, closed_port: int, call: Call) -> None:
    client = make(base_url=f"http://127.0.0.1:{closed_port}", max_retries=2)
    error = caught(lambda: (client.get if call is GET else client.send)(call))
    assert isinstance(error, TransportError)
    assert not error.sent
    assert not error.unclear
    assert error.message == f"http://127.0.0.1:{closed_port} refused the connection (after 3 tries)"
    assert len(time.slept) == 2


def nested(kind: type[requests.RequestException], reason: Exception) -> Exception:
    """An exception as requests makes it from what urllib3 raised."""
    return kind(MaxRetryError(HTTPConnectionPool("h"), "/v2/x", reason))


@pytest.mark.parametrize(
    ("cause", "message", "tries"),
    [
        pytest.param(
            nested(requests.ConnectTimeout, ConnectTimeoutError()),
            "https://h.example did not take a connection within 10 s (after 5 tries)",
            5,
            id="connect timeout",
        ),
        pytest.param(
            nested(
                requests.exceptions.SSLError,
                UrllibSslError(ssl.SSLCertVerificationError(1, "self-signed")),
            ),
            "https://h.example has a certificate that is not trusted",
            1,
            id="certificate",
        ),
        pytest.param(
            nested(requests.exceptions.ProxyError, UrllibProxyError("x", OSError("407"))),
            "https://h.example cannot be reached through the proxy of HTTP(S)_PROXY "
            "(after 5 tries)",
            5,
            id="proxy",
        ),
        pytest.param(
            requests.exceptions.InvalidProxyURL("bad"),
            "https://h.example is no address to send to",
            1,
            id="address",
        ),
    ],
)
def test_a_write_that_never_left(make: Make, cause: Exception, message: str, tries: int) -> None:
    with responses.RequestsMock() as mock:
        mock.post("https://h.example" + POST.path, body=cause)
        error = caught(lambda: make(base_url="https://h.example").send(POST))
        assert len(mock.calls) == tries
    assert isinstance(error, TransportError)
    assert not error.sent
    assert not error.unclear
    assert error.message == message
    assert error.hint


def test_a_host_that_nobody_knows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = caught(lambda: make(base_url="http://nobody.invalid", max_retries=0).send(POST))
    assert isinstance(error, TransportError)
    assert not error.sent
    assert not error.unclear
    assert error.message == "http://nobody.invalid has a host name that nobody knows"


def test_plain_http_behind_https(wire: Wire, make: Make) -> None:
    url = wire.url.replace("http:", "https:")
    error = caught(lambda: make(base_url=url, max_retries=0).get(GET))
    assert isinstance(error, TransportError)


def test_a_page_is_no_platform(wire: Wire, make: Make) -> None:
    wire.always = reply(b"<html><body>Welcome", kind="text/html")
    error = caught(lambda: make().get(GET))
    assert isinstance(error, ProtocolError)
    assert error.message == (
        "the answer is not the platform's JSON but an HTML page: '<html><body>Welcome'"
    )
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("http", "code", "kind"),
    [(401, 11009, AuthenticationError), (404, 11101, NotFoundError), (400, 10020, MixedError)],
)
def test_a_definite_no_is_final(
    wire: Wire, make: Make, http: int, code: int, kind: type[ApiError]
) -> None:
    wire.always = reply(envelope(code, f"No, {TOKEN}"), http=http)
    error = caught(lambda: make().send(POST))
    assert type(error) is kind
    assert error.message == "No, ***"
    assert len(wire.seen) == 1


@pytest.mark.parametrize("http", [301, 302, 307, 308])
def test_the_token_does_not_travel_to_another_host(wire: Wire, make: Make, http: int) -> None:
    wire.always = reply(http=http, Location=f"{wire.url.replace('127.0.0.1', 'localhost')}/v2/x")
    error = caught(lambda: make().get(GET))
    assert error.message.startswith("redirected to http://localhost:")
    assert len(wire.seen) == 1


@pytest.mark.parametrize("path", ["/v2/users/me/apps/..", "/v2/a/%2E%2e/b", "/v2//b", "/v2/./b"])
def test_a_path_that_would_point_elsewhere_is_not_sent(wire: Wire, make: Make, path: str) -> None:
    error = caught(lambda: make().send(Call("DELETE", path)))
    assert "empty or only dots" in error.message
    assert wire.seen == []


def test_the_observer_is_told_of_every_try(wire: Wire, make: Make) -> None:
    told: list[tuple[Call, int]] = []
    wire.script = [FAULTS["500"], reset]
    make(on_request=lambda call, status, seconds: told.append((call, status))).get(GET)
    assert told == [(GET, 500), (GET, 0), (GET, 200)]


def test_a_retry_is_logged_without_the_token(
    wire: Wire, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script = [reply(envelope(98004, f"fault {TOKEN}"), http=500)]
    make().get(GET)
    assert "fault ***; trying again in" in caplog.text
    assert TOKEN not in caplog.text


def test_the_rate_is_kept(wire: Wire, make: Make, time: Time) -> None:
    client = make(max_rps=2.0)
    for _ in range(5):
        client.get(GET)
    assert time.slept == pytest.approx([1 + MARGIN, 1 + MARGIN])


def pages(total: int, ids: Callable[[int], Any] = str) -> Reply:
    """Serves ``total`` concepts as the platform pages them."""

    def play(handler: Any, seen: Seen) -> None:
        query = dict(pair.split("=") for pair in seen.path.partition("?")[2].split("&"))
        first = (int(query["page"]) - 1) * int(query["per_page"])
        items = [{"id": ids(n)} for n in range(total)][first : first + int(query["per_page"])]
        reply(envelope(concepts=items))(handler, seen)

    return play


@pytest.mark.parametrize(
    ("total", "requests"), [(0, 1), (1, 1), (999, 1), (1000, 2), (1001, 2), (2500, 3)]
)
def test_every_page_is_read(wire: Wire, make: Make, total: int, requests: int) -> None:
    assert PER_PAGE == 1000
    wire.always = pages(total)
    assert make().read_list(CONCEPTS) == [{"id": str(n)} for n in range(total)]
    assert len(wire.seen) == requests
    assert wire.seen[-1].path == f"/v2/users/me/apps/a/concepts?page={requests}&per_page=1000"


def test_an_item_that_shifted_to_the_next_page_counts_once(wire: Wire, make: Make) -> None:
    wire.always = pages(1500, lambda n: str(n if n < 1000 else n - 10))
    assert [item["id"] for item in make().read_list(CONCEPTS)] == [str(n) for n in range(1490)]


def test_items_without_id_are_all_kept(wire: Wire, make: Make) -> None:
    wire.always = reply(envelope(annotations=[{"a": 1}, {"a": 1}]))
    annotations = Listing("/v2/users/me/apps/a/annotations", "annotations")
    assert make().read_list(annotations) == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize("body", [envelope(), envelope(concepts=None)])
def test_a_page_with_only_a_status_is_the_end(wire: Wire, make: Make, body: Any) -> None:
    wire.always = reply(body)
    assert make().read_list(CONCEPTS) == []


def test_a_list_that_is_none(wire: Wire, make: Make) -> None:
    wire.always = reply(envelope(concepts={"id": "x"}))
    error = caught(lambda: make().read_list(CONCEPTS))
    assert error.message == "concepts is a map, where a list was expected"


def test_a_list_without_end(wire: Wire, make: Make) -> None:
    wire.always = reply(envelope(concepts=[{"id": str(n)} for n in range(1000)]))
    error = caught(lambda: make().read_list(CONCEPTS))
    assert error.message == "page 2 is page 1 again, so the list has no end"


def fat(values: int, text: str = "") -> Reply:
    """Serves full pages of concepts that each hold so many values more, and a text."""

    def play(handler: Any, seen: Seen) -> None:
        page = int(dict(pair.split("=") for pair in seen.path.split("?")[1].split("&"))["page"])
        more = {"x": [0] * values, "y": text}
        items = [{"id": f"{page}-{n}", **more} for n in range(PER_PAGE)]
        reply(envelope(concepts=items))(handler, seen)

    return play


@pytest.mark.parametrize(
    ("served", "page", "limit"),
    [
        pytest.param(fat(30), 3, "80,000 values", id="values"),
        pytest.param(fat(1, "x" * 1500), 3, "4 MB", id="bytes"),
    ],
)
def test_a_list_of_fat_pages(wire: Wire, make: Make, served: Reply, page: int, limit: str) -> None:
    wire.always = served
    listing = Listing(CONCEPTS.path, "concepts", most_pages=4)
    error = caught(lambda: make().read_list(listing))
    assert isinstance(error, ProtocolError)
    assert error.path == CONCEPTS.path
    assert error.message == (
        f"with page {page} of 'concepts' the lists that are read together hold more than {limit}, "
        "which is more than is kept"
    )
    assert len(wire.seen) == page


def test_lists_that_are_read_together_share_what_one_may_hold(wire: Wire, make: Make) -> None:
    items = [{"id": str(n), "x": [0] * 5} for n in range(999)]
    wire.always = reply(envelope(concepts=items))  # 7,994 values
    client = make(max_rps=1000.0)
    lists = [Listing(f"/v2/users/me/apps/{n}/concepts", "concepts", most_pages=1) for n in range(3)]
    assert client.read_lists(lists[:2]) == [items, items]
    error = caught(lambda: client.read_lists(lists))
    assert error.message.endswith(" hold more than 20,000 values, which is more than is kept")


def test_each_read_has_room_of_its_own(wire: Wire, make: Make) -> None:
    wire.always = pages(999)
    client = make(max_rps=1000.0)
    short = replace(CONCEPTS, most_pages=1)
    for _ in range(20):  # 2,000 values each time, and room for 20,000
        assert len(client.read_list(short)) == 999


def test_many_reads_keep_their_order_and_their_failures(wire: Wire, make: Make) -> None:
    def play(handler: Any, seen: Seen) -> None:
        number = int(seen.path.rpartition("/")[2])
        if number % 3 == 2:
            reply(envelope(11101, "Gone"), http=404)(handler, seen)
        else:
            reply(envelope(number=number))(handler, seen)

    wire.always = play
    results = make(max_rps=1000.0).get_all([Call("GET", f"/v2/n/{n}") for n in range(40)])
    assert [
        result["number"] if isinstance(result, dict) else type(result) for result in results
    ] == [NotFoundError if n % 3 == 2 else n for n in range(40)]
    assert make().get_all([]) == []


def test_no_more_at_once_than_asked(wire: Wire, make: Make) -> None:
    lock = threading.Lock()
    now, most = 0, 0
    full = threading.Event()

    def play(handler: Any, seen: Seen) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == 3:
                full.set()
        full.wait(300)
        with lock:
            now -= 1
        reply()(handler, seen)

    wire.always = play
    client = make(parallelism=3, max_rps=1000.0)
    client.get_all([GET] * 20)
    assert most == 3


def test_several_lists(wire: Wire, make: Make) -> None:
    wire.always = pages(3)
    others = Listing("/v2/users/me/apps/b/concepts", "concepts")
    assert (
        make().read_lists([CONCEPTS, others, CONCEPTS]) == [[{"id": str(n)} for n in range(3)]] * 3
    )


def test_the_first_failure_of_several_lists(wire: Wire, make: Make) -> None:
    def play(handler: Any, seen: Seen) -> None:
        if "/bad" in seen.path:
            reply(envelope(11101, "Gone"), http=404)(handler, seen)
        else:
            pages(1)(handler, seen)

    wire.always = play
    bad = Listing("/v2/bad", "concepts")
    assert isinstance(caught(lambda: make().read_lists([CONCEPTS, bad])), NotFoundError)
