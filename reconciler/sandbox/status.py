"""Status codes: the envelope, the texts, the HTTP mapping, and the one error that handlers raise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from clarifai_grpc.grpc.api.status import status_code_pb2, status_pb2

SUCCESS: Final = 10000
MIXED: Final = 10010
FAILURE: Final = 10020
NOT_IMPLEMENTED: Final = 10040
THROTTLED: Final = 11005
INSUFFICIENT_SCOPES: Final = 11007
KEY_INVALID: Final = 11008
KEY_NOT_FOUND: Final = 11009
BAD_FORMAT: Final = 11100
DOES_NOT_EXIST: Final = 11101
INVALID_REQUEST: Final = 11102
METHOD_NOT_ALLOWED: Final = 11103
MODEL_TRAINED: Final = 21100
MODEL_TRAINING: Final = 21101
MODEL_UNTRAINED: Final = 21102
MODEL_QUEUED: Final = 21103
MODEL_NO_DATA: Final = 21110
MODEL_NO_POSITIVES: Final = 21111
MODEL_TRAINING_ERROR: Final = 21115
MODEL_INVALID_ARGUMENT: Final = 21202
MODEL_PREDICTION_FAILED: Final = 21313
WORKFLOW_UNTRAINED: Final = 22002
WORKFLOW_MISSING: Final = 22102
WORKFLOW_INVALID_ARGUMENT: Final = 22104
WORKFLOW_INVALID_GRAPH: Final = 22107
ANNOTATION_SUCCESS: Final = 24150
ANNOTATION_PENDING: Final = 24151
ANNOTATION_INVALID_ARGUMENT: Final = 24155
INPUT_SUCCESS: Final = 30000
INPUT_PENDING: Final = 30001
INPUT_FAILED: Final = 30002
INPUT_IN_PROGRESS: Final = 30003
INPUT_DUPLICATE: Final = 30100
INPUT_INVALID_ARGUMENT: Final = 30104
INPUT_MODIFIED: Final = 30200
INPUT_INVALID_REQUEST: Final = 39999
CONCEPTS_INVALID_REQUEST: Final = 40003
TOO_LARGE: Final = 40033
INTERNAL: Final = 98004
_LONGEST: Final = 4000

_TEXTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        SUCCESS: "Ok",
        MIXED: "Mixed Success",
        FAILURE: "Failure",
        NOT_IMPLEMENTED: "Not implemented",
        THROTTLED: "Making too many requests",
        KEY_INVALID: "Invalid API key or Invalid API key/application pair",
        KEY_NOT_FOUND: "API key not found",
        BAD_FORMAT: "Bad request format",
        DOES_NOT_EXIST: "Resource does not exist",
        INVALID_REQUEST: "Invalid request",
        METHOD_NOT_ALLOWED: "Method not allowed",
        MODEL_TRAINED: "Model is trained and ready",
        MODEL_TRAINING: "Model is currently being trained",
        MODEL_UNTRAINED: "Model not yet trained",
        MODEL_QUEUED: "Model is currently in queue for training.",
        MODEL_NO_DATA: "Model training had no data",
        MODEL_NO_POSITIVES: "Model training had no positive examples",
        21200: "Model does not exist",
        MODEL_INVALID_ARGUMENT: "Invalid model argument",
        WORKFLOW_UNTRAINED: "Workflow requires trained models",
        WORKFLOW_INVALID_GRAPH: "Workflow graph is invalid",
        INPUT_SUCCESS: "Download complete",
        INPUT_PENDING: "Download pending",
        INPUT_FAILED: "Download failed",
        INPUT_IN_PROGRESS: "Download in progress",
        CONCEPTS_INVALID_REQUEST: "Invalid request",
        40010: "Object has a duplicate ID or other unique field",
    }
)

_HTTP: Final[Mapping[int, int]] = MappingProxyType(
    {
        SUCCESS: 200,
        MIXED: 207,
        10050: 307,
        10070: 202,
        NOT_IMPLEMENTED: 501,
        THROTTLED: 429,
        INSUFFICIENT_SCOPES: 403,
        KEY_INVALID: 401,
        KEY_NOT_FOUND: 401,
        DOES_NOT_EXIST: 404,
        METHOD_NOT_ALLOWED: 405,
        21200: 404,
        WORKFLOW_MISSING: 404,
        30102: 404,
        TOO_LARGE: 413,
        INTERNAL: 500,
        99009: 500,
    }
)


class PlatformError(Exception):
    """A request that the platform refuses: its code, the reason for people, the HTTP status."""

    def __init__(self, code: int, details: str, *, http: int = 0) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.http = http or http_of(code)


def http_of(code: int) -> int:
    """The HTTP status that goes with a code of the envelope; 400 for every error not listed."""
    return _HTTP.get(code, 400)


@cache
def names() -> Mapping[int, str]:
    """Every status code of the contract with its name."""
    return MappingProxyType(
        {
            value.number: value.name
            for value in status_code_pb2.DESCRIPTOR.enum_types_by_name["StatusCode"].values
        }
    )


def text_of(code: int) -> str:
    """The description of a code: the platform's where one is known, else made from the name."""
    known = _TEXTS.get(code)
    return known or names().get(code, f"STATUS_{code}").replace("_", " ").capitalize()


def make(code: int, details: str = "") -> Any:
    """A ``Status`` with its description, for an item or an envelope.

    ``details`` may quote what was sent: text that is no Unicode is escaped, endless text cut.
    """
    if len(details) > _LONGEST:
        details = f"{details[:_LONGEST]}..."
    said = details.encode("utf-8", "backslashreplace").decode()
    return status_pb2.Status(code=code, description=text_of(code), details=said)


def missing(what: str, id_: str, *, code: int = DOES_NOT_EXIST) -> PlatformError:
    """The error for an id that is absent, or that looks absent to this caller."""
    return PlatformError(code, f"{what} '{id_}' not found. Check the url of your request.")


def invalid(details: str) -> PlatformError:
    """The error for a request that can be read but not carried out."""
    return PlatformError(INVALID_REQUEST, details)
