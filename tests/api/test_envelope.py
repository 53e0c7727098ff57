"""What each kind of answer means, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api.wire import REQUEST_ID, envelope
from clarifai_grpc.grpc.api.status.status_code_pb2 import StatusCode

from reconciler.api.envelope import BY_CODE, CODE_NAMES, Answer, Failure, Success, read_answer
from reconciler.api.retry import FAULT_CODES, THROTTLED_CODES, Situation
from reconciler.api.settings import Secret
from reconciler.call import Call
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    DuplicateError,
    MixedError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    ThrottledError,
)


def test_names_of_codes_are_the_platforms() -> None:
    assert dict(CODE_NAMES) == {name: StatusCode.Value(name) for name in CODE_NAMES}
    official = set(StatusCode.values())
    assert official >= BY_CODE.keys() | THROTTLED_CODES | FAULT_CODES


TOKEN = "planted-0123456789abcdef"
GET = Call("GET", "/v2/users/me/apps/a/inputs/status")
POST = Call("POST", "/v2/users/me/apps/a/models", body={"model": {"id": "m"}})


def judge(
    body: object,
    *,
    http: int = 200,
    call: Call = GET,
    kind: str = "application/json",
    token: str = TOKEN,
    location: str = "",
) -> Success | Failure:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(call, Answer(http, kind, content, location), Secret(token))


def failure(body: object, **options: Any) -> Failure:
    result = judge(body, **options)
    assert isinstance(result, Failure)
    return result


@pytest.mark.parametrize(
    ("http", "code"),
    [(200, 10000), (200, 10000.0), (200, "10000"), (200, "SUCCESS"), (202, 10070)],
)
def test_success(http: int, code: Any) -> None:
    body = envelope(code, model={"id": "m"})
    assert judge(body, http=http) == Success(body)


def test_a_success_says_how_much_it_holds() -> None:
    content = b'{"status": {"code": 10000}, "concepts": [{"id": "a"}, {"id": "b", "x": [1, 2]}]}'
    result = judge(content)
    assert isinstance(result, Success)
    assert (result.values, result.size) == (10, len(content))


@pytest.mark.parametrize(
    ("http", "code", "details", "kind"),
    [
        (404, 11101, "", NotFoundError),
        (200, 11101, "", NotFoundError),
        (200, 21200, "", NotFoundError),
        (400, 22102, "", NotFoundError),
        (400, 30102, "", NotFoundError),
        (404, 99999, "", NotFoundError),
        (401, 11008, "", AuthenticationError),
        (200, 11009, "", AuthenticationError),
        (401, 11102, "Empty or malformed authorization header", AuthenticationError),
        (400, 11102, "", ApiError),
        (403, 11007, "", PermissionDeniedError),
        (403, 0, "", PermissionDeniedError),
        (400, 21201, "", PermissionDeniedError),
        (400, 22103, "", PermissionDeniedError),
        (400, 24156, "", PermissionDeniedError),
        (400, 30103, "", PermissionDeniedError),
        (400, 40003, "duplicate concept id", DuplicateError),
        (400, 40003, "concept already exists", DuplicateError),
        (400, 40003, "name is too long", ApiError),
        (400, 40010, "", DuplicateError),
        (400, 22100, "", DuplicateError),
        (400, 30100, "", DuplicateError),
        (429, 11005, "", ThrottledError),
        (200, "CONN_THROTTLED", "", ThrottledError),
        (400, 11003, "", ThrottledError),
        (400, 11004, "", ThrottledError),
        (400, 21202, "", ApiError),
        (400, 22107, "", ApiError),
        (500, 98004, "", ApiError),
        (400, 10000, "", ApiError),
        (400, "SOMETHING_NEW", "", ApiError),
    ],
)
def test_kinds_of_failure(http: int, code: Any, details: str, kind: type[ApiError]) -> None:
    error = failure(envelope(code, "What", details=details), http=http).error
    assert type(error) is kind
    assert error.http_status == http
    assert error.request_id == REQUEST_ID


def test_whole_text_of_a_failure() -> None:
    body = envelope(11101, "Resource does not exist", details="model_id 'm' not found.\nCheck it.")
    assert str(failure(body, http=404).error) == (
        f"GET /v2/users/me/apps/a/inputs/status (HTTP 404, code 11101, request {REQUEST_ID}): "
        "Resource does not exist: model_id 'm' not found. Check it.\n"
        "  check the id, CLARIFAI_USER_ID and CLARIFAI_APP_ID: "
        "what another user owns looks absent too"
    )


def test_a_failure_without_words_names_the_http_status() -> None:
    assert failure({"status": {"code": 11102}}, http=400).error.message == (
        "the service answered HTTP 400"
    )


def test_a_long_text_is_cut() -> None:
    error = failure(envelope(11102, "x" * 5000), http=400).error
    assert error.message == "x" * 399 + "…"


@pytest.mark.parametrize(
    ("http", "code"), [pytest.param(207, 10010, id="some"), pytest.param(400, 10020, id="all")]
)
def test_bulk_write_with_failed_items(http: int, code: int) -> None:
    inputs = [
        {"id": "good", "status": {"code": 30001, "description": "Pending"}},
        {"id": "bad", "status": {"code": 30100, "description": "Duplicate", "details": "it is"}},
    ]
    body = envelope(code, "Mixed", inputs=inputs)
    found = failure(body, http=http, call=POST)
    assert isinstance(found.error, MixedError)
    assert found.situation is Situation.REFUSED
    assert found.error.body == body
    assert found.error.message == "Mixed: inputs bad: Duplicate: it is"
    assert not found.error.unclear


@pytest.mark.parametrize(("http", "code"), [(207, 10010), (400, 10020)])
def test_listing_of_failed_items_is_a_success(http: int, code: int) -> None:
    body = envelope(code, "Mixed", inputs=[{"id": "i", "status": {"code": 30002}}])
    assert judge(body, http=http) == Success(body)


def test_read_that_failed_without_items() -> None:
    assert isinstance(failure(envelope(10020, "Failure", inputs=[]), http=400).error, MixedError)


def test_throttled_bulk_write_is_throttled() -> None:
    found = failure(envelope(10020, "Failure"), http=429, call=POST)
    assert found.situation is Situation.THROTTLED
    assert isinstance(found.error, ThrottledError)


HTML = b"<!DOCTYPE html><html><head><title>502 Bad\x00 Gateway</title></head>" + b"<p>" * 99


@pytest.mark.parametrize(
    ("body", "http", "kind", "situation", "message"),
    [
        pytest.param(
            HTML,
            200,
            "text/html; charset=utf-8",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but an HTML page: "
            "'<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><p><p><p><p><p>…'",
            id="html",
        ),
        pytest.param(
            b"<html>hi",
            404,
            "application/json",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but an HTML page: '<html>hi'",
            id="html that says it is json",
        ),
        pytest.param(
            HTML[:20],
            502,
            "text/html",
            Situation.SERVER_FAULT,
            "the answer is not the platform's JSON but an HTML page: '<!DOCTYPE html><html'",
            id="html of a gateway",
        ),
        pytest.param(
            b"slow down",
            429,
            "text/plain",
            Situation.THROTTLED,
            "too many requests; the answer is not the platform's JSON but text/plain: 'slow down'",
            id="throttled by a gateway",
        ),
        pytest.param(
            b'{"status": {"co',
            200,
            "application/json",
            Situation.GARBLED,
            'the answer breaks off after 15 bytes: \'{"status": {"co\'',
            id="cut",
        ),
        pytest.param(
            b"",
            200,
            "",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but no content type, empty",
            id="empty",
        ),
        pytest.param(
            b"[1, 2]",
            200,
            "application/json",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but application/json: '[1, 2]'",
            id="a list",
        ),
        pytest.param(
            b'{"message": "no Route matched"}',
            404,
            "application/json",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but application/json: "
            '\'{"message": "no Route matched"}\'',
            id="404 of another service is not an absent object",
        ),
        pytest.param(
            b'{"status": "ok"}',
            200,
            "application/json",
            Situation.FOREIGN,
            'the answer is not the platform\'s JSON but application/json: \'{"status": "ok"}\'',
            id="another envelope",
        ),
        pytest.param(
            b'{"status": {"code": 1e999}}',
            200,
            "application/json",
            Situation.FOREIGN,
            "the answer is not the platform's JSON but application/json: "
            '\'{"status": {"code": 1e999}}\'',
            id="a code that is no number",
        ),
        pytest.param(
            b"[" * 200_000,
            200,
            "application/json",
            Situation.GARBLED,
            f"the answer breaks off after 200000 bytes: '{'[' * 79}…'",
            id="too deep",
        ),
    ],
)
@pytest.mark.parametrize("call", [GET, POST], ids=["read", "write"])
def test_not_the_platforms_json(
    body: bytes, http: int, kind: str, situation: Situation, message: str, call: Call
) -> None:
    found = failure(body, http=http, kind=kind, call=call)
    assert found.situation is situation
    throttled = situation is Situation.THROTTLED
    assert type(found.error) is (ThrottledError if throttled else ProtocolError)
    assert found.error.message == message
    assert found.error.unclear == (call is POST and not throttled)
    assert ("may have been carried out" in found.error.hint) == found.error.unclear


def test_redirect_is_named_and_not_followed() -> None:
    found = failure(
        envelope(10050, "Moved"),
        http=307,
        call=POST,
        location=f"https://elsewhere.example/v2?{TOKEN}",
    )
    assert found.situation is Situation.REFUSED
    assert isinstance(found.error, ProtocolError)
    assert found.error.message == "redirected to https://elsewhere.example/v2?***"
    assert not found.error.unclear


@pytest.mark.parametrize(
    ("call", "http", "code", "unclear"),
    [
        (POST, 500, 98004, True),
        (POST, 200, 99009, True),
        (POST, 504, 0, True),
        (POST, 400, 11102, False),
        (POST, 429, 11005, False),
        (POST, 501, 10040, False),
        (GET, 500, 98004, False),
    ],
)
def test_unclear_is_for_writes_that_may_have_happened(
    call: Call, http: int, code: int, unclear: bool
) -> None:
    error = failure(envelope(code, "What"), http=http, call=call).error
    assert error.unclear is unclear
    assert ("may have been carried out" in error.hint) == unclear


@pytest.mark.parametrize(
    ("body", "http", "kind"),
    [
        (envelope(11009, f"invalid key({TOKEN})", details=f"x{TOKEN}x"), 401, "application/json"),
        (envelope(11009, TOKEN[:-1] + "\\u0066"), 401, "application/json"),
        (
            envelope(10020, "F", inputs=[{"id": "i", "status": {"code": 1, "details": TOKEN}}]),
            400,
            "",
        ),
        (f"<html>Authorization: Key {TOKEN}".encode(), 403, "text/html"),
        (b"x" * 70 + TOKEN.encode(), 403, "text/plain"),
        (f'{{"status": "{TOKEN}'.encode(), 200, "application/json"),
        (b"", 404, TOKEN),
        (b" " * 4076 + TOKEN.encode(), 403, "text/plain"),
        ({"status": {"code": 11102, "req_id": TOKEN}}, 400, ""),
        (envelope(98004, f"fault at\n{TOKEN}"), 500, ""),
        (envelope(11005, f"slow down {TOKEN}"), 429, ""),
    ],
    ids=range(11),
)
def test_an_echoed_token_does_not_come_out(body: Any, http: int, kind: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).replace("\\\\u", "\\u").encode()
    error = failure(content, http=http, kind=kind, call=POST).error
    shown = str(error) + repr(vars(error)) + repr(error.args)
    assert TOKEN not in shown
    assert TOKEN[:12] not in shown


def test_a_token_that_is_a_common_word_spoils_no_data() -> None:
    body = envelope(10000, "Ok by a", app={"id": "a", "name": "banana"})
    result = judge(body, token="a")
    assert isinstance(result, Success)
    assert result.body["app"] == {"id": "a", "name": "banana"}
    error = failure(envelope(11009, "invalid key(a) at a-b, banana"), http=401, token="a").error
    assert error.message == "invalid key(***) at ***-b, banana"
