"""From an answer's bytes to JSON or an error: what the platform's envelope says, never HTTP alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.api.answers import check_answer, check_failure, decode
from reconciler.api.retry import RULES, Situation, situation_of
from reconciler.api.settings import TOKEN_HINT, Secret
from reconciler.call import Call, Json
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
from reconciler.shape import MisfitError

SUCCESS, ACCEPTED, MIXED, FAILURE = 10000, 10070, 10010, 10020

ITEM_ACCEPTED = frozenset({SUCCESS, 30000, 30001, 30003})
"""What the status of an item says when the item was taken: inputs are processed later."""

CODE_NAMES: Mapping[str, int] = MappingProxyType(
    {
        "SUCCESS": SUCCESS,
        "ACCEPTED": ACCEPTED,
        "MIXED_STATUS": MIXED,
        "FAILURE": FAILURE,
        "TRY_AGAIN": 10030,
        "NOT_IMPLEMENTED": 10040,
        "MOVED": 10050,
        "CONN_EXCEED_HOURLY_LIMIT": 11003,
        "CONN_EXCEED_MONTHLY_LIMIT": 11004,
        "CONN_THROTTLED": 11005,
        "CONN_EXCEEDS_LIMITS": 11006,
        "CONN_INSUFFICIENT_SCOPES": 11007,
        "CONN_KEY_INVALID": 11008,
        "CONN_KEY_NOT_FOUND": 11009,
        "CONN_BAD_REQUEST_FORMAT": 11100,
        "CONN_DOES_NOT_EXIST": 11101,
        "CONN_INVALID_REQUEST": 11102,
        "MODEL_DOES_NOT_EXIST": 21200,
        "WORKFLOW_DOES_NOT_EXIST": 22102,
        "INPUT_DOES_NOT_EXIST": 30102,
        "CONCEPTS_INVALID_REQUEST": 40003,
        "DATABASE_DUPLICATE_KEY": 40010,
    }
)
"""Names that the service may print in place of the number (its rate-limit page does)."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code or HTTP status stands for, and what the reader can do about it."""

    error: type[ApiError]
    hint: str = ""


_AUTHENTICATION = Meaning(AuthenticationError, f"the token is not accepted: {TOKEN_HINT}")
_PERMISSION = Meaning(
    PermissionDeniedError,
    "the token is known but may not do this: give it the scopes it lacks, or use one of the "
    "app's owner (an app key reaches neither apps nor relations nor clarifai/main)",
)
_NOT_FOUND = Meaning(
    NotFoundError,
    "check the id, CLARIFAI_USER_ID and CLARIFAI_APP_ID: what another user owns looks absent too",
)
_DUPLICATE = Meaning(DuplicateError, "an object of that id is there already: plan again to see it")
_THROTTLED = Meaning(ThrottledError, "wait a while, or lower --max-rps and --parallelism")
_LIMIT = Meaning(ThrottledError, "the account's quota is used up: wait for it or raise it")

BY_CODE: Mapping[int, Meaning] = MappingProxyType(
    dict.fromkeys((11001, 11002, 11008, 11009), _AUTHENTICATION)
    | dict.fromkeys((11007, 21201, 22103, 24156, 30103), _PERMISSION)
    | dict.fromkeys((11101, 21200, 22102, 30102), _NOT_FOUND)
    | dict.fromkeys((22100, 30100, 40010), _DUPLICATE)
    | {
        10040: Meaning(ApiError, "this service does not implement the request"),
        11000: Meaning(PermissionDeniedError, "sign in to the portal and settle the account"),
        11003: _LIMIT,
        11004: _LIMIT,
        11005: _THROTTLED,
        11006: Meaning(PermissionDeniedError, "the account's plan does not cover this"),
    }
)
"""Codes as the status enum of the official client numbers them (release 12.6.0)."""

BY_HTTP_STATUS: Mapping[int, Meaning] = MappingProxyType(
    {401: _AUTHENTICATION, 403: _PERMISSION, 404: _NOT_FOUND, 429: _THROTTLED}
)
"""Where the code itself is a general one."""

SHARED_WITH_DUPLICATE = frozenset({40003})
_DUPLICATE_WORDS = re.compile(r"duplicate|already exists", re.IGNORECASE)
"""40003 stands for any invalid concept request; only its details tell a duplicate apart."""

_UNCLEAR_HINT = (
    "it may have been carried out all the same: run the command again, which reads the live app "
    "first"
)
_MESSAGE_LENGTH = 400
_BODY_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``location`` is where a redirect points to."""

    http_status: int
    content_type: str
    content: bytes
    location: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that did not succeed, and the situation that decides whether it is repeated."""

    error: ApiError
    situation: Situation


@dataclass(frozen=True, slots=True)
class Success:
    """The decoded answer, how many values it may hold, and the bytes that it had."""

    body: Json
    values: int = field(default=0, compare=False)
    size: int = field(default=0, compare=False)


def read_answer(call: Call, answer: Answer, token: Secret) -> Success | Failure:
    """Judges an answer by HTTP status and envelope. No text of a failure holds the token."""
    if 300 <= answer.http_status < 400:
        return _redirected(call, answer, token)
    try:
        body, values = decode(answer.content)
    except MisfitError as misfit:
        return _misshapen(call, answer, None, misfit, token)
    except (ValueError, RecursionError):
        return _not_json(call, answer, token)
    status = body.get("status") if isinstance(body, dict) else None
    code = _number(status.get("code")) if isinstance(status, dict) else None
    if code is None:
        return _not_json(call, answer, token)
    done = answer.http_status < 400 and code in {SUCCESS, ACCEPTED}
    # A listing of inputs comes back as 207/10010 when some of those listed had failed.
    taken = done or (call.method == "GET" and code in {MIXED, FAILURE} and _has_items(body))
    try:
        if taken:
            check_answer(call, body)
        else:
            check_failure(body)
    except MisfitError as misfit:
        return _misshapen(call, answer, status, misfit, token)
    if token.reveal().encode() in answer.content:
        body = _redact_statuses(body, token)
    if not taken:
        return _failed(call, answer, body, code, token)
    return Success(body, values, len(answer.content))


def _failed(call: Call, answer: Answer, body: Any, code: int, token: Secret) -> Failure:
    status = body["status"]
    situation = situation_of(answer.http_status, code)
    text = _words(status) or f"the service answered HTTP {answer.http_status}"
    meaning = _meaning(answer.http_status, code, text)
    if code in {MIXED, FAILURE} and situation is None:
        meaning = Meaning(MixedError)
        text = f"{text}: {_first_item(body)}" if _first_item(body) else text
    error = build_error(
        meaning.error,
        call,
        clean(text, token),
        situation or Situation.REFUSED,
        hint=meaning.hint,
        http_status=answer.http_status,
        code=code,
        request_id=clean(str(status.get("req_id") or ""), token, 64),
    )
    if isinstance(error, MixedError):
        error.body = body
    return Failure(error, situation or Situation.REFUSED)


def _meaning(http_status: int, code: int, text: str) -> Meaning:
    if code in SHARED_WITH_DUPLICATE and _DUPLICATE_WORDS.search(text):
        return _DUPLICATE
    found = BY_CODE.get(code) or BY_HTTP_STATUS.get(http_status)
    if found is None and http_status >= 500:
        return Meaning(ApiError, "the service has a fault: try again later")
    return found or Meaning(ApiError)


def _redirected(call: Call, answer: Answer, token: Secret) -> Failure:
    error = build_error(
        ProtocolError,
        call,
        f"redirected to {clean(answer.location, token, 200) or 'nowhere'}",
        Situation.REFUSED,
        hint="not followed, since the token would go along: set CLARIFAI_API_BASE to where the "
        "service is",
        http_status=answer.http_status,
    )
    return Failure(error, Situation.REFUSED)


def _misshapen(
    call: Call, answer: Answer, status: Any, misfit: MisfitError, token: Secret
) -> Failure:
    """The platform's JSON, in which something is not what its contract says."""
    status = status if isinstance(status, dict) else {}
    error = build_error(
        ProtocolError,
        call,
        clean(f"{misfit.path or 'the answer'} {misfit.what}", token),
        Situation.FOREIGN,
        hint="the service does not answer as the platform's contract has it: check "
        "CLARIFAI_API_BASE, and what stands before the service",
        http_status=answer.http_status,
        code=_number(status.get("code")) or 0,
        request_id=clean(str(status.get("req_id") or ""), token, 64),
    )
    return Failure(error, Situation.FOREIGN)


def _not_json(call: Call, answer: Answer, token: Secret) -> Failure:
    """A page, a cut body, an empty one, or JSON without the envelope."""
    start = answer.content.lstrip()[:1]
    situation = situation_of(answer.http_status, 0) or (
        Situation.GARBLED
        if start in {b"{", b"["} and _breaks_off(answer.content)
        else Situation.FOREIGN
    )
    kind = clean(answer.content_type, token, 60).partition(";")[0].strip() or "no content type"
    opening = answer.content.lstrip()[:9].lower()
    if kind.lower() == "text/html" or opening.startswith((b"<!doctype", b"<html")):
        kind = "an HTML page"
    text = redact(answer.content.decode("utf-8", "replace"), token)
    shown = clean(text[:4096], token, _BODY_LENGTH)
    what = {
        Situation.GARBLED: f"the answer breaks off after {len(answer.content)} bytes",
        Situation.THROTTLED: f"too many requests; the answer is not the platform's JSON but {kind}",
    }.get(situation, f"the answer is not the platform's JSON but {kind}")
    error = build_error(
        ThrottledError if situation is Situation.THROTTLED else ProtocolError,
        call,
        f"{what}: {shown!r}" if shown else f"{what}, empty",
        situation,
        hint=_THROTTLED.hint
        if situation is Situation.THROTTLED
        else "check CLARIFAI_API_BASE, and proxies on the way to it",
        http_status=answer.http_status,
    )
    return Failure(error, situation)


def build_error(
    kind: type[ApiError], call: Call, text: str, situation: Situation, **facts: Any
) -> ApiError:
    """An error for a call; a write that may have happened is marked and says so in its hint."""
    unclear = is_write(call) and RULES[situation].unclear
    hints = (facts.pop("hint", ""), _UNCLEAR_HINT if unclear else "")
    return kind(
        text,
        method=call.method,
        path=call.path,
        hint="; ".join(filter(None, hints)),
        unclear=unclear,
        **facts,
    )


def is_write(call: Call) -> bool:
    """Everything but a GET."""
    return call.method != "GET"


def clean(text: str, token: Secret, length: int = _MESSAGE_LENGTH) -> str:
    """One printable line of at most ``length`` characters, without the token."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    line = redact(line, token)
    return line if len(line) <= length else line[: length - 1] + "…"


def redact(text: str, token: Secret) -> str:
    """The text with ``***`` for each token in it.

    A token that is short enough to be part of a word (a sandbox takes any) counts as whole word.
    """
    secret = token.reveal()
    if secret not in text:
        return text
    if len(secret) >= 8:
        return text.replace(secret, "***")
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)


def _redact_statuses(value: Any, token: Secret, inside: bool = False) -> Any:
    """Texts below a ``status`` redacted, all else (ids, names) untouched."""
    if isinstance(value, dict):
        return {
            key: _redact_statuses(item, token, inside or key == "status")
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redact_statuses(item, token, inside) for item in value]
    return redact(value, token) if inside and isinstance(value, str) else value


def _number(code: object) -> int | None:
    """A status code as number; it may be printed as a number, its text, or a name."""
    if isinstance(code, bool) or code is None:
        return None
    if isinstance(code, (int, float)):
        return int(code) if math.isfinite(code) else None
    if isinstance(code, str):
        # An unknown name is a failure of no particular kind.
        return int(code) if code.isdecimal() else CODE_NAMES.get(code, 0)
    return None


def _words(status: Mapping[str, Any]) -> str:
    """Description and details of a status in one sentence, each said once."""
    description = str(status.get("description") or "").strip()
    details = str(status.get("details") or "").strip()
    if not details or details == description:
        return description
    return f"{description}: {details}" if description else details


def _breaks_off(content: bytes) -> bool:
    """Whether an answer may be the beginning of JSON: a cut one, as opposed to a strange one."""
    try:
        decode(content)
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    except (json.JSONDecodeError, RecursionError):
        return True
    except (ValueError, MisfitError):
        return False
    return False


def _has_items(body: Mapping[str, Any]) -> bool:
    return any(isinstance(value, list) and value for value in body.values())


def _first_item(body: Mapping[str, Any]) -> str:
    """Says of the first failed item of a bulk answer what its status says."""
    for key, items in body.items():
        for item in items if isinstance(items, list) else ():
            status = item.get("status") if isinstance(item, dict) else None
            if isinstance(status, dict) and _number(status.get("code")) not in ITEM_ACCEPTED:
                text = _words(status)
                return f"{key} {item.get('id', '')}: {text}" if text else ""
    return ""
