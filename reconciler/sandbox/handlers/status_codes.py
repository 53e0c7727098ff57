"""``/v2/status_codes``: the contract's own table, open to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import service_pb2

from reconciler.sandbox import status
from reconciler.sandbox.context import Context, Entry, ok, reads


def list_status_codes(request: Any, context: Context) -> Any:
    """All codes with their texts."""
    return service_pb2.MultiStatusCodeResponse(
        status=ok(), statuses=[status.make(code) for code in sorted(status.names()) if code]
    )


def get_status_code(request: Any, context: Context) -> Any:
    """One code: the envelope itself is the answer."""
    text = request.status_code_id
    code = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if code not in status.names() or not code:
        raise status.missing("status_code_id", text)
    found = status.make(code)
    found.http_status_code = 200
    return service_pb2.SingleStatusCodeResponse(status=found)


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListStatusCodes": reads(list_status_codes),
    "GetStatusCode": reads(get_status_code),
}
